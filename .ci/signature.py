"""How the site documents an exported name: its signature, and a table of the comments that explain the parameters.
nbdev's own rendering puts the comments into the code, where long ones are cut, and invents types (`NoneType=None`)."""
import ast, enum, inspect, re, textwrap, tokenize
from inspect import Parameter
from io import StringIO
from fastcore.docments import docments, qual_name
from nbdev.doclinks import NbdevLookup

WIDTH, LONG_VALUE = 80, 40
VARIADIC = {Parameter.VAR_POSITIONAL: '*', Parameter.VAR_KEYWORD: '**'}


def escaped(text):
    "Plain text in a cell of a table; names in backticks stay code"
    parts = re.split(r'(`[^`|]+`)', ' '.join(text.split()))
    parts[::2] = [re.sub(r'([\\`*_{}\[\]<>#$|~^@\'"-])', r'\\\1', o) for o in parts[::2]]
    return ''.join(parts)

def type_name(o):
    "An annotation as it is read: Tensor instead of torch.Tensor"
    if o is Parameter.empty: return ''
    text = o if isinstance(o, str) else getattr(o, '__name__', None) or inspect.formatannotation(o)
    if getattr(o, '__args__', None): text = inspect.formatannotation(o)
    return re.sub(r'\b[A-Za-z_][\w.]*\.(?=[A-Za-z_])', '', text)

def value_text(o):
    if isinstance(o, enum.Enum): return str(o)
    if inspect.isroutine(o) or inspect.isclass(o): return o.__name__
    text = repr(o)
    return '...' if len(text) > LONG_VALUE or ' at 0x' in text or '\n' in text else text

def parameter_text(p):
    kind, value = type_name(p.annotation), '' if p.default is Parameter.empty else value_text(p.default)
    return VARIADIC.get(p.kind, '') + p.name + (f': {kind}' if kind else '') + (f' = {value}' if value and kind else f'={value}' if value else '')

def source_of(o):
    try: return textwrap.dedent(inspect.getsource(o))
    except (OSError, TypeError): return ''


class Function:
    "Parameters of a function, their comments, and which of them share one"
    def __init__(self, o):
        self.signature = inspect.signature(o)
        self.parameters = [p for k, p in self.signature.parameters.items() if k not in ('self', 'cls')]
        self.comments = {k: v for k, v in docments(o).items() if v}
        self.lines = self._lines(inspect.unwrap(o))

    def _lines(self, o):
        try: made = ast.parse(source_of(o)).body[0]
        except (SyntaxError, IndexError): return {}
        if not isinstance(made, (ast.FunctionDef, ast.AsyncFunctionDef)): return {}
        args = made.args
        return {a.arg: a.lineno for a in args.posonlyargs + args.args + args.kwonlyargs}

    def rows(self):
        "(parameters, comment) of every comment; parameters of one line of the source share theirs"
        for p in self.parameters:
            if p.name not in self.comments: continue
            line = self.lines.get(p.name)
            yield [o for o in self.parameters if line and self.lines.get(o.name) == line] or [p], self.comments[p.name]
        if self.comments.get('return'): yield None, self.comments['return']


class Fields:
    "Fields of a named tuple: what inspect says of it is (*args, **kwargs)"
    def __init__(self, o):
        empty = Parameter.empty
        kinds, values = inspect.get_annotations(o), o._field_defaults
        self.parameters = [Parameter(k, Parameter.POSITIONAL_OR_KEYWORD, default=values.get(k, empty), annotation=kinds.get(k, empty)) for k in o._fields]
        self.signature = inspect.Signature(self.parameters)
        source = source_of(o)
        said = {t.start[0]: t.string.lstrip('# ') for t in tokenize.generate_tokens(StringIO(source).readline) if t.type == tokenize.COMMENT}
        body = ast.parse(source).body[0].body if source else []
        self.comments = {f.target.id: said[f.lineno] for f in body if isinstance(f, ast.AnnAssign) and f.lineno in said}

    def rows(self): return [([p], self.comments[p.name]) for p in self.parameters if p.name in self.comments]


def parameters_of(o):
    "The parameters of a function or class, or None where calling it is no matter for readers (exceptions, plain bases)"
    if inspect.isclass(o):
        if hasattr(o, '_fields'): return Fields(o)
        if issubclass(o, BaseException) or o.__init__ is object.__init__: return None
        # nbdev has run the cell where it is made
        ours = inspect.unwrap(o.__init__).__module__.partition('.')[0] in ('autodiffusion', '__main__')
        if not ours and not hasattr(o, '__dataclass_fields__'): return None
    try: found = Function(o)
    except (TypeError, ValueError): return None
    return with_base(o, found) if inspect.isclass(o) else found

