"""Files from strangers: files of every kind that the package reads, mutated at random, through the package's own readers.

    python strangers.py         100,000 mutations; what results/strangers.json lacks
    python strangers.py N       N of them, printed and not kept

Each lot of mutations is read in a forked process with bounded memory. A hook of Python's audit counts what a reader of
data has no business to do: run code, start programs, connect, write. A watch in the parent ends what hangs.
"""
import io, json, math, mmap, os, pickle, random, resource, struct, sys, time, warnings, zipfile
from collections import Counter
from pathlib import Path
import numpy as np, torch
from safetensors.torch import save_file
from autodiffusion.adm_checkpoints import _read_network
from autodiffusion.candidate import Candidate, load_candidate
from autodiffusion.images import open_images
from autodiffusion.frechet import Reference
from autodiffusion.journal import Journal, best_of, read_config, read_lines
from autodiffusion.statistics_files import load_statistics
from autodiffusion.toy import toy_problem
from autodiffusion.zoo import UNet, load_unet, save_weights

RESULTS = Path(__file__).parent/'results'/'strangers.json'
FOLDER = Path('/dev/shm' if os.path.isdir('/dev/shm') else '/tmp')/f'strangers-{os.getpid()}'
TIME_LIMIT, MEMORY = 20, 2**30      # seconds for a file; bytes beyond those of the process at its start
BAD_EVENTS = ('exec', 'os.system', 'os.exec', 'os.posix_spawn', 'os.fork', 'subprocess.Popen', 'socket.connect', 'pickle.find_class',
    'ctypes.dlopen', 'os.remove', 'os.rename', 'shutil.rmtree')
OK = (ValueError, OSError)


# Good files

def write_examples(folder):
    "A good file of each kind; some hostile ones stand beside them"
    model, reference = toy_problem()
    Candidate((900, 500, 20)).save(folder/'candidate.json', model, scores=dict(held_out=1.5))
    _write_journal(folder/'journal.jsonl')
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 6))
    Reference(x.mean(0), np.cov(x.T), 40, 'six', origin='numbers', kept_features=x[:5].astype(np.float32)).save(folder/'statistics.npz')
    (folder/'statistics.pkl').write_bytes(pickle.dumps((x.mean(0), np.cov(x.T))))
    np.savez(folder/'images.npz', arr_0=rng.integers(0, 256, (6, 8, 8, 3), np.uint8))
    net = UNet(widths=(8, 8), depth=1, attn=(False, False), n_classes=2)
    save_weights(folder/'network.safetensors', net, name='small', size=8)
    torch.save(dict(ema={'time_embed.0.weight': torch.randn(8, 4), 'input_blocks.0.0.weight': torch.randn(4, 3, 3, 3)}), folder/'checkpoint.pt')

def _write_journal(path):
    j = Journal(path, dict(seed=0, sampler='ddim'))
    j.begin(dict(batch_size=4, precision='float32'))
    from autodiffusion.fitness import Score
    for k in range(6): j.score('generation 1', Candidate((900 - k, 400, 20)), 20, lambda: Score(1. + k, 20, 60, .1, replicates=(1., 2.)), 60)
    j.close()

class _Hostile:
    def __reduce__(self): return os.system, ('true',)


# How they are read

def read_candidate(path):
    load_candidate(path)
    load_candidate(path, MODEL[0])

def read_journal(path):
    read_lines(path)
    read_config(path)
    Journal(path, dict(seed=0, sampler='ddim')).close()
    best_of(path)

def read_statistics(path):
    r = load_statistics(path)
    assert np.isfinite(r.mean).all() and np.isfinite(r.cov).all() and r.cov.shape == (len(r.mean),)*2

def read_images(path):
    for u in open_images(path, progress=False).batches(4): assert u.dtype == torch.uint8 and u.shape[1] == 3

def read_safetensors(path): assert isinstance(load_unet(path).net, torch.nn.Module)
def read_checkpoint(path): _read_network(path)

MODEL = []
KINDS = dict([      # kind: (example, reader, mutations)
    ('candidate', ('candidate.json', read_candidate, 30_000)),
    ('journal', ('journal.jsonl', read_journal, 25_000)),
    ('statistics, npz', ('statistics.npz', read_statistics, 14_000)),
    ('statistics, pickle', ('statistics.pkl', read_statistics, 12_000)),
    ('images, npz', ('images.npz', read_images, 12_000)),
    ('checkpoint, pt', ('checkpoint.pt', read_checkpoint, 5_000)),
    ('network, safetensors', ('network.safetensors', read_safetensors, 2_000))])


# Mutations

NUMBERS = [b'NaN', b'-1', b'0', b'1e999', b'-Infinity', b'9'*400, b'1e308', b'99999999999999999999', b'0.5', b'2147483648']

