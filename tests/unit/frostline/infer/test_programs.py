"""Console scripts, plain scripts, and the smoke commands of their parsers."""

from pathlib import Path

import pytest
from small_project import inferred, reason, value

PYPROJECT = """\
[project]
name = "shop-tools"
[project.scripts]
other = "shop.other:main"
shop_tools = "shop.cli:main"
[project.gui-scripts]
window = "shop.window:main"
"""


def commands(result: object) -> list[str]:
    """Return the smoke commands, as lines."""
    assert isinstance(result, list)
    return [" ".join(command["arguments"]) for command in result]


def test_several_scripts_are_several_executables(tmp_path: Path) -> None:
    """The script with the project's name is the entry; the others are executables."""
    result = inferred(tmp_path, {"pyproject.toml": PYPROJECT, "src/shop/cli.py": ""})
    assert (value(result, "entry"), reason(result, "entry")) == (
        "shop.cli:main", "pyproject.toml:5",
    )  # fmt: skip
    assert value(result, "executables") == [
        {"name": "other", "entry": "shop.other:main"},
        {"name": "window", "entry": "shop.window:main"},
    ]
    assert value(result, "console") is None
    assert value(result, "serve") is None


@pytest.mark.parametrize(
    ("files", "expected", "where"),
    [
        ({"pyproject.toml": '[tool.poetry]\nname = "x"\n[tool.poetry.scripts]\nx = "a.b:c"'},
         "a.b:c", "pyproject.toml:4"),
        ({"setup.cfg": "[options.entry_points]\nconsole_scripts =\n  x = a.b:c [extra]\n"},
         "a.b:c", "setup.cfg:3"),
        ({"setup.py": "setup(entry_points={'console_scripts': ['x = a.b:c']})"},
         "a.b:c", "setup.py:1"),
        ({"setup.py": "E = {'console_scripts': '''\nx=a.b:c\n'''}\nsetup(entry_points=E)"},
         "a.b:c", "setup.py:2"),
        ({"pyproject.toml": "[build-system]\n", "x/__init__.py": "", "x/__main__.py": ""},
         "x.__main__", "x/__main__.py can be run"),
        ({"app.py": "", "helper.py": ""}, "app", "app.py can be run"),
        ({"helper.py": "", "main.py": "import helper"}, "main", "main.py can be run"),
        ({"stats.py": "if __name__ == '__main__': ...", "helper.py": ""}, "stats",
         "stats.py can be run"),
        ({"pyproject.toml": "[build-system]", "src/x/__init__.py": "", "src/x/app.py":
          "def main(): ..."}, "x.app:main", "src/x/app.py:1"),
        ({"pyproject.toml": "[project]\nname = 'b'", "a.py": "def main(): ...", "b.py":
          "def main(): ..."}, "b:main", "b.py:1"),
        ({"only.py": "print()"}, "only", "only.py can be run"),
    ],
)  # fmt: skip
def test_programs(files: dict[str, str], expected: str, where: str, tmp_path: Path) -> None:
    """Every place that declares a script, packages with `__main__`, and plain scripts."""
    result = inferred(tmp_path, files)
    assert (value(result, "entry"), reason(result, "entry")) == (expected, where)
    assert value(result, "console") is None


def test_a_window_needs_no_console(tmp_path: Path) -> None:
    """A project of one GUI script has no console window."""
    pyproject = '[project]\nname = "x"\n[project.gui-scripts]\nx = "x:main"\n'
    result = inferred(tmp_path, {"pyproject.toml": pyproject})
    assert value(result, "console") is False
    assert value(result, "smoke.commands") is None, "it does not end by itself"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import argparse\ndef main(): argparse.ArgumentParser().parse_args()", ["--help"]),
        (("import argparse\ndef main():\n p = build()\n p.parse_args()\ndef build():\n"
          " p = argparse.ArgumentParser()\n s = p.add_subparsers()\n a = s.add_parser('add')\n"
          " b = a.add_subparsers()\n b.add_parser('inner')\n s.add_parser('list')\n return p"),
         ["--help", "add --help", "list --help"]),
        ("import click\n@click.command()\ndef main(): ...", ["--help"]),
        (("import click\n@click.group()\ndef main(): ...\n@main.command()\ndef add_one(): ...\n"
          "@main.command('ls')\ndef show(): ...\n@click.command()\ndef late(): ...\n"
          "main.add_command(late)\n@main.command()\ndef old_cmd(): ..."),
         ["--help", "add-one --help", "ls --help", "late --help"]),
        ("import typer\nmain = typer.Typer()\n@main.command()\ndef only(): ...", ["--help"]),
        (("import typer\nmain = typer.Typer()\nsub = typer.Typer()\n"
          "main.add_typer(sub, name='db')\n@main.command()\ndef run(): ...\n"
          "@sub.command()\ndef migrate(): ..."),
         ["--help", "run --help", "db --help"]),
        ("import typer\ndef run(): ...\ndef main(): typer.run(run)", ["--help"]),
    ],
)  # fmt: skip
def test_smoke_commands(code: str, expected: list[str], tmp_path: Path) -> None:
    """The help of a known parser and of each subcommand that is spelt out."""
    files = {
        "pyproject.toml": '[project]\nname = "x"\n[project.scripts]\nx = "shop.cli:main"\n',
        "shop/__init__.py": "",
        "shop/cli.py": code,
    }
    assert commands(value(inferred(tmp_path, files), "smoke.commands")) == expected


