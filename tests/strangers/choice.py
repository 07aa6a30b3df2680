"""The strangers' projects: which kind has which build backend and lock, chosen by a seed."""

import os
import random
from collections import Counter
from itertools import product

from backends import BACKENDS, WITHOUT_PYPROJECT
from kinds import KINDS
from lockers import LOCKS

Triple = tuple[str, str, str]
SEED = int(os.environ.get("STRANGERS_SEED", "17"))
COUNT = 24
EACH = 2  # how often each kind, backend and lock appears at least
FAST: tuple[Triple, ...] = (
    ("FastAPI", "hatchling", "uv.lock"), ("click", "setuptools", "requirements"),
    ("script", "none", "none"),
)  # fmt: skip


def impossible(kind: str, backend: str, lock: str) -> str:
    """Return why there is no such project, "" if there is."""
    if kind == "script" and backend != "none":
        return "its data and plug-ins are in no package that a backend builds"
    if kind == "click" and backend == "none" and not LOCKS[lock].needs_pyproject and lock != "none":
        return "console scripts are named in pyproject.toml or by a backend"
    if LOCKS[lock].needs_pyproject and backend in WITHOUT_PYPROJECT:
        return "the lock's tool reads the needs in pyproject.toml, and there is none"
    return ""


ALL = tuple(product(KINDS, BACKENDS, LOCKS))


def chosen(seed: int = SEED) -> tuple[Triple, ...]:
    """Return the projects: the fast ones first, then those that show most that is still rare."""
    random_order = random.Random(seed)
    found = [*FAST]
    seen = Counter(part for triple in found for part in enumerate(triple))
    rest = [triple for triple in ALL if not impossible(*triple) and triple not in found]
    random_order.shuffle(rest)

    def gain(triple: Triple) -> tuple[int, int]:
        missing = [EACH - seen[part] for part in enumerate(triple)]
        return sum(number for number in missing if number > 0), -sum(map(abs, missing))

    while len(found) < COUNT:
        best = max(rest, key=gain)
        rest.remove(best)
        found.append(best)
        seen.update(enumerate(best))
    return tuple(found)
