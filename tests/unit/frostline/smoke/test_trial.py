"""The trial of an artifact: each fault gives its check, and what works gives none."""

import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import plain
import psutil
import pytest

from frostline.core import json_file
from frostline.launch.announced import HealthReport, ServiceFacts
from frostline.smoke import isolation, trial
from frostline.smoke.result import TAG, Check, TrialRequest, TrialResult

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs fork and signals")
# A request that works and a command that works.
SMOKE: dict[str, object] = {
    "timeout": 5,
    "commands": [{"arguments": ["selftest"]}],
    "requests": [{"name": "the routes", "path": "/openapi.json", "contains": "paths"}],
}
SERVICES = [{"name": "api", "grace": 0.1}, {"name": "idle", "grace": 0.1}]


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait less for what never comes."""
    monkeypatch.setattr(trial, "_LEFTOVER_TIMEOUT", 0.2)
    monkeypatch.setattr(trial, "_STOP_TIMEOUT", 0.6)


def requested(root: Path, program: str, *, full: bool = False, **tables: object) -> TrialRequest:
    """Return a request for a trial of *program*, which is not isolated."""
    tables = {"smoke": SMOKE, "services": SERVICES} | tables
    build = plain.bundled(root, program, tables=tables)
    for name in ("home", "tmp", "first", "second"):
        (root / name).mkdir()
    environment = {"HOME": str(root / "home"), "TMPDIR": str(root / "tmp"), TAG: root.name}
    return TrialRequest(
        argv=("{place}/tool",), installed=str(build.bundle),
        places=(str(root / "first"), str(root / "second")), offline=False, read_only=False,
        full=full, environment=environment, temporary=str(root / "tmp"), log=str(root / "log"),
        profile=build.profile.model_dump_json(by_alias=True),
    )  # fmt: skip


def tried(request: TrialRequest) -> TrialResult:
    """Return the result of a trial in this process."""
    made = trial.Trial(request)
    made.run()
    return made.result


def problems(result: TrialResult) -> dict[str, str]:
    """Return the failed checks, with their details."""
    return {check.id: check.detail for check in result.checks if not check.ok}


def test_a_good_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All checks pass, in their order; every step is shown; the places are used one by one."""
    request = requested(tmp_path, plain.server(), full=True)
    result = tried(request)
    assert [(check.id, check.name) for check in result.checks] == [
        ("smoke.command", "tool selftest --json"),
        ("smoke.command", "tool selftest"),
        ("smoke.not-ready", "ready line"),
        ("smoke.unhealthy", "healthy"),
        ("smoke.request", "the routes"),
        ("smoke.second-instance", "a second instance"),
        ("smoke.not-stopped", "stops when its lifeline ends"),
        ("smoke.writes-bundle", "writes nothing into its bundle"),
        ("smoke.outlives-shell", "moved, and its shell killed"),
        ("smoke.outlives-kill", "killed itself"),
        ("smoke.not-stopped", "started again, and stopped"),
        ("smoke.left-behind", "nothing is left"),
    ]
    details = [check.detail for check in result.checks]
    assert details[:6] == [
        '{"ok": true}', '{"ok": true}', "", "GET /health: ok", "status 200",
        "says that the first one runs",
    ]  # fmt: skip
    assert problems(result) == {}
    assert result.ok
    assert re.fullmatch(r"\d\.\d s, exit code 0", details[6])
    assert re.fullmatch(r"all gone after \d\.\d s", details[8])
    assert capsys.readouterr().out.splitlines() == [
        "selftest --json", "selftest", "launch", "the routes", "a second instance", "stop",
        "moved, and its shell killed", "killed", "started again", "stop",
    ]  # fmt: skip
    places = (tmp_path / "home" / "places").read_text(encoding="utf-8").splitlines()
    assert places == [request.installed, *[str(tmp_path / "second")] * 3]
    assert result.observed == {
        "selftest --json": (0, '{"ok": true}'),
        "selftest": (0, '{"ok": true}'),
        "the routes": (200, '{"paths": {}}'),
        "routes of api": (200, '{"paths": {}}'),
    }
    assert result.ready
    assert result.healthy
    assert result.memory
    assert (result.unproven, result.tail) == ("", ())


