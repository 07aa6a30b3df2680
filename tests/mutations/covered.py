"""Plugins of pytest: one records which lines each test runs, one chooses tests by name."""

import sys
import threading
import time
from collections.abc import Generator, Mapping
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from _typeshed import TraceFunction


class Recorder:
    """Records for each test that passes its *seconds*, and its *lines* in the files below *top*."""

    def __init__(self, top: Path) -> None:
        self.seconds: dict[str, float] = {}
        self.lines: dict[str, list[tuple[str, int]]] = {}
        self._top = f"{top}/"
        self._seen: set[tuple[str, int]] = set()
        self._failed: set[str] = set()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Trace the test, its fixtures and the threads that it starts."""
        self._seen = set()
        began = time.monotonic()
        threading.settrace(self._trace)
        sys.settrace(self._trace)
        try:
            return (yield)
        finally:
            sys.settrace(None)
            threading.settrace(None)
            if item.nodeid not in self._failed:
                self.seconds[item.nodeid] = time.monotonic() - began
                names = {(name.removeprefix(self._top), line) for name, line in self._seen}
                self.lines[item.nodeid] = sorted(names)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note tests that do not pass: they can notice nothing."""
        if not report.passed:
            self._failed.add(report.nodeid)

    def _trace(self, frame: FrameType, event: str, _: object) -> "TraceFunction | None":
        name = frame.f_code.co_filename
        if not name.startswith(self._top):
            return None
        if event == "line":
            self._seen.add((name, frame.f_lineno))
        return self._trace


class Chosen:
    """Runs only the tests in *seconds*, the shortest first."""

    def __init__(self, seconds: Mapping[str, float]) -> None:
        self._seconds = seconds

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Leave out and sort *items*."""
        chosen = [item for item in items if item.nodeid in self._seconds]
        items[:] = sorted(chosen, key=lambda item: self._seconds[item.nodeid])
