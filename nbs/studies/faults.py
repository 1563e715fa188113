"""Searches that are killed, starved and cut off at random moments, and then run again by the same command.

    python faults.py [KIND ...]     runs what results/faults.jsonl lacks, of all kinds or of some; it may be stopped and continued
    python faults.py search OUT     one search, as the faults meet it
    python faults.py try KIND N     N rounds of one kind, printed and not kept

A round is one output folder: one fault or several, then a run that nobody disturbs. Searches are forked from this process,
which has only one thread, so that a round takes seconds; those of the kind 'command killed' start a Python of their own.
In rounds of 'overlapping' kinds generations overlap. Which decisions a search makes then depends on which worker is quick;
what it ended with is compared with a run that follows its journal alone, without workers.
"""
import errno, json, math, os, random, resource, shutil, signal, subprocess, sys, tempfile, time, traceback, warnings
from contextlib import contextmanager
from pathlib import Path
from tqdm import tqdm
tqdm.monitor_interval = 0       # its thread would be lost in a fork
from autodiffusion import journal as journal_module
from autodiffusion.asynchronous import run_asynchronously
from autodiffusion.journal import Journal
from autodiffusion.run import run_generations
from autodiffusion.search import Search
import autodiffusion.surrogate    # loads scikit-learn once, for all forks
from autodiffusion.toy import toy_problem

RESULTS = Path(__file__).parent/'results'/'faults.jsonl'
SETTINGS = dict(steps=4, samples=20, rungs=(10,), population=6, generations=4, finalists=3, final_samples=40, refinements=1,
    race_samples=80, held_out=40, precision='float32', batch_size=20, seed=1)
FOLDER = '/dev/shm' if os.path.isdir('/dev/shm') else None     # a disk shared with others would wait for them at every fsync
PATIENCE = 240      # seconds after which a search hangs


def make_search(problem, out, loop=run_generations): return Search(*problem, out=out, loop=loop, **SETTINGS)


def lines_of(path): # bytes of the complete lines
    "Complete lines of a journal"
    if not path.exists(): return []
    data = path.read_bytes()
    return data[:data.rfind(b'\n') + 1].splitlines(keepends=True)


def without_costs(lines):
    "What lines say, but for what a disturbed run may spend: time, and evaluations made again"
    records = [json.loads(l) for l in lines]
    for r in records:
        for cost in ('seconds', 'spent', 'computed'): r.pop(cost, None)
    return records


# Searches in processes of their own

class Child:
    "A forked process, leader of a session of its own, which tells what it did through a pipe"
    def __init__(self, function, *args):
        ours, theirs = os.pipe()
        sys.stdout.flush()
        self.started = time.monotonic()
        self.pid = os.fork()
        if not self.pid:
            os.close(ours)
            os.setsid()
            signal.signal(signal.SIGINT, signal.default_int_handler)    # which a shell may have switched off
            _run_and_exit(theirs, function, args)
        os.close(theirs)
        self.pipe, self.status = ours, None
    def alive(self):
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid: self.status = status
        return self.status is None
    def kill(self, number=signal.SIGKILL):
        if self.alive(): os.kill(self.pid, number)
    def wait(self, seconds=PATIENCE):
        "Wait for its end; one that hangs is killed, and says so"
        if self.pipe is None: return self
        end = time.monotonic() + seconds
        while self.alive() and time.monotonic() < end: time.sleep(.003)
        self.hung = self.alive()
        self.kill()
        while self.alive(): time.sleep(.003)
        self.seconds = time.monotonic() - self.started
        with open(self.pipe, 'rb') as f: self.told = [json.loads(l) for l in f.read().splitlines() if l.endswith(b'}')]
        self.pipe = None
        return self
    def ended(self): # text
        "How it ended, in words"
        if self.hung: return 'hung'
        if os.WIFSIGNALED(self.status): return f'killed by signal {os.WTERMSIG(self.status)}'
        errors = [t['error'] for t in self.told if 'error' in t]
        return errors[-1] if errors else 'finished'


def _run_and_exit(pipe, function, args):
    "In the child: run the function, tell of an error, end"
    try:
        function(lambda **said: os.write(pipe, json.dumps(said).encode() + b'\n'), *args)
        code = 0
    except BaseException as e:
        os.write(pipe, json.dumps(dict(error=f'{type(e).__name__}: {e}', trace=traceback.format_exc()[-1500:])).encode() + b'\n')
        code = 1
    finally: os._exit(code)


