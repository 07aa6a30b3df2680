"""Errors with real processes: each gives one clear message and the right exit code."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psutil
import pytest
from filelock import FileLock
from processes import alive
from samples import Samples
from verbs import FROSTLINE, run

from frostline.cli.verbs import namespace
from frostline.core import cache, platforms
from frostline.core.command import Process
from frostline.launch.instance import Instance, NotHealthyError, ask, free_port

PRODUCT = Path(__file__).resolve().parents[1] / "products" / "echo"
HOST = platforms.host().name
NAME = f"echo-{HOST}"
STEP = """\
[[before]]
name = "web page"
run = ["{python}", "-c", "pass"]
outputs = ["{work}/page"]

"""


def edited(folder: Path, old: str, new: str, file: str = "specs/echo.toml") -> Path:
    """Return a copy of the product in *folder* with *old* replaced by *new* in *file*."""
    project = Path(shutil.copytree(PRODUCT, folder / "project"))
    path = project / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return project


@pytest.fixture(scope="module")
def project(samples: Samples, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the sample product, built."""
    return samples.copy(tmp_path_factory.mktemp("echo") / "project", "echo")


@pytest.fixture
def model_server(tmp_path: Path) -> Iterator[Path]:
    """Return the path of a model server that the test writes."""
    path = tmp_path / "model-server"
    yield path
    path.unlink(missing_ok=True)


def write_script(path: Path, body: str) -> None:
    """Write an executable shell script."""
    path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    path.chmod(0o755)


def launched(project: Path, folder: Path, behaviour: str) -> Instance:
    """Return the launched product with *behaviour*."""
    executable = project / "build" / "output" / NAME / "echo"
    env = {"ECHO_BEHAVIOUR": behaviour, "HOME": str(folder), "LD_LIBRARY_PATH": "/users/own"}
    return Instance([str(executable)], env=env, cwd=folder, log=folder / "echo.log")


def test_smoke_of_a_good_product(project: Path) -> None:
    """The sample passes, so that the other tests show the fault's effect."""
    done = run(project, "smoke", "--product", "echo", "--json")
    assert json.loads(done.stdout)["ok"], done.stdout
    assert done.returncode == 0


@pytest.mark.product("A7")
def test_executable_data_stays_executable(project: Path) -> None:
    """A bundled tool is executable, a plain file is not."""
    tools = project / "build" / "output" / NAME / "_internal" / "tools"
    assert os.access(tools / "tool.sh", os.X_OK)
    assert (tools / "plain.txt").stat().st_mode & 0o777 == 0o644


def test_model_server_missing(project: Path, model_server: Path) -> None:
    """The verdict names the missing file."""
    done = run(project, "smoke", "--product", "echo", "--model-server", str(model_server), "--json")
    assert done.returncode == 5
    assert "model server missing" in done.stdout


def test_model_server_not_executable(project: Path, model_server: Path) -> None:
    """The verdict says what to do."""
    model_server.touch()
    done = run(project, "smoke", "--product", "echo", "--model-server", str(model_server), "--json")
    assert done.returncode == 5
    assert "chmod +x" in done.stdout


def test_model_server_exits_at_start(project: Path, model_server: Path) -> None:
    """The verdict has the exit code."""
    write_script(model_server, "exit 3")
    done = run(project, "smoke", "--product", "echo", "--model-server", str(model_server), "--json")
    assert done.returncode == 5
    assert "exited with code 3" in done.stdout


@pytest.mark.product("L7")
def test_model_server_never_healthy(project: Path, model_server: Path) -> None:
    """The verdict says how long it waited."""
    write_script(model_server, "exec /bin/sleep 60")
    done = run(project, "smoke", "--product", "echo", "--model-server", str(model_server), "--json")
    assert done.returncode == 5
    assert "not healthy after 2 s" in done.stdout


def test_service_exits_at_start(project: Path, tmp_path: Path) -> None:
    """The artifact fails at once with the service's last output."""
    with launched(project, tmp_path, "exit") as instance:
        with pytest.raises(NotHealthyError, match="exited with code 1") as caught:
            instance.wait_healthy(20)
        assert any("echo cannot go on" in line for line in caught.value.tail)
        assert instance.process.wait(10) == 70


def test_service_never_healthy(project: Path, tmp_path: Path) -> None:
    """A service that always answers 503 fails the start with the reason."""
    with (
        launched(project, tmp_path, "never-healthy") as instance,
        pytest.raises(NotHealthyError, match="answered 503"),
    ):
        instance.wait_healthy(20)


