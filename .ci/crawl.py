"""Look at the site in _docs, whoever built it: what the HTML of its pages says, and what a browser makes of them. Prints
one line for each check, in the words of .ci/run; without Playwright or a chromium those of the browser are skipped."""
import asyncio, functools, re, shutil, sys, tempfile, threading, time
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote
from docs import HOST, docs, page_name, sidebar

PHONE, DESKTOP, AT_ONCE, PATIENCE = (390, 844), (1280, 900), 3, 120_000     # pixels, pages, milliseconds
VOID = set('area base br col embed hr img input link meta source track wbr'.split())
# what stands in these is code, or typeset by a program
QUIET = {'pre', 'code', 'script', 'style', 'svg', 'textarea', 'title', 'option'}
MATHS = {'math', 'MathJax'}
# pages of Sphinx that no reader is sent to
MADE = {'find.html', 'genindex.html', '404.html'}


class Page(HTMLParser):
    "What a page links to, what its anchors and images are, and text where a formula was left as it was typed"
    def __init__(self, path):
        super().__init__()
        self.path, self.name = path, path.relative_to(docs).as_posix()
        self.ids, self.hrefs, self.images, self.text, self.navigation = set(), [], [], [], []
        self.titles = 0
        self.open, self.within = [], dict(quiet=0, sidebar=0)
        self.feed(path.read_text(encoding='utf-8'))

    def handle_starttag(self, tag, attrs):
        a = dict(attrs)
        classes = set((a.get('class') or '').split())
        if a.get('id'): self.ids.add(a['id'])
        if tag == 'a' and a.get('href'):
            self.hrefs.append(a['href'])
            if self.within['sidebar']: self.navigation.append(a['href'])
        self.titles += tag == 'h1'
        if tag == 'img': self.images.append((a.get('src', ''), a.get('alt') or ''))
        if tag in VOID: return
        kind = 'quiet' if tag in QUIET or classes & MATHS else 'sidebar' if 'sidebar-tree' in classes or a.get('id') == 'quarto-sidebar' else ''
        self.open.append((tag, kind))
        if kind: self.within[kind] += 1

    def handle_endtag(self, tag):
        if not any(t == tag for t, _ in reversed(self.open)): return
        while self.open:
            last, kind = self.open.pop()
            if kind: self.within[kind] -= 1
            if last == tag: return

    def handle_data(self, data):
        if not self.within['quiet']: self.text.append(data)

    def local(self):
        "Links to pages of the site as (href, file, anchor)"
        for o in self.hrefs:
            if re.match(r'[a-z][a-z0-9+.-]*:|//', o, re.I): continue
            there, _, at = o.partition('#')
            there = there.partition('?')[0]
            file = (self.path.parent/unquote(there)).resolve() if there else self.path
            yield o, file/'index.html' if file.is_dir() else file, unquote(at)


def pages():
    return {o.path: o for o in (Page(p) for p in sorted(docs.resolve().rglob('*.html')) if p.name not in MADE and '_static' not in p.parts)}

def unreachable(site):
    "every page can be reached from the index"
    seen, todo = set(), [docs.resolve()/'index.html']
    while todo:
        page = site.get(todo.pop())
        if page is None or page.path in seen: continue
        seen.add(page.path)
        todo += [file for _, file, _ in page.local()]
    return [f'{o.name} cannot be reached' for p, o in site.items() if p not in seen]

def dead(site):
    "every link and every anchor leads somewhere"
    res = []
    for page in site.values():
        for href, file, at in page.local():
            if not file.exists(): res.append(f'{page.name}: {href} does not exist')
            elif at and file in site and at not in site[file].ids: res.append(f'{page.name}: {href} has no such anchor')
        res += [f'{page.name}: {o} leads through the web to this very site' for o in page.hrefs if o.startswith(HOST)]
        res += [f'{page.name}: {o} is a notebook' for o in page.hrefs if o.partition('#')[0].endswith('.ipynb') and '://' not in o]
    return res

def out_of_order(site):
    "the sidebar lists the pages of nbs/sidebar.yml in their order"
    want = [page_name(o) + '.html' for _, group in sidebar() for o in group]
    res = []
    for page in site.values():
        there = [(page.path.parent/(o.partition('#')[0] or page.path.name)).resolve() for o in page.navigation if '://' not in o]
        have = [o.relative_to(docs.resolve()).as_posix() for o in there]
        if have != want: res.append(f'{page.name}: the sidebar has {[o for o in have if o not in want] or "another order, or less: " + str(len(have))}, not {len(want)} pages in order')
    return res