def mutate_bytes(data, rng): # bytes
    "Flip, cut, double, exchange, remove or insert"
    data, how = bytearray(data), rng.randrange(8)
    n = max(1, len(data))
    a, b = sorted((rng.randrange(n), rng.randrange(n)))
    if how == 0:
        for _ in range(rng.randint(1, 8)): data[rng.randrange(n)] ^= 1 << rng.randrange(8)
    elif how == 1: del data[a:]
    elif how == 2: data[b:b] = data[a:b]
    elif how == 3:
        size = rng.randint(1, max(1, n//4))
        data[a:a + size], data[b:b + size] = data[b:b + size], data[a:a + size]
    elif how == 4: del data[a:min(b, a + 40)]
    elif how == 5: data[a:a] = rng.randbytes(rng.randint(1, 40))
    elif how == 6: data[a:a + 8] = rng.choice([b'\xff'*8, b'\0'*8, struct.pack('<q', 2**62), b'['*5000, b'{"a":'*3000])
    else: data[a:a + 3] = rng.choice(NUMBERS)
    return bytes(data)

def strange_value(rng, depth=0):
    "A value that nobody expects"
    return rng.choice([None, True, -1, 0, 10**30, 10**400, .5, math.nan, math.inf, -1e308, '', 'x'*100_000, [], {}, [[[]]], {'t': {}},
        [1]*5000, '\0', '\ud800', '<script>', _nested(500), {'skip': 'x'}])

def _nested(n):
    v = []
    for _ in range(n): v = [v]
    return v

def mutate_value(v, rng):
    "Change one place of nested values"
    if isinstance(v, (dict, list)) and v and rng.random() < .85:
        k = rng.choice([*v]) if isinstance(v, dict) else rng.randrange(len(v))
        how = rng.randrange(10)
        if how == 0: del v[k]
        elif how == 1 and isinstance(v, list): v.insert(k, v[rng.randrange(len(v))])
        else: v[k] = mutate_value(v[k], rng)
        return v
    return strange_value(rng)

def mutate_json(data, rng): return json.dumps(mutate_value(json.loads(data), rng)).encode('utf-8', 'surrogatepass')

def mutate_lines(data, rng):
    lines = data.splitlines(keepends=True)
    k = rng.randrange(len(lines))
    if rng.random() < .2: lines[k] = lines[rng.randrange(len(lines))]
    else: lines[k] = mutate_json(lines[k], rng) + b'\n'
    return b''.join(lines)

def mutate_archive(data, rng):
    "Change a member of an archive, whose checksums then fit"
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as z: members = {i.filename: z.read(i) for i in z.infolist()}
    k = rng.choice([*members])
    if k.endswith('.pkl') and rng.random() < .05: members[k] = pickle.dumps({'ema': _Hostile()})
    elif k.endswith('.npy') and rng.random() < .5: members[k] = mutate_bytes(members[k][:128], rng) + members[k][128:]
    else: members[k] = mutate_bytes(members[k], rng)
    if rng.random() < .05: members[rng.choice([*members])] = members[k]
    with zipfile.ZipFile(out, 'w') as z:
        for name, content in members.items(): z.writestr(name, content)
    return out.getvalue()

def mutate_head(data, rng):
    "Change the head of a safetensors file, and its length with it"
    n = struct.unpack('<Q', data[:8])[0]
    head = json.loads(data[8:8 + n])
    if rng.random() < .5:
        about = head['__metadata__']
        k = rng.choice([*about])
        about[k] = mutate_json(about[k].encode(), rng).decode('utf-8', 'replace') if about[k][:1] == '{' else str(strange_value(rng))[:5000]
        new = json.dumps(head).encode('utf-8', 'replace')
    else: new = mutate_json(json.dumps(head).encode(), rng)
    return struct.pack('<Q', len(new)) + new + data[8 + n:]

def mutate(data, kind, rng):
    "A mutation of a file: of its bytes, or of what they mean"
    if rng.random() < .4: return mutate_bytes(data, rng)
    if kind == 'candidate': return mutate_json(data, rng)
    if kind == 'journal': return mutate_lines(data, rng)
    if kind == 'network, safetensors': return mutate_head(data, rng)
    if data[:2] == b'PK': return mutate_archive(data, rng)
    if rng.random() < .05: return pickle.dumps((_Hostile(), np.zeros(2)))
    for _ in range(rng.randint(1, 2)): data = mutate_bytes(data, rng)
    return data


# The bench

def outcome(read, path, events):
    "What reading a file comes to: 'valid', 'clear error', or what else it was"
    events.clear()
    try: read(path)
    except OK as e: found = 'clear error' if str(FOLDER) in str(e) else f'error without the file: {type(e).__name__}: {str(e)[:150]}'
    except Exception as e: found = f'{type(e).__name__}: {str(e)[:150]}'
    else: found = 'valid'
    return f'did {events[0]}' if events else found

def watch_events(own):
    "Note from now on what a reader must not do"
    events = []
    def hook(event, args):
        writes = event == 'open' and isinstance(args[1], str) and set(args[1]) & set('wax+') and str(args[0]) != str(own)
        codec = event == 'exec' and 'encodings' in str(args[0])     # Python's own, loaded when a text begins like UTF-16
        if (event in BAD_EVENTS or writes) and not codec: events.append(f'{event} {str(args)[:100]}')
    sys.addaudithook(hook)
    return events

def read_lot(pipe, place, kind, first, count):
    "In a forked process: read mutations, and tell what came of each that is not good"
    name, read, _ = KINDS[kind]
    data, path = (FOLDER/name).read_bytes(), FOLDER/f'{os.getpid()}-{name}'
    path.write_bytes(data)
    warnings.simplefilter('ignore')
    assert outcome(read, path, []) == 'valid', f'{kind}: the example itself cannot be read'
    events, found, bad = watch_events(path), Counter(), []
    size = int(Path('/proc/self/statm').read_text().split()[0])*4096 if Path('/proc/self/statm').exists() else 2**34
    resource.setrlimit(resource.RLIMIT_AS, (size + MEMORY,)*2)
    for k in range(first, first + count):
        place[:8] = struct.pack('<q', k)
        path.write_bytes(mutate(data, kind, random.Random(f'{kind} {k}')))
        events.clear()
        what = outcome(read, path, events)
        found[what if what in ('valid', 'clear error') else 'other'] += 1
        if what not in ('valid', 'clear error'): bad.append((k, what))
    path.unlink()
    os.write(pipe, json.dumps(dict(found=found, bad=bad[:100])).encode())

def watched_lot(kind, first, count): # dict of counts, list of what was bad
    "Read a lot in a process that is watched; one that hangs or crashes is told apart by the number of its file"
    place = mmap.mmap(-1, 8)
    place[:8] = struct.pack('<q', first)
    ours, theirs = os.pipe()
    pid = os.fork()
    if not pid:
        try: read_lot(theirs, place, kind, first, count)
        except BaseException as e: os.write(theirs, json.dumps(dict(found={}, bad=[(first, f'bench: {e!r}')])).encode())
        finally: os._exit(0)
    os.close(theirs)
    last, since, hung = first, time.monotonic(), False
    while not os.waitpid(pid, os.WNOHANG)[0]:
        now = struct.unpack('<q', place[:8])[0]
        if now != last: last, since = now, time.monotonic()
        if time.monotonic() - since > TIME_LIMIT and not hung:
            hung = True
            os.kill(pid, 9)
        time.sleep(.01)
    with open(ours, 'rb') as f: told = f.read()
    if told: return Counter(json.loads(told)['found']), json.loads(told)['bad']
    at = struct.unpack('<q', place[:8])[0]      # those before it are read again
    before, bad = watched_lot(kind, first, at - first) if at > first else (Counter(), [])
    after, worse = watched_lot(kind, at + 1, first + count - at - 1) if at + 1 < first + count else (Counter(), [])
    return before + after + Counter(other=1), [*bad, (at, 'hang' if hung else 'crash'), *worse]

def prepare():
    FOLDER.mkdir(exist_ok=True)
    write_examples(FOLDER)
    MODEL[:] = [toy_problem()[0]]

def campaign(share=1., kinds=None, done={}):
    "Read all mutations that are not done, or a share of each kind; yields kind, first number, counts and what was bad, lot by lot"
    for kind in kinds or KINDS:
        count = round(KINDS[kind][2]*share)
        for first in range(done.get(kind, {}).get('read', 0), count, 1000):
            yield kind, first, *watched_lot(kind, first, min(1000, count - first))

def main(args):
    done = json.loads(RESULTS.read_text()) if RESULTS.exists() and not args else {}
    prepare()
    for kind, first, found, bad in campaign(int(args[0])/100_000 if args else 1., args[1:], done):
        entry = done.setdefault(kind, dict(read=0, valid=0, error=0, other=0, bad=[]))
        for name, key in (('valid', 'valid'), ('clear error', 'error'), ('other', 'other')): entry[key] += found[name]
        entry['read'] += sum(found.values())
        entry['bad'] += bad[:20]
        print(kind, first, dict(found), *bad[:6 if not args else 40], sep='\n  ' if bad else ' ', flush=True)
        if not args: RESULTS.write_text(json.dumps(done, indent=1) + '\n')

if __name__ == '__main__':
    try: main(sys.argv[1:])
    finally:
        for p in FOLDER.glob('*'): p.unlink()
        FOLDER.rmdir()
