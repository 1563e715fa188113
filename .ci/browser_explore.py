"The explorer in JupyterLab: a step is dragged and moved by keys, blocks are clicked, files saved and loaded; the images on the page follow."
import json, time
from io import BytesIO
from contextlib import contextmanager
from PIL import Image, ImageChops, ImageStat

OPEN = '''
from autodiffusion.all import *
from autodiffusion.discovery import find_blocks
model, reference = load_demo()
model = model.with_(blocks=find_blocks(model, repeats=0))
widget = explore(model, reference=reference, n=6, many=10, samples=32)
widget'''
STEPS = 'import json\nprint(json.dumps([c.times for c in widget.candidates]))'

class Page:
    "What the checks do in the explorer"
    def __init__(self, nb):
        self.nb, self.page, self.root = nb, nb.page, nb.page.locator('.ad-explorer')
    def done(self, seconds=40):
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
        before = self.images(row)
        yield
        self.done()
        assert difference(before, self.images(row)) > 1, f'the images of {row} stayed as they were'

def difference(a, b):
    "Mean difference of two screenshots, in grey levels"
    a, b = (Image.open(BytesIO(o)).convert('L') for o in (a, b))
    return 255. if a.size != b.size else ImageStat.Stat(ImageChops.difference(a, b)).mean[0]

def drag(p, k, by, i=0):
    "Drag a handle `by` pixels, in several moves, as a hand does"
    box = p.handle(k, i).locator('.ad-dot').bounding_box()
    x, y = box['x'] + box['width']/2, box['y'] + box['height']/2
    p.page.mouse.move(x, y)
    p.page.mouse.down()
    p.page.mouse.move(x + by, y + 3, steps=8)
    p.page.mouse.up()

def check(lab):
    lab.write('explore.ipynb', OPEN, STEPS)
    nb = lab.open('explore.ipynb')
    nb.run()
    p = Page(nb)
    p.done()
    nb.shot('explore_initial')
    assert p.times() == [750, 500, 250, 0], p.times()
    with p.changes(): drag(p, 0, -120)
    nb.shot('explore_dragged')
    nb.close()
