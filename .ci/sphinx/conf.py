"How Sphinx makes the site where Quarto is not installed; .ci/docs.py hands it the notebooks and the sidebar."
import json, shutil, sys
from importlib.util import find_spec
from pathlib import Path
from nbdev.config import get_config
from sphinx.builders.html import StandaloneHTMLBuilder

here = Path(__file__).resolve().parent
sys.path.insert(0, str(here))
cfg = get_config(path=here)

project, author, copyright = cfg.title, cfg.author, cfg.copyright
extensions = ['myst_nb', 'sphinx_copybutton', 'sphinx.ext.mathjax']
# options of commands keep their two dashes
language, smartquotes, templates_path = 'en', False, [str(here/'templates')]

# notebooks are shown as they are stored
nb_execution_mode, nb_merge_streams, nb_render_markdown_format = 'off', True, 'myst'
myst_enable_extensions = ['dollarmath', 'amsmath', 'attrs_inline', 'attrs_block']
# names of functions are headings of the third level, also where a page has no second
suppress_warnings = ['myst.header']
myst_heading_anchors, myst_heading_slug_func = 4, 'anchors.slug'

mathjax_path = 'mathjax/tex-chtml.js'
mathjax3_config = dict(options=dict(enableMenu=False))

html_theme, html_title = 'furo', cfg.title
html_copy_source = html_show_sourcelink = html_use_index = False
html_static_path, html_css_files = [str(here/'static')], ['site.css']
html_favicon = str(cfg.nbs_path/'images'/'favicon.svg')
pygments_style, pygments_dark_style = 'friendly', 'github-dark'
html_theme_options = dict(light_logo='logo.svg', dark_logo='logo.svg', top_of_page_buttons=[],
    footer_icons=[dict(name='Repository', url=cfg.git_url, html='Repository')])
html_context = dict(repository=cfg.git_url, description=cfg.description)


def navigation(app, pagename, templatename, context, doctree):
    "The groups of the sidebar with the titles of their pages, for the template"
    titles = {k: v.astext() for k, v in app.env.titles.items()}
    groups = json.loads((Path(app.srcdir)/'sidebar.json').read_text(encoding='utf-8'))
    context['groups'] = [(name, [(o, titles[o]) for o in pages]) for name, pages in groups]

def copy_mathjax(app, error):
    "Of MathJax, what typesets LaTeX into HTML"
    if error: return
    there = Path(find_spec('sphinx-mathjax-offline').submodule_search_locations[0])/'static'/'mathjax'
    fonts = Path('output')/'chtml'/'fonts'
    here = Path(app.outdir)/'_static'/'mathjax'
    shutil.copytree(there/fonts, here/fonts, dirs_exist_ok=True)
    shutil.copy(there/'tex-chtml.js', here)

class Builder(StandaloneHTMLBuilder):
    "Sphinx calls its page of search results search.html, and so do we the page of the module"
    def handle_page(self, pagename, addctx, templatename='page.html', *args, **kwargs):
        super().handle_page('find' if templatename == 'search.html' else pagename, addctx, templatename, *args, **kwargs)

def setup(app):
    app.add_builder(Builder, override=True)
    app.connect('html-page-context', navigation)
    app.connect('build-finished', copy_mathjax)