def left_behind(session):
    "Processes of a session that still run"
    found = []
    for p in Path('/proc').glob('[0-9]*/stat'):
        try: fields = p.read_text().rpartition(')')[2].split()
        except OSError: continue
        if int(fields[3]) == session and fields[0] not in 'ZX': found.append(int(p.parent.name))
    return found


def search_once(tell, problem, out, disturb=None, loop=run_generations, **run):
    "In the child: run the search, and tell of each score that was handed out"
    score = Journal.score
    def reporting(self, stage, c, n, *args):
        s = score(self, stage, c, n, *args)
        tell(key=[stage, repr(c), n, s.value if math.isfinite(s.value) else None])
        return s
    Journal.score = reporting
    warnings.simplefilter('ignore')
    if disturb: disturb()
    make_search(problem, out, loop).run(progress=False, **run)


# What a round must keep

class Round:
    "An output folder with its faults, compared with the undisturbed run"
    def __init__(self, bench, kind, k):
        self.bench, self.kind, self.k, self.rows = bench, kind, k, []
        self.rng = random.Random(f'{kind} {k}')
        self.folder = Path(tempfile.mkdtemp(prefix='faults-', dir=FOLDER))
        self.out = self.folder/'run'
        self.kept, self.reported, self.options = [], {}, {}
    @property
    def journal(self): return self.out/'journal.jsonl'

    def search(self, disturb=None, out=None, **run):
        return Child(lambda tell: search_once(tell, self.bench.problem, out or self.out, disturb, self.bench.loop, **run))

    def note(self, child, moment, **more):
        "Write a fault down, with what the journal holds after it"
        child.wait()
        for t in child.told:
            if 'key' in t: self.reported[json.dumps(t['key'][:3])] = t['key'][3]
        data = self.journal.read_bytes() if self.journal.exists() else b''
        lines = lines_of(self.journal)
        # the first line holds no score, and is written anew when the settings have been tried
        lost = sum(a != b for a, b in zip(self.kept[1:], lines[1:])) + max(0, len(self.kept) - len(lines))
        if not more.pop('cut', False): self.kept = lines
        else: self.kept, lost = lines, 0
        self.rows.append(dict(kind=self.kind, round=self.k, moment=moment, lines=len(lines), torn=len(data) - len(b''.join(lines)),
            lines_lost=lost, ended=child.ended().replace(str(self.folder), '')[:300], left_behind=len(left_behind(child.pid)), **more))

    def finish(self):
        "The same command again, undisturbed, and what it ends with"
        child = self.search(**self.options).wait()
        lines = lines_of(self.journal)
        in_journal = _scores(lines)
        same_scores, same_winner = self.as_decided(lines) if self.options else (
            without_costs(lines) == self.bench.records, self.best() == self.bench.best)
        what = dict(
            again=child.ended().replace(str(self.folder), '')[:300],
            kept=lines[1:len(self.kept)] == self.kept[1:], same_scores=same_scores, same_winner=same_winner,
            reported_lost=sum(in_journal.get(k, 'none') != v for k, v in self.reported.items()),
            files_left=sorted(p.name for p in self.out.iterdir() if p.name not in ('journal.jsonl', 'best.json')),
            left_behind_again=len(left_behind(child.pid)))
        shutil.rmtree(self.folder, ignore_errors=True)
        return [dict(r, **what) for r in self.rows]

    def as_decided(self, lines): # (bool, bool)
        "Whether scores and winner are what a run without workers makes of the decisions in the journal, and each score that of an undisturbed run"
        out = self.folder/'followed'
        out.mkdir()
        (out/'journal.jsonl').write_bytes(b''.join(l for l in lines if json.loads(l).get('kind') != 'done'))
        child = self.search(out=out).wait()
        followed = lines_of(out/'journal.jsonl')
        known, found = _values(self.bench.lines), _values(lines)
        same = all(known[k] == found[k] for k in known.keys() & found.keys()) and len(known.keys() & found.keys()) > 5
        best = (out/'best.json').read_text() if child.ended() == 'finished' else None
        return same and without_costs(followed) == without_costs(lines), best is not None and self.best() == best

    def best(self):
        path = self.out/'best.json'
        return path.read_text() if path.exists() else None


