"""Each key of the profile that changes how a bundle is made or run, in a real bundle."""

import json
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import verbs

from frostline.core import platforms
from frostline.launch.instance import Instance, ask
from frostline.source import environment

ROOT = Path(__file__).resolve().parents[2]
NAME = f"keys-{platforms.host().name}"
FILES = {
    "pyproject.toml": """
        [build-system]
        requires = ["hatchling"]
        build-backend = "hatchling.build"
        [project]
        name = "keys"
        version = "2.5"
        dependencies = ["idna"]
        [tool.hatch.build.targets.wheel]
        packages = ["src/keys"]
    """,
    "src/keys/__init__.py": "",
    "src/keys/server.py": '''
        """Tells about itself."""
        import json, os, sys
        from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
        from importlib import metadata
        from pathlib import Path
        import keys.plain

        def documented():
            """Has a docstring, unless the bundle has none."""

        def facts():
            here = Path(__file__).parents[1]
            names = [item.metadata["Name"] for item in metadata.distributions()]
            return {
                "arguments": sys.argv[1:], "cwd": os.getcwd(), "optimize": sys.flags.optimize,
                "docstring": bool(documented.__doc__), "warnings": sys.warnoptions,
                "meipass": getattr(sys, "_MEIPASS", ""),
                "plain": Path(keys.plain.__file__).is_file(), "names": names,
                "files": sorted(
                    str(path.relative_to(here)) for path in (here / "texts").rglob("*")
                ),
                "link": os.readlink(here / "texts" / "link.txt"),
                "made": (here / "made.txt").read_text(), "given": os.environ.get("KEYS_GIVEN", ""),
                "library": (here / "native" / "libkeys.so").is_file(),
            }

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass
            def do_GET(self):
                body = json.dumps(facts()).encode()
                self.send_response(200 if self.path in ("/healthz", "/facts") else 404)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        def main():
            port = int(os.environ["KEYS_PORT"])
            ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
    ''',
    "src/keys/plain.py": "NAME = 'plain'",
    "src/keys/admin.py": """
        import os, sys
        from concurrent.futures import ProcessPoolExecutor
        from multiprocessing import get_context

        def main():
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
                print(pool.submit(abs, -7).result(), *sys.argv[1:], os.environ["KEYS_SET"])
            return 4
    """,
    "texts/a.txt": "a", "texts/old.txt": "old", "texts/deep/b.txt": "b",
    "native.c": "int seven(void) { return 7; }",
    "make.py": """
        import subprocess, sys
        work, *facts = sys.argv[1:]
        open(f"{work}/made.txt", "w").write(" ".join(facts))
        line = ["cc", "-shared", "-fPIC", "-o", f"{work}/libkeys.so", "native.c"]
        subprocess.run(line, check=True)
    """,
    "hooks/hook-keys.server.py": """
        from PyInstaller.utils.hooks import get_hook_config
        def hook(api):
            chosen = get_hook_config(api, "keys", "chosen")
            api.add_datas([("texts/a.txt", f"{chosen}")])
    """,
    "frostline.toml": """
        source = "."
        requirements = "lock.txt"
        entry = "keys.server:main"
        working_directory = "caller"
        optimize = 2
        interpreter_options = ["W ignore::UserWarning", "u"]
        contents_directory = "inside"
        exclude_files = ["texts/old.*"]
        hooks = ["hooks"]
        executables = [{ name = "keys-admin", entry = "keys.admin:main" }]

        [hooksconfig.keys]
        chosen = "from the hook"

        [packages.idna]
        submodules = true
        metadata = false

        [packages.keys]
        module_collection_mode = "pyz+py"

        [[before]]
        name = "text and library"
        run = ["{python}", "make.py", "{work}", "{product}", "{version}", "{platform}"]
        inputs = ["make.py", "native.c"]
        outputs = ["{work}/made.txt", "{work}/libkeys.so"]

        [[data]]
        source = "texts"
        destination = "texts"
        symlinks = "keep"

        [[data]]
        source = "{work}/made.txt"
        destination = "."

        [[binaries]]
        source = "{work}/lib*.so"
        destination = "native"

        [environment.defaults]
        KEYS_SET = "by the profile"

        [smoke.environment]
        KEYS_GIVEN = "in the smoke test"

        [[services]]
        name = "api"
        arguments = ["--port", "{port}", "{bundle}/texts"]
        port = { mode = "ephemeral", by = "environment", variable = "KEYS_PORT" }

        [[smoke.requests]]
        name = "a variable of the smoke test"
        path = "/facts"
        pointer = "/given"
        equals = "in the smoke test"
    """,
}  # fmt: skip

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="makes a library for Linux")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project of its own, built."""
    folder = tmp_path_factory.mktemp("keys") / "project"
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(textwrap.dedent(text).lstrip(), encoding="utf-8")
    (folder / "texts" / "link.txt").symlink_to("a.txt")
    argo = (ROOT / "resources" / "requirements" / "argo.txt").read_text(encoding="utf-8")
    (idna,) = (block for found, block in environment.lock_blocks(argo) if found.name == "idna")
    (folder / "lock.txt").write_text(idna, encoding="utf-8")
    done = verbs.output(folder, "build")
    assert done.startswith(f"good: build/output/{NAME}/keys"), done
    return folder


@pytest.fixture(scope="module")
def bundle(project: Path) -> Path:
    """Return the folder of the bundle."""
    return project / "build" / "output" / NAME


@pytest.fixture(scope="module")
def facts(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """Return what the running product tells about itself, and the port it was given."""
    folder = tmp_path_factory.mktemp("caller")
    env = {"HOME": str(tmp_path_factory.mktemp("home")), "PATH": ""}
    with Instance([str(bundle / "keys")], env=env, cwd=folder, log=folder / "log") as instance:
        instance.wait_healthy(30)
        assert instance.wait_event("ready", 30)
        url = instance.service_urls()["api"]
        told = json.loads(ask("GET", f"{url}/facts")[1])
        instance.stop(30)
    return {**told, "port": url.rpartition(":")[2], "folder": str(folder)}


def test_how_the_interpreter_runs(facts: dict[str, object]) -> None:
    """`optimize` and `interpreter_options` are those of the frozen interpreter."""
    assert (facts["optimize"], facts["docstring"]) == (2, False)
    assert "ignore::UserWarning" in str(facts["warnings"])


def test_where_and_how_a_service_runs(facts: dict[str, object], bundle: Path) -> None:
    """A service gets its arguments and runs in the folder that `working_directory` names."""
    assert facts["arguments"] == ["--port", facts["port"], f"{bundle}/inside/texts"]
    assert facts["cwd"] == facts["folder"]
    assert facts["meipass"] == f"{bundle}/inside"


def test_what_is_collected(facts: dict[str, object], bundle: Path) -> None:
    """Data, links, libraries and sources lie where the keys say; what is left out does not."""
    assert facts["files"] == ["texts/a.txt", "texts/deep", "texts/deep/b.txt", "texts/link.txt"]
    assert facts["link"] == "a.txt"
    assert facts["made"] == f"keys 2.5 {platforms.host().name}"
    assert facts["library"]
    assert facts["plain"], "module_collection_mode"
    assert (bundle / "inside" / "from the hook" / "a.txt").is_file()
    assert "keys" in str(facts["names"])
    assert "idna" not in str(facts["names"])


def test_a_further_executable(bundle: Path, tmp_path: Path) -> None:
    """It is a plain program with the product's variables, and may start child processes."""
    argv = [str(bundle / "keys-admin"), "--version"]
    env = {"HOME": str(tmp_path), "PATH": ""}
    done = subprocess.run(argv, env=env, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (4, "7 --version by the profile\n"), done.stderr


def test_the_whole_way(project: Path) -> None:
    """`build` freezes and proves; a second one makes nothing again; every check can be asked."""
    done = verbs.run(project, "build", "--json")
    told = json.loads(done.stdout)
    assert (told["good"], told["checks"]) == (True, {"audit": True, "smoke": True, "parity": True})
    assert "smoke-testing" not in done.stderr
    verdict = json.loads((project / f"build/output/{NAME}.smoke.json").read_text("utf-8"))
    assert "a variable of the smoke test" in {check["name"] for check in verdict["checks"]}
    assert "[[data]] of the profile: texts" in verbs.output(project, "why", "--name", "texts/a.txt")


def test_not_good(project: Path, tmp_path: Path) -> None:
    """`build` ends with 5 and shows what is wrong; what was found wrong is checked again."""
    other = Path(shutil.copytree(project, tmp_path / "project", symlinks=True))
    file = other / "frostline.toml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace('equals = "in the', 'equals = "not in the'), encoding="utf-8")
    for _ in range(2):
        done = verbs.run(other, "build")
        assert done.returncode == 5
        assert "a variable of the smoke test │ FAILED" in " ".join(done.stdout.split())
        assert f"NOT GOOD: build/output/{NAME}/keys" in done.stdout


def test_no_file_matches(project: Path) -> None:
    """A pattern of `exclude_files` that matches nothing is a mistake."""
    file = project / "frostline.toml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("texts/old.*", "texts/odl.*"), encoding="utf-8")
    done = verbs.run(project, "build", "--freeze-only")
    file.write_text(text, encoding="utf-8")
    assert done.returncode == 4
    assert "exclude_files: no file of the bundle matches 'texts/odl.*'" in done.stderr