def test_commands_of_other_modules(tmp_path: Path) -> None:
    """Subcommands may be declared anywhere in the project, on an imported group."""
    files = {
        "pyproject.toml": '[project]\nname = "x"\n[project.scripts]\nx = "shop:main"\n',
        "shop/__init__.py": "from shop.cli import main",
        "shop/cli.py": "import click\n@click.group()\ndef main(): ...",
        "shop/extra.py": "from shop.cli import main as m\n@m.command()\ndef more(): ...",
        "tests/test_cli.py": "from shop.cli import main\n@main.command()\ndef fake(): ...",
    }
    result = inferred(tmp_path, files)
    assert commands(value(result, "smoke.commands")) == ["--help", "more --help"]


def test_a_program_without_a_parser_is_run_once(tmp_path: Path) -> None:
    """It is asked nothing else: its command line is not known."""
    result = inferred(tmp_path, {"main.py": "import helper\nhelper.go()", "helper.py": ""})
    assert commands(value(result, "smoke.commands")) == [""]
    assert "is run once" in reason(result, "smoke.commands")


@pytest.mark.parametrize(
    ("code", "number"),
    [
        ("import http.server\nhttp.server.HTTPServer(('', 8000), None).serve_forever()", "8000"),
        ("from socketserver import TCPServer\nTCPServer(('', 0), None)", "PORT"),
        ("import asyncio\nasync def go():\n  await asyncio.start_server(h, '', 99)\ngo()", "99"),
        ("from aiohttp import web\nweb.run_app(web.Application(), port=8081)", "8081"),
        ("import uvicorn\nuvicorn.run(build(3))", "PORT"),
    ],
)
def test_a_script_with_a_server_of_its_own(code: str, number: str, tmp_path: Path) -> None:
    """A note says that its port must be named."""
    result = inferred(tmp_path, {"main.py": code})
    assert value(result, "entry") == "main"
    assert [note for note in result.notes if "must be named" in note and f" {number}," in note]


@pytest.mark.parametrize("port", ["os.environ['PORT']", "int(os.getenv('PORT', '80'))"])
def test_a_script_that_takes_its_port_from_a_variable(port: str, tmp_path: Path) -> None:
    """The port can be given to it, so it is a service."""
    code = f"import os, http.server\nhttp.server.HTTPServer(('', {port}), None).serve_forever()"
    result = inferred(tmp_path, {"main.py": code})
    by = {"mode": "ephemeral", "by": "environment", "variable": "PORT"}
    assert value(result, "services") == [{"name": "api", "port": by}]
    assert result.notes == ()


def test_a_server_that_a_subcommand_starts(tmp_path: Path) -> None:
    """`shop serve` of a Dockerfile is the server; without it the product is a program."""
    files = {
        "pyproject.toml": '[project]\nname = "shop"\n[project.scripts]\nshop = "shop.cli:main"\n',
        "shop/__init__.py": "",
        "shop/web.py": "from fastapi import FastAPI\napp = FastAPI()",
        "shop/cli.py": (
            "import click, uvicorn\n@click.group()\ndef main(): ...\n"
            "@main.command()\ndef serve(): uvicorn.run('shop.web:app')\n"
            "@main.command()\ndef stats(): ..."
        ),
        "Dockerfile": 'FROM x\nCMD ["shop", "serve"]',
    }
    result = inferred(tmp_path, files)
    assert (value(result, "entry"), value(result, "serve")) == ("shop.web:app", "asgi")
    assert value(result, "console_scripts") == ["shop"]


def test_nothing_that_runs(tmp_path: Path) -> None:
    """A library is no product, and the note says what to write."""
    result = inferred(tmp_path, {"src/shop/__init__.py": "", "src/shop/price.py": ""})
    assert result.values == ()
    assert 'write entry = "module:attribute"' in result.notes[0]
