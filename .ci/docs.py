"""Build the site into _docs: with Quarto if there is one, otherwise with Sphinx. Both get the same notebooks, worked
through by nbdev and by this program, in the order of nbs/sidebar.yml. Fails on a page that cannot be built, on a page
that the sidebar does not list, and on links to nothing."""
import functools, json, os, re, shutil, subprocess, sys, textwrap, warnings
from pathlib import Path
import yaml
from nbdev.config import get_config
from nbdev.doclinks import nbglob
from readme import links

cfg = get_config()
nbs, docs, proc = cfg.nbs_path, cfg.doc_path, cfg.config_path/'_proc'
sphinx = Path(__file__).resolve().parent/'sphinx'
HOST = cfg.doc_host + cfg.doc_baseurl + '/'
WIDTH = 96     # of code and of what it puts out, in columns


def text(o): return o if isinstance(o, str) else ''.join(o)

def page_name(notebook):
    "nbdev's name for the page of a notebook: without its number"
    page = Path(notebook)
    return page.with_name(re.sub(r'^\d+[a-zA-Z0-9]*_', '', page.name.lower())).with_suffix('').as_posix()

def sidebar():
    "The groups of the sidebar as (title, notebooks); pages before the first group have no title"
    parts = yaml.safe_load((nbs/'sidebar.yml').read_text(encoding='utf-8'))['website']['sidebar']['contents']
    alone = [o for o in parts if isinstance(o, str)]
    return [(None, alone), *((o['section'], o['contents']) for o in parts if not isinstance(o, str))]

def hrefs(o):
    "All pages that a part of _quarto.yml names"
    if isinstance(o, str): return [o]
    if isinstance(o, list): return sum(map(hrefs, o), [])
    return sum((hrefs(o.get(k) or []) for k in ('href', 'contents', 'menu')), [])

def check_navigation(pages):
    listed = [o for _, group in sidebar() for o in group]
    top = yaml.safe_load((nbs/'_quarto.yml').read_text(encoding='utf-8'))['website']['navbar']['left']
    return [*(f'nbs/sidebar.yml does not list {o}' for o in pages if o not in listed),
        *(f'nbs/sidebar.yml lists {o} twice' for o in set(listed) if listed.count(o) > 1),
        *(f'nbs/sidebar.yml lists {o}, which does not exist' for o in listed if o not in pages),
        *(f'_quarto.yml links to {o}, which does not exist' for o in hrefs(top) if o not in pages)]

def check_links(pages):
    errors = []
    for page in pages:
        cells = json.loads((nbs/page).read_text(encoding='utf-8'))['cells']
        md = '\n\n'.join(text(c['source']) for c in cells if c['cell_type'] == 'markdown')
        errors += [f'nbs/{page}: {o} does not exist' for o in links(md)
            if not o.startswith('attachment:') and not (nbs/page).parent.joinpath(o.partition('#')[0]).exists()]
    return errors


# what nbdev makes of the notebooks, and what both generators get

def process():
    "Work through the notebooks: nbdev hides and documents what is exported, with our own signatures"
    from nbdev.serve import proc_nbs
    cfg.d['renderer'] = 'signature.Page'
    with warnings.catch_warnings():
        warnings.filterwarnings('ignore', 'Found cells containing imports')
        proc_nbs(force=True, n_workers=0)

def is_shown(cell): return 'echo: false' not in text(cell['source']) and cell['cell_type'] == 'code'

def documentation(cell):
    "The Markdown that show_doc has put out, or None"
    if cell['cell_type'] != 'code' or 'show_doc(' not in text(cell['source']): return None
    return ''.join(text(o.get('data', {}).get('text/markdown', '')) for o in cell['outputs'])

def documented(notebook):
    "The names that a page documents, as nbdev writes them in its links"
    said = '\n'.join(filter(None, map(documentation, notebook['cells'])))
    return {o.lower() for o in re.findall(r'^### (\S+)$', said, re.M)}

