"""A product without a build backend: its folder is what is frozen."""

import csv
import io
import re
import shutil
from collections.abc import Iterable
from contextlib import suppress
from fnmatch import fnmatch
from pathlib import Path

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from frostline.core import log, workspace
from frostline.core.command import Environ
from frostline.profile.build import Build
from frostline.source import history, metadata, product_files

# Never shipped, wherever it lies; people are told.
_PRIVATE = (
    ".env", ".env.*", "*.env", "*.pem", "*.key", "*.p12", "*.pfx", "id_rsa*", "id_ed25519*",
    "id_ecdsa*", "*.db", "*.db-*", "*.sqlite", "*.sqlite3", "*.sqlite3-*", "*.log",
)  # fmt: skip
# At the top of a project, for those who work on it.
_FOLDERS = {"doc", "docs", "specs"}
_FILES = (
    "pyproject.toml", "setup.cfg", "frostline.*", "*.lock", "requirements*", "constraints*",
    "Pipfile*", "pylock*.toml", "README*", "LICEN[CS]E*", "COPYING*", "NOTICE*", "CHANGE*",
    "CONTRIBUTING*", "Dockerfile*", "Containerfile*", "docker-compose*", "compose*.y*ml",
    "Makefile", "justfile", "Procfile", "tasks.py", "noxfile.py", "tox.ini", "pytest.ini",
    "mypy.ini", "uv.toml", "ruff.toml", "*.spec",
)  # fmt: skip
_TESTS = ("test_*.py", "*_test.py", "conftest.py")


def lay_out(build: Build, folder: Path) -> None:
    """Copy the product's files into *folder*, as a wheel would be unpacked there.

    They get a minimal dist-info, so that `importlib.metadata` works. Raises UsageError, TomlError.
    """
    source = build.root / build.profile.source
    shipped, private = sort_out(product_files.files(build))
    for path in shipped:
        _copy(source / path, folder / _place(source, path))
    write_dist_info(build, folder)
    if private:
        names = ", ".join(path.as_posix() for path in private)
        log.note(f"{build.product}: left out of the bundle, as it may be private: {names}")


def sort_out(files: Iterable[Path]) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """Return those of *files* that ship, and those that do not because they may be private."""
    shipped, private = [], []
    for path in files:
        if any(fnmatch(path.name.lower(), pattern) for pattern in _PRIVATE):
            private.append(path)
        elif not _is_for_developers(path):
            shipped.append(path)
    return tuple(shipped), tuple(private)


def version(source: Path, environ: Environ) -> str:
    """Return the version that is written in *source*, else that of its last git tag, else 0."""
    written = metadata.project_metadata(source)[1]
    tag = re.search(r"\d.*", history.last_tag(source, environ))
    for text in (written if written != "0" else "", tag[0] if tag else ""):
        with suppress(InvalidVersion):
            return str(Version(text))
    return "0"


def write_dist_info(build: Build, folder: Path) -> None:
    """Write the metadata of the product in *folder*: name, version, requirements and its files."""
    source = build.root / build.profile.source
    name, _ = metadata.project_metadata(source)
    number = version(source, build.environ)
    needs = metadata.table(metadata.pyproject(source), "project").get("dependencies")
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {number}"]
    lines += [f"Requires-Dist: {need}" for need in (needs if isinstance(needs, list) else ())]
    info = f"{canonicalize_name(name).replace('-', '_')}-{number}.dist-info"
    workspace.write(folder / info / "METADATA", "\n".join((*lines, "")))
    if points := _entry_points(source):
        workspace.write(folder / info / "entry_points.txt", points)
    record = io.StringIO()
    places = [path.relative_to(folder) for path in sorted(folder.rglob("*")) if path.is_file()]
    csv.writer(record).writerows((path.as_posix(), "", "") for path in places)
    workspace.write(folder / info / "RECORD", record.getvalue())


def _entry_points(source: Path) -> str:
    """Return the entry points that *source* declares, in the form of `entry_points.txt`."""
    project = metadata.table(metadata.pyproject(source), "project")
    groups = {**metadata.table(project, "entry-points")}
    for name, group in (("scripts", "console_scripts"), ("gui-scripts", "gui_scripts")):
        groups[group] = metadata.table(project, name)
    lines = []
    for group, points in groups.items():
        if isinstance(points, dict) and points:
            lines += [f"[{group}]", *(f"{name} = {value}" for name, value in points.items()), ""]
    return "\n".join(lines)


def _is_for_developers(path: Path) -> bool:
    """Return whether *path* is hidden, a test, documentation or metadata of the project."""
    if any(part.startswith(".") for part in path.parts):
        return True
    if not {"test", "tests"}.isdisjoint(path.parts[:-1]) or path.parts[0] in _FOLDERS - {path.name}:
        return True
    if any(fnmatch(path.name, pattern) for pattern in _TESTS):
        return True
    return len(path.parts) == 1 and any(fnmatch(path.name, pattern) for pattern in _FILES)


def _place(source: Path, path: Path) -> Path:
    """Return where *path* lies in the bundle: `src`, unless it is a package, is left out."""
    if path.parts[0] == "src" and not (source / "src" / "__init__.py").is_file():
        return path.relative_to("src")
    return path


def _copy(path: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir():  # a link
        shutil.copytree(path, target, dirs_exist_ok=True)
    elif path.is_file():
        shutil.copy(path, target)