@pytest.mark.parametrize("behaviour", ["ignore-term", "grandchild"])
def test_nothing_outlives_a_stop(project: Path, tmp_path: Path, behaviour: str) -> None:
    """A service that ignores the stop is killed with its children."""
    with launched(project, tmp_path, behaviour) as instance:
        instance.wait_healthy(20)
        assert instance.wait_event("ready", 5)
        family = psutil.Process(instance.process.pid).children(recursive=True)
        assert family
        assert instance.stop(20) == 0
        assert alive(family) == []


def test_children_see_nothing_of_the_bootloader(project: Path, tmp_path: Path) -> None:
    """Programs that the service starts get the user's library path."""
    with launched(project, tmp_path, "") as instance:
        instance.wait_healthy(20)
        assert instance.wait_event("ready", 5)
        _, text = ask("GET", instance.service_urls()["api"] + "/")
        child = json.loads(text)["child"]
        assert "LD_LIBRARY_PATH=/users/own" in child
        assert not [line for line in child if line.startswith(("_PYI", "_MEI"))]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("build", "--product", "ecko"), 2, 'Did you mean "echo"?'),
        (("build", "--product", "echo", "--platform", "linux_x86"), 2, "Did you mean"),
        (("build", "--product", "echo", "--layout", "onefil"), 2, 'Did you mean "onefile"?'),
        (("build", "--product", "echo", "--platform", "windows_arm64"), 3, "cross-compile"),
        (
            ("smoke", "--model-server", "x", "--platform", "windows_arm64"),
            2,
            "leave out --platform",
        ),
        (("build", "--engine", "podman"), 2, "--engine has no effect: this runs on this machine"),
        (
            ("build", "--platform", "darwin_arm64", "--clean"),
            2,
            "--clean has no effect: this runs on GitHub",
        ),
        (("resources", "--pin", "a", "--url", "x", "--check"), 2, "no effect beside --pin"),
        (("publish", "--tag", "v1", "--final", "--notes", "x"), 2, "no effect beside --final"),
        (("llamafile", "--inspect", "x", "--port", "3"), 2, "no effect beside --inspect"),
        (("clean", "--days", "3"), 2, "--days has an effect only with --cache"),
        (("clean", "--cache", "--days", "-1"), 2, "--days -1: expected 0 or more"),
        (("clean", "--cache", "--product", "echo"), 2, "--product has no effect beside --cache"),
        (("sign", "--archive", "x", "--tool", "osslsigncode"), 2, "no effect beside --archive"),
        (("smoke", "--layout", "onefile"), 2, "`frostline build --product echo --layout onefile`"),
    ],
)
def test_wrong_arguments(
    project: Path, arguments: tuple[str, ...], code: int, message: str
) -> None:
    """Each gives one message with a hint and the documented exit code; nothing is left."""
    done = run(project, *arguments)
    assert (done.returncode, message in done.stderr) == (code, True), done.stderr
    assert "Traceback" not in done.stderr
    outputs = (project / "build" / "output").iterdir()
    assert {path.name for path in outputs if path.is_dir()} == {NAME}


@pytest.mark.product("A2")
@pytest.mark.parametrize(
    ("old", "new", "file", "code", "message"),
    [
        ("echo.server:main", "echo.servant:main", "specs/echo.toml", 4, "no module echo.servant"),
        ("echo.server:main", "echo.server:run", "specs/echo.toml", 4, "echo.server has no run"),
        ("import json", "import nowhere", "app/src/echo/server.py", 4, "No module named 'nowhere'"),
        ("import json", "import json ;;", "app/src/echo/server.py", 4, ": syntax error: "),
        ('version = "1.0"', 'version = "1.0"\ndependencies = ["six"]', "app/pyproject.toml", 2,
         "six is not in it"),
        ("# It needs nothing.", f"idna==3.20 --hash=sha256:{64 * '0'}", "lock.txt", 2,
         "does not match its hash in lock.txt"),
        ("[smoke]", f"{STEP}[smoke]", "specs/echo.toml", 4, "did not make"),
        ("else 200}", "else 500}", "app/src/echo/server.py", 4, "answered 500"),
    ],
)  # fmt: skip
def test_product_that_cannot_be_built(  # a row of the table
    tmp_path: Path, old: str, new: str, file: str, code: int, message: str
) -> None:
    """A mistake is found before the freeze; no bundle has the final name."""
    project = edited(tmp_path, old, new, file)
    done = run(project, "build", "--freeze-only", "--product", "echo")
    assert (done.returncode, message in done.stderr) == (code, True), done.stderr
    assert not (project / "build" / "output" / NAME).exists()


