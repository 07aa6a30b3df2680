"""Negative controls: each broken product must give its finding."""

import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from processes import alive
from samples import Samples
from verbs import run

from frostline.audit import audit
from frostline.core import platforms
from frostline.core.workspace import Target, Workspace
from frostline.freeze.bundle import Bundle, require_bundle
from frostline.infer.opening import open_build
from frostline.profile import policy
from frostline.profile.build import Build
from frostline.profile.checks import Request
from frostline.profile.profile import Profile
from frostline.smoke.verdict import SmokeTarget, Verdict, smoke

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs fork and signals")
FRAIL = Target("frail", platforms.host())
TOOL = Target("frailtool", platforms.host())
HIDDEN = "\nexcludes = ['frail.late']\n\n[[data]]"


@pytest.fixture(scope="module")
def project(samples: Samples, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the frozen products with their evidence."""
    return samples.copy(tmp_path_factory.mktemp("broken") / "p", "frail", "frailtool")


def built(paths: Workspace, target: Target) -> Bundle:
    """Return the description of the bundle."""
    return require_bundle(opened(paths, target))


def opened(paths: Workspace, target: Target) -> Build:
    """Return the build of *target*."""
    return open_build(paths, target.product, target.platform, os.environ)


def tried(paths: Workspace, target: Target, profile: Profile, bundle: Bundle) -> Verdict:
    """Return the verdict of the smoke test on the bundle."""
    build = replace(opened(paths, target), profile=profile)
    return smoke(SmokeTarget(build, bundle.inputs, bundle.size), 1)


def failures(verdict: Verdict) -> set[str]:
    """Return the ids of the smoke test's failed checks."""
    return {check.id for check in verdict.checks if not check.ok}


def audited(paths: Workspace, target: Target, bundle: Bundle) -> set[str]:
    """Return the ids of the audit's errors."""
    found = audit.examine(opened(paths, target), policy.load(paths), bundle).findings
    return {finding.id for finding in found if finding.severity == "error"}


@contextmanager
def server_outside() -> Iterator[str]:
    """Serve on this machine's loopback, which an isolated artifact cannot reach."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


def behave(inside: Path, words: str) -> None:
    """Configure the product's faulty behaviour."""
    path = inside / "frail" / "behaviour.txt"
    path.parent.mkdir(exist_ok=True)
    path.write_text(words, encoding="utf-8")


def test_the_healthy_ones_are_good(project: Path) -> None:
    """Intact products pass all checks, isolated."""
    paths = Workspace(project)
    for target in (FRAIL, TOOL):
        bundle = built(paths, target)
        verdict = tried(paths, target, opened(paths, target).profile, bundle)
        assert failures(verdict) == set()
        assert verdict.ok
        assert verdict.unproven == ()
        assert audited(paths, target, bundle) == set()


@pytest.mark.parametrize(
    ("behaviour", "expected"),
    [
        ("exits", "smoke.not-healthy"),
        ("writes-bundle", "smoke.writes-bundle"),
        ("dead-worker", "smoke.unhealthy"),
        ("stranger", "smoke.not-healthy"),
        ("ignores-stop", "smoke.ignores-stop"),
        ("leaks-folder", "smoke.left-behind"),
    ],
)
def test_what_it_does_wrong(copy: Workspace, behaviour: str, expected: str) -> None:
    """/health is ok in all these cases; the smoke test finds exactly the fault."""
    bundle = built(copy, FRAIL)
    behave(copy.output(FRAIL) / "_internal", behaviour)
    verdict = tried(copy, FRAIL, opened(copy, FRAIL).profile, bundle)
    assert failures(verdict) == {expected}
    assert not verdict.ok


@pytest.mark.product("A14")
def test_it_needs_the_network(copy: Workspace) -> None:
    """A product that works only with a network fails with that reason."""
    bundle, profile = built(copy, FRAIL), opened(copy, FRAIL).profile
    with server_outside() as url:
        behave(copy.output(FRAIL) / "_internal", f"needs-network {url}")
        assert failures(tried(copy, FRAIL, profile, bundle)) == {"smoke.needs-network"}
        allowed = profile.smoke.model_copy(update={"offline": False})
        free = profile.model_copy(update={"smoke": allowed})
        assert failures(tried(copy, FRAIL, free, bundle)) == set()


def test_a_program_that_leaves_a_child(copy: Workspace) -> None:
    """A product without services that leaves a child is found."""
    bundle = built(copy, TOOL)
    behave(copy.output(TOOL) / "_internal", "leaves-child")
    verdict = tried(copy, TOOL, opened(copy, TOOL).profile, bundle)
    assert failures(verdict) == {"smoke.left-behind"}
    (detail,) = (check.detail for check in verdict.checks if not check.ok)
    assert "sleep" in detail
    assert alive([int(detail.rpartition("(")[2].rstrip(")"))]) == []  # the smoke test has ended it


Spoil = Callable[[Path], object]


def without(pattern: str) -> Spoil:
    """Return a change that removes files called so."""

    def spoil(inside: Path) -> None:
        (path,) = inside.glob(pattern)
        shutil.rmtree(path) if path.is_dir() else path.unlink()

    return spoil


def newer_glibc(inside: Path) -> str:
    """Make a library require an unknown glibc; return the library's name."""
    for path in sorted(inside.glob("python3.*/lib-dynload/*.so")):
        data = path.read_bytes()
        if found := re.search(rb"GLIBC_2\.\d+[.\d]*\0", data):
            newer = b"GLIBC_2." + b"9" * (len(found[0]) - 9) + b"\0"
            path.write_bytes(data.replace(found[0], newer))
            return path.name
    pytest.fail("no library names a version of glibc")


@pytest.mark.product("A14")
@pytest.mark.parametrize(
    ("spoil", "in_smoke", "in_audit"),
    [
        (
            without("frail/docs"), {"smoke.command", "smoke.request"}, {"evidence.missing-file"},
        ),
        (
            without("frail-1.0.dist-info"), {"smoke.command", "smoke.request"},
            {"evidence.missing-metadata"},
        ),
        (
            lambda inside: (inside / "frail" / "tool.sh").chmod(0o644), {"smoke.request"},
            {"mode.lost"},
        ),
    ],
    ids=["a pruned docs folder", "stripped metadata", "a lost mode"],
)  # fmt: skip
def test_what_it_has_lost(
    copy: Workspace, spoil: Spoil, in_smoke: set[str], in_audit: set[str]
) -> None:
    """/health is ok; both the audit and the smoke test find what is missing."""
    bundle = built(copy, FRAIL)
    spoil(copy.output(FRAIL) / "_internal")
    assert audited(copy, FRAIL, bundle) == in_audit
    profile = opened(copy, FRAIL).profile
    assert failures(tried(copy, FRAIL, profile, bundle)) == in_smoke


def test_a_program_that_cannot_be_executed(copy: Workspace) -> None:
    """A program that is not executable is a finding, not a traceback."""
    bundle = built(copy, FRAIL)
    copy.executable(FRAIL).chmod(0o644)
    assert audited(copy, FRAIL, bundle) == {"mode.lost"}
    verdict = tried(copy, FRAIL, opened(copy, FRAIL).profile, bundle)
    assert failures(verdict) == {"smoke.not-healthy"}
    assert "cannot be started" in next(c.detail for c in verdict.checks if not c.ok)


def test_a_newer_glibc(copy: Workspace) -> None:
    """The finding names the file with the newest glibc."""
    bundle = built(copy, FRAIL)
    spoilt = newer_glibc(copy.output(FRAIL) / "_internal")
    found = audit.examine(opened(copy, FRAIL), policy.load(copy), bundle)
    (finding,) = (item for item in found.findings if item.id == "native.minimum")
    assert finding.file.endswith(spoilt)
    assert found.minimum.startswith("glibc 2.9")


@pytest.mark.product("A14")
def test_an_import_that_is_hidden_behind_an_address(copy: Workspace) -> None:
    """An import in a request handler fails late; evidence finds it."""
    path = copy.root / "specs" / "frail.toml"
    text = path.read_text("utf-8").replace("\n[[data]]", HIDDEN, 1)
    path.write_text(text, encoding="utf-8")
    assert run(copy.root, "build", "--freeze-only", "--product", "frail").returncode == 0
    bundle = built(copy, FRAIL)
    assert failures(tried(copy, FRAIL, opened(copy, FRAIL).profile, bundle)) == {"smoke.request"}
    assert run(copy.root, "evidence", "--product", "frail").returncode == 0
    assert audited(copy, FRAIL, bundle) == {"evidence.missing-module"}


def test_a_child_that_is_started_by_the_name_of_python(copy: Workspace) -> None:
    """A child `python` works only from source; both checks say so."""
    path = copy.root / "specs" / "frail.toml"
    more = '\n[[smoke.requests]]\nname = "python"\npath = "/python"\ncontains = "json"\n'
    path.write_text(path.read_text("utf-8") + more, encoding="utf-8")
    bundle = built(copy, FRAIL)
    profile = opened(copy, FRAIL).profile
    assert profile.smoke.requests[-1] == Request(name="python", path="/python", contains="json")
    assert failures(tried(copy, FRAIL, profile, bundle)) == {"smoke.request"}
    assert run(copy.root, "evidence", "--product", "frail").returncode == 0
    assert audited(copy, FRAIL, bundle) == {"evidence.python-child"}


# A stand-in for an artifact whose run time has all the faults that the smoke test must find.
ROGUE = """#!{python}
import fcntl, json, os, signal, sys, threading, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
WRONG = "{wrong}"
if "selftest" in sys.argv:
    sys.exit(print('{{"ok": true}}'))
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{{"status": "ok"}}')
    def log_message(self, *_): pass
def say(event, **facts):
    print(json.dumps({{"event": event, **facts}}), flush=True)
port = int(sys.argv[sys.argv.index("--port") + 1]) if "--port" in sys.argv else 0
lock = os.path.join(os.environ["HOME"], "lock")
held = open(lock, "w")
try:
    fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
except OSError:
    if WRONG == "smoke.second-instance":
        sys.exit(0)
    say("already_running")
    sys.exit(75)
if os.path.exists(lock + ".clean"):
    os.unlink(lock + ".clean")
def stop(*_):
    open(lock + ".clean", "w").close()
    if WRONG == "smoke.not-stopped":
        os._exit(1)
    say("stopped", clean=True, left=[])
    os._exit(0)
def lifeline():
    shell = os.getppid()
    while sys.stdin.read(1):
        pass
    time.sleep(0.3)
    if WRONG != "smoke.outlives-shell" or os.getppid() == shell:
        stop()
signal.signal(signal.SIGTERM, stop)
if WRONG == "smoke.outlives-kill" and not os.fork():
    held.close()
    parent = os.getppid()
    os.setsid()
    while os.getppid() == parent:
        time.sleep(0.02)
    if not os.path.exists(lock + ".clean"):
        time.sleep(60)
    os._exit(0)
threading.Thread(target=lifeline, daemon=True).start()
if WRONG != "smoke.not-ready":
    say("ready", token="x", services={{}})
ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
"""


@pytest.mark.parametrize(
    "wrong",
    [
        "nothing", "smoke.second-instance", "smoke.not-stopped", "smoke.outlives-shell",
        "smoke.outlives-kill", "smoke.not-ready",
    ],
)  # fmt: skip
def test_a_run_time_that_keeps_no_promise(copy: Workspace, wrong: str) -> None:
    """Each fault of a stand-in run time is found; without faults it passes."""
    bundle, profile = built(copy, FRAIL), opened(copy, FRAIL).profile
    text = ROGUE.format(python=sys.executable, wrong=wrong)
    copy.executable(FRAIL).write_text(text, encoding="utf-8")
    short = profile.smoke.model_copy(update={"requests": (), "timeout": 5.0})
    alone = profile.model_copy(update={"smoke": short})
    found = failures(tried(copy, FRAIL, alone, bundle))
    assert found == ({wrong} if wrong != "nothing" else set())


def test_the_command_says_what_and_repeats(copy: Workspace) -> None:
    """Rounds are counted and stop at the first failure; exit code 5."""
    done = run(copy.root, "smoke", "--product", "frail", "--repeat", "2")
    assert done.returncode == 0, done.stderr
    assert "2 rounds" in done.stdout
    done = run(copy.root, "smoke", "--product", "frail", "--repeat", "0")
    assert done.returncode == 2
    assert "--repeat 0: expected 1 or more" in done.stderr