def untitled(site):
    "every page has a title"
    return [f'{o.name} has {o.titles or "no"} titles' for o in site.values() if o.titles != 1]

def without_words(site):
    "every image has a text that says what is to be seen"
    # MyST-NB puts the name of the file where nothing is said
    return [f'{o.name}: {src} has no alt text' for o in site.values() for src, alt in o.images if not alt.strip() or alt.endswith(('.png', '.jpeg', '.jpg', '.svg'))]

def typed(site):
    "no formula is left as it was typed"
    return [f'{o.name}: {m[0]}' for o in site.values() for m in re.finditer(r'\$[^$\n]{1,80}\$|\\(?:frac|alpha|sigma|sqrt|mathbb)\b', ''.join(o.text))]


# the browser

CUT = '''() => {
  const shown = o => { const r = o.getBoundingClientRect(); return r.width > 1 && r.height > 1 };
  const words = o => o.tagName.toLowerCase() + ' "' + (o.textContent || o.alt || '').trim().slice(0, 40) + '"';
  const cut = o => {
    for (let p = o; p && p !== document.body; p = p.parentElement) {
      const style = getComputedStyle(p), edge = p.getBoundingClientRect();
      if (p !== o && o.getBoundingClientRect().right <= edge.right + 1 && !['visible'].includes(style.overflowX)) return false;
      if (['auto', 'scroll'].includes(style.overflowX)) return false;
      if (p !== o && ['hidden', 'clip'].includes(style.overflowX) && o.getBoundingClientRect().right > edge.right + 1) return true;
      if (p === o && ['hidden', 'clip'].includes(style.overflowX) && o.scrollWidth > o.clientWidth + 1) return true;
    }
    return o.getBoundingClientRect().right > innerWidth + 1;
  };
  const page = document.scrollingElement;
  const found = [...document.querySelectorAll('main pre, article pre, main table, article table, main img, article img, mjx-container, main svg, article svg')];
  return { wide: page.scrollWidth - innerWidth, cut: found.filter(shown).filter(cut).map(words),
    formulas: document.querySelectorAll('span.math, div.math').length, typeset: document.querySelectorAll('mjx-container, math, .katex').length,
    wrong: document.querySelectorAll('mjx-merror, .katex-error').length };
}'''

async def look(browser, base, names):
    "Every page at the width of a phone and at that of a desk"
    found = dict(wide=[], cut=[], maths=[], console=[], outside=[])
    todo = list(names)
    async def work():
        context = await browser.new_context(viewport=dict(width=PHONE[0], height=PHONE[1]))
        context.set_default_timeout(PATIENCE)
        while todo:
            name = todo.pop()
            page = await context.new_page()
            page.on('console', lambda m: m.type == 'error' and found['console'].append(f'{name}: {m.text}'))
            page.on('pageerror', lambda e: found['console'].append(f'{name}: {e}'))
            page.on('request', lambda r: r.url.startswith(('http:', 'https:', 'ws')) and not r.url.startswith(base) and found['outside'].append(f'{name}: {r.url}'))
            await page.goto(f'{base}/{name}')
            await page.evaluate('window.MathJax?.startup?.promise')
            for width, height in (PHONE, DESKTOP):
                await page.set_viewport_size(dict(width=width, height=height))
                o = await page.evaluate(CUT)
                if o['wide'] > 0: found['wide'].append(f'{name}: {o["wide"]} pixels wider than {width}')
                found['cut'] += [f'{name} at {width} pixels: {c}' for c in o['cut']]
            if o['wrong'] or o['typeset'] < o['formulas']: found['maths'].append(f'{name}: {o["formulas"]} formulas, {o["typeset"]} typeset, {o["wrong"]} with errors')
            await page.close()
        await context.close()
    await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    return found

async def search(browser, base):
    "What the search finds for a word that stands on many pages"
    page = await browser.new_page(viewport=dict(width=DESKTOP[0], height=DESKTOP[1]))
    page.set_default_timeout(PATIENCE)
    await page.goto(f'{base}/index.html')
    box = page.locator('.sidebar-search-container input, .sidebar-search, #quarto-search input, #quarto-search button').first
    await box.click()
    await page.keyboard.type('surrogate')
    await page.keyboard.press('Enter')
    hits = page.locator('#search-results li a, .aa-Item a')
    from playwright.async_api import TimeoutError
    try: await hits.nth(2).wait_for(timeout=PATIENCE)
    except TimeoutError: return [f'only {await hits.count()} pages for "surrogate"']
    return []