def test_a_hook_that_collects_from_pyinstallers_environment(tmp_path: Path) -> None:
    """What only PyInstaller needs is in no bundle, whatever a hook finds."""
    project = edited(tmp_path, "[[data]]", 'hooks = ["hooks"]\n[[data]]')
    (project / "hooks").mkdir()
    hook = "from PyInstaller.utils.hooks import collect_data_files as c; datas = c('setuptools')\n"
    (project / "hooks" / "hook-echo.server.py").write_text(hook, encoding="utf-8")
    done = run(project, "build", "--freeze-only", "--product", "echo")
    assert done.returncode == 4
    assert "a hook collects a file of PyInstaller's own environment: setuptools" in done.stderr
    assert not (project / "build" / "output" / NAME).exists()


def test_second_build_at_the_same_time(project: Path) -> None:
    """A second build of the same product is refused at once with the reason."""
    with FileLock(project / "build" / "lock" / NAME):
        done = run(project, "build", "--freeze-only", "--product", "echo")
    assert done.returncode == 6
    assert "another build" in done.stderr


def interrupted(
    project: Path, temporary: Path, verb: str, phase: str, **environ: str
) -> None:  # fmt: skip
    """Run *verb*, send Ctrl-C when *phase* begins, and check that nothing is left."""
    # Background jobs of a shell ignore Ctrl-C, and so would their children.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    child = subprocess.Popen(
        [FROSTLINE, verb, "--product", "echo"],
        cwd=project,
        env=os.environ | {"TMPDIR": str(temporary)} | environ,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        process_group=0,
    )
    assert child.stderr
    assert any(phase in line for line in child.stderr)
    family = psutil.Process(child.pid).children(recursive=True)
    child.send_signal(signal.SIGINT)
    drain = threading.Thread(target=child.stderr.read)
    drain.start()
    assert child.wait(30) == 130
    drain.join()
    child.stderr.close()
    assert alive(family) == []
    assert not list(temporary.iterdir())


@pytest.mark.parametrize(
    "phase", ["making the environment", "laying out", "checking echo unfrozen", "freezing"]
)
def test_interrupt(tmp_path: Path, phase: str) -> None:
    """Ctrl-C ends every child and leaves no bundle and no half-made environment."""
    project = edited(tmp_path, "schema = 1", "schema = 1 # edited")
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    own = {cache.VARIABLE: str(tmp_path / "cache")} if phase == "making the environment" else {}
    interrupted(project, temporary, "build", phase, **own)
    assert not (project / "build" / "output" / NAME).exists()
    assert [*(tmp_path / "cache" / "environment").glob("*")] == []


@pytest.mark.parametrize("phase", ["smoke-testing", "launch"])
def test_interrupted_smoke(project: Path, tmp_path: Path, phase: str) -> None:
    """Ctrl-C ends the artifact, removes its copy, and leaves no old verdict."""
    run(project, "smoke", "--product", "echo")
    report = project / "build" / "output" / f"{NAME}.smoke.json"
    assert report.is_file()
    interrupted(project, tmp_path, "smoke", phase)
    assert not report.exists()


def test_a_product_of_other_platforms(tmp_path: Path) -> None:
    """A product for other platforms is not in this platform's matrix and is not built here."""
    other = next(name for name in platforms.PLATFORMS if name != HOST)
    project = edited(tmp_path, "schema = 1", f'schema = 1\nplatforms = ["{other}"]')
    done = run(project, "build", "--freeze-only", "--product", "echo")
    assert (done.returncode, f"echo is not built for {HOST}" in done.stderr) == (2, True)
    listed = run(project, "matrix", "--json").stdout
    assert [job["platform"] for job in json.loads(listed)] == [other]


