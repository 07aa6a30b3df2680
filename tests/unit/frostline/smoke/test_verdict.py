"""The verdict: what is tried, in which surroundings, and what is made of the results."""

import shutil
import socket
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import plain
import pytest

from frostline.core import archive, json_file, log
from frostline.profile.build import Build
from frostline.smoke import verdict
from frostline.smoke.result import TAG, Check, TrialResult
from frostline.smoke.verdict import SmokeTarget, Verdict, smoke
from frostline.source.environment import ProductEnvironment
from frostline.source.stage import Stage

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the programs are scripts")
ONE = {"timeout": 5, "commands": [{"arguments": ["a"], "contains": "done"}]}
WRITER = '#!/bin/sh\n: > "${0%/*}/new" && echo done\n'
CALLER = """#!{python} -IS
import socket
socket.create_connection(("127.0.0.1", {port}), timeout=5)
print("done")
"""


def tried(build: Build, rounds: int = 1, packed: Path | None = None) -> Verdict:
    """Return the verdict about *build*, or about its archive."""
    return smoke(SmokeTarget(build, "inputs", 7, packed), rounds)


def failures(verdict: Verdict) -> dict[str, str]:
    """Return the failed checks, with their details."""
    return {check.id: check.detail for check in verdict.checks if not check.ok}


def test_a_good_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The verdict is also written to a file; old reports and logs are gone."""
    build = plain.bundled(tmp_path, tables={"smoke": ONE})
    for path in (build.report("smoke"), build.log("smoke")):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("an old one", encoding="utf-8")
    found = tried(build, 2)
    assert (found.ok, found.rounds, failures(found)) == (True, 2, {})
    assert (found.product, found.platform, found.layout) == ("tool", build.platform.name, "onedir")
    assert (found.inputs, found.size_bytes, found.log) == ("inputs", 7, str(build.log("smoke")))
    assert (found.ready_ms, found.healthy_ms, found.spread) == (None, None, ())
    assert json_file.read(build.report("smoke"), Verdict) == found
    assert build.log("smoke").read_text(encoding="utf-8") == "done\ndone\n"
    assert build.log("trial").exists()
    shown = capsys.readouterr().err
    assert ("round 1: a" in shown, "round 2: a" in shown, "✗" in shown) == (True, True, False)


def test_a_service_is_tried_as_users_have_it(tmp_path: Path) -> None:
    """The full trial, isolated where that is possible; its figures are in the verdict."""
    requests = [{"name": "the routes", "path": "/openapi.json"}]
    services = [{"name": "api", "grace": 0.1}]
    smoke = {"timeout": 9, "requests": requests}
    found = tried(
        plain.bundled(tmp_path, plain.server(), tables={"smoke": smoke, "services": services})
    )
    assert failures(found) == {}
    assert "smoke.outlives-kill" in {check.id for check in found.checks}
    assert found.healthy_ms
    assert found.spread == (found.healthy_ms,) * 3
    assert found.ready_ms
    assert found.memory_bytes


def test_a_bad_one_is_not_tried_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The first round that fails is the last, and the verdict has its checks."""
    build = plain.bundled(tmp_path, "#!/bin/sh\necho no\nexit 3\n", tables={"smoke": ONE})
    found = tried(build, 3)
    assert "✗ smoke-testing tool" in capsys.readouterr().err
    assert (found.ok, found.rounds) == (False, 1)
    assert failures(found) == {"smoke.command": "exit code 3, expected 0: no"}
    assert not json_file.read(build.report("smoke"), Verdict).ok


def test_no_verdict_is_left_of_a_test_that_fails_itself(tmp_path: Path) -> None:
    """An old verdict does not count for a bundle that could not be tried."""
    build = plain.bundled(tmp_path, tables={"smoke": ONE})
    json_file.write(build.report("smoke"), {"ok": True})
    shutil.rmtree(build.bundle)
    with pytest.raises(FileNotFoundError):
        tried(build)
    assert not build.report("smoke").exists()


