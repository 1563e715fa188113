"""The same searches alone and on clusters whose nodes share nothing: each has a network, an address and a /tmp of its own.

    python .ci/cluster.py --can            says whether this machine lets us make such nodes, and if not why (status 1)
    python .ci/cluster.py dask | ray       runs the searches on one engine

Nodes are namespaces of Linux (network, mounts), joined by a bridge. All of them live in one process namespace, so that
nothing is left behind, whatever happens. Files that the nodes could share are read-only.
"""
import itertools, json, os, pickle, signal, socket, subprocess, sys, threading, time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
NAMESPACES = ['unshare', '--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc']
# an own /tmp, in which a clone that lies in the old one is still to be seen
OWN_TMP = 'mount -t tmpfs tmpfs /tmp && case "$0" in /tmp/*) mkdir -p "$0" && mount --bind /mnt/clone "$0";; esac'
SMALL = dict(samples=60, rungs=(30,), population=6, generations=3, finalists=3, final_samples=120, refinements=1, race_samples=480,
    held_out=100, precision='float32', batch_size=30, seed=1)
# each of Ray's dozen processes would spend a second of the processor on a grammar of addresses that jsonschema loads if it is there
SLOW = 'rfc3987_syntax'
LEAN = f'mkdir /tmp/lean && echo "raise ImportError" >/tmp/lean/{SLOW}.py'


def namespaces():
    "The command that makes namespaces here; raises OSError with the reason where none may be made"
    words = NAMESPACES if os.geteuid() == 0 else [*NAMESPACES, '--user', '--map-root-user']
    script = 'mount -t tmpfs tmpfs /tmp && ip link add br0 type bridge && ip link add v0 type veth peer name v1'
    try: done = subprocess.run([*words, 'sh', '-c', script], capture_output=True, text=True, timeout=30)
    except (FileNotFoundError, subprocess.TimeoutExpired) as e: raise OSError(str(e)) from None
    if done.returncode: raise OSError(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else 'unshare failed')
    return words


def sh(*words): subprocess.run([*map(str, words)], check=True, stdout=subprocess.DEVNULL)


