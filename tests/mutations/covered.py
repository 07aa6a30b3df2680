"""Plugins of pytest: one records which lines each test runs, one chooses tests by name."""

import json
import os
import time
from collections.abc import Generator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from traced import LINES, TRACED, Tracer


class Recorder:
    """Records for each test that passes its *seconds*, and its *lines* in the files in *top*.

    The lines are also those of child processes, unless they were killed or lost their variables.
    """

    def __init__(self, top: Path) -> None:
        self.seconds: dict[str, float] = {}
        self.lines: dict[str, list[tuple[str, int]]] = {}
        self._top = f"{top}/"
        self._failed: set[str] = set()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Trace the test, its fixtures, the threads and the processes that it starts."""
        tracer = Tracer(self._top)
        with TemporaryDirectory() as folder:
            os.environ |= {TRACED: self._top, LINES: folder}
            began = time.monotonic()
            tracer.start()
            try:
                return (yield)
            finally:
                tracer.stop()
                seconds = time.monotonic() - began
                for path in Path(folder).iterdir():
                    tracer.lines.update(map(tuple, json.loads(path.read_bytes())))
                if item.nodeid not in self._failed:
                    self.seconds[item.nodeid] = seconds
                    found = {(name.removeprefix(self._top), at) for name, at in tracer.lines}
                    self.lines[item.nodeid] = sorted(found)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note tests that do not pass: they can notice nothing."""
        if not report.passed:
            self._failed.add(report.nodeid)


class Chosen:
    """Runs only the tests in *seconds*, the shortest first."""

    def __init__(self, seconds: Mapping[str, float]) -> None:
        self._seconds = seconds

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Leave out and sort *items*."""
        chosen = [item for item in items if item.nodeid in self._seconds]
        items[:] = sorted(chosen, key=lambda item: self._seconds[item.nodeid])