async def dark(browser, base):
    "Whether pages are dark for those who want that"
    res = []
    for scheme, right in (('light', lambda o: o > 200), ('dark', lambda o: o < 60)):
        context = await browser.new_context(color_scheme=scheme)
        page = await context.new_page()
        page.set_default_timeout(PATIENCE)
        await page.goto(f'{base}/index.html')
        said = await page.evaluate('getComputedStyle(document.body).backgroundColor')
        if not right(sum(map(int, re.findall(r'\d+', said)[:3]))/3): res.append(f'{scheme}: the background is {said}')
    return res

async def browse(base, names, searchable):
    from playwright.async_api import async_playwright
    async with async_playwright() as p:
        browser = await p.chromium.launch(executable_path=chromium(), args=['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'])
        found = await look(browser, base, names)
        found['dark'] = await dark(browser, base)
        if searchable: found['search'] = await search(browser, base)
        await browser.close()
    return found

STATIC = (unreachable, dead, out_of_order, untitled, without_words, typed)
BROWSER = dict(wide='no page is wider than a phone or a desk', cut='nothing is cut without a scrollbar', maths='formulas are typeset', console='no errors on the console',
    outside='no page asks another host for anything', search='the search finds pages', dark='pages are light or dark, as readers want them')

def chromium(): return next(filter(None, map(shutil.which, ('chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'))), None)

def missing():
    try: import playwright
    except ImportError: return 'Playwright is not installed'
    return None if chromium() else 'there is no chromium'

def in_browser(names, searchable=True):
    "Serve the site to this machine alone, and browse it"
    class Quiet(SimpleHTTPRequestHandler):
        protocol_version = 'HTTP/1.1'
        def log_message(self, *args): pass
    server = ThreadingHTTPServer(('127.0.0.1', 0), functools.partial(Quiet, directory=docs))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try: return asyncio.run(browse(f'http://127.0.0.1:{server.server_port}', names, searchable))
    finally: server.shutdown()

# every check has something to find here
WRONG = {'index.html': """<nav class="sidebar-tree"><a href="one.html">One</a></nav><main>
<a href="one.html#nowhere">no anchor</a> <a href="gone.html">no page</a> <img src="none.png" width="9" height="9"> $x^2$
<pre style="overflow: hidden; width: 9em">a line that is longer than what may be seen of it</pre>
<div style="width: 2000px">wide</div> <span class="math">\\(x\\)</span>
<script>console.error('wrong')</script> <script src="http://127.0.0.2:9/away.js"></script></main>""", 'one.html': 'one', 'alone.html': 'alone'}

def blind():
    "Checks that find nothing on pages where everything is wrong"
    global docs
    kept = docs
    with tempfile.TemporaryDirectory() as folder:
        docs = Path(folder).resolve()
        for name, html in WRONG.items(): (docs/name).write_text(f'<!doctype html><html><body style="background: #fff">{html}</body></html>', encoding='utf-8')
        site = pages()
        found = {o.__doc__: o(site) for o in STATIC}
        if not missing(): found |= {BROWSER[k]: v for k, v in in_browser(list(WRONG), searchable=False).items()}
    docs = kept
    return [f'does not find anything wrong: {k}' for k, v in found.items() if not v]

def report(what, wrong, seconds):
    print(f'{"FAILED" if wrong else "passed"}  site: {what}  {seconds:.0f} s')
    for o in sorted(set(wrong))[:40]: print(f'    {o}')
    if len(set(wrong)) > 40: print(f'    and {len(set(wrong)) - 40} more')

def main():
    start = time.monotonic()
    site, failed = pages(), 0
    if not site: sys.exit('there is no site: run `make docs`')
    for check in STATIC:
        wrong = check(site)
        failed += bool(wrong)
        report(check.__doc__, wrong, time.monotonic() - start)
        start = time.monotonic()
    why = missing()
    found = {} if why else in_browser([o.name for o in site.values()])
    if why: print(f'skipped  site: {len(BROWSER)} checks in a browser: {why}')
    for k, wrong in found.items():
        # what Quarto makes loads its typesetting of formulas from a CDN
        if k == 'outside' and (docs/'site_libs').is_dir(): continue
        failed += bool(wrong)
        report(BROWSER[k], wrong, time.monotonic() - start)
        start = time.monotonic()
    wrong = blind()
    report('these checks find what is wrong on pages made for that', wrong, time.monotonic() - start)
    sys.exit(failed > 0 or len(wrong) > 0)

if __name__ == '__main__': main()
