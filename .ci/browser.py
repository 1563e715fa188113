"""What a reader sees and does, in a real browser: JupyterLab is started here, Chromium is driven by Playwright.

    python .ci/browser.py NAME          run the checks of browser_NAME.py, which has a function check(lab)
    python .ci/browser.py --missing     say what is missing on this machine, if anything
    python .ci/browser.py NAME --shots FOLDER   keep the screenshots
"""
import argparse, contextlib, importlib, json, os, secrets, shutil, signal, socket, subprocess, sys, tempfile, time
from importlib.util import find_spec
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

root = Path(__file__).resolve().parent.parent
BROWSERS = 'chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'
LIMIT = 1800    # seconds for one call of this program
# what the console of JupyterLab says by itself, in a browser that nobody looks at
HARMLESS = 'favicon', 'ResizeObserver loop', 'GPU stall', 'WebGL'


def browser(): return next(filter(None, map(shutil.which, BROWSERS)), None)

def missing():
    "What these checks need and this machine has not, in words; empty where they can run"
    lacks = [o for o in ('playwright', 'jupyterlab', 'ipykernel', 'anywidget') if find_spec(o) is None]
    if not browser(): lacks.append('Chromium or Chrome')
    return ' and '.join(lacks) and f'{" and ".join(lacks)} not installed'

def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


SETTINGS = {
    # outputs that are scrolled out of sight stay in the page
    'notebook-extension/tracker': dict(windowingMode='none'),
    'apputils-extension/notification': dict(fetchNews='false', checkForUpdates=False),
    'docmanager-extension/plugin': dict(autosave=False)}