def local_links(md, page, names):
    "nbdev's links to its host become links to notebooks, and lose the anchors of names that no page documents"
    def f(m):
        there, _, at = m[1].removesuffix('.html').partition('.html')
        there, at = there.partition('#')[0], m[1].partition('#')[2]
        notebook, known = names.get(there.removesuffix('.html'), (None, ()))
        if notebook is None: return m[0]
        way = os.path.relpath(notebook, Path(page).parent).replace(os.sep, '/')
        return f']({way}#{at})' if at in known else f']({way})'
    return re.sub(r'\]\(' + re.escape(HOST) + r'([^)\s]*)\)', f, md)

def fold(cells, all_of_it):
    "Code of studies, and of the checks at the end of a page, is there for those who open it; one fold for cells in a row"
    checks, res = False, []
    for c in cells:
        source = text(c['source'])
        if c['cell_type'] == 'markdown' and (m := re.search(r'^## (.*)', source, re.M)): checks = m[1].strip() == 'Checks'
        if is_shown(c) and (all_of_it or checks) and 'code-fold' not in source:
            head, code = directives(source)
            before = res[-1] if res else {}
            if before.get('folded') and not before['outputs']: code = directives(res.pop()['source'])[1] + '\n\n' + code
            c |= dict(source='\n'.join(['#| code-fold: true', f'#| code-summary: {"Code of the check" if checks else "Code"}', *head, code]), folded=True)
        res.append(c)
    for c in res: c.pop('folded', None)
    return res

def directives(source):
    "The `#|` lines of a cell, which Quarto reads, and the code under them"
    lines = source.strip('\n').split('\n')
    return [o for o in lines if o.startswith('#|')], '\n'.join(o for o in lines if not o.startswith('#|'))

def broken(said):
    "Long lines of prose, such as error messages, are broken; those in columns stay as they are, and scroll"
    prose = lambda o: len(o) > WIDTH and not re.search(r'\S {2,}\S', o)
    fill = functools.partial(textwrap.fill, width=WIDTH, subsequent_indent='    ', break_long_words=False, break_on_hyphens=False)
    return '\n'.join(fill(o) if prose(o) else o for o in said.split('\n'))

def settle(pages):
    "Links, folded code and lines of a readable length, in every notebook that nbdev has worked through"
    books = {page: json.loads((proc/page).read_text(encoding='utf-8')) for page in pages}
    names = {page_name(page): (page, documented(nb)) for page, nb in books.items()}
    for page, nb in books.items():
        nb['cells'] = fold(nb['cells'], page.startswith('studies/'))
        for c in nb['cells']:
            if c['cell_type'] == 'markdown': c['source'] = local_links(text(c['source']), page, names)
            for o in c.get('outputs', []):
                if 'text' in o: o['text'] = broken(text(o['text']))
                data = o.get('data', {})
                if 'text/plain' in data: data['text/plain'] = broken(text(data['text/plain']))
                if 'text/markdown' in data: data['text/markdown'] = local_links(text(data['text/markdown']), page, names)
        (proc/page).write_text(json.dumps(nb, ensure_ascii=False, indent=1), encoding='utf-8')

def colab(page): return f'https://colab.research.google.com/github/{cfg.user}/{cfg.repo}/blob/{cfg.branch}/{nbs.name}/{page}'

def edit(page): return f'{cfg.git_url}/edit/{cfg.branch}/{nbs.name}/{page}'


# with Quarto

def with_quarto(pages):
    for page in pages:
        nb = json.loads((proc/page).read_text(encoding='utf-8'))
        front = yaml.safe_load(text(nb['cells'][0]['source']).strip().strip('-'))
        front['code-links'] = [dict(text='Open in Colab', icon='play-circle', href=colab(page))]
        nb['cells'][0]['source'] = f'---\n{yaml.safe_dump(front, allow_unicode=True)}---\n'
        (proc/page).write_text(json.dumps(nb, ensure_ascii=False, indent=1), encoding='utf-8')
    subprocess.run(['quarto', 'render', '--no-cache'], cwd=proc, check=True)


# with Sphinx

def front(source, page):
    "Title, what the page is about, and where its notebook is"
    about = yaml.safe_load(source.strip().strip('-')) or {}
    lead = about.get('description', '')
    ways = f'[Open in Colab]({colab(page)}) · [Edit this page]({edit(page)})'
    return '\n\n'.join(o for o in (f'# {about.get("title", cfg.title)}', lead and f'{{.lead}}\n{lead}', f'{{.ways}}\n{ways}') if o)