def with_base(o, found):
    "A class that hands *args and **kwargs to its base takes what that takes"
    kinds = {p.kind for p in found.parameters}
    base = o.__mro__[1]
    if not kinds >= set(VARIADIC) or base.__init__ is object.__init__: return found
    below = parameters_of(base)
    own = [p for p in found.parameters if p.kind not in VARIADIC]
    found.parameters = [p for p in below.parameters if p.name not in {q.name for q in own}] + own
    found.comments, found.lines = {**below.comments, **found.comments}, {**below.lines, **found.lines}
    return found

def filled(opening, parts, closing):
    "A call on one line, or on several of at most 80 columns"
    line = opening + ', '.join(parts) + closing
    if len(line) <= WIDTH or not parts: return line
    rows = textwrap.wrap(', '.join(o.replace(' ', '\0') for o in parts), WIDTH - 4, break_long_words=False, break_on_hyphens=False)
    return '\n'.join([opening, *(f'    {o}'.replace('\0', ' ') for o in rows), closing])

def table(head, rows):
    return '\n'.join(f'| {" | ".join(o)} |' for o in (head, ('---',)*len(head), *rows)) if rows else ''


class Page:
    "What show_doc puts on a page; the class that settings.ini or docs.py names to nbdev as its renderer"
    def __init__(self, sym, name=None, title_level=3):
        self.sym = getattr(sym, 'fget', None) or (sym if inspect.isclass(sym) else inspect.unwrap(sym))
        self.given, self.level = sym, title_level
        self.name = name or qual_name(self.sym)

    def command(self):
        "A command's options, as they are typed"
        found = Function(self.sym)
        own = [p for p in found.parameters if p.kind not in VARIADIC]
        words = [f'--{p.name}' + ('' if type_name(p.annotation) == 'store_true' or p.default is False else f' {type_name(p.annotation).upper() or "VALUE"}') for p in own]
        needed = [w for w, p in zip(words, own) if p.default is Parameter.empty]
        usage = '' if self.name.endswith('_options') else f'```bash\n{" ".join([self.name, *(w.replace("--", "", 1) for w in needed), "[options]"])}\n```'
        plain = (None, False, Parameter.empty)
        value = lambda p: '' if any(p.default is o for o in plain) else f'`{p.default}`'
        return usage, table(('Option', 'Default', 'Meaning'), [(f'**{escaped("--" + p.name)}**', value(p), escaped(found.comments.get(p.name, ''))) for p in own])

    def function(self):
        found, plain = parameters_of(self.sym), self.name.rpartition('.')[2]
        opening = f'class {plain}' if inspect.isclass(self.sym) else plain
        if isinstance(self.given, property): return f'```python\n{plain}\n```', ''
        if found is None:
            bases = [b.__name__ for b in self.sym.__mro__[1:2] if b is not object] if inspect.isclass(self.sym) else []
            return f'```python\n{opening}{"(" + bases[0] + ")" if bases else ""}\n```', ''
        result = type_name(found.signature.return_annotation) if not inspect.isclass(self.sym) else ''
        code = filled(opening + '(', [parameter_text(p) for p in found.parameters], ')' + (f' -> {result}' if result and result != 'None' else ''))
        rows = [(self.named(ps, result), escaped(said)) for ps, said in found.rows()]
        return f'```python\n{code}\n```', table(('Parameter', 'Meaning'), rows)

    def named(self, ps, result):
        if ps is None: return '*returns*' + (f' `{result}`' if result and '|' not in result else '')
        return ', '.join(f'**{escaped(VARIADIC.get(p.kind, "") + p.name)}**' for p in ps)

    def _repr_markdown_(self):
        source = NbdevLookup().code(self.name) or NbdevLookup().code(f'{self.sym.__module__}.{self.name}')
        code, explained = self.command() if re.search('^autodiffusion_|_options$', self.name) else self.function()
        said = inspect.getdoc(self.given) if not inspect.isclass(self.sym) or self.sym.__doc__ else ''
        if 'dataclass' in str(type(self.sym)) or hasattr(self.sym, '__dataclass_fields__') and said and said.startswith(f'{self.sym.__name__}('): said = ''
        link = f'[source]({source}){{.source-link}}' if source else ''
        return '\n\n'.join(o for o in (f'{"#"*self.level} {self.name}', link, code, said, explained) if o)

    def __repr__(self): return self.name
