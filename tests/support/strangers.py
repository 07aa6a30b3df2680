"""Projects of people who do not know frostline, and frostline's own wheel."""

import subprocess
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GIT = ("git", "-c", "user.name=A", "-c", "user.email=a@b.c")
Files = Mapping[str, str]


def written(project: Path, files: Files) -> Path:
    """Write *files* into the new folder *project*, commit them, and return it."""
    for file, text in files.items():
        (project / file).parent.mkdir(parents=True, exist_ok=True)
        (project / file).write_text(textwrap.dedent(text).lstrip("\n"), encoding="utf-8")
    subprocess.run([*GIT, "init", "-q", "-b", "main"], cwd=project, check=True)
    commit(project)
    return project


def commit(project: Path) -> None:
    """Commit all that is new in *project*."""
    subprocess.run([*GIT, "add", "."], cwd=project, check=True)
    subprocess.run([*GIT, "commit", "-q", "-m", "1"], cwd=project, check=True)


def own_wheel(folder: Path) -> Path:
    """Return frostline's own wheel, built into *folder*."""
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder)]
    subprocess.run([*build, str(ROOT)], check=True, stdout=subprocess.DEVNULL)
    (wheel,) = folder.glob("*.whl")
    return wheel


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
