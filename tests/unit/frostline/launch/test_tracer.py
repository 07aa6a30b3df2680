"""The tracer records what a process uses, in a real interpreter."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from frostline.launch import tracer


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a folder with a package, and the tracer as `sitecustomize` beside it."""
    files = {
        "trace/sitecustomize.py": Path(tracer.__file__).read_text("utf-8"),
        "root/pkg/__init__.py": "",
        "root/pkg/plain.py": "",
        "root/pkg/late.py": "",
        "root/pkg/later.py": "import pkg.plain\n",
        "root/pkg/script.py": "import pkg.later\n",
        "root/pkg/data.txt": "x",
        "root/pkg-1.dist-info/METADATA": "Name: pkg\nVersion: 1\n",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (tmp_path / "lines").mkdir()
    return tmp_path


def traced(root: Path, code: str) -> dict[tuple[str, str], str]:
    """Return what *code*, in the module `pkg.user`, was recorded to use, and the user of each."""
    (root / "root" / "pkg" / "user.py").write_text(code, encoding="utf-8")
    env = {
        **os.environ, "PYTHONPATH": f"{root / 'trace'}{os.pathsep}{root / 'root'}",
        "FROSTLINE_TRACE": str(root / "lines"), "FROSTLINE_TRACE_ROOTS": str(root / "root"),
    }  # fmt: skip
    subprocess.run([sys.executable, "-c", "import pkg.user"], env=env, check=True, cwd=root)
    found = {}
    for path in (root / "lines").iterdir():
        for line in path.read_text("utf-8").splitlines():
            when, kind, subject, who = ast.literal_eval(line)
            assert when > 0
            found[kind, subject] = who
    return found


def test_imports_that_no_statement_names(root: Path) -> None:
    """Imports by name or function are recorded; import statements are not."""
    seen = traced(
        root,
        "import importlib.util, pkg.plain\n"
        "importlib.import_module('pkg.' + 'late')\n"
        "importlib.import_module('json')\n"
        "spec = importlib.util.spec_from_file_location('other', pkg.__path__[0] + '/script.py')\n"
        "spec.loader.exec_module(importlib.util.module_from_spec(spec))\n"
        "exec('import csv')\n",
    )
    modules = {name for kind, name in seen if kind == "module"}
    assert {"pkg.late", "json", "pkg.later", "csv"} <= modules
    assert not {"pkg.plain", "importlib"} & modules
    assert seen["module", "pkg.late"] == "pkg.user"
    assert ("file", "pkg/script.py") in seen
    assert not [name for kind, name in seen if kind == "file" and name.endswith("later.py")]


def test_files_and_folders(root: Path) -> None:
    """Files read below the roots are recorded by path; written and other files are not."""
    seen = traced(
        root,
        "import json, logging, os, pathlib, traceback\n"
        "here = pathlib.Path(__file__).parent\n"
        "(here / 'data.txt').read_text()\n"
        "os.listdir(here)\n"
        "(here / 'written.txt').write_text('x')\n"
        "open(os.devnull).close()\n"
        "try: raise ValueError\n"
        "except ValueError: traceback.format_exc()\n",
    )
    assert {name for kind, name in seen if kind == "file"} == {"pkg/data.txt"}
    assert {name for kind, name in seen if kind == "folder"} == {"pkg"}
    assert seen["file", "pkg/data.txt"] == "pkg.user"


def test_metadata_libraries_and_programs(root: Path) -> None:
    """Look-ups are recorded even if they fail; Python is `{python}`."""
    seen = traced(
        root,
        "import ctypes, subprocess, sys\n"
        "from importlib import metadata\n"
        "metadata.version('pkg')\n"
        "try: metadata.version('no-such')\n"
        "except metadata.PackageNotFoundError: pass\n"
        "metadata.entry_points(group='pkg.plugins')\n"
        "try: ctypes.CDLL('libnowhere.so.3')\n"
        "except OSError: pass\n"
        "subprocess.run([sys.executable, '-m', 'json.tool', '--help'], stdout=-3)\n",
    )
    assert {name for kind, name in seen if kind == "metadata"} == {"pkg", "no-such"}
    assert ("entry-points", "pkg.plugins") in seen
    assert ("library", "libnowhere.so.3") in seen
    assert ("process", "{python} -m json.tool") in seen


def test_children_are_traced_too(root: Path) -> None:
    """A child process writes its own trace file."""
    code = (
        "import multiprocessing, importlib\n"
        "def work(): importlib.import_module('pkg.' + 'late')\n"
        "if multiprocessing.current_process().name == 'MainProcess':\n"
        "    child = multiprocessing.get_context('spawn').Process(target=work)\n"
        "    child.start(); child.join(); assert child.exitcode == 0\n"
    )
    seen = traced(root, code)
    assert ("module", "pkg.late") in seen
    assert len([*(root / "lines").iterdir()]) > 1


@pytest.mark.parametrize(
    ("module", "file", "regular"),
    [
        ("pkg.late", "/x/pkg/late.py", True),
        ("pkg", "/x/pkg/__init__.py", True),
        ("pkg.ext", "/x/pkg/ext.py", True),
        ("env_py", "/x/migrations/env.py", False),
        ("late", "/x/pkg/other.py", False),
        ("ate", "/x/pkg/late.py", False),
    ],
)
def test_where_a_module_lies(module: str, file: str, *, regular: bool) -> None:
    """A file is regular if the import system would look for the module there."""
    assert tracer.is_regular(module, file.replace("/", os.sep)) is regular