def _scores(lines):
    "Scores in lines of a journal, under the texts with which a search reports them"
    found = {}
    for l in lines[1:]:
        r = json.loads(l)
        if 'kind' in r: continue    # a note, such as that of the end
        found[json.dumps([r['stage'], repr(journal_module.unpack(r)), r['n']])] = r['score']
    return found


def _values(lines): # what was scored -> (score, jackknife replicates)
    records = [json.loads(l) for l in lines[1:]]
    return {(repr(journal_module.unpack(r)), r['n'], r['stage'] == 'held out'): (r['score'], r.get('replicates'))
        for r in records if 'kind' not in r}


def is_good(row):
    "Whether a fault cost nothing"
    return (row['again'] == 'finished' and row['kept'] and row['same_scores'] and row['same_winner'] and row['ended'] != 'hung'
        and not any(row.get(k) for k in ('lines_lost', 'reported_lost', 'left_behind', 'left_behind_again', 'files_left', 'workers_left',
            'folders_left')))


class Bench:
    "The undisturbed run"
    def __init__(self, problem, loop=run_generations):
        self.problem, self.loop = problem, loop
        folder = Path(tempfile.mkdtemp(prefix='faults-', dir=FOLDER))
        child = Child(search_once, problem, folder/'run', None, loop).wait()
        assert child.ended() == 'finished', child.told[-1]
        self.seconds, self.lines = child.seconds, lines_of(folder/'run'/'journal.jsonl')
        self.records, self.best = without_costs(self.lines), (folder/'run'/'best.json').read_text()
        self.size = len(b''.join(self.lines))
        shutil.rmtree(folder)


# Faults of the search process

def random_moment(r, child): # text
    "Wait until the journal has a random number of lines, and some milliseconds more; says when that was"
    want, later = r.rng.randrange(len(r.kept), max(len(r.kept) + 1, len(r.bench.lines))), r.rng.uniform(0, .02)
    while child.alive() and len(lines_of(r.journal)) < want: time.sleep(.001)
    time.sleep(later)
    return f'{later*1000:.0f} ms after line {want}' + (', after its end' if not child.alive() else '')

def killed(r, number=signal.SIGKILL):
    "A signal at a random moment, several times"
    for _ in range(r.rng.randint(1, 4)):
        child = r.search()
        moment = random_moment(r, child)
        child.kill(number)
        r.note(child, moment)

def interrupted(r): killed(r, signal.SIGINT)
def terminated(r): killed(r, signal.SIGTERM)


class Torn:
    "A journal's file of which only the first bytes of one line reach the disk before the process is killed"
    def __init__(self, file, line, part): self.file, self.left, self.part = file, line, part
    def __getattr__(self, name): return getattr(self.file, name)
    def write(self, data):
        self.left -= 1
        if self.left >= 0: return self.file.write(data)
        self.file.write(data[:round(self.part*len(data))])
        self.file.flush()
        os.kill(os.getpid(), signal.SIGKILL)

def killed_in_write(r):
    "SIGKILL when a random part of a random line is written, from nothing to all of it"
    for _ in range(r.rng.randint(1, 4)):
        line, part = r.rng.randrange(max(1, len(r.bench.lines) - len(r.kept))), r.rng.choice([0, r.rng.random(), r.rng.random(), 1])
        def disturb():
            def wrapped(self, record, write=Journal.write):
                if not isinstance(self.file, (Torn, type(None))): self.file = Torn(self.file, line, part)
                write(self, record)
            Journal.write = wrapped
        r.note(r.search(disturb), f'line {len(r.kept) + line + 1}, {part:.0%} of it')


def killed_beside_result(r):
    "SIGKILL while best.json is written: before it is renamed, and after"
    late = r.rng.random() < .5
    def disturb():
        rename = os.replace
        def replace(*args):
            if late: rename(*args)
            os.kill(os.getpid(), signal.SIGKILL)
        os.replace = replace
    r.note(r.search(disturb), 'after best.json was renamed' if late else 'before best.json was renamed')


def command_killed(r):
    "A Python of its own, killed when its journal has some number of lines, and some milliseconds later"
    for _ in range(3):
        want, later = r.rng.randrange(len(r.kept), len(r.bench.lines) + 1), r.rng.uniform(0, .05)
        child = Child(_exec_search, r.out)
        end = time.monotonic() + r.rng.uniform(5, 60)
        while child.alive() and len(lines_of(r.journal)) < want and time.monotonic() < end: time.sleep(.002)
        time.sleep(later)
        child.kill()
        r.note(child, f'{later*1000:.0f} ms after line {want}')