def test_one_round_has_no_number(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The steps are shown as they are."""
    assert tried(plain.bundled(tmp_path, tables={"smoke": ONE})).ok
    assert "    a\n" in capsys.readouterr().err


def test_what_is_left_in_the_temporary_folder(tmp_path: Path) -> None:
    """It is found in the folder that the product was told."""
    program = '#!/bin/sh\n: > "$TMPDIR/forgotten"\necho done\n'
    found = tried(plain.bundled(tmp_path, program, tables={"smoke": ONE}))
    assert failures(found) == {"smoke.left-behind": "left behind: temporary file forgotten"}


def test_links_of_a_bundle_stay_links(tmp_path: Path) -> None:
    """The copy that is tried is like the bundle."""
    program = '#!/bin/sh\n[ -L "${0%/*}/_internal/link" ] && echo done\n'
    build = plain.bundled(tmp_path, program, tables={"smoke": ONE})
    (build.bundle / "_internal" / "link").symlink_to("data.txt")
    assert tried(build).ok


def test_an_archive_is_unpacked(tmp_path: Path) -> None:
    """The archive is tried, not the bundle beside it."""
    build = plain.bundled(tmp_path, tables={"smoke": ONE})
    file = tmp_path / "tool.zip"
    archive.pack(build.bundle, "tool-1.0", file, "zip")
    build.executable.write_text("#!/bin/sh\nexit 9\n", encoding="utf-8")
    assert tried(build, packed=file).ok
    assert not tried(build).ok


def test_what_is_only_wrong_in_isolation(tmp_path: Path) -> None:
    """Tried again without it, the isolation is the reason; what is allowed is no fault."""
    for number, (program, key, expected, rest) in enumerate((
        (WRITER, "read_only", "smoke.writes-bundle", {"smoke.writes-bundle": "it changed new"}),
        (CALLER, "offline", "smoke.needs-network", {}),
    )):  # fmt: skip
        with socket.create_server(("127.0.0.1", 0)) as listener:
            text = program.replace("{python}", sys.executable)
            text = text.replace("{port}", str(listener.getsockname()[1]))
            build = plain.bundled(tmp_path / str(number), text, tables={"smoke": ONE})
            found = tried(build)
            if found.unproven:
                pytest.skip(f"not isolated here: {found.unproven}")
            assert failures(found).keys() == {expected}
            assert failures(found)[expected].startswith("tool a: exit code")
            assert {check.id for check in found.checks if check.ok} >= {"smoke.left-behind"}
            free = build.profile.smoke.model_copy(update={key: False})
            allowed = replace(build, profile=build.profile.model_copy(update={"smoke": free}))
            assert failures(tried(allowed)) == rest


class Tries:
    """Trials whose results are known beforehand; records what each was asked."""

    def __init__(self, *results: TrialResult) -> None:
        self.results = [*results]
        self.asked: list[tuple[bool, bool, bool]] = []

    def __call__(
        self, target: SmokeTarget, step: log.Step, *, prefix: str = "", full: bool = True
    ) -> TrialResult:
        """Return the next result."""
        assert (bool(step), bool(prefix)) == (True, True)
        smoke = target.build.profile.smoke
        self.asked.append((smoke.offline, smoke.read_only, full))
        return self.results.pop(0)


def failed(name: str) -> TrialResult:
    """Return a result with a good check and a failed one."""
    good, bad = Check("smoke.command", "a", ok=True), Check(name, "ask", ok=False, detail="500")
    return TrialResult(checks=(good, bad))


BAD = failed("smoke.request")
STILL = TrialResult(checks=(Check("smoke.command", "a", ok=False),))
WRITES = TrialResult(checks=(Check("smoke.writes-bundle", "x", ok=False),))
LEAVES = TrialResult(checks=(Check("smoke.left-behind", "x", ok=False, detail="left"),))
GOOD = TrialResult()
MAY_FAIL = ("smoke.command", "smoke.not-healthy", "smoke.unhealthy", "smoke.request")
OFFLINE, READ_ONLY = (False, True, False), (True, False, False)


@pytest.mark.parametrize(
    ("bad", "again", "asked", "expected"),
    [
        (BAD, [GOOD], [OFFLINE], "smoke.needs-network"),
        (BAD, [STILL, GOOD], [OFFLINE, READ_ONLY], "smoke.writes-bundle"),
        (BAD, [STILL, WRITES], [OFFLINE, READ_ONLY], "smoke.writes-bundle"),
        (BAD, [WRITES, STILL], [OFFLINE, READ_ONLY], "smoke.request"),
        (LEAVES, [], [], "smoke.left-behind"),
        *((failed(name), [GOOD], [OFFLINE], "smoke.needs-network") for name in MAY_FAIL),
        (replace(BAD, unproven="not possible"), [], [], "smoke.request"),
    ],
)
def test_which_isolation_is_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bad: TrialResult,
    again: list[TrialResult], asked: list[tuple[bool, bool, bool]], expected: str,
) -> None:  # fmt: skip
    """One isolation at a time is left out; without a reason the failure stays as it is."""
    tries = Tries(*again)
    monkeypatch.setattr(verdict, "attempt", tries)
    target = SmokeTarget(plain.bundled(tmp_path, tables={"smoke": ONE}), "inputs", 7)
    with log.step("a test") as step:
        found = verdict._explained(target, step, bad)
    assert tries.asked == asked
    assert [check.id for check in found.checks if not check.ok] == [expected]
    if again and expected != "smoke.request":
        assert found.checks[0].ok
        assert found.checks[1].detail == "ask: 500"


def test_the_verdict_names_the_isolation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What fails only in isolation is not the verdict's last word."""
    tries = Tries(GOOD, BAD, GOOD)
    monkeypatch.setattr(verdict, "attempt", tries)
    found = tried(plain.bundled(tmp_path, tables={"smoke": ONE}), 3)
    assert failures(found) == {"smoke.needs-network": "ask: 500"}
    assert (found.ok, found.rounds) == (False, 2)


def test_what_is_allowed_is_not_left_out_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A product that may use the network is tried again only with a bundle it can write to."""
    tries = Tries(STILL)
    monkeypatch.setattr(verdict, "attempt", tries)
    build = plain.bundled(tmp_path, tables={"smoke": ONE | {"offline": False}})
    with log.step("a test") as step:
        assert verdict._explained(SmokeTarget(build, "", 0), step, BAD) == BAD
    assert tries.asked == [(False, False, False)]


@pytest.mark.parametrize(
    ("alone", "smoke", "expected"),
    [
        (False, {}, ("without a network: why", "read-only: why")),
        (True, {}, ("read-only: why",)),
        (False, {"read_only": False}, ("without a network: why",)),
        (False, {"offline": False}, ("read-only: why",)),
        (True, {"read_only": False}, ()),
    ],
)
def test_what_stays_unproven(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, alone: bool,  # noqa: FBT001
    smoke: Mapping[str, bool], expected: tuple[str, ...],
) -> None:  # fmt: skip
    """Only what the profile asks for and this machine could not do; a machine may be alone."""
    names = [(1, "lo")] if alone else [(1, "lo"), (2, "eth0")]
    monkeypatch.setattr(socket, "if_nameindex", lambda: names)
    if alone and sys.platform != "linux":
        pytest.skip("only Linux tells")
    target = SmokeTarget(plain.bundled(tmp_path, tables={"smoke": smoke}), "inputs", 7)
    assert verdict._judge(target, [TrialResult(unproven="why")]).unproven == expected
    assert verdict._judge(target, [TrialResult()]).unproven == ()


def test_the_figures_of_all_rounds(tmp_path: Path) -> None:
    """Least, median and most milliseconds of the healthy rounds; the rest is of the last."""
    target = SmokeTarget(plain.bundled(tmp_path), "inputs", 7)
    rounds = [TrialResult(healthy=seconds) for seconds in (50, 10, None, 20)]
    last = TrialResult(
        checks=BAD.checks, ready=61.4321, healthy=30.0, memory=9, tail=("the last line",)
    )
    found = verdict._judge(target, [*rounds, last])
    assert (found.rounds, found.spread) == (5, (10000, 25000, 50000))
    assert (found.ready_ms, found.healthy_ms, found.memory_bytes) == (61432, 30000, 9)
    assert (found.checks, found.tail, found.ok) == (BAD.checks, ("the last line",), False)


def test_the_variables_of_a_trial(tmp_path: Path) -> None:
    """An empty home, an empty PATH, and of the user's variables only what Windows needs."""
    environ = {
        "PATH": "/bin", "HOME": "/home/me", "SYSTEMROOT": "C:\\Windows", "SYSTEMDRIVE": "C:",
        "WINDIR": "C:\\Windows", "COMSPEC": "cmd", "NUMBER_OF_PROCESSORS": "2", "SECRET": "x",
    }  # fmt: skip
    build = plain.bundled(tmp_path, environ=environ)
    place = tmp_path / "place"
    found = verdict._environment(build, place)
    home, temporary = str(place / "home"), str(place / "tmp")
    tag = found.pop(TAG)
    assert found == {
        "SYSTEMROOT": "C:\\Windows", "SYSTEMDRIVE": "C:", "WINDIR": "C:\\Windows",
        "COMSPEC": "cmd", "NUMBER_OF_PROCESSORS": "2",
        "PATH": str(place / "nothing-on-path"), "LANG": "C.UTF-8",
        "HOME": home, "USERPROFILE": home, "APPDATA": home, "LOCALAPPDATA": home,
        "TMPDIR": temporary, "TEMP": temporary, "TMP": temporary,
    }  # fmt: skip
    assert all(not any(folder.iterdir()) for folder in place.iterdir())
    assert len([*place.iterdir()]) == 3
    other = verdict._environment(replace(build, environ={}), tmp_path / "other")
    assert "SYSTEMROOT" not in other
    assert tag != other[TAG]


def test_a_trial_from_source(tmp_path: Path) -> None:
    """The entry is run by the stage's interpreter, with the stage's variables."""
    build = plain.bundled(tmp_path, tables={"smoke": ONE | {"commands": [{"arguments": ["a"]}]}})
    stage = tmp_path / "stage"
    stage.mkdir()
    python = tmp_path / "python"
    python.write_text(
        '#!/bin/sh\nwords=$*\necho "$words"\necho "$FROSTLINE_BUNDLE $PYTHONPATH"\n'
        'echo "${0%/*}" "$HOME"\n',
        encoding="utf-8",
    )
    python.chmod(0o755)
    product = Stage(stage, ProductEnvironment(python, tmp_path), (), ())
    with log.step("a test") as step:
        found = verdict.attempt_from_source(build, product, step)
    assert found.ok
    status, text = found.observed["a"]
    argv, bundle, home = text.splitlines()
    assert (status, argv) == (0, "-P -m frostline_runtime.entry a")
    assert bundle == f"{stage} {stage}"
    assert home.startswith(f"{tmp_path} ")
    assert home.endswith("frostline smøke /home")
    assert found.unproven == ""
    assert build.log("source").read_text(encoding="utf-8").startswith("-P -m")


def from_source(root: Path, program: str, **tables: object) -> TrialResult:
    """Return the result of a trial from source, whose interpreter is the text *program*."""
    python, stage = root / "python", root / "stage"
    stage.mkdir()
    python.write_text(program, encoding="utf-8")
    python.chmod(0o755)
    product = Stage(stage, ProductEnvironment(python, root), (), ())
    build = plain.bundled(root, tables={"smoke": ONE} | tables)
    with log.step("a test") as step:
        return verdict.attempt_from_source(build, product, step)


def test_from_source_nothing_is_isolated(tmp_path: Path) -> None:
    """The source may use the network, and its folder is not read-only."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        text = CALLER.format(python=sys.executable, port=port)
        text += "import os\nopen(os.path.join(os.environ['FROSTLINE_BUNDLE'], 'new'), 'w')\n"
        text += "open(os.path.join(os.environ['TMPDIR'], 'forgotten'), 'w')\n"
        checks = {check.id: check.detail for check in from_source(tmp_path, text).checks}
    assert checks == {
        "smoke.command": "done", "smoke.writes-bundle": "it changed new",
        "smoke.left-behind": "left behind: temporary file forgotten",
    }  # fmt: skip


def test_from_source_services_are_started_once(tmp_path: Path) -> None:
    """What is compared with the artifact is observed at the first launch."""
    smoke = {"timeout": 9}
    found = from_source(tmp_path, plain.server(), smoke=smoke, services=[{"name": "api"}])
    assert found.ok
    assert found.observed.keys() == {"selftest --json", "routes of api"}
    assert "smoke.second-instance" not in {check.id for check in found.checks}
