"""Searches whose workers, scheduler or connections fail at random moments: more kinds for `faults.py`.

    python cluster_faults.py [KIND ...]
    python cluster_faults.py try KIND N

Workers of this machine are real ones of ProcessExecutor, forked by Python's fork server instead of started anew, so that one
begins within a second. Scheduler and workers of Dask are its own classes, each in a process of its own; workers and
search reach the scheduler through a proxy that can cut connections.
"""
import asyncio, multiprocessing, os, resource, signal, socket, sys, tempfile, time
from multiprocessing import forkserver
from pathlib import Path
from distributed import Scheduler, Worker
import faults
from autodiffusion import executors, processes

PORT = 20000 + os.getpid() % 20000      # of the scheduler; the proxy has the next one


# Workers of this machine

def use_fork_server(folder):
    "In a search: start workers from the fork server, and make temporary folders where a round can see them"
    context = multiprocessing.get_context('forkserver')
    class Multiprocessing:
        def __getattr__(self, name): return getattr(multiprocessing, name)
        def get_context(self, kind): return context
    processes.multiprocessing = Multiprocessing()
    forkserver._forkserver.ensure_running = lambda: None    # it runs, and is no child of this process
    tempfile.tempdir = str(folder)

def workers_of_server():
    "Workers that the fork server has started and that still run"
    found = []
    for p in Path('/proc').glob('[0-9]*/stat'):
        try: fields = p.read_text().rpartition(')')[2].split()
        except OSError: continue
        if int(fields[1]) == forkserver._forkserver._forkserver_pid and fields[0] not in 'ZX': found.append(int(p.parent.name))
    return sorted(found)

def until(what, seconds):
    end = time.monotonic() + seconds
    while not what() and time.monotonic() < end: time.sleep(.01)

def search_on_processes(r, options=''):
    run = dict(disturb=lambda: use_fork_server(r.folder), executor=f'processes:2{options}')
    if r.kind.startswith('overlapping'): r.options = run     # the last run has workers, too
    child = r.search(**run)
    until(lambda: len(faults.lines_of(r.journal)) or not child.alive(), 60)
    return child

def note_workers(r, child, moment):
    "Write a fault down, and see that no worker and no temporary folder stays"
    child.wait()
    until(lambda: not workers_of_server(), 15)
    left = workers_of_server()
    for pid in left: os.kill(pid, signal.SIGKILL)
    r.note(child, moment, workers_left=len(left), folders_left=len([*r.folder.glob('autodiffusion-*')]))

def hit_worker(r, child, hit):
    "Do something to a random worker at a random moment"
    moment = faults.random_moment(r, child)
    there = workers_of_server()
    if not there or not child.alive(): return 'none was there'
    try: hit(r.rng.choice(there))
    except (ProcessLookupError, FileNotFoundError): return 'none was there'
    return moment

def kill(pid): os.kill(pid, signal.SIGKILL)
def stop(pid): os.kill(pid, signal.SIGSTOP)
def starve(pid):
    pages = int(Path(f'/proc/{pid}/statm').read_text().split()[0])
    resource.prlimit(pid, resource.RLIMIT_AS, (pages*4096,)*2)

def worker_killed(r):
    child = search_on_processes(r)
    note_workers(r, child, hit_worker(r, child, kill))

def worker_stopped(r):
    child = search_on_processes(r, '?time_limit=4')
    note_workers(r, child, hit_worker(r, child, stop))

def worker_starved(r):
    child = search_on_processes(r)
    note_workers(r, child, hit_worker(r, child, starve))

def search_with_workers_killed(r):
    for _ in range(r.rng.randint(1, 2)):
        child = search_on_processes(r)
        moment = faults.random_moment(r, child)
        child.kill()
        note_workers(r, child, moment)


# Dask

def serve(tell, make):
    "Run a scheduler or worker of Dask until it ends"
    async def main():
        async with make() as server: await server.finished()
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    asyncio.run(main())

def proxy(tell):
    "Pass bytes on between PORT + 1 and PORT; SIGUSR1 cuts all connections"
    open_now = set()
    async def pump(reader, writer):
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        except OSError: pass
        finally: writer.close()
    async def connect(reader, writer):
        try: there = await asyncio.open_connection('127.0.0.1', PORT)
        except OSError: return writer.close()
        both = {writer, there[1]}
        open_now.update(both)
        await asyncio.gather(pump(reader, there[1]), pump(there[0], writer))
        open_now.difference_update(both)
    async def main():
        def cut():
            for w in [*open_now]: w.transport.abort()
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, cut)
        server = await asyncio.start_server(connect, '127.0.0.1', PORT + 1)
        await server.serve_forever()
    asyncio.run(main())


