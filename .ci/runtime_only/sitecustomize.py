"""With this folder on PYTHONPATH, only what the installed package requires can be imported: the tools for
development that share the environment behave as if they were not there."""
from importlib.machinery import PathFinder
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def closure(name, extras=(), seen=None):
    "The distributions that `name` needs to run, itself included."
    seen = set() if seen is None else seen
    if (name, extras) in seen: return seen
    seen.add((name, extras))
    try: reqs = map(Requirement, requires(name) or [])
    except PackageNotFoundError: return seen
    for r in reqs:
        if not r.marker or any(r.marker.evaluate({'extra': e}) for e in ('', *extras)):
            closure(canonicalize_name(r.name), tuple(sorted(r.extras)), seen)
    return seen


# pip and setuptools come with the environment
keep = {o for o, _ in closure('autodiffusion')} | {'pip', 'setuptools'}
blocked = {mod for mod, dists in packages_distributions().items() if not keep & set(map(canonicalize_name, dists))}

# not found, rather than an error of its own: torch looks for packages that may be missing
find_spec = PathFinder.find_spec
PathFinder.find_spec = lambda name, path=None, target=None: (
    None if name.partition('.')[0] in blocked else find_spec(name, path, target))
