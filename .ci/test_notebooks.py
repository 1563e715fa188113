"""Run the notebooks as tests: what nbdev_test does, with a process for each, so that a crash or a hang
fails one notebook by name and takes no other with it. The processes are forked from one that has imported
what most notebooks need, since importing takes longer than most of them."""
import argparse, gc, importlib, os, shutil, signal, sys, tempfile, time
from pathlib import Path

# two processes with two threads each on two cores are many times slower than one; read when torch is imported
os.environ.setdefault('OMP_NUM_THREADS', '1')
SHARED = ('torch', 'numpy', 'matplotlib.pyplot', 'matplotlib_inline.backend_inline', 'PIL.Image', 'scipy.optimize',
    'scipy.stats', 'sklearn.gaussian_process', 'hypothesis', 'IPython.display', 'tqdm.auto', 'safetensors.torch',
    'diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion', 'nbdev.test')


def cores():
    "How many processes can run at once"
    return len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count() or 1


def prepare():
    "Import what the notebooks share; what is not installed is left to those that need it"
    for name in SHARED:
        try: importlib.import_module(name)
        except ImportError: pass
    # looking for garbage writes to the memory that the processes share
    gc.collect()
    gc.freeze()


class Child:
    "A notebook that runs in a process of its own, and prints to a file"
    def __init__(self, path, flags):
        self.path, self.start, self.out = path, time.monotonic(), tempfile.TemporaryFile()
        self.pid = os.fork()
        if self.pid == 0: self._run(flags)

    def _run(self, flags):
        "The new process: say what became of it in the last line, since a cell can end the process with status 0"
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for stream in (1, 2): os.dup2(self.out.fileno(), stream)
        for stream in (sys.stdout, sys.stderr): stream.reconfigure(write_through=True)
        from nbdev.config import get_config
        from nbdev.test import test_nb
        config = get_config()
        ok, secs = test_nb(self.path, config.tst_flags.split(), flags, basepath=config.config_path)
        print('\nfailed' if not ok else '\npassed' if secs else '\nskipped', flush=True)
        # at its own end Python would warn of what is open, after the last word
        sys.stdout.flush()
        sys.stderr.flush()
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        sys.exit()

    def stop(self):
        "Kill it and what it started"
        try: os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError: pass

    def result(self, deadline):
        "What became of it, and what it printed; None while it runs"
        ended, status = os.waitpid(self.pid, os.WNOHANG)
        late = not ended and time.monotonic() > deadline
        if not ended and not late: return None
        self.stop()
        if late: os.waitpid(self.pid, 0)
        self.out.seek(0)
        out = self.out.read().decode(errors='replace').rstrip()
        if late: return 'FAILED', f'{out}\nstopped: the time limit for all notebooks was reached'
        said, _, verdict = out.rpartition('\n')
        if status or verdict not in ('passed', 'skipped', 'failed'):
            return 'FAILED', f'{out}\nended before its last cell, with status {os.waitstatus_to_exitcode(status)}'
        return verdict.replace('failed', 'FAILED'), said.strip()


def report(child, root, verdict, said):
    "Say what became of one notebook, and how long it took"
    lines = [f'{verdict}  {os.path.relpath(child.path, root)}  {time.monotonic() - child.start:.1f} s']
    if verdict == 'FAILED': lines += ['    ' + o for o in said.splitlines()[-60:]]
    print('\n'.join(lines), flush=True)


def run(paths, flags, workers, limit, root):
    "Run all, so many at a time; returns how many passed, were skipped and failed"
    waiting, running, deadline = list(paths), [], time.monotonic() + limit
    counts = dict.fromkeys(('passed', 'skipped', 'FAILED'), 0)
    try:
        while waiting or running:
            while waiting and len(running) < workers: running.append(Child(waiting.pop(0), flags))
            time.sleep(.02)
            for child in list(running):
                if (result := child.result(deadline)) is None: continue
                running.remove(child)
                report(child, root, *result)
                counts[result[0]] += 1
    except KeyboardInterrupt:
        for child in running: child.stop()
        sys.exit('interrupted')
    return counts


def main():
    from nbdev.config import get_config
    from nbdev.doclinks import nbglob
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument('notebooks', nargs='*', type=Path, help='default: all')
    p.add_argument('--flags', default='', help='test flags to run that are otherwise skipped, separated by blanks')
    p.add_argument('--workers', type=int, default=cores(), help='notebooks at a time; default: one a core')
    p.add_argument('--limit', type=float, default=1800, help='seconds for all of them')
    args = p.parse_args()
    paths = [o.resolve() for o in args.notebooks or sorted(nbglob(as_path=True))]
    if len(paths) > 2: prepare()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # what notebooks leave in temporary folders goes with this one
    own, tmp = os.getpid(), tempfile.mkdtemp()
    os.environ['TMPDIR'], tempfile.tempdir = tmp, tmp
    try: counts = run(paths, args.flags.split(), args.workers, args.limit, get_config().config_path)
    finally:
        # the processes of the notebooks end here, too
        if os.getpid() == own: shutil.rmtree(tmp, ignore_errors=True)
    print('notebooks:', ', '.join(f'{v} {k.lower()}' for k, v in counts.items()))
    # nothing run is no success
    sys.exit(bool(counts['FAILED'] or not counts['passed']))


if __name__ == '__main__': main()
