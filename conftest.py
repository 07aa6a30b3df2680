"""What applies to all tests: their lanes, and the frozen samples that stay as they are."""

import pytest
import samples
from lanes import (  # noqa: F401  # hooks of pytest
    pytest_addoption,
    pytest_collection_modifyitems,
    pytest_report_header,
)

_SPOILT = pytest.StashKey[list[str]]()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the run if a test has changed a sample."""
    factory = getattr(session.config, "_tmp_path_factory", None)
    if hasattr(session.config, "workerinput") or not factory:
        return  # a worker: its controller looks
    found = samples.changed(factory.getbasetemp() / "samples")
    session.config.stash[_SPOILT] = found
    if found:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Name the samples that a test has changed."""
    found = config.stash.get(_SPOILT, [])
    if found:
        terminalreporter.section("samples that a test has changed", red=True)
        for line in found:
            terminalreporter.write_line(line)