def options(source):
    "What the `#|` lines of a cell set, and the code under them"
    head, code = directives(source)
    return yaml.safe_load('\n'.join(re.sub(r'^#\| *', '', o) for o in head if ':' in o)) or {}, code

def for_sphinx(cell, page):
    "A cell as MyST-NB reads it"
    said, source = documentation(cell), text(cell['source'])
    if cell['cell_type'] == 'raw' and source.startswith('---'): return dict(cell_type='markdown', metadata={}, source=front(source, page))
    if said is not None: return dict(cell_type='markdown', metadata={}, source=with_pages(said))
    if cell['cell_type'] == 'markdown': return {**cell, 'source': with_pages(source)}
    for o in cell.get('outputs', []):
        if 'text/markdown' in o.get('data', {}): o['data']['text/markdown'] = with_pages(text(o['data']['text/markdown']))
    o, code = options(source)
    tags, notes = [], {}
    if o.get('echo') is False: tags.append('remove-input')
    elif o.get('code-fold'): tags.append('hide-input'); notes['code_prompt_show'] = notes['code_prompt_hide'] = o.get('code-summary', 'Code')
    if o.get('output') is False: tags.append('remove-output')
    if 'fig-alt' in o: notes['image'] = dict(alt=o['fig-alt'])
    return {**cell, 'source': code.strip('\n'), 'metadata': {**cell['metadata'], 'tags': tags, 'mystnb': notes}}

def with_pages(md):
    "Links to notebooks become links to the pages that Sphinx knows"
    local = re.compile(r'\]\((?!\w+:)([^)\s#]+)\.ipynb(#[^)\s]*)?\)')
    return local.sub(lambda m: f']({page_name(m[1] + ".ipynb")}.ipynb{(m[2] or "").lower()})', md)

def contents():
    "The sidebar as the tables of contents of the index"
    trees = []
    for title, group in sidebar():
        names = [page_name(o) for o in group if o != 'index.ipynb']
        if names: trees.append('\n'.join(['```{toctree}', ':hidden:', *([f':caption: {title}'] if title else []), '', *names, '```']))
    return dict(cell_type='markdown', metadata={}, source='\n\n'.join(trees))

def with_sphinx(pages):
    from sphinx.cmd.build import build_main
    source = proc/'sphinx'
    for page in pages:
        nb = json.loads((proc/page).read_text(encoding='utf-8'))
        nb['cells'] = [for_sphinx(c, page) for c in nb['cells'] if 'AUTOGENERATED' not in text(c['source'])]
        if page == 'index.ipynb': nb['cells'].append(contents())
        for k, c in enumerate(nb['cells']): c['id'] = f'cell-{k}'
        nb['metadata'].pop('widgets', None)
        to = source/f'{page_name(page)}.ipynb'
        to.parent.mkdir(parents=True, exist_ok=True)
        to.write_text(json.dumps(nb, ensure_ascii=False), encoding='utf-8')
    groups = [(title, [page_name(o) for o in group]) for title, group in sidebar()]
    (source/'sidebar.json').write_text(json.dumps(groups), encoding='utf-8')
    if (nbs/'images').is_dir(): shutil.copytree(nbs/'images', source/'images')
    if build_main(['-q', '-j', '2', '-c', str(sphinx), '-d', str(proc/'doctrees'), '--fail-on-warning', str(source), str(proc/docs.name)]):
        sys.exit('Sphinx has warned, see above')

def main():
    os.chdir(cfg.config_path)
    pages = sorted(o.relative_to(nbs).as_posix() for o in nbglob(as_path=True))
    errors = check_navigation(pages) + check_links(pages)
    if errors: sys.exit('\n'.join(errors))
    process()
    # nbdev leaves out what it does not like without a word
    missing = [o for o in pages if not (proc/o).exists()]
    if missing: sys.exit(f'nbdev made nothing of {", ".join(missing)}')
    settle(pages)
    (with_quarto if shutil.which('quarto') else with_sphinx)(pages)
    shutil.rmtree(docs, ignore_errors=True)
    shutil.move(proc/docs.name, docs)
    missing = [o for o in pages if not (docs/f'{page_name(o)}.html').exists()]
    if missing: sys.exit(f'no pages for {", ".join(missing)}')

if __name__ == '__main__': main()