def _exec_search(tell, out):
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    os.execv(sys.executable, [sys.executable, __file__, 'search', str(out)])


# Faults of disk and clock

def file_limit(r):
    "No file may grow beyond a random size (RLIMIT_FSIZE), then the limit is gone"
    limit = r.rng.randrange(1, r.bench.size)
    def disturb(): resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    r.note(r.search(disturb), f'{limit} bytes')


@contextmanager
def mounted(r, *words):
    "A file system at the folder of the round, mounted with these words; gives the function that mounted it"
    def mount(*words): subprocess.run(['mount', *words, str(r.out)], check=True)
    r.out.mkdir()
    mount(*words)
    try: yield mount
    finally: subprocess.run(['umount', '-l', str(r.out)], stderr=subprocess.DEVNULL)

def in_memory(r, size): # a file system of so many bytes (a text)
    return mounted(r, '-t', 'tmpfs', '-o', f'size={size}', 'tmpfs')


def full_disk(r):
    "A file system of a random number of pages, which fills up, and then is made larger"
    pages = r.rng.randint(1, math.ceil(r.bench.size/4096))
    with in_memory(r, pages*4096) as mount:
        r.note(r.search(), f'{pages} pages of 4 kB')
        mount('-o', 'remount,size=10M')
        return r.finish()


def read_only(r):
    "The folder is read-only when the command is run for the second time"
    with in_memory(r, '10M') as mount:
        child, moment = r.search(), r.rng.uniform(0, r.bench.seconds)
        time.sleep(moment)
        child.kill()
        r.note(child, f'{moment:.3f} s')
        r.rows.pop()
        mount('-o', 'remount,ro')
        r.note(r.search(), f'after {len(r.kept)} lines')
        mount('-o', 'remount,rw')
        return r.finish()


def disk_fails(r):
    "An ext4 disk reports an error in mid-run and turns read-only, as Linux does with a broken disk; then it is mounted anew"
    image = r.folder/'disk'
    with open(image, 'wb') as f: f.truncate(2**23)
    subprocess.run(['mkfs.ext4', '-q', str(image)], check=True)
    with mounted(r, '-o', 'loop,errors=remount-ro', str(image)) as mount:
        shutil.rmtree(r.out/'lost+found')
        device = subprocess.run(['findmnt', '-no', 'SOURCE', str(r.out)], capture_output=True, text=True).stdout.strip()
        child = r.search()
        moment = random_moment(r, child)
        Path('/sys/fs/ext4', Path(device).name, 'trigger_fs_error').write_text('1')
        r.note(child, moment)
        r.kept = r.kept[:1 + len(r.reported)]   # a line that the disk refused was not reported, and may be there or not
        subprocess.run(['umount', str(r.out)], check=True)
        subprocess.run(['e2fsck', '-fy', str(image)], capture_output=True)
        mount('-o', 'loop', str(image))
        shutil.rmtree(r.out/'lost+found', ignore_errors=True)
        return r.finish()


def torn_tail(r):
    "The journal of a run that was killed ends at a random byte, in zeros or in anything, as after a power failure"
    child, moment = r.search(), r.rng.uniform(.1, 1.1)*r.bench.seconds
    time.sleep(moment)
    child.kill()
    child.wait()
    data = r.journal.read_bytes() if r.journal.exists() else b''
    tail = r.rng.choice(['cut', 'zeros', 'anything'])
    lines = lines_of(r.journal)
    whole = len(b''.join(lines))
    if tail == 'cut': data = data[:r.rng.randrange(len(data))] if data else b''
    elif tail == 'zeros': data = data[:whole] + b'\0'*r.rng.randrange(1, 300)
    else: data = data[:whole] + r.rng.randbytes(r.rng.randrange(1, 300)).replace(b'\n', b'\r')
    if lines: r.journal.write_bytes(data)
    r.note(child, f'{tail}, at byte {len(data)}', cut=True)


def disk_error(r):
    "fsync reports an error at a random line"
    line = r.rng.randrange(len(r.bench.lines))
    def disturb():
        sync, left = os.fsync, [line]
        def fsync(file):
            left[0] -= 1
            if left[0] < 0: raise OSError(errno.EIO, os.strerror(errno.EIO))
            sync(file)
        os.fsync = fsync
    r.note(r.search(disturb), f'fsync {line + 1}')


