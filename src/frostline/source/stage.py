"""Lays out what goes into a bundle, from source: the product, the run time, data, manifest.

The folder looks like the inside of the bundle, so the same program runs from it unfrozen.
"""

import os
import shutil
import sys
import tomllib
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from frostline.core import command, workspace
from frostline.core import own_files as resources
from frostline.core.errors import BuildError, UsageError
from frostline.profile.build import Build
from frostline.profile.profile import Data
from frostline.profile.resources import Pin
from frostline.source import environment, fetch
from frostline.source.environment import ProductEnvironment


@dataclass(frozen=True)
class Stage:
    """A staged product; *modules* are its importable modules, *data* its bundled files.

    *pins* are the files that it fetches, now or where it runs.
    """

    folder: Path
    work: Path
    modules: tuple[str, ...]
    data: tuple[str, ...]
    pins: tuple[Pin, ...] = ()


def build_stage(build: Build, product: ProductEnvironment, pins: tuple[Pin, ...] = ()) -> Stage:
    """Return the freshly laid out stage of *target*.

    Raises BuildError, FetchError, UsageError.
    """
    work = build.work
    folder = work / "stage"
    workspace.remove(folder)
    folder.mkdir(parents=True)
    wheel = _build_wheel(build)
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    modules = tuple(own_modules(folder))
    ignored = shutil.ignore_patterns("__pycache__")
    runtime = folder / "frostline_runtime"
    shutil.copytree(resources.runtime_package(), runtime, ignore=ignored)
    _run_before(build, product, folder)
    pages = sorted((resources.runtime_package() / "web").iterdir())
    data = {f"frostline_runtime/web/{page.name}": page for page in pages}
    for table in build.profile.data:
        data |= select_data(table, build.root, work)
    data |= fetch.bundled(build.workspace, pins, work)
    for name, source in data.items():
        destination = folder / name
        destination.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, destination, follow_symlinks=True)
    return Stage(folder, work, modules, tuple(sorted(data)), pins)


def project_metadata(source: Path) -> tuple[str, str]:
    """Return name and version that the pyproject.toml in *source* declares. Raises UsageError."""
    path = source / "pyproject.toml"
    try:
        project = tomllib.loads(path.read_text(encoding="utf-8"))["project"]
        return str(project["name"]), str(project.get("version", "dynamic"))
    except (OSError, tomllib.TOMLDecodeError, KeyError) as error:
        message = f"{path} does not tell the product's name: {error}."
        raise UsageError(message, hint="a [project] table with a name is needed") from None


def own_modules(folder: Path, prefix: str = "") -> list[str]:
    """Return every module below *folder* that an import statement can reach.

    A folder without `__init__.py` counts at the top level only (a namespace package): deeper
    it holds data, such as Alembic's migrations.
    """
    names = []
    for path in sorted(folder.iterdir()):
        name = f"{prefix}{path.stem}"
        if path.suffix == ".py" and path.stem.isidentifier():
            names.append(name.removesuffix(".__init__"))
        elif not path.is_dir() or not path.name.isidentifier():
            continue
        elif (path / "__init__.py").is_file() or not prefix:
            names += own_modules(path, f"{name}.")
    return names


def select_data(table: Data, root: Path, work: Path) -> dict[str, Path]:
    """Return the files of one data *table* by their place in the bundle. Raises BuildError."""
    source = root / table.source.replace("{work}", str(work))
    destination = PurePosixPath(table.destination)
    if destination.is_absolute() or ".." in destination.parts:
        message = f"data destination {table.destination} leaves the bundle."
        raise BuildError(message, hint="write it relative to the bundle, without ..")
    if source.is_file():
        return {str(destination / source.name): source}
    chosen = {}
    for path in sorted(source.glob(table.glob)):
        relative = path.relative_to(source)
        if path.is_dir() or "__pycache__" in relative.parts:
            continue
        if path.is_symlink() and table.symlinks == "refuse":
            message = f"{path} is a symbolic link."
            hint = 'set symlinks = "follow" or "keep" for this data table'
            raise BuildError(message, hint=hint)
        chosen[str(destination / relative.as_posix())] = path
    if not chosen:
        message = f"no file matches {table.glob} in {source}."
        raise BuildError(message, hint="correct the data table, or the step that makes the files")
    return chosen


def _build_wheel(build: Build) -> Path:
    source = build.root / build.profile.source
    project_metadata(source)
    folder = build.work / "wheel"
    workspace.remove(folder)
    argv = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder)]
    env = environment.child_environment(build.environ) | {"SOURCE_DATE_EPOCH": "315532800"}
    log_file = build.log("wheel")
    try:
        command.run([*argv, str(source)], log=log_file, env=env)
    except command.CommandError as error:
        message = f"{build.profile.source} cannot be built into a wheel."
        hint = f"try `python -m build --wheel {build.profile.source}`; {error.hint}"
        raise BuildError(message, hint=hint, tail=error.tail) from error
    return next(folder.glob("*.whl"))


def _run_before(build: Build, product: ProductEnvironment, folder: Path) -> None:
    work = build.work
    log_file = build.log("before")
    env = environment.child_environment(build.environ) | {
        "PYTHONPATH": str(folder),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
    }
    for step in build.profile.before:
        python = product.python
        if step.requirements:
            lock = build.root / step.requirements
            tools = environment.create(
                build.workspace,
                f"{build.product}-tools",
                lock,
                environ=build.environ,
                log_file=log_file,
            )
            python = tools.python
        outputs = [build.root / name.replace("{work}", str(work)) for name in step.outputs]
        for output in outputs:
            workspace.remove(output) if output.is_relative_to(work) else None
        argv = [part.replace("{python}", str(python)) for part in step.run]
        argv = [part.replace("{work}", str(work)) for part in argv]
        try:
            command.run(argv, log=log_file, env=env, cwd=build.root)
        except command.CommandError as error:
            message = f'the step "{step.name}" before the freeze has failed.'
            raise BuildError(message, hint=error.hint, tail=error.tail) from error
        missing = [str(output) for output in outputs if not output.exists()]
        if missing:
            message = f'the step "{step.name}" ended well but did not make {", ".join(missing)}.'
            raise BuildError(message, hint=f"correct its outputs in the profile; see {log_file}")


def is_executable(path: Path) -> bool:
    """Tell whether *path* may be executed."""
    return os.access(path, os.X_OK) and path.is_file()
