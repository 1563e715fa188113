"""Run the notebooks as tests: what nbdev_test does, with a process for each, so that a crash or a hang
fails one notebook by name and takes no other with it."""
import argparse, os, signal, subprocess, sys, time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from nbdev.config import get_config
from nbdev.doclinks import nbglob

root = get_config().config_path
running = set()


def stop(p):
    "Kill `p` and what it started."
    try: os.killpg(p.pid, signal.SIGKILL)
    except ProcessLookupError: pass


def run_here(path, flags):
    "The child: run `path`, and say so in the last line, since a cell can end the process with status 0."
    from nbdev.test import test_nb
    ok, secs = test_nb(path, get_config().tst_flags.split(), flags, basepath=root)
    print('\nfailed' if not ok else '\npassed' if secs else '\nskipped', flush=True)


def run(path, flags, deadline):
    "The parent: run `path` in a process; returns what became of it, the seconds it took, and what it printed."
    cmd = [sys.executable, __file__, '--child', '--flags', flags, str(path)]
    # two processes with two threads each on two cores are many times slower than one
    env = {'OMP_NUM_THREADS': '1', **os.environ, 'PYTHONUNBUFFERED': '1'}
    start = time.monotonic()
    p = subprocess.Popen(cmd, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                         text=True, errors='replace', start_new_session=True)
    running.add(p)
    try: out, _ = p.communicate(timeout=max(deadline - start, 0))
    except subprocess.TimeoutExpired:
        stop(p)
        out = p.communicate()[0] + '\nstopped: the time limit for all notebooks was reached'
    running.discard(p)
    said, _, verdict = out.rstrip().rpartition('\n')
    if p.returncode or verdict not in ('passed', 'skipped', 'failed'):
        verdict, said = 'failed', f'{out.rstrip()}\nended before its last cell, with status {p.returncode}'
    return verdict.replace('failed', 'FAILED'), time.monotonic() - start, said.strip()


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument('notebooks', nargs='*', type=Path, help='default: all')
    p.add_argument('--flags', default='', help='test flags to run that are otherwise skipped, separated by blanks')
    p.add_argument('--workers', type=int, default=2, help='notebooks at a time')
    p.add_argument('--limit', type=float, default=1800, help='seconds for all of them')
    p.add_argument('--child', action='store_true', help=argparse.SUPPRESS)
    args = p.parse_args()
    nbs = [o.resolve() for o in args.notebooks or sorted(nbglob(as_path=True))]
    if args.child: return run_here(nbs[0], args.flags.split())

    deadline, counts = time.monotonic() + args.limit, dict.fromkeys(('passed', 'skipped', 'FAILED'), 0)
    def one(nb):
        verdict, secs, said = run(nb, args.flags, deadline)
        lines = [f'{verdict}  {os.path.relpath(nb, root)}  {secs:.1f} s']
        if verdict == 'FAILED': lines += ['    ' + o for o in said.splitlines()[-60:]]
        print('\n'.join(lines), flush=True)
        counts[verdict] += 1
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with ThreadPoolExecutor(args.workers) as ex:
        try: list(ex.map(one, nbs))
        except KeyboardInterrupt:
            ex.shutdown(wait=False, cancel_futures=True)
            for p in list(running): stop(p)
            sys.exit('interrupted')
    print('notebooks:', ', '.join(f'{v} {k.lower()}' for k, v in counts.items()))
    # nothing run is no success
    sys.exit(bool(counts['FAILED'] or not counts['passed']))


if __name__ == '__main__': main()