class Node:
    "A machine of its own: network, address, /tmp, and nothing to write to besides"
    def __init__(self, k):
        self.address = f'10.77.0.{k}'
        script = (f'{{ {OWN_TMP}; }} && {LEAN} && mount -t tmpfs tmpfs /dev/shm && mount --bind "$0" "$0" && '
            'mount -o remount,ro,bind "$0" && echo ready && exec sleep infinity')
        self.keeper = subprocess.Popen(['unshare', '--net', '--mount', 'sh', '-c', script, ROOT], stdout=subprocess.PIPE, text=True)
        assert self.keeper.stdout.readline() == 'ready\n', 'a node could not be made'
        self.enter = ['nsenter', '-t', str(self.keeper.pid), '--net', '--mount', '--']
        sh('ip', 'link', 'add', f'v{k}', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', self.keeper.pid)
        sh('ip', 'link', 'set', f'v{k}', 'master', 'br0', 'up')
        for words in ('link set lo up', f'addr add {self.address}/24 dev eth0', 'link set eth0 up'): sh(*self.enter, 'ip', *words.split())

    def start(self, *words):
        "Run a program of the environment here"
        log = open(f'/tmp/log-{self.address}', 'ab')
        env = dict(os.environ, HOME='/tmp', TMPDIR='/tmp', OMP_NUM_THREADS='1', RAY_raylet_start_wait_time_s='120',
            RAY_agent_register_timeout_ms='120000', PYTHONPATH=f'/tmp/lean:{os.environ.get("PYTHONPATH", "")}'.rstrip(':'))
        return subprocess.Popen([*self.enter, BIN/words[0], *map(str, words[1:])], stdout=log, stderr=log, env=env, cwd='/',
            start_new_session=True)


def kill(process):
    "Kill a program and what it started"
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


class Searches:
    "Searches that must all find the same"
    def __init__(self):
        from autodiffusion.asynchronous import run_asynchronously
        from autodiffusion.search import Search
        from autodiffusion.toy import toy_problem
        self.problem, self.search, self.overlapping, self.first = toy_problem(), Search, run_asynchronously, None

    def run(self, name, executor=None, at=None, act=None):
        "One search; after `at` lines of the journal `act` is called from another thread"
        out, start = folder(name), time.monotonic()
        journal = out/'journal.jsonl'
        def watch():
            while not (journal.exists() and journal.read_bytes().count(b'\n') >= at): time.sleep(.01)
            act()
        thread = threading.Thread(target=watch, daemon=True)
        if act: thread.start()
        self.search(*self.problem, 4, out=out, **SMALL).run(progress=False, executor=executor)
        if act: thread.join(60)
        lines = lines_of(out)
        self.first = self.first or lines
        assert lines == self.first, f'{name}: another journal than alone'
        print(f'{name}: the same {len(lines)} lines, {time.monotonic() - start:.1f} s', flush=True)

    def overlap(self, name, executor, acts):
        "A search whose generations overlap; `acts` are called when it has so many scores. Then its journal is followed without workers"
        out, start = folder(name), time.monotonic()
        def run(out, **kw): return self.search(*self.problem, 4, out=out, loop=self.overlapping, **SMALL).run(progress=False, **kw)
        scores = itertools.count(1)
        def look(event):
            if event['event'] == 'score': acts.get(next(scores), lambda: None)()
        run(out, executor=executor, callback=look)
        assert next(scores) > max(acts), f'{name}: it ended before all had happened'
        lines, best = lines_of(out), (out/'best.json').read_text()
        known = scores_of(self.first)
        both = [(value, known[key]) for key, value in scores_of(lines).items() if key in known]
        assert len(both) > 10 and all(a == b for a, b in both), f'{name}: other scores than alone'
        for keep, text in ((len(lines), 'all of it'), (len(lines)//2, 'half of it')):
            again = folder(f'{name} {keep}')
            again.mkdir()
            whole = (out/'journal.jsonl').read_bytes().splitlines(keepends=True)
            (again/'journal.jsonl').write_bytes(b''.join(whole[:keep]))
            run(again)
            assert lines_of(again)[:keep] == lines[:keep], f'{name}: {text} was not followed'
            assert keep < len(lines) or (again/'best.json').read_text() == best, f'{name}: another winner without workers'
        print(f'{name}: {len(lines)} lines, followed without workers, {time.monotonic() - start:.1f} s', flush=True)


def folder(name): return Path('/tmp')/name.replace(' ', '-').replace(',', '')


def lines_of(out):
    "What a journal says, but for costs"
    lines = [json.loads(l) for l in (out/'journal.jsonl').read_text().splitlines()]
    for l in lines:
        for cost in ('seconds', 'spent', 'computed'): l.pop(cost, None)
    return lines


def scores_of(lines): # (steps, number of samples) -> (score, replicates)
    return {(str(l['steps']), l['n'], l['stage'] == 'held out'): (l['score'], l.get('replicates')) for l in lines if 'score' in l}


def until(what, seconds, text):
    "Wait until what() is true"
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, f'{text} after {seconds} seconds'
        time.sleep(.1)


def first_of(connected, seconds=240):
    "What connected() returns, as soon as it raises no ValueError"
    end = time.monotonic() + seconds
    while True:
        try: return connected()
        except ValueError:
            if time.monotonic() > end: raise
            time.sleep(.5)


def listens(address, port):
    with socket.socket() as s:
        s.settimeout(1)
        return s.connect_ex((address, port)) == 0


def on_dask():
    head, a, b = Node(1), Node(2), Node(3)
    address = f'{head.address}:8786'
    def scheduler(): return head.start('dask', 'scheduler', '--host', head.address, '--no-dashboard')
    def worker(node):
        return node.start('dask', 'worker', f'tcp://{address}', '--host', node.address, '--nthreads', 1, '--no-nanny', '--no-dashboard',
            '--memory-limit', 0)
    running = [scheduler(), worker(a)]
    searches = Searches()       # while those start
    searches.run('alone')
    from autodiffusion.clusters import DaskExecutor
    e = first_of(lambda: DaskExecutor(address, timeout=2))
    def there(n): until(lambda: len(e.workers()) == n, 120, f'there are not {n} workers')
    there(1)
    check_apart(e.client.run(os.path.exists, '/tmp/here'))
    running += [worker(b)]      # it comes while the first one works
    searches.run('dask, 1 worker', e)
    there(2)
    searches.run('dask, 2 workers', e)
    running += [worker(b)]
    there(3)
    assert sorted(e.places.values()) == [0, 0, 1], e.places
    searches.run('dask, 3 workers', e, 15, lambda: kill(running.pop()))
    there(2)
    def join():
        running.append(worker(b))
        there(3)
    searches.overlap('dask, overlapping, a worker joins and two die', e, {5: join, 15: lambda: kill(running.pop()),
        25: lambda: kill(running.pop())})
    def restart():
        for p in running: kill(p)
        running[:] = [scheduler(), worker(a), worker(b)]
    there(1)
    searches.run('dask, scheduler and workers started anew', e, 15, restart)
    e.close()
    searches.run('dask by its address', f'dask://{address}?wait=60&time_limit=60')


def on_ray():
    head, a = Node(1), Node(2)
    # with ports given, a node does not wait for those that its agents choose; on a busy machine it gives up on that
    agents = ('runtime-env-agent-port', 'dashboard-agent-grpc-port', 'dashboard-agent-listen-port', 'metrics-export-port')
    ports = [w for k, a in enumerate(agents) for w in (f'--{a}', 6390 + k)]
    def start(node, cpus, *words):
        return node.start('ray', 'start', *words, '--node-ip-address', node.address, '--num-cpus', cpus, '--object-store-memory', 100_000_000,
            '--disable-usage-stats', '--include-log-monitor', 'false', *ports, '--block')
    def start_head():
        return start(head, 1, '--head', '--port', 6379, '--ray-client-server-port', 10001, '--include-dashboard', 'false', '--no-monitor')
    def join(): return start(a, 2, '--address', f'{head.address}:6379')
    running = [start_head()]
    searches = Searches()       # while it starts
    searches.run('alone')
    sys.modules[SLOW] = None
    from autodiffusion.clusters import RayExecutor
    # Ray gives up on a node that is not up within half a minute, which a busy machine needs
    def again(k, begin):
        if len(running) > k and running[k].poll() is not None: running[k] = begin()
    def connected():
        again(0, start_head)
        return RayExecutor(f'ray://{head.address}:10001', timeout=2)
    def up():
        again(0, start_head)
        return listens(head.address, 6379)
    until(up, 240, 'Ray has not started')
    running += [join()]
    e = first_of(connected)
    def there(n):
        def enough():
            again(1, join)
            return len(e.workers()) == n
        until(enough, 240, f'there are not {n} workers')
    there(3)
    e.broadcast('file', lambda: pickle.dumps('/tmp/here'))
    check_apart({w: e.submit(w, 'file', os.path.exists).result(60) for w in e.workers()})
    searches.run('ray, 3 workers', e, 15, lambda: kill(running.pop()))
    there(1)
    searches.run('ray, 1 worker', e)
    def come_back():
        running.append(join())
        there(3)
    searches.overlap('ray, overlapping, a node joins and dies', e, {5: come_back, 20: lambda: kill(running.pop())})
    e.close()


def check_apart(found):
    "A file of this process's /tmp must not be there on the workers"
    assert found and not any(found.values()), f'workers see the folder of the search: {found}'


def main(args):
    if args == ['--can']:
        try: namespaces()
        except OSError as e: sys.exit(f'namespaces cannot be made here ({e})')
    elif args[:1] == ['--inside']:
        sh('sh', '-c', 'mount --make-rprivate / && mount -t tmpfs tmpfs /mnt && mkdir /mnt/clone && mount --bind "$0" /mnt/clone && '
            f'{{ {OWN_TMP}; }}', ROOT)
        for words in ('mount -t tmpfs tmpfs /dev/shm', 'ip link set lo up',
                'ip link add br0 type bridge', 'ip addr add 10.77.0.254/24 dev br0', 'ip link set br0 up'): sh(*words.split())
        Path('/tmp/here').touch()
        try: dict(dask=on_dask, ray=on_ray)[args[1]]()
        except BaseException:
            for log in Path('/tmp').glob('log-*'): print(f'-- {log.name}', log.read_text()[-3000:], sep='\n')
            raise
    else:
        inside = subprocess.Popen([*namespaces(), sys.executable, __file__, '--inside', *args])
        signal.signal(signal.SIGTERM, lambda *_: inside.kill())     # and with it all that is in the namespace
        sys.exit(inside.wait())


if __name__ == '__main__': main(sys.argv[1:])
