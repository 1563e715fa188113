"The explorer in JupyterLab: a step is dragged and moved by keys, blocks are clicked, files saved and loaded; the images on the page follow."
import json, time
from io import BytesIO
from contextlib import contextmanager
from PIL import Image, ImageChops, ImageStat

OPEN = '''\
from autodiffusion.all import *
from autodiffusion.discovery import find_blocks
model, reference = load_demo()
model = model.with_(blocks=find_blocks(model, repeats=0))
widget = explore(model, reference=reference, n=6, many=8, samples=16)
widget'''
class Page:
    "What the checks do in the explorer"
    def __init__(self, nb):
        self.nb, self.page, self.root = nb, nb.page, nb.page.locator('.ad-explorer')
    def done(self, seconds=240):
        "Wait until all that was asked for is shown"
        self.page.wait_for_function('() => document.querySelector(".ad-explorer")?.dataset.done == "true"', timeout=1000*seconds)
    def handle(self, k, i=0): return self.root.locator(f'[data-step="{i},{k}"]')
    def times(self, i=0):
        handles = self.root.locator(f'[data-step^="{i},"]')
        return [int(handles.nth(k).get_attribute('aria-valuenow')) for k in range(handles.count())]
    def images(self, row='A'): return self.root.locator(f'[data-row="{row}"] .ad-strip').screenshot()
    @contextmanager
    def changes(self, row='A'):
        "What happens in this context must change the images of a row"
        self.done()
        before = self.images(row)
        yield
        self.done()
        change = difference(before, self.images(row))
        assert change > .1, f"the images of {row} stayed as they were ({change:.3f} grey levels)"

def difference(a, b):
    "Mean difference of two screenshots, in grey levels"
    a, b = (Image.open(BytesIO(o)).convert('L') for o in (a, b))
    return 255. if a.size != b.size else ImageStat.Stat(ImageChops.difference(a, b)).mean[0]

def drag(p, k, by, i=0):
    "Drag a handle `by` pixels, in several moves, as a hand does"
    dot, before = p.handle(k, i).locator('.ad-dot'), p.times(i)
    dot.scroll_into_view_if_needed()
    box = dot.bounding_box()
    x, y = box['x'] + box['width']/2, box['y'] + box['height']/2
    p.page.mouse.move(x, y)
    p.page.mouse.down()
    p.page.mouse.move(x + by, y + 3, steps=8)
    p.page.mouse.up()
    assert p.times(i) != before, f'step {k} did not move: {before}'

def by_hand(p):
    "A handle is dragged with the mouse, and by a finger; steps are moved, added and removed by keys"
    with p.changes():
        drag(p, 0, -120)
        start = time.monotonic()
        p.page.wait_for_function('() => document.querySelector("[data-row=A]").dataset.done == "true" && !document.querySelector(".ad-rows.ad-old")')
        print(f'images {time.monotonic() - start:.2f} s after the handle was let go')
    t = p.times()[0]
    assert 820 < t < 900, t
    with p.changes(): p.page.keyboard.press('Shift+ArrowRight')     # the handle that was dragged has the focus
    p.page.keyboard.press('ArrowLeft')
    assert p.times() == [t - 9, 500, 250, 0], p.times()
    p.page.keyboard.press('Tab')
    with p.changes(): p.page.keyboard.press('Delete')
    assert p.times() == [t - 9, 250, 0], p.times()
    with p.changes(): p.page.keyboard.press('Insert')
    assert p.times() == [t - 9, 250, 125, 0], p.times()
    with p.changes(): touch(p, 1, -60)
    with p.changes(): p.root.locator('.ad-lines').dblclick(position=dict(x=300, y=36))
    assert len(p.times()) == 5 and p.times() == sorted(p.times(), reverse=True), p.times()
    with p.changes(): p.root.get_by_label('remove the chosen step').click()

def touch(p, k, by):
    "Drag a handle with a finger, as the browser tells it to a page"
    box = p.handle(k).locator('.ad-dot').bounding_box()
    x, y = box['x'] + box['width']/2, box['y'] + box['height']/2
    client = p.page.context.new_cdp_session(p.page)
    def finger(kind, x=None): client.send('Input.dispatchTouchEvent', dict(type=kind, touchPoints=[] if x is None else [dict(x=x, y=y)]))
    finger('touchStart', x)
    for j in range(1, 6): finger('touchMove', x + by*j/5)
    finger('touchEnd')