def test_taken_service_port(project: Path, tmp_path: Path) -> None:
    """A taken fixed port fails the start at once; the message names the owner."""
    stage = Path(shutil.copytree(project / "build" / "work" / NAME / "stage", tmp_path / "stage"))
    manifest = json.loads((stage / "frostline.json").read_text(encoding="utf-8"))
    with closing(socket.create_server(("127.0.0.1", 0))) as holder:
        number = holder.getsockname()[1]
        manifest["services"][0]["port"] |= {"mode": "fixed", "number": number}
        (stage / "frostline.json").write_text(json.dumps(manifest), encoding="utf-8")
        env = {"FROSTLINE_BUNDLE": str(stage), "PYTHONPATH": str(stage), "HOME": str(tmp_path)}
        argv = [sys.executable, "-m", "frostline_runtime.entry"]
        with (
            Instance(argv, env=env, cwd=tmp_path, log=tmp_path / "echo.log") as instance,
            pytest.raises(NotHealthyError, match=rf"port {number} is taken by .*pid {os.getpid()}"),
        ):
            instance.wait_healthy(20)


def test_one_service_by_itself(project: Path, tmp_path: Path) -> None:
    """`service NAME` runs one in the foreground; an unknown name lists the known ones."""
    executable = str(project / "build" / "output" / NAME / "echo")
    number = free_port()
    env = {"ECHO_PORT": str(number), "HOME": str(tmp_path)}
    with Process([executable, "service", "api"], log=tmp_path / "log", env=env) as process:
        while not ask("GET", f"http://127.0.0.1:{number}/health")[0]:
            assert process.poll() is None
    argv = [executable, "service", "apy"]
    done = subprocess.run(argv, env=env, check=False, capture_output=True, text=True)
    assert (done.returncode, "there is api" in done.stderr) == (2, True), done.stderr


@pytest.mark.parametrize(
    ("verb", "expected"),
    [
        (("plan", "--product", "echo"), '"echo": "1.0"'),
        (("products",), '"product": "echo"'),
        (("platforms",), f'"name": "{HOST}"'),
        (("doctor",), '"state": "ok"'),
    ],
)
def test_json_for_machines(project: Path, verb: tuple[str, ...], expected: str) -> None:
    """Standard output holds one JSON document and nothing else."""
    done = run(project, *verb, "--json")
    assert done.returncode == 0, done.stderr
    assert expected in json.dumps(json.loads(done.stdout), indent=1)


@pytest.mark.parametrize("verb", sorted(namespace.task_names))
def test_help_has_an_example(project: Path, verb: str) -> None:
    """The help of every verb has an example."""
    assert f"frostline {verb}" in run(project, verb, "--help").stdout


def test_the_only_product_is_the_default(project: Path, tmp_path: Path) -> None:
    """A project with one product needs no --product; with several the message lists them."""
    done = run(project, "build", "--freeze-only")
    assert (done.returncode, "echo is up to date" in done.stderr.replace(NAME, "echo")) == (0, True)
    several = tmp_path / "several"
    shutil.copytree(project / "specs", several / "specs")
    shutil.copy(several / "specs" / "echo.toml", several / "specs" / "other.toml")
    done = run(several, "build", "--freeze-only")
    assert done.returncode == 2
    assert "products: echo, other" in done.stderr


def test_hints_and_help_name_the_program_that_was_called(project: Path) -> None:
    """Called as `invoke`, they say `invoke`."""
    (project / "tasks.py").write_text("from frostline.cli.verbs import namespace\n", "utf-8")
    script = [str(Path(FROSTLINE).with_name("invoke"))]
    module = [sys.executable, "-m", "invoke"]
    for program, words, said in (
        (
            script,
            ["smoke", "--layout", "onefile"],
            "`invoke build --product echo --layout onefile`",
        ),
        (script, ["build", "--help"], "Examples: invoke build"),
        (module, ["build", "--help"], "Examples: invoke build"),
    ):
        argv = [*program, *words]
        done = subprocess.run(argv, cwd=project, check=False, capture_output=True, text=True)
        assert said in done.stdout + done.stderr
        assert "frostline build" not in done.stdout + done.stderr


