"""The results of mutants, and the survivors that accepted.toml explains."""

import tomllib
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mutants import Mutant

RESULTS = ("killed", "timed out", "survived", "uncovered")
_ALIVE = {"survived", "uncovered"}


@dataclass(frozen=True)
class Trial:
    """A *mutant* of *module* and its *result*: one of RESULTS; no test runs the uncovered."""

    module: str
    mutant: Mutant
    result: str


@dataclass(frozen=True)
class Accepted:
    """Survivors that are accepted for a *reason*: the change *what* of a *line*.

    Without *line*: everything in *function* that no unit test runs.
    """

    module: str
    function: str
    reason: str
    line: str = ""
    what: str = ""

    def is_about(self, module: str, mutant: Mutant) -> bool:
        """Return whether *mutant* of *module* is meant."""
        place = (self.module, self.function) == (module, mutant.function)
        return place and (not self.line or (self.line, self.what) == (mutant.line, mutant.what))

    def explains(self, trial: Trial) -> bool:
        """Return whether *trial* has a survivor that is meant."""
        results = _ALIVE if self.line else {"uncovered"}
        return trial.result in results and self.is_about(trial.module, trial.mutant)


def accepted() -> tuple[Accepted, ...]:
    """Return the survivors that accepted.toml explains."""
    text = Path(__file__).with_name("accepted.toml").read_text(encoding="utf-8")
    return tuple(Accepted(**item) for item in tomllib.loads(text).get("survivor", []))


def unexplained(trials: Sequence[Trial], known: Collection[Accepted]) -> list[Trial]:
    """Return the trials with a survivor that *known* does not explain."""
    alive = [trial for trial in trials if trial.result in _ALIVE]
    return [trial for trial in alive if not any(item.explains(trial) for item in known)]


def stale(trials: Sequence[Trial], known: Collection[Accepted]) -> list[Accepted]:
    """Return those of *known* in the modules of *trials* that explain none of them."""
    modules = {trial.module for trial in trials}
    return [
        item
        for item in known
        if item.module in modules and not any(item.explains(trial) for trial in trials)
    ]


def table(trials: Sequence[Trial], known: Collection[Accepted]) -> Iterator[str]:
    """Yield the lines of a table with a row for each module."""
    yield f"| module | tried | {' | '.join(RESULTS)} | of these explained |"
    yield "|---|" + "--:|" * (len(RESULTS) + 2)
    rows: dict[str, list[Trial]] = {}
    for trial in trials:
        rows.setdefault(trial.module, []).append(trial)
    for name, made in {**rows, "all": [*trials]}.items():
        counts = Counter(trial.result for trial in made)
        explained = sum(any(item.explains(trial) for item in known) for trial in made)
        figures = (len(made), *(counts[result] for result in RESULTS), explained)
        yield f"| {name} | {' | '.join(map(str, figures))} |"
