"The view of a search in JupyterLab: it appears and moves, the button stops the search in the middle, the cell continues it, generations are added."
import json, shutil, time
from pathlib import Path

PREPARE = '''\
from autodiffusion.all import *
model, reference = load_demo()
# the shipped model and a preset without the parts that take long to begin: trajectory and surrogate
preset = Preset(Evolution('standard', population=10, generations=3), samples=16, finalists=2, final_samples=32,
    refinements=1, held_out=20, rungs=(8,))
search = Search(model, reference, steps=3, seed=0, preset=preset, out='run', batch_size=16, precision='float32')'''
# so slow that there is time to look at it, on any machine
PACE = 'import time\npace = lambda event: time.sleep(.15)\n'
RUN, MORE = PACE + 'result = search.run(callback=pace)', 'result = search.extend(to=4)'
STOP = 'button:has-text("Stop the search")'

def lines(lab):
    path = lab.folder/'run/journal.jsonl'
    return path.read_bytes().count(b'\n') if path.exists() else 0

# more than a busy machine needs: a limit is there to end what hangs
PATIENCE = 600

def wait_for(condition, what, seconds=PATIENCE):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f'not within {seconds} s: {what}'
        time.sleep(.05)

def stopped(lab, nb):
    "The button is pressed in the middle: the search stops within a second or two, and says what is kept"
    button = nb.page.locator(STOP)
    button.wait_for(timeout=1000*PATIENCE)
    wait_for(lambda: lines(lab) > 12, 'a dozen scores')
    view = nb.output(1).locator('.adv')
    view.locator('svg').first.wait_for()
    nb.shot('live_running', view)
    before = view.inner_text()
    wait_for(lambda: view.inner_text() != before, 'the view moves')
    start = time.monotonic()
    button.click()
    wait_for(lambda: not nb.busy(), 'the search stops')
    took = time.monotonic() - start
    print(f'stopped {took:.2f} s after the click')
    assert took < 2, took
    said = nb.output(1).inner_text()
    assert 'scores are kept in run/journal.jsonl' in said and 'Traceback' not in said, said
    assert not nb.page.locator(STOP).count()
    nb.shot('live_stopped', nb.output(1))
    return lines(lab)

def finished(lab, nb):
    "The cell is run again: what was scored stays, and the search ends; marks have titles"
    kept = stopped(lab, nb)
    first = (lab.folder/'run/journal.jsonl').read_bytes()
    nb.page.evaluate('() => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = 1 }')
    nb.command('notebook:run-cell')
    wait_for(nb.busy, 'the cell runs again')
    wait_for(lambda: not nb.busy(), 'the search ends')
    assert (lab.folder/'run/journal.jsonl').read_bytes().startswith(first) and lines(lab) > kept
    view = nb.output(1).locator('.adv')
    assert 'Finished' in view.inner_text() and 'Held-out scores' in view.inner_text()
    assert view.locator('svg').count() > 4
    titles = view.locator('svg path title').all_text_contents()
    assert any('FD-cifar' in t and 'images' in t for t in titles), titles[:3]
    nb.shot('live_finished', view)

def extended(lab, nb):
    "More generations, in the dark theme"
    nb.theme('JupyterLab Dark')
    nb.insert(MORE)
    wait_for(lambda: not nb.busy(), 'the generations end')
    view = nb.output(2).locator('.adv')
    assert 'Finished' in view.inner_text()
    nb.shot('live_extended_dark', view)
    assert view.evaluate('e => getComputedStyle(e).backgroundColor') != 'rgb(255, 255, 255)'

def saved(lab, nb):
    "What is saved shows the view by itself: HTML, and no widget"
    nb.command('docmanager:save')
    path = lab.folder/'live.ipynb'
    wait_for(lambda: 'Finished' in path.read_text(), 'the notebook is saved')
    book = json.loads(path.read_text())
    data = [o.get('data', {}) for c in book['cells'] for o in c.get('outputs', ())]
    assert 'widgets' not in book['metadata'] and not any('widget' in kind for d in data for kind in d)
    assert sum('class="adv"' in ''.join(d.get('text/html', '')) for d in data) == 2

def picked(lab):
    "A point of a front is picked by a click, and what is said loads it; nothing is sent"
    golden = Path(__file__).resolve().parent.parent/'nbs/golden/journals/front/journal.jsonl'
    (lab.folder/'front').mkdir()
    shutil.copy(golden, lab.folder/'front')
    lab.write('front.ipynb', "from autodiffusion.all import open_run\nopen_run('front')")
    nb = lab.open('front.ipynb')
    nb.run()
    points, said, address = nb.page.locator('.adv-pick input'), nb.page.locator('.adv-said:visible'), nb.page.url
    last = said.inner_text()
    assert "open_run('front').front[1]['candidate']" in last and points.count() == 2, last
    points.first.click()
    first = said.inner_text()
    assert "open_run('front').front[0]['candidate']" in first and first.startswith('999 208'), first
    nb.shot('front_picked', nb.output(0).locator('.adv'))
    points.last.click()
    assert said.inner_text() == last
    nb.page.keyboard.press('Enter')
    assert nb.page.url == address
    # long enough for the page to be seen busy
    nb.insert(f'import time\nprint({last.splitlines()[-1]})\ntime.sleep(1)')
    wait_for(lambda: 'Candidate([922, 505, 197]' in nb.output(1).inner_text(), 'the line has run')
    nb.close()

def check(lab):
    picked(lab)
    lab.write('live.ipynb', PREPARE, RUN)
    nb = lab.open('live.ipynb', height=1400)
    nb.start()
    finished(lab, nb)
    extended(lab, nb)
    saved(lab, nb)
    nb.close()
