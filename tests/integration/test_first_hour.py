"""Strangers' projects: frostline's own wheel in an empty environment, and no configuration."""

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from frostline.core import platforms
from frostline.launch.instance import Instance, ask

ROOT = Path(__file__).resolve().parents[2]
HOST = platforms.host().name
Files = Mapping[str, str]

# A template, a data file, a module that is found by name, and a dependency with data.
WORK = """
import importlib
from pathlib import Path

import certifi
from jinja2 import Environment, FileSystemLoader

HERE = Path(__file__).parent


def answer():
    pages = Environment(loader=FileSystemLoader(HERE / "templates"))
    plugin = importlib.import_module({plugins!r} + "greet")
    words = (HERE / "words.txt").read_text().strip()
    roots = Path(certifi.where()).stat().st_size > 1000
    return pages.get_template("page.txt").render(name=plugin.NAME, words=words, roots=roots)
"""
ANSWER = "hello plug-in, some words, True"


def work(folder: str, plugins: str) -> dict[str, str]:
    """Return the files in *folder* that make the answer; its plug-ins are in package *plugins*."""
    return {
        f"{folder}work.py": WORK.format(plugins=plugins),
        f"{folder}templates/page.txt": "hello {{ name }}, {{ words }}, {{ roots }}\n",
        f"{folder}words.txt": "some words\n",
        f"{folder}plugins/__init__.py": "",
        f"{folder}plugins/greet.py": 'NAME = "plug-in"\n',
    }


FASTAPI: Files = {
    "pyproject.toml": """
        [build-system]
        requires = ["hatchling"]
        build-backend = "hatchling.build"
        [project]
        name = "big-shop"
        version = "0.3.0"
        requires-python = ">=3.11"
        dependencies = ["fastapi", "jinja2", "certifi"]
    """,
    **work("src/big_shop/", "big_shop.plugins."),
    "src/big_shop/__init__.py": "",
    "src/big_shop/main.py": """
        from fastapi import FastAPI
        from fastapi.responses import PlainTextResponse
        from big_shop.work import answer

        app = FastAPI()

        @app.get("/answer", response_class=PlainTextResponse)
        def give():
            return answer()

        @app.get("/healthz")
        def healthz():
            return {"ok": True}
    """,
    ".gitignore": ".venv/\n",
}  # fmt: skip
CLICK: Files = {
    "pyproject.toml": """
        [build-system]
        requires = ["setuptools>=77"]
        build-backend = "setuptools.build_meta"
        [project]
        name = "teller"
        dynamic = ["version"]
        dependencies = ["click", "jinja2", "certifi"]
        [project.scripts]
        teller = "teller.cli:main"
        teller-admin = "teller.cli:admin"
        [tool.setuptools.dynamic]
        version = { attr = "teller.VERSION" }
        [tool.setuptools.package-data]
        teller = ["words.txt", "templates/*"]
    """,
    "requirements.txt": "click\njinja2\ncertifi\n",
    **work("teller/", "teller.plugins."),
    "teller/__init__.py": 'VERSION = "2.1"\n',
    "teller/cli.py": """
        import click
        from teller.work import answer

        @click.group()
        def main():
            pass

        @main.command()
        def tell():
            click.echo(answer())

        def admin():
            print("admin:", answer())
    """,
}  # fmt: skip
SCRIPT: Files = {
    "requirements.txt": "jinja2\ncertifi\n",
    **work("", "plugins."),
    "main.py": """
        from work import answer

        if __name__ == "__main__":
            print(answer())
    """,
}  # fmt: skip


def running(bundle: Path, folder: Path) -> str:
    """Return what the service of the bundle answers."""
    env = {"HOME": str(folder), "PATH": ""}
    with Instance([str(bundle / "big-shop")], env=env, cwd=folder, log=folder / "log") as instance:
        instance.wait_healthy(60)
        assert instance.wait_event("ready", 30)
        status, text = ask("GET", f"{instance.service_urls()['api']}/answer")
        instance.stop(30)
    assert status == 200
    return text


def printed(bundle: Path, folder: Path, *argv: str) -> str:
    """Return what a program of the bundle prints."""
    env = {"HOME": str(folder), "PATH": ""}
    line = [str(bundle / argv[0]), *argv[1:]]
    done = subprocess.run(line, env=env, check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout


def programs(bundle: Path, folder: Path) -> str:
    """Return what both console scripts print."""
    assert printed(bundle, folder, "teller-admin") == f"admin: {ANSWER}\n"
    return printed(bundle, folder, "teller", "tell")


def script(bundle: Path, folder: Path) -> str:
    """Return what the script prints."""
    return printed(bundle, folder, "plain")


@pytest.fixture(scope="module")
def frostline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the command of frostline's own wheel, installed with pip into an empty environment."""
    folder = tmp_path_factory.mktemp("frostline")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder)]
    subprocess.run([*build, str(ROOT)], check=True, stdout=subprocess.DEVNULL)
    (wheel,) = folder.glob("*.whl")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder / "env")], check=True)
    python = folder / "env" / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet"]
    subprocess.run([*pip, "--disable-pip-version-check", str(wheel)], check=True)
    return python.with_name("frostline")


def contents(folder: Path) -> dict[str, bytes]:
    """Return the bytes of every file in *folder* outside of `build` and of git's own."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.relative_to(folder).parts[0] not in {"build", ".git"}
    }


def test_init_of_an_installed_frostline(tmp_path: Path, frostline: Path) -> None:
    """It needs nothing of this repository; `--dry-run` writes nothing."""
    (tmp_path / "main.py").write_text("print('hello')\n", encoding="utf-8")
    words = ["init", "--dry-run", "--github", "--nox", "--invoke"]
    done = subprocess.run(
        [str(frostline), *words], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    made = [line[6:] for line in done.stdout.splitlines() if line.startswith("+++ b/")]
    assert made == ["frostline.toml", ".github/workflows/freeze.yml", "noxfile.py", "tasks.py"]
    assert [path.name for path in tmp_path.iterdir()] == ["main.py"]


@pytest.mark.skipif(os.name == "nt", reason="an environment has other folders on Windows")
@pytest.mark.parametrize(
    ("name", "files", "asked"),
    [
        ("big-shop", FASTAPI, running), ("teller", CLICK, programs), ("plain", SCRIPT, script),
    ],
    ids=["FastAPI, hatchling", "click, setuptools", "a script"],
)  # fmt: skip
def test_good_without_configuration(
    tmp_path: Path, frostline: Path, name: str, files: Files, asked: Callable[[Path, Path], str]
) -> None:
    """The product is good, answers with all that it needs, and nothing but `build` is new."""
    project = tmp_path / name
    for file, text in files.items():
        (project / file).parent.mkdir(parents=True, exist_ok=True)
        (project / file).write_text(textwrap.dedent(text).lstrip("\n"), encoding="utf-8")
    git = ["git", "-c", "user.name=A", "-c", "user.email=a@b.c"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "1"]):
        subprocess.run([*git, *words], cwd=project, check=True)
    before = contents(project)
    done = subprocess.run(
        [str(frostline), "build", "--json"], cwd=project, check=False, capture_output=True,
        text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["good"]
    assert asked(project / "build" / "output" / f"{name}-{HOST}", tmp_path).strip() == ANSWER
    assert contents(project) == before
    status = ["git", "status", "--porcelain"]
    assert subprocess.run(status, cwd=project, check=True, stdout=subprocess.PIPE).stdout == b""
