"""The lanes of the tests: which tests a run takes.

`fast`: all but the slow ones. `slow`: only these. `ci`: the fast ones, and the slow ones whose
inputs have changed since the commit in FROSTLINE_BASE. Slow tests name their inputs in their
marker, as paths of this project: `@pytest.mark.slow("src/frostline/hosts")`.
"""

import os
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BASE = "FROSTLINE_BASE"
LANES = ("all", "fast", "slow", "ci")


def changed_files(base: str, root: Path = ROOT) -> frozenset[str] | None:
    """Return the files that differ from the merge base with *base*, or None if it is unknown."""

    def git(*words: str) -> str | None:
        argv = ["git", "-C", str(root), *words]
        try:
            done = subprocess.run(argv, check=False, capture_output=True, text=True)
        except OSError:
            return None
        return None if done.returncode else done.stdout

    start = git("merge-base", "--", base, "HEAD") if base else None
    differing = git("diff", "--name-only", start.strip()) if start else None
    new = git("ls-files", "--others", "--exclude-standard")
    if differing is None or new is None:
        return None
    return frozenset([*differing.splitlines(), *new.splitlines()])


def differs(inputs: Iterable[str], changed: Iterable[str]) -> bool:
    """Return whether one of the *changed* files is one of *inputs*, or below one of them."""
    return any(
        file == place or file.startswith(f"{place}/") for file in changed for place in inputs
    )


def inputs_of(item: pytest.Item, root: Path = ROOT) -> tuple[str, ...] | None:
    """Return the inputs of a slow test, its own file among them; None for a fast test."""
    markers = [*item.iter_markers("slow")]
    if not markers:
        return None
    own = item.path.relative_to(root).as_posix()
    return (own, *(place for marker in markers for place in marker.args))


def is_taken(inputs: tuple[str, ...] | None, lane: str, changed: frozenset[str] | None) -> bool:
    """Return whether *lane* takes a test with *inputs*, where the files *changed* are different."""
    if lane == "all" or inputs is None:
        return lane != "slow"
    return lane == "slow" or (lane == "ci" and differs(inputs, changed or ()))


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --lane."""
    parser.addoption("--lane", choices=LANES, default="all", help="which tests run: %(choices)s")


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Say what the lane takes."""
    lane = config.getoption("--lane")
    if lane != "ci":
        return [] if lane == "all" else [f"lane: {lane}"]
    base = os.environ.get(BASE, "")
    if changed_files(base) is None:
        why = f"{base} is no commit of this checkout" if base else "it is not set"
        return [f"lane: ci: no slow test runs, since {BASE} names nothing to compare with ({why})"]
    return [f"lane: ci: slow tests run whose inputs differ from the merge base with {base}"]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect the tests that are not of the lane."""
    lane = config.getoption("--lane")
    changed = changed_files(os.environ.get(BASE, "")) if lane == "ci" else None
    taken = [item for item in items if is_taken(inputs_of(item), lane, changed)]
    if len(taken) < len(items):
        config.hook.pytest_deselected(items=[item for item in items if item not in set(taken)])
        items[:] = taken