def clock_set_back(r):
    "The clock is set by days, mostly back, whenever it is read, in a run that is killed and in that which goes on"
    seed = r.rng.random()
    def disturb():
        real, rng, off = time.time, random.Random(seed), [0.]
        def jumping():
            off[0] += rng.uniform(-1e6, 1e5)
            return real() + off[0]
        time.time = jumping
    moment = r.rng.uniform(.2, 1.2)*r.bench.seconds
    for wait in (moment, PATIENCE):
        child = r.search(disturb)
        if wait < PATIENCE:
            time.sleep(wait)
            child.kill()
        r.note(child, f'{moment:.3f} s' if wait < PATIENCE else 'to the end')


def little_memory(r):
    "From a random moment on the search process gets no more memory than it has (RLIMIT_AS)"
    child, moment = r.search(), r.rng.uniform(0, .3)*r.bench.seconds
    time.sleep(moment)
    if child.alive():
        pages = int(Path(f'/proc/{child.pid}/statm').read_text().split()[0])
        resource.prlimit(child.pid, resource.RLIMIT_AS, (pages*4096,)*2)
    r.note(child, f'{moment:.3f} s')


def two_at_once(r):
    "The same command a second time while the first runs: it is refused and disturbs nothing"
    first, moment = r.search(), r.rng.uniform(.1, .7)*r.bench.seconds
    time.sleep(moment)
    second = r.search()
    second.wait()
    r.note(first, f'{moment:.3f} s', second=second.ended().replace(str(r.folder), '')[:200])


KINDS = dict([      # name: (what makes the fault, rounds)
    ('search killed', (killed, 34)),
    ('search killed in a write', (killed_in_write, 20)),
    ('search killed beside its result', (killed_beside_result, 6)),
    ('Ctrl-C', (interrupted, 5)),
    ('SIGTERM', (terminated, 4)),
    ('command killed', (command_killed, 5)),
    ('file size limit', (file_limit, 12)),
    ('full disk', (full_disk, 10)),
    ('read-only folder', (read_only, 8)),
    ('disk fails', (disk_fails, 8)),
    ('fsync fails', (disk_error, 10)),
    ('torn last line', (torn_tail, 24)),
    ('clock set back', (clock_set_back, 8)),
    ('search without memory', (little_memory, 12)),
    ('two at once', (two_at_once, 6)),
    ('overlapping search killed', (killed, 16)),
    ('overlapping search killed in a write', (killed_in_write, 12)),
    ('overlapping search, torn last line', (torn_tail, 8))])


def run_round(benches, kind, k):
    r = Round(benches[kind.startswith('overlapping')], kind, k)
    return KINDS[kind][0](r) or r.finish()


def campaign(benches, kinds):
    "Run the rounds of some kinds that the report lacks, the first of each kind first"
    done = set()
    if RESULTS.exists(): done = {(d['kind'], d['round']) for d in map(json.loads, RESULTS.read_text().splitlines())}
    rounds = [(k/KINDS[kind][1], kind, k) for kind in kinds for k in range(KINDS[kind][1])]
    for _, kind, k in sorted(rounds, key=lambda r: r[0]):
        if (kind, k) in done: continue
        rows = run_round(benches, kind, k)
        with open(RESULTS, 'a') as f: f.writelines(json.dumps(row) + '\n' for row in rows)
        bad = [row for row in rows if not is_good(row)]
        print(kind, k, len(rows), 'faults', 'BAD' if bad else 'good', *bad, flush=True)


def main(args, script=__file__):
    if args[:1] == ['search']: return make_search(toy_problem(), args[1]).run(progress=False)
    if not os.environ.get('FAULTS_MOUNTS'):     # mounts are to be seen by this process and its children alone
        os.execvpe('unshare', ['unshare', '--mount', sys.executable, script, *args], dict(os.environ, FAULTS_MOUNTS='1'))
    problem = toy_problem()
    benches = Bench(problem), Bench(problem, run_asynchronously)
    assert len(os.listdir('/proc/self/task')) == 1, 'threads do not survive a fork'
    if args[:1] != ['try']: return campaign(benches, args or KINDS)
    for k in range(int(args[2])):
        for row in run_round(benches, args[1], k): print('good' if is_good(row) else 'BAD', json.dumps(row))


if __name__ == '__main__': main(sys.argv[1:])