class Lab:
    "A JupyterLab with a folder, settings and a token of its own, and a browser that looks at it; both end with the context"
    def __init__(self, shots=None):
        self.shots = Path(shots) if shots else None
        self._close = contextlib.ExitStack()

    def __enter__(self):
        try:
            home = Path(self._close.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
            self.folder = home/'notebooks'
            self.folder.mkdir()
            self._start_server(home)
            self._start_browser()
        except BaseException:
            self._close.close()
            raise
        return self

    def __exit__(self, *_): self._close.close()

    def _start_server(self, home):
        self.port, self.token, self.log = free_port(), secrets.token_hex(16), home/'log'
        for name, values in SETTINGS.items():
            path = home/'settings'/'@jupyterlab'/f'{name}.jupyterlab-settings'
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(values))
        own = {f'JUPYTER_{k}_DIR': str(home/k.lower()) for k in ('CONFIG', 'DATA', 'RUNTIME')}
        own |= {f'JUPYTERLAB_{k}_DIR': str(home/k.lower()) for k in ('SETTINGS', 'WORKSPACES')}
        path = os.pathsep.join([str(root), *filter(None, [os.environ.get('PYTHONPATH')])])
        # bytecode and matplotlib's fonts are kept where they always are; with two threads, a kernel on two busy cores is many times slower
        env = os.environ | own | dict(IPYTHONDIR=str(home/'ipython'), PYTHONPATH=path, JUPYTER_PLATFORM_DIRS='1', OMP_NUM_THREADS='1')
        options = [f'--ServerApp.port={self.port}', '--ServerApp.port_retries=0', f'--IdentityProvider.token={self.token}',
            f'--ServerApp.root_dir={self.folder}', '--no-browser', '--expose-app-in-browser', '--allow-root',
            '--LabApp.news_url=None', '--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate']
        log = self._close.enter_context(open(self.log, 'w'))
        self._server = subprocess.Popen([sys.executable, '-m', 'jupyterlab', *options], env=env, stdin=subprocess.DEVNULL,
            stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
        self._close.callback(self._stop_server)
        self._wait_for_server()

    def _wait_for_server(self, seconds=120):
        end = time.monotonic() + seconds
        while time.monotonic() < end and self._server.poll() is None:
            try: return urlopen(f'{self.url}/api?token={self.token}', timeout=5).read()
            except (URLError, OSError): time.sleep(.2)
        raise RuntimeError(f'JupyterLab did not start:\n{self.log.read_text()[-3000:]}')

    def _stop_server(self):
        "The server ends its kernels when it is asked to end; what is left after that is killed"
        for sign, seconds in ((signal.SIGTERM, 10), (signal.SIGKILL, 5)):
            with contextlib.suppress(ProcessLookupError): os.killpg(self._server.pid, sign)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._server.wait(seconds)
                return

    @property
    def url(self): return f'http://127.0.0.1:{self.port}'

    def _start_browser(self):
        from playwright.sync_api import sync_playwright
        player = self._close.enter_context(sync_playwright())
        # in a container there is often no sandbox and little shared memory
        self._chromium = player.chromium.launch(executable_path=browser(), args=['--no-sandbox', '--disable-dev-shm-usage'])
        self._close.callback(self._chromium.close)

    def write(self, name, *cells):
        "Write a notebook of code cells into the folder"
        made = [dict(cell_type='code', id=f'cell{i}', metadata={}, execution_count=None, outputs=[], source=o)
            for i, o in enumerate(cells)]
        spec = dict(display_name='Python 3', language='python', name='python3')
        nb = dict(cells=made, metadata=dict(kernelspec=spec), nbformat=4, nbformat_minor=5)
        (self.folder/name).write_text(json.dumps(nb))

    def open(self, name, width=1280, height=900):
        "Open a notebook of the folder in a new page, with a kernel of its own"
        page = self._chromium.new_page(viewport=dict(width=width, height=height))
        return Notebook(self, page, name)


class Notebook:
    "A notebook that is open in the browser; `page` is Playwright's"
    def __init__(self, lab, page, name):
        self.lab, self.page, self.console = lab, page, []
        page.set_default_timeout(120_000)
        page.on('console', lambda m: self._heard(m.text if m.type == 'error' else ''))
        page.on('pageerror', lambda e: self._heard(str(e)))
        # a workspace of its own, so that no other notebook is opened beside it
        page.goto(f'{lab.url}/lab/workspaces/{secrets.token_hex(4)}/tree/{name}?token={lab.token}')
        page.wait_for_selector('.jp-Notebook .jp-Cell')
        self._wait(f'{CURRENT}.context.sessionContext.session?.kernel?.status == "idle"')
        # the side bar takes a quarter of the page
        page.evaluate('() => { const a = window.jupyterapp; if (!a.shell.leftCollapsed) a.shell.collapseLeft() }')

    def _heard(self, text):
        if text and not any(o in text for o in HARMLESS): self.console.append(text)

    def _wait(self, condition, seconds=120): self.page.wait_for_function(f'() => {condition}', timeout=1000*seconds)

    def command(self, name, **args):
        "Run a command of JupyterLab without waiting for its end"
        self.page.evaluate('([name, args]) => { window.jupyterapp.commands.execute(name, args) }', [name, args])

    def run(self, seconds=240):
        "Run all cells and wait for their end; raises AssertionError, with the text, for cells that fail"
        self.start()
        self.wait(seconds)

    def start(self):
        "Run all cells and do not wait"
        self.command('notebook:run-all-cells')
        self._wait(f'{CURRENT}.content.widgets.some(o => o.promptNode?.textContent.includes("*") || o.model.executionCount)')

    def wait(self, seconds=240):
        "Wait until no cell runs; raises AssertionError, with the text, for cells that failed"
        self._wait(f'!document.querySelector(".jp-Notebook")?.innerText.includes("[*]:") && {CURRENT}.context'
            '.sessionContext.session?.kernel?.status == "idle"', seconds)
        failed = self.page.locator('[data-mime-type="application/vnd.jupyter.stderr"] , .jp-RenderedText[data-mime-type='
            '"application/vnd.jupyter.error"]').all_inner_texts()
        assert not failed, 'cells failed or warned:\n' + '\n'.join(failed)

    def insert(self, code):
        "Run some code in a new cell at the end, and do not wait for it"
        self.page.evaluate(f"""code => {{ const nb = {CURRENT}.content; nb.activeCellIndex = nb.widgets.length - 1;
            window.jupyterapp.commands.execute("notebook:insert-cell-below").then(() => {{
                nb.activeCell.model.sharedModel.setSource(code)
                window.jupyterapp.commands.execute("notebook:run-cell") }}) }}""", code)
        self._wait('document.querySelector(".jp-Notebook").innerText.includes("[*]:")')
        time.sleep(1)   # JupyterLab scrolls to the cell

    def busy(self): return '[*]:' in self.page.locator('.jp-Notebook').inner_text()

    def output(self, cell):
        "The output of a cell, by its number from 0"
        return self.page.locator('.jp-Notebook .jp-Cell').nth(cell).locator('.jp-Cell-outputArea')

    def theme(self, name): # 'JupyterLab Light' or 'JupyterLab Dark'
        self.command('apputils:change-theme', theme=name)
        self._wait(f'document.body.dataset.jpThemeName == "{name}"')
        time.sleep(.5)

    def shot(self, name, what=None):
        "A screenshot of a locator, or of the page: the bytes of a PNG, kept in the folder that was named with --shots"
        png = (what or self.page).screenshot()
        if self.lab.shots:
            self.lab.shots.mkdir(parents=True, exist_ok=True)
            (self.lab.shots/f'{name}.png').write_bytes(png)
        return png

    def close(self):
        "Close the page; raises AssertionError for errors that the browser's console has shown"
        self.page.close()
        assert not self.console, 'errors in the console of the browser:\n' + '\n'.join(self.console)

CURRENT = 'window.jupyterapp?.shell.currentWidget'


def too_long(*_): raise TimeoutError(f'not done after {LIMIT} seconds')

def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('names', nargs='*', help='which checks to run')
    p.add_argument('--missing', action='store_true', help='say what is missing on this machine')
    p.add_argument('--shots', help='folder for the screenshots')
    args = p.parse_args()
    lacks = missing()
    if args.missing or lacks: return print(lacks)
    signal.signal(signal.SIGALRM, too_long)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit('stopped'))
    signal.alarm(LIMIT)
    sys.path.insert(0, str(Path(__file__).parent))
    with Lab(args.shots) as lab:
        try:
            for name in args.names:
                start = time.monotonic()
                importlib.import_module(f'browser_{name}').check(lab)
                print(f'{name}: passed in {time.monotonic() - start:.1f} s')
        finally: signal.alarm(0)    # ending may take its time


if __name__ == '__main__': main()
