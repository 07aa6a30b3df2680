"""What frostline's lock of a project is made from, and the digest of it."""

import json
from pathlib import Path

from frostline.core import digest, text_file
from frostline.profile.mistakes import is_table, strings
from frostline.source import requirements_file
from frostline.source.lock_files import LockFile, table, toml

# The first line of a lock begins with it.
HEAD = "# Written by frostline from inputs with the digest "
# What a build backend may read the dependencies from.
_READ = ("*.txt", "*.in", "requirements/*.txt", "requirements/*.in")


def files(found: LockFile) -> tuple[Path, ...]:
    """Return the files that determine what *found* resolves to."""
    if found.kind == "requirements":
        listed = requirements_file.read(found.file, found.folder)
        folders = [Path(item.place) for item in listed.direct if item.kind == "folder"]
        described = (file for folder in folders for file in _described(folder))
        return tuple(dict.fromkeys((*listed.files, *described)))
    data = toml(found.folder / "pyproject.toml")
    sources = [*table(data, "tool", "uv", "sources").values()]
    sources += table(data, "tool", "poetry", "dependencies").values()
    paths = [source["path"] for source in sources if is_table(source) and "path" in source]
    others = [file for path in paths for file in _described(found.folder / str(path))]
    if found.kind == "setup":
        others += [file for one in _READ for file in sorted(found.folder.glob(one))]
    return tuple(dict.fromkeys((*_described(found.folder), *others)))


def _described(folder: Path) -> list[Path]:
    """Return the files that say what the project in *folder* needs."""
    dynamic = table(toml(folder / "pyproject.toml"), "tool", "setuptools", "dynamic")
    listed = table(dynamic, "dependencies").get("file")
    more = (listed,) if isinstance(listed, str) else strings(listed)
    names = ("pyproject.toml", "setup.py", "setup.cfg", *more)
    return [file for name in names if (file := folder / name).is_file()]


def head(found: LockFile) -> str:
    """Return the first line of frostline's lock of *found*: a digest of what determines it."""
    own = found.folder / "pyproject.toml" if found.kind != "setup" else None
    texts = {
        str(number): _needs(found) if file == own else text_file.read(file)
        for number, file in enumerate(files(found))
    }
    return f"{HEAD}{digest.of_values(texts)}\n"


def _needs(found: LockFile) -> str:
    """Return what the project's pyproject.toml says about its dependencies."""
    data = toml(found.folder / "pyproject.toml")
    project = table(data, "project")
    names = ("dependencies", "requires-python", "dynamic")
    kept = [{name: project.get(name) for name in names}]
    if found.kind == "requirements":  # its lines may name extras of the project
        kept.append(table(project, "optional-dependencies"))
    kept += [table(data, "tool", "uv"), table(data, "tool", "poetry", "dependencies")]
    return json.dumps(kept, sort_keys=True, default=str)
