"Write README.md from nbs/index.ipynb without Quarto, or (--check) say how the two differ."
import base64, difflib, json, os, re, sys
from pathlib import Path

root = Path(__file__).resolve().parent.parent
nbs, images = root/'nbs', 'index_files'
# Markdown links and images, and the same in HTML
LINK = re.compile(r'(\]\(\s*|\b(?:src|href)=["\'])([^\s)"\']+)')
FENCE = re.compile(r'^(```.*?^```)', re.M | re.S)
# what nbdev leaves out of a page
HIDDEN = {'hide', 'export', 'exporti', 'default_exp'}


def text(o): return o if isinstance(o, str) else ''.join(o)

def is_local(href): return not re.match(r'[a-z][a-z0-9+.-]*:|[#/]', href, re.I)

def links(md):
    "The local link and image targets in `md`, code blocks left out."
    return [m[2] for part in FENCE.split(md)[::2] for m in LINK.finditer(part) if is_local(m[2])]

def from_top(md, folder='nbs'):
    "`md` with its local targets, relative to `folder`, made relative to the top."
    def f(m):
        if not is_local(m[2]): return m[0]
        path, sep, anchor = m[2].partition('#')
        path = os.path.normpath(os.path.join(folder, path)).replace(os.sep, '/')
        if not (root/path).exists(): sys.exit(f'nbs/index.ipynb: {m[2]} does not exist ({path})')
        return m[1] + path + sep + anchor
    parts = FENCE.split(md)
    parts[::2] = [LINK.sub(f, o) for o in parts[::2]]
    return ''.join(parts)

def directives(src):
    "The `#|` lines at the head of a cell as a dict, and the code under them."
    lines, res = src.splitlines(), {}
    while lines and (not lines[0].strip() or re.match(r'\s*#\s*\|', lines[0])):
        name, _, arg = re.sub(r'^\s*#\s*\|\s*', '', lines.pop(0)).replace(':', ' ').partition(' ')
        if name: res[name] = arg.strip()
    return res, '\n'.join(o for o in lines if not re.search(r'#\|\s*hide_line\s*$', o)).strip()

def fenced(s, lang=''): return f'```{lang}\n{s.rstrip()}\n```' if s.strip() else None

def output(o, name, files):
    "One stored output as Markdown: the first form of it that GitHub shows. Pictures go to `files`."
    if o['output_type'] == 'stream': return fenced(text(o['text'])) if o['name'] == 'stdout' else None
    data = o.get('data', {})
    for mime, ext in (('image/png', 'png'), ('image/jpeg', 'jpg'), ('image/svg+xml', 'svg')):
        if mime not in data: continue
        raw = text(data[mime])
        files[f'{images}/{name}.{ext}'] = raw.encode() if ext == 'svg' else base64.b64decode(raw)
        return f'![]({images}/{name}.{ext})'
    if 'text/markdown' in data: return from_top(text(data['text/markdown'])).strip()
    return fenced(text(data.get('text/plain', '')))

def readme(nb):
    "README.md and its pictures as {path: bytes}."
    res, files = [], {}
    for i, c in enumerate(nb['cells']):
        src = text(c['source'])
        if 'attachment:' in src: sys.exit('nbs/index.ipynb: save pasted pictures under nbs/ and link to them')
        if c['cell_type'] == 'markdown': res.append(from_top(src).strip())
        if c['cell_type'] != 'code': continue
        d, code = directives(src)
        if HIDDEN & d.keys() or d.get('include') == 'false': continue
        if d.get('echo') != 'false': res.append(fenced(code, 'python'))
        if d.get('output') != 'false': res += [output(o, f'cell-{i}-{j}', files) for j, o in enumerate(c['outputs'])]
    body = '\n\n'.join(o for o in res if o)
    return {'README.md': f'<!-- Written by `make readme` from nbs/index.ipynb: edit that. -->\n\n{body}\n'.encode(), **files}

def main(check):
    if not (nbs/'index.ipynb').exists(): sys.exit('there is no nbs/index.ipynb')
    want = readme(json.loads((nbs/'index.ipynb').read_text(encoding='utf-8')))
    have = {o: (root/o).read_bytes() for o in want if (root/o).exists()}
    stale = [str(o.relative_to(root)) for o in (root/images).glob('*') if str(o.relative_to(root)) not in want]
    if check:
        a, b = (d.get('README.md', b'').decode().splitlines(True) for d in (have, want))
        sys.stdout.writelines(difflib.unified_diff(a, b, 'README.md', 'nbs/index.ipynb'))
        wrong = [o for o in want if want[o] != have.get(o)] + stale
        sys.exit(f'not as in nbs/index.ipynb: {", ".join(wrong)}; run `make readme`' if wrong else 0)
    for o in stale: (root/o).unlink()
    for o, data in want.items():
        (root/o).parent.mkdir(exist_ok=True)
        (root/o).write_bytes(data)
    print('wrote', ', '.join(want))

if __name__ == '__main__': main('--check' in sys.argv[1:])
