"""Build the site into _docs: with Quarto if there is one, otherwise plain pages without navigation. Fails on a
page that cannot be built, on a page that the sidebar does not list, and on links to nothing."""
import os, re, shutil, subprocess, sys
from pathlib import Path
import yaml
from nbdev.config import get_config
from nbdev.doclinks import nbglob
from readme import links

cfg = get_config()
nbs, docs = cfg.nbs_path, cfg.doc_path
errors = []

def html_name(page):
    "nbdev's name for the page of a notebook: without its number."
    page = Path(page)
    return page.with_name(re.sub(r'^\d+[a-zA-Z0-9]*_', '', page.name.lower())).with_suffix('.html')

def hrefs(o):
    "All pages that a part of _quarto.yml or sidebar.yml names."
    if isinstance(o, str): return [o]
    if isinstance(o, list): return sum(map(hrefs, o), [])
    return sum((hrefs(o.get(k) or []) for k in ('href', 'contents', 'menu')), [])

def check_navigation(pages):
    top, side = (yaml.safe_load((nbs/o).read_text())['website'] for o in ('_quarto.yml', 'sidebar.yml'))
    listed = hrefs(side['sidebar'])
    errors.extend(f'nbs/sidebar.yml does not list {o}' for o in pages if o not in listed)
    errors.extend(f'nbs/sidebar.yml lists {o}, which does not exist' for o in listed if o not in pages)
    errors.extend(f'_quarto.yml links to {o}, which does not exist' for o in hrefs(top['navbar']['left']) if o not in pages)

def check_links(pages):
    import nbformat
    for page in pages:
        md = '\n\n'.join(c.source for c in nbformat.read(nbs/page, 4).cells if c.cell_type == 'markdown')
        errors.extend(f'nbs/{page}: {o} does not exist' for o in links(md)
                      if not o.startswith('attachment:') and not (nbs/page).parent.joinpath(o.partition('#')[0]).exists())

def front(source, page):
    "A page's title, what it is about, and the way back, from the front matter that Quarto reads"
    about = yaml.safe_load(source.strip().strip('-')) or {}
    home = '../'*len(page.parent.parts) + 'index.html'
    return '\n\n'.join(o for o in (f'[AutoDiffusion]({home}) · [all pages]({home}#where-to-read-on)', f'# {about.get("title", "AutoDiffusion")}', f'*{about["description"]}*' if 'description' in about else '') if o)

def linked(md):
    "Links to notebooks become links to their pages; attributes that only Quarto reads go"
    md = re.sub(r'\]\((?!\w+:)([^)\s#]+\.ipynb)(#[^)\s]*)?\)', lambda m: f']({html_name(m[1]).as_posix()}{(m[2] or "").lower()})', md)
    return re.sub(r'(?<=\))\{[^}\n]*\}', '', md)

def check_code(nb, page):
    "nbdev makes links of names in backticks also where they stand in code, in the comments of a signature"
    for c in nb.cells:
        for o in c.get('outputs', []):
            code = ''.join(o.get('data', {}).get('text/markdown', '')).split('```')[1::2]
            errors.extend(f'nbs/{page}: {at[1]} in the comment of an argument: write it without backticks' for at in re.finditer(r'\[(`[^`]+`)\]\(http', '\n'.join(code)))

def readable(nb, page):
    "What Quarto would make of a notebook: its title, its links, cells that only show what they print"
    for c in nb.cells:
        if c.cell_type == 'raw' and c.source.startswith('---'): c.cell_type, c.source = 'markdown', front(c.source, page)
        elif c.cell_type == 'markdown': c.source = linked(c.source)
        if c.cell_type != 'code': continue
        if re.search(r'^#\| *echo: *false', c.source, re.M): c.metadata['tags'] = ['silent']
        c.source = re.sub(r'^#\|.*\n?', '', c.source, flags=re.M)
        for o in c.outputs:
            if 'text/markdown' in o.get('data', {}): o.data['text/markdown'] = linked(re.sub(r'^---\n', '', o.data['text/markdown']))
    return nb

def plain(pages):
    "What nbdev_docs does short of Quarto: work through the notebooks, then one HTML file for each."
    import nbformat
    from nbconvert import HTMLExporter
    from nbdev.serve import proc_nbs
    from traitlets.config import Config
    proc = proc_nbs(force=True, n_workers=0)
    shutil.rmtree(docs, ignore_errors=True)
    silent = Config(TagRemovePreprocessor=dict(enabled=True, remove_input_tags={'silent'}), HTMLExporter=dict(exclude_input_prompt=True, exclude_output_prompt=True))
    for page in pages:
        # proc_nbs skips what it does not like in silence, and then this page is missing
        out = docs/html_name(page)
        nb = nbformat.read(proc/page, 4); check_code(nb, page); nb = readable(nb, Path(page))
        html, _ = HTMLExporter(config=silent).from_notebook_node(nb, dict(metadata=dict(name=out.stem)))
        out.parent.mkdir(parents=True, exist_ok=True)
        html = re.sub(r'(<h\d id="|href="#)([^"]+)', lambda m: m[1] + m[2].lower(), html)     # as Quarto names headings
        out.write_text(html, encoding='utf-8')
        print('built', out.relative_to(cfg.config_path))
    if (nbs/'images').is_dir(): shutil.copytree(nbs/'images', docs/'images', dirs_exist_ok=True)
    check_pages()

def check_pages():
    "Links between the pages lead somewhere, to the headings they name"
    texts = {page.resolve(): page.read_text(encoding='utf-8') for page in docs.rglob('*.html')}
    for page, text in texts.items():
        for at in re.findall(r'<a href="#([^"]+)"', text):
            if f'id="{at}"' not in text: errors.append(f'{page.relative_to(docs.resolve())}: #{at} does not exist')
        for o, at in re.findall(r'href="([^"#:]+)(?:#([^"]*))?"', text):
            there = (page.parent/o).resolve()
            if not there.exists() or at and f'id="{at}"' not in texts.get(there, ''): errors.append(f'{page.relative_to(docs.resolve())}: {o}{"#" + at if at else ""} does not exist')
    if errors: sys.exit('\n'.join(sorted(set(errors))))

def main():
    os.chdir(cfg.config_path)
    pages = sorted(o.relative_to(nbs).as_posix() for o in nbglob(as_path=True))
    check_navigation(pages)
    check_links(pages)
    if errors: sys.exit('\n'.join(errors))
    # nbdev_docs would write README.md in Quarto's way if it were older than its notebook
    if shutil.which('quarto'):
        (cfg.config_path/'README.md').touch()
        subprocess.run([sys.executable, '-c', 'from nbdev.quarto import nbdev_docs as f; f.__wrapped__()'], check=True)
    else: plain(pages)
    missing = [o for o in pages if not (docs/html_name(o)).exists()]
    if missing: sys.exit(f'no pages for {", ".join(missing)}')

if __name__ == '__main__': main()
