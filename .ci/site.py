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

def plain(pages):
    "What nbdev_docs does short of Quarto: work through the notebooks, then one HTML file for each."
    from nbconvert import HTMLExporter
    from nbdev.serve import proc_nbs
    proc = proc_nbs(force=True, n_workers=0)
    shutil.rmtree(docs, ignore_errors=True)
    for page in pages:
        # proc_nbs skips what it does not like in silence, and then this page is missing
        html, _ = HTMLExporter().from_filename(str(proc/page))
        out = docs/html_name(page)
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(html, encoding='utf-8')
        print('built', out.relative_to(cfg.config_path))
    if (nbs/'images').is_dir(): shutil.copytree(nbs/'images', docs/'images', dirs_exist_ok=True)

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