def controls(p):
    "Sampler, seed, a known schedule, the axis"
    with p.changes('uniform'): p.root.locator('.ad-field', has_text='sampler').locator('select').select_option('dpmpp_2m')
    seed = p.root.locator('.ad-field', has_text='seed').locator('input')
    with p.changes('8 steps'): seed.fill('7'); seed.press('Enter')
    with p.changes(): p.root.locator('.ad-field', has_text='times').locator('select').select_option('trailing')
    assert p.times()[0] == 999, p.times()
    before = p.handle(1).get_attribute('transform')
    p.root.locator('.ad-field', has_text='axis').locator('select').select_option('log_snr')
    p.done()
    assert p.handle(1).get_attribute('transform') != before
    p.nb.shot('explore_log_snr')

def blocks(p):
    "A block is skipped, then reused; cost and change are told"
    cell = p.root.locator('[data-cell="1,16"]')
    with p.changes(): cell.click()
    assert 'ad-skip' in cell.get_attribute('class')
    cost = p.root.locator('[data-cost="1"]').inner_text()
    assert '84 %' in cost or int(cost.split()[0]) < 100, cost
    assert 'grey levels' in p.root.locator('.ad-sum').inner_text()
    cell.click()
    p.done()
    assert 'ad-reuse' in cell.get_attribute('class')
    first = p.root.locator('[data-cell="0,16"]')    # without it there is nothing to reuse
    with p.changes(): first.click()
    assert 'ad-run' in cell.get_attribute('class'), 'a block is reused that never ran'

def two(p):
    "A second candidate on its own time line; the search score of both"
    p.root.get_by_text('compare two').click()
    p.done()
    with p.changes('B'): drag(p, 2, 90, 1)
    assert p.times(0) != p.times(1)
    p.root.get_by_label('search score').check()
    p.done()
    text = p.root.locator('.ad-scores').inner_text()
    assert 'search score (FD-cifar, 16 samples' in text and text.count('±') >= 4 and 'never a result' in text, text
    p.nb.shot('explore_scores')
    p.root.get_by_label('search score').uncheck()

def files(p):
    "What is saved is a candidate file with the steps that are shown; loaded, it brings them back; nothing is overwritten unasked"
    path, said = p.root.get_by_label('candidate file'), p.root.locator('.ad-said')
    path.fill('mine.json')
    p.root.get_by_text('Save', exact=True).click()
    said.get_by_text('saved').wait_for()
    saved = json.loads((p.nb.lab.folder/'mine.json').read_text())
    assert saved['timesteps'] == p.times(1), (saved['timesteps'], p.times(1))
    with p.changes('B'): drag(p, 2, 120, 1)
    p.root.get_by_text('Save', exact=True).click()
    said.get_by_text('there already').wait_for()
    assert json.loads((p.nb.lab.folder/'mine.json').read_text()) == saved
    with p.changes('B'): p.root.get_by_text('Load', exact=True).click()
    assert p.times(1) == saved['timesteps'], p.times(1)
    path.fill('<b>none</b>.json')
    p.root.get_by_text('Load', exact=True).click()
    said.get_by_text('<b>none</b>.json: no such candidate file').wait_for()

def while_a_cell_runs(p):
    "With ipykernel 7 the explorer goes on while the kernel computes"
    from ipykernel import version_info
    if version_info[0] < 7: return
    p.nb.insert('import os, time\nwhile not os.path.exists("enough"): time.sleep(.1)')
    with p.changes('B'): drag(p, 2, -70, 1)
    assert p.nb.busy()
    (p.nb.lab.folder/'enough').touch()
    p.nb.wait()

def check(lab):
    lab.write('explore.ipynb', OPEN)
    nb = lab.open('explore.ipynb', height=1300)
    nb.run()
    p = Page(nb)
    p.done()
    nb.shot('explore_initial')
    assert p.times() == [750, 500, 250, 0], p.times()
    for part in (by_hand, controls, blocks, two, files, while_a_cell_runs):
        start = time.monotonic()
        part(p)
        print(f'{part.__name__}: {time.monotonic() - start:.1f} s')
        nb.shot(f'explore_{part.__name__}')
    nb.theme('JupyterLab Dark')
    nb.shot('explore_dark')
    nb.page.set_viewport_size(dict(width=560, height=1500))
    time.sleep(.5)
    assert p.root.evaluate('e => e.scrollWidth <= e.clientWidth'), 'wider than its page'
    nb.shot('explore_narrow')
    nb.close()
