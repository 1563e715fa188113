"""House rules that a program can count. `style.py RULE` checks one of them, `style.py` all, and `style.py --limits`
prints what there is. An exception stands in LIMITS, by rule and file, and may fall, never rise."""
import ast, io, json, re, sys, tokenize
from pathlib import Path

root = Path(__file__).resolve().parent.parent
nbs, lib = root/'nbs', root/'autodiffusion'
LONG_CELL, LONG_MODULE = 25, 430

# no schedule and no search of the paper has a single step; the page of bars shows one
LIMITS = {'plurals': {'00_schedule.ipynb': 2, '10_denoiser.ipynb': 1, '94_paper.ipynb': 1}, 'leftovers': {'06_bars.ipynb': 1}}

# cells that a page does not show
HIDDEN = {'hide', 'exporti', 'default_exp', 'include'}
# what a sentence before it may announce: a list, a table, code, a formula, a quotation, an image, HTML
ANNOUNCED = re.compile(r'\s*([-*+|>]|\d+\.|```|\$\$| {4}|!\[|<)')


def text(o): return o if isinstance(o, str) else ''.join(o)

def modules(): return [o for o in sorted(lib.glob('*.py')) if o.name != '_modidx.py']

def notebooks():
    names = sorted(o.relative_to(nbs) for o in nbs.rglob('*.ipynb'))
    return [nbs/o for o in names if not any(p.startswith(('.', '_')) for p in o.parts)]

def cells(path): return json.loads(path.read_text(encoding='utf-8'))['cells']

def directives(code): return {o.strip(':') for o in re.findall(r'^\s*#\s*\|\s*(\S+)', code, re.M)}

def without_directives(code): return re.sub(r'^\s*#\s*\|.*\n?', '', code, flags=re.M)


def semicolons():
    "Statements joined with ';', by module."
    res = {}
    for path in modules():
        tokens = tokenize.generate_tokens(io.StringIO(path.read_text(encoding='utf-8')).readline)
        res[path.name] = sum(o.type == tokenize.OP and o.string == ';' for o in tokens)
    return res

def long_cells():
    "Exported cells of more than 25 lines, by notebook; lists of options and fields do not count."
    res = {}
    for path in notebooks():
        codes = [text(c['source']) for c in cells(path) if c['cell_type'] == 'code']
        exported = [without_directives(o).strip() for o in codes if directives(o) & {'export', 'exporti'}]
        found = [o for o in exported if lines_of_code(o) > LONG_CELL]
        for o in found: print(f'{path.relative_to(root)}: {lines_of_code(o)} lines from "{o.splitlines()[0][:60]}"')
        res[str(path.relative_to(nbs))] = len(found)
    return res

def lines_of_code(code):
    "Lines of a cell without imports, signatures that explain one parameter a line, fields of a class, and tables"
    listed = set()
    for o in ast.walk(ast.parse(code)):
        if isinstance(o, ast.FunctionDef):
            first = o.body[0].lineno
            if first - o.lineno > 1: listed |= set(range(o.lineno, first))
        if isinstance(o, (ast.AnnAssign, ast.Import, ast.ImportFrom)): listed |= set(range(o.lineno, o.end_lineno + 1))
        table = isinstance(o, ast.Assign) and isinstance(o.value, (ast.Dict, ast.Tuple, ast.List, ast.Call, ast.DictComp))
        if table and o.col_offset == 0: listed |= set(range(o.lineno, o.end_lineno + 1))
    return sum(bool(l.strip()) and i not in listed for i, l in enumerate(code.splitlines(), 1))

def long_modules():
    "Lines of modules that have more than 430 of them."
    lines = {o.name: len(o.read_text(encoding='utf-8').splitlines()) for o in modules()}
    return {k: v for k, v in lines.items() if v > LONG_MODULE}

def imports():
    "Names that a module imports and does not use, by module; modules that add to classes (`from . import x`) and what `__all__` hands on do not count."
    res = {}
    for path in modules():
        tree, known = ast.parse(path.read_text(encoding='utf-8')), set()
        for o in ast.walk(tree):
            if isinstance(o, ast.Import) or isinstance(o, ast.ImportFrom) and o.module:
                known |= {(a.asname or a.name).partition('.')[0] for a in o.names}
        used = {o.id for o in ast.walk(tree) if isinstance(o, ast.Name)} | handed_on(tree)
        for k in sorted(known - used): print(f'{path.name}: {k} is imported and not used')
        res[path.name] = len(known - used)
    return res

def handed_on(tree):
    "Names in the list `__all__` of a module"
    lists = [o.value for o in tree.body if isinstance(o, ast.Assign) and getattr(o.targets[0], 'id', '') == '__all__']
    return {c.value for v in lists for c in ast.walk(v) if isinstance(c, ast.Constant)}

def shown(cell):
    "Whether a page shows something of a code cell: of an exported one only what is public."
    code = text(cell['source'])
    names = directives(code)
    if names & HIDDEN or not code.strip(): return False
    if 'export' not in names: return True
    made = [o for o in ast.parse(without_directives(code)).body if isinstance(o, (ast.FunctionDef, ast.ClassDef))]
    return any(not o.name.startswith('_') or o.name.startswith('__') for o in made)

def follows(cs, k):
    "Whether a page shows code or output between cell `k` and the next text."
    for c in cs[k + 1:]:
        if c['cell_type'] != 'code': return False
        if shown(c): return True
    return False