@pytest.mark.parametrize(
    ("wrong", "expected", "detail"),
    [
        ("selftest", "smoke.command", "its output lacks '\"ok\": true'"),
        ("unhealthy", "smoke.unhealthy", "status degraded; service api FAILED"),
        ("exits", "smoke.not-healthy", "ended with exit code 1 before it was healthy"),
        ("writes", "smoke.writes-bundle", "it changed _internal/data.txt"),
        ("exit-code", "smoke.not-stopped", "exit code 1"),
        ("unclean", "smoke.not-stopped", "it reports that it left ('worker',)"),
        ("never-stops", "smoke.not-stopped", "tool did not end within 0.8 s"),
        ("forced", "smoke.ignores-stop", "api did not stop when asked, and was killed"),
        ("temporary", "smoke.left-behind", "left behind: temporary file forgotten"),
        ("leaves-child", "smoke.left-behind", "left behind: process tool ("),
    ],
)
def test_what_the_first_launch_finds(
    tmp_path: Path, wrong: str, expected: str, detail: str
) -> None:
    """Each fault fails its check only, and the detail says what is wrong."""
    result = tried(requested(tmp_path, plain.server(wrong)))
    assert problems(result).keys() == {expected}
    assert detail in problems(result)[expected]
    assert not psutil.wait_procs(trial.tagged(tmp_path.name), 10)[1]


@pytest.mark.parametrize(
    ("wrong", "expected", "detail"),
    [
        ("second", "smoke.second-instance", "exit code 0, expected 75"),
        ("outlives-shell", "smoke.outlives-shell", "still runs: tool ("),
        ("outlives-kill", "smoke.outlives-kill", "still runs: tool ("),
    ],
)
def test_what_the_later_launches_find(
    tmp_path: Path, wrong: str, expected: str, detail: str
) -> None:
    """Each fault fails its check only; what still runs is ended before the next check."""
    result = tried(requested(tmp_path, plain.server(wrong), full=True))
    assert problems(result).keys() == {expected}
    assert detail in problems(result)[expected]
    assert not psutil.wait_procs(trial.tagged(tmp_path.name), 10)[1]


def test_ports_that_still_answer(tmp_path: Path) -> None:
    """Those of the services are meant, and the control port."""
    found = problems(tried(requested(tmp_path, plain.server("port"))))
    port = found["smoke.left-behind"].split()[3]
    assert found == {
        "smoke.left-behind": f"left behind: port {port} of control still answers, "
        f"port {port} of api still answers"
    }


def test_ports_of_the_last_launch(tmp_path: Path) -> None:
    """Each launch has its own ports; those of a launch before do not count."""
    result = tried(requested(tmp_path, plain.server("late-port"), full=True))
    found = problems(result)["smoke.left-behind"]
    assert " of control still answers" in found
    assert " of api still answers" in found


def test_no_ready_line(tmp_path: Path) -> None:
    """A run time that never says that it is ready has no addresses for requests either."""
    smoke = SMOKE | {"timeout": 0.7}
    result = tried(requested(tmp_path, plain.server("not-ready"), smoke=smoke))
    assert problems(result) == {
        "smoke.not-ready": "no ready line within 0.7 s",
        "smoke.request": "service api has no address",
    }


def test_what_is_no_routes(tmp_path: Path) -> None:
    """A service without OpenAPI has no routes to compare; its answer is what it is."""
    result = tried(requested(tmp_path, plain.server("no-routes")))
    assert problems(result) == {"smoke.request": "status 404, expected 200: no such page"}
    assert result.observed.keys() == {"selftest --json", "selftest", "the routes"}


def test_why_it_was_not_healthy(tmp_path: Path) -> None:
    """The check names the step, and the artifact's last lines are kept."""
    result = tried(requested(tmp_path, plain.server("exits")))
    assert "healthy (launch)" in [check.name for check in result.checks]
    assert result.tail == ("it has no database",)


def test_a_program_without_services(tmp_path: Path) -> None:
    """Its commands are run, and its bundle must be unchanged; nothing else is tried."""
    smoke: dict[str, object] = {
        "commands": [{"arguments": ["a", "b"], "contains": "a b"}, {"arguments": ["{"]}]
    }
    program = '#!/bin/sh\nsays=$*\necho "$says"\n'
    result = tried(requested(tmp_path, program, services=[], smoke=smoke, full=True))
    assert result.checks == (
        Check("smoke.command", "tool a b", ok=True, detail="a b"),
        Check("smoke.command", "tool {", ok=True, detail=""),
        Check("smoke.writes-bundle", "writes nothing into its bundle", ok=True),
        Check("smoke.left-behind", "nothing is left", ok=True),
    )
    assert result.observed == {"a b": (0, "a b"), "{": (0, "{")}
    assert result.ok