class Cluster:
    "A scheduler, two workers and a proxy, each a process, with whoever starts again what ended"
    def __init__(self):
        self.parts = dict(proxy=faults.Child(proxy))
        self.watch()
    def watch(self):
        for name in ('scheduler', 'worker 1', 'worker 2'):
            if name not in self.parts or not self.parts[name].alive(): self.parts[name] = self.start(name)
    def start(self, name):
        if name == 'scheduler':
            part = faults.Child(serve, lambda: Scheduler(host='127.0.0.1', port=PORT, dashboard=False))
            until(lambda: not socket.socket().connect_ex(('127.0.0.1', PORT)), 60)
            return part
        address, where = f'tcp://127.0.0.1:{PORT + 1}', tempfile.gettempdir()
        return faults.Child(serve, lambda: Worker(address, nthreads=1, dashboard=False, memory_limit=0, local_directory=where))
    def search(self, r):
        self.watch()
        run = dict(executor=f'dask://127.0.0.1:{PORT + 1}?wait=90&time_limit=60')
        if r.kind.startswith('overlapping'): r.options = run
        child = r.search(**run)
        until(lambda: len(faults.lines_of(r.journal)) or not child.alive(), 60)
        return child
    def wait(self, child):
        end = time.monotonic() + faults.PATIENCE
        while child.alive() and time.monotonic() < end:
            time.sleep(.05)
            self.watch()
    def close(self):
        for part in self.parts.values(): part.kill()

CLUSTER = []

def on_dask(r, hit):
    "A search on the cluster, to which something happens at a random moment"
    if not CLUSTER: CLUSTER.append(Cluster())
    child = CLUSTER[0].search(r)
    moment = faults.random_moment(r, child)
    hit(CLUSTER[0].parts, child)
    CLUSTER[0].wait(child)
    r.note(child, moment)
    CLUSTER[0].watch()      # for the last run

def dask_worker_killed(r): on_dask(r, lambda parts, _: parts[r.rng.choice(['worker 1', 'worker 2'])].kill())
def dask_worker_starved(r):
    on_dask(r, lambda parts, _: starve(parts[r.rng.choice(['worker 1', 'worker 2'])].pid))
    for name in ('worker 1', 'worker 2'): CLUSTER[0].parts[name].kill()
def scheduler_killed(r): on_dask(r, lambda parts, _: parts['scheduler'].kill())
def connections_cut(r): on_dask(r, lambda parts, _: parts['proxy'].kill(signal.SIGUSR1))
def dask_search_killed(r): on_dask(r, lambda _, child: child.kill())


OWN = len(faults.KINDS)      # kinds from here on are of this program
faults.KINDS.update([
    ('worker process killed', (worker_killed, 14)),
    ('worker process hangs', (worker_stopped, 4)),
    ('worker process without memory', (worker_starved, 6)),
    ('search with workers killed', (search_with_workers_killed, 8)),
    ('Dask worker killed', (dask_worker_killed, 16)),
    ('Dask worker without memory', (dask_worker_starved, 4)),
    ('Dask scheduler killed', (scheduler_killed, 8)),
    ('Dask connections cut', (connections_cut, 12)),
    ('search on Dask killed', (dask_search_killed, 6)),
    ('overlapping, worker process killed', (worker_killed, 12)),
    ('overlapping, worker process hangs', (worker_stopped, 3)),
    ('overlapping, search with workers killed', (search_with_workers_killed, 16)),
    ('overlapping, Dask worker killed', (dask_worker_killed, 10)),
    ('overlapping, Dask scheduler killed', (scheduler_killed, 6)),
    ('overlapping, Dask connections cut', (connections_cut, 6)),
    ('overlapping, search on Dask killed', (dask_search_killed, 8))])


if __name__ == '__main__':
    # the server's own process, with all that a worker needs, before this one has threads
    multiprocessing.set_forkserver_preload(['faults', 'autodiffusion.executors'])
    if os.environ.get('FAULTS_MOUNTS'): forkserver.ensure_running()
    try: faults.main(sys.argv[1:] or [*faults.KINDS][OWN:], __file__)
    finally:
        for c in CLUSTER: c.close()