def announcements():
    "Sentences that end in ':' and are followed by nothing but other text, by notebook."
    res = {}
    for path in notebooks():
        cs, found = cells(path), []
        for k, c in enumerate(cs):
            if c['cell_type'] != 'markdown': continue
            parts = re.split(r'\n\s*\n', text(c['source']).strip())
            inside = [a for a, b in zip(parts, parts[1:]) if ends(a) and not ANNOUNCED.match(b)]
            found += inside + ([parts[-1]] if ends(parts[-1]) and not follows(cs, k) else [])
        for o in found: print(f'{path.relative_to(root)}: nothing follows "...{o[-80:]}"')
        res[str(path.relative_to(nbs))] = len(found)
    return res

# bars, colours of a terminal, addresses and temporary files: of use while a cell runs, and to nobody afterwards
LEFT = re.compile(r'\r|\x1b\[|\d%\|[█▏▎▍▌▋▊▉ ]{3}| (it|img|s)/(s|it|img)\b|\bat 0x[0-9a-f]{6,}|/tmp/\w|/site-packages/|\bipykernel_\d')
IMAGES = ('image/png', 'image/jpeg', 'image/svg+xml')

def leftovers():
    "Stored outputs that show a bar, a temporary path or an address, and states of widgets, by notebook."
    res = {}
    for path in notebooks():
        found = [m[0] for c in cells(path) if c['cell_type'] == 'code' and shown(c) for o in c['outputs'] for m in [LEFT.search(printed(o))] if m]
        # the state of a widget is as large as its code, and shows nothing without a kernel
        if 'widgets' in json.loads(path.read_text(encoding='utf-8'))['metadata']: found.append('widgets')
        for o in found: print(f'{path.relative_to(root)}: {o!r} in an output')
        res[str(path.relative_to(nbs))] = len(found)
    return res

def printed(output):
    data = output.get('data', {})
    return text(output.get('text', '')) + ('' if any(o in data for o in IMAGES) else text(data.get('text/plain', ''))) + text(data.get('text/markdown', '')) + text(data.get('text/html', ''))

COUNTED = (r'( (network|classifier|held-out|full|random))? (generation|image|sample|step|candidate|finalist|refinement|evaluation|'
    r'gradient|score)s\b(?! (were|are|have|take|cost)\b)')
# a number alone before a word, in code; not where it follows another one, as in "2 of {n} images" and "{a} to {b} steps"
SAYS_ITSELF = re.compile(r'(?<!\bof )(?<!\bto )(?<!\bthe )(?<!\bthan )(?<!\ball )(?<!\bfor )(?<!\bleast )(?<!\bevery )(?<!\band )'
    r"\{[^{}!\"':]+(:,)?\}" + COUNTED)
ONE_OF_MANY = re.compile(r'(?<![\d.,:-])\b1' + COUNTED)

def plurals():
    "Texts that say '1 images', and exported code that could (there is `counted` for it), by notebook."
    res = {}
    for path in notebooks():
        found = []
        for c in cells(path):
            source = text(c['source'])
            if c['cell_type'] == 'markdown': found += ONE_OF_MANY.finditer(source)
            elif directives(source) & {'export', 'exporti'}: found += SAYS_ITSELF.finditer(source)
            found += [m for o in c.get('outputs', ()) for m in ONE_OF_MANY.finditer(printed(o) + text(o.get('data', {}).get('text/html', '')))]
        for m in found: print(f'{path.relative_to(root)}: "{m[0]}"')
        res[str(path.relative_to(nbs))] = len(found)
    return res

def figures():
    "Figures without words for those who do not see them (`#| fig-alt: \"...\"`), by notebook."
    res = {}
    for path in notebooks():
        drawn = [c for c in cells(path) if c['cell_type'] == 'code' and shown(c) and any(i in o.get('data', {}) for o in c['outputs'] for i in IMAGES)]
        found = [c for c in drawn if 'fig-alt:' not in text(c['source'])]
        for c in found: print(f'{path.relative_to(root)}: no fig-alt in the cell from "{without_directives(text(c["source"])).strip().splitlines()[0][:60]}"')
        res[str(path.relative_to(nbs))] = len(found)
    return res

def ends(part): return re.search(r':[*_`]*$', part.rstrip())


RULES = {o.__name__: o for o in (semicolons, long_cells, long_modules, imports, announcements, leftovers, plurals, figures)}

def check(name):
    "Compare what there is with the limits; says where there is more, and where the limit may be lowered."
    have, limits = RULES[name](), LIMITS.get(name, {})
    least = LONG_MODULE if name == 'long_modules' else 0
    for k, v in have.items():
        if v > limits.get(k, least): print(f'{k}: {v}, and the limit is {limits.get(k, least)}')
    for k, limit in limits.items():
        if have.get(k, 0) < limit: print(f'{k}: {have.get(k, 0)}, so the limit {limit} in .ci/style.py can be lowered')
    return all(v <= limits.get(k, least) for k, v in have.items())

def main(args):
    if args == ['--limits']:
        for name, rule in RULES.items(): print(f'{name!r}:', {k: v for k, v in rule().items() if v})
        return
    if wrong := set(args) - set(RULES): sys.exit(f'unknown: {", ".join(wrong)}; there are {", ".join(RULES)}')
    for name in args or RULES: print(f'{name}: {RULES[name].__doc__}')
    results = [check(o) for o in args or RULES]
    sys.exit(not all(results))

if __name__ == '__main__': main(sys.argv[1:])