def test_a_program_that_cannot_be_started(tmp_path: Path) -> None:
    """That is a failed check, too."""
    smoke = {"commands": [{"arguments": ["a"]}]}
    result = tried(requested(tmp_path, "#!/nowhere/sh\n", services=[], smoke=smoke))
    (check,) = (check for check in result.checks if not check.ok)
    assert (check.id, check.name) == ("smoke.not-healthy", "healthy (a)")
    assert "cannot be started" in check.detail


def test_every_change_of_a_bundle_counts(tmp_path: Path) -> None:
    """New, removed and changed files are named, at most five."""
    smoke: dict[str, object] = {"commands": [{"arguments": []}]}
    program = (
        '#!/bin/sh\ncd "${0%/*}"\nfor name in 1 2 3 4; do echo > $name; done\n'
        "echo more >> _internal/data.txt\n: > tool.log\n"
    )
    result = tried(requested(tmp_path, program, services=[], smoke=smoke))
    changed = problems(result)["smoke.writes-bundle"]
    assert changed == "it changed 1, 2, 3, 4, _internal/data.txt"


def test_where_nothing_can_be_isolated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason is in the result, and the bundle is moved instead of mounted twice."""

    def enter(**_: object) -> None:
        raise isolation.NotPossibleError(reason)

    reason = "darwin has no namespaces"
    monkeypatch.setattr(isolation, "enter", enter)
    request = replace(requested(tmp_path, plain.server(), full=True), read_only=True)
    assert problems(tried(replace(request, places=()))) == {}
    (tmp_path / "home" / "places").unlink()
    result = tried(request)
    assert (problems(result), result.unproven) == ({}, reason)
    places = (tmp_path / "home" / "places").read_text(encoding="utf-8").splitlines()
    assert places == [request.installed, *[str(tmp_path / "second")] * 3]


def test_from_source_there_is_one_place(tmp_path: Path) -> None:
    """Without places everything runs where it is installed."""
    request = replace(requested(tmp_path, plain.server(), full=True), places=())
    assert problems(tried(request)) == {}
    places = (tmp_path / "home" / "places").read_text(encoding="utf-8").splitlines()
    assert places == [request.installed] * 4


def test_the_request_and_the_result_are_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C leaves no result."""
    request = requested(tmp_path, "#!/bin/sh\n", services=[], smoke={})
    json_file.write(tmp_path / "request.json", request)
    files = str(tmp_path / "request.json"), str(tmp_path / "result.json")
    assert trial.main(*files) == 0
    assert json_file.read(Path(files[1]), TrialResult).ok
    Path(files[1]).unlink()

    def interrupted(_: trial.Trial) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(trial.Trial, "run", interrupted)
    assert trial.main(*files) == 130
    assert not Path(files[1]).exists()


def test_the_memory_is_that_of_all_processes() -> None:
    """Children count, processes that are gone do not."""
    code = "import os; held = b'1' * 60_000_000; print(flush=True); input()"
    argv = ["/bin/sh", "-c", '"$@"; :', "sh", sys.executable, "-IS", "-c", code]
    before = trial._memory(os.getpid())
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout
        one = psutil.Process(child.pid)
        child.stdout.readline()
        assert trial._memory(os.getpid()) - before > 50_000_000
        child.communicate(b"\n")
    assert trial._memory(child.pid) == trial._rss(one) == 0


def test_a_file_is_changed_even_at_the_same_time(tmp_path: Path) -> None:
    """Its size tells, too."""
    file = tmp_path / "file"
    trees = []
    for text in ("a", "aa"):
        file.write_text(text, encoding="utf-8")
        os.utime(file, (1, 1))
        trees.append(trial._tree(tmp_path))
    assert trees[0] != trees[1]


def test_what_is_unhealthy() -> None:
    """The services that are not ready are named, with their reasons if they have some."""
    services = {
        "a": ServiceFacts(state="READY"),
        "b": ServiceFacts(state="FAILED", reason="exit code 3"),
        "c": ServiceFacts(state="STARTING"),
    }
    report = HealthReport(status="degraded", services=services)
    reasons = "service b exit code 3; service c STARTING"
    assert trial._unhealthy(report) == f"status degraded; {reasons}"