@pytest.mark.parametrize("words", [["--help"], ["products", "--json"], ["platforms"]])
def test_a_closed_pipe(project: Path, words: list[str]) -> None:
    """A reader that ends early, such as `head`, is no error of frostline: nothing is said."""
    reader, writer = os.pipe()
    os.close(reader)
    argv = [FROSTLINE, *words]
    done = subprocess.run(argv, cwd=project, check=False, stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    assert done.stderr == b""


@pytest.mark.parametrize("words", [["--help"], ["platforms"], ["products"]])
def test_a_terminal_without_unicode(project: Path, words: list[str]) -> None:
    """What its encoding lacks is shown as `?`."""
    done = run(project, *words, environ=os.environ | {"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0, done.stderr


def test_places_that_cannot_be_written(project: Path, tmp_path: Path) -> None:
    """A folder in place of a file, or a file in place of a folder, is told in one message."""
    done = run(project, "treemap", "--out", str(tmp_path))
    assert (done.returncode, f"{tmp_path}: " in done.stderr) == (7, True), done.stderr
    assert [*tmp_path.iterdir()] == []
    empty = Path(shutil.copytree(PRODUCT, tmp_path / "project"))
    (empty / "build").touch()
    done = run(empty, "plan")
    assert (done.returncode, "Traceback" in done.stderr) == (7, False), done.stderr


@pytest.mark.parametrize("flag", ["--version", "--help", "-h"])
def test_version_and_help_import_nothing_slow(flag: str) -> None:
    """`--version` and `--help` import nothing that takes over 10 ms."""
    slow = {"invoke", "rich", "pydantic", "filelock", "lief", "urllib3", "asyncio"}
    code = (
        f"import sys; sys.argv = ['frostline', {flag!r}]; from frostline.cli.program import main; "
        f"main(); print(sorted({slow!r} & {{*sys.modules}}), file=sys.stderr)"
    )
    argv = [sys.executable, "-c", code]
    done = subprocess.run(argv, check=True, capture_output=True, text=True)
    assert done.stderr.strip() == "[]"
    assert "frostline" in done.stdout


@pytest.mark.product("A13")
def test_clean_and_debug(samples: Samples, tmp_path: Path) -> None:
    """`--clean` builds again; `--debug` keeps PyInstaller's DEBUG log and names the file."""
    project = samples.copy(tmp_path / "project", "echo")
    before = (project / "build" / "output" / NAME / "echo").stat().st_mtime_ns
    log = project / "build" / "log" / f"{NAME}.freeze.log"
    assert " DEBUG: " not in log.read_text(encoding="utf-8")
    assert run(project, "build", "--freeze-only", "--product", "echo", "--clean").returncode == 0
    assert (project / "build" / "output" / NAME / "echo").stat().st_mtime_ns > before
    done = run(project, "build", "--freeze-only", "--product", "echo", "--debug")
    assert (done.returncode, str(log) in done.stderr.replace("\n", "")) == (0, True), done.stderr
    assert " DEBUG: " in log.read_text(encoding="utf-8")


@pytest.mark.product("A12")
def test_clean_removes_only_what_builds_made(tmp_path: Path) -> None:
    """A user's file in the build folder stays."""
    project = edited(tmp_path, "schema = 1", "schema = 1 # edited")
    run(project, "plan", "--product", "echo")
    mine = project / "build" / "notes.txt"
    mine.write_text("mine", encoding="utf-8")
    assert (project / "build" / "work").is_dir()
    assert run(project, "clean").returncode == 0
    assert sorted((project / "build").iterdir()) == [project / "build" / ".gitignore", mine]


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[Callable[[Path, str], None]]:
    """Return a function that mounts a small file system over a folder."""
    mounted: list[Path] = []

    def over(folder: Path, options: str) -> None:
        folder.mkdir(parents=True)
        argv = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
        if not shutil.which("mount") or subprocess.run(argv, check=False).returncode:
            pytest.skip(f"no right to mount a file system below {tmp_path}")
        mounted.append(folder)

    yield over
    for folder in mounted:
        subprocess.run(["umount", str(folder)], check=True)


def test_disk_full_while_freezing(tmp_path: Path, mount: Callable[[Path, str], None]) -> None:
    """A full disk gives one message, and no bundle under the final name."""
    project = edited(tmp_path, "schema = 1", "schema = 1 # edited")
    mount(project / "build" / "work", "size=4m")
    done = run(project, "build", "--freeze-only", "--product", "echo")
    assert (done.returncode, "full" in done.stderr) == (7, True), done.stderr
    assert not (project / "build" / "output" / NAME).exists()


def test_output_is_read_only(tmp_path: Path, mount: Callable[[Path, str], None]) -> None:
    """A read-only output folder gives one message that names the file, and no traceback."""
    project = edited(tmp_path, "schema = 1", "schema = 1 # edited")
    mount(project / "build" / "output", "ro")
    done = run(project, "build", "--freeze-only", "--product", "echo")
    assert (done.returncode, "Read-only" in done.stderr) == (7, True), done.stderr
    assert "Traceback" not in done.stderr
