"""Makes the stage: a folder with the product, frostline's run time and the data.

It is laid out like the bundle, so the product can run from it unfrozen.
"""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from frostline.core import archive, command, own_files, workspace
from frostline.core.command import Environ
from frostline.core.errors import BuildError
from frostline.profile.build import Build
from frostline.profile.profile import Before, Binary, Data
from frostline.profile.resources import Resource
from frostline.source import (
    beside,
    distributions,
    environment,
    fetch,
    metadata,
    product_files,
    script_project,
    wheel,
)
from frostline.source.environment import ProductEnvironment
from frostline.source.package_data import merge_libraries, own_modules, package_data


@dataclass(frozen=True)
class Stage:
    """A product in *folder*, laid out like the bundle.

    *environment* has its dependencies. *modules* are the modules of the product, *data* its files
    for the bundle, *resources* all its pinned downloads, *distribution* its name, normalised.
    """

    folder: Path
    environment: ProductEnvironment
    modules: tuple[str, ...]
    data: tuple[str, ...]
    resources: tuple[Resource, ...] = ()
    distribution: str = ""


def build_stage(
    build: Build, product_environment: ProductEnvironment, resources: tuple[Resource, ...] = ()
) -> Stage:
    """Make and return the stage of *build*.

    Raises BuildError, FetchError, UsageError.
    """
    folder = build.work / "stage"
    workspace.remove(folder)
    source = build.root / build.profile.source
    if metadata.has_backend(source):
        archive.unpack(wheel.build_wheel(build), folder)
        merge_libraries(folder)
        beside.add(build.profile.entries, source, product_files.files(build), folder)
    else:
        script_project.lay_out(build, folder)
    modules = tuple(own_modules(folder))
    own = package_data(folder, build.profile.excludes)
    (distribution,) = distributions.installed(folder)
    ignored = shutil.ignore_patterns("__pycache__")
    runtime = folder / "frostline_runtime"
    shutil.copytree(own_files.runtime_package(), runtime, ignore=ignored)
    _run_before(build, product_environment.python, folder)
    pages = sorted((own_files.runtime_package() / "web").iterdir())
    data = {f"frostline_runtime/web/{page.name}": page for page in pages}
    for table in build.profile.data:
        data |= select_data(table, build.root, build.work)
    data |= fetch.bundled(build.workspace, resources, build.work)
    for name, source in data.items():
        destination = folder / name
        destination.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, destination, follow_symlinks=False)
    names = tuple(sorted({*own, *data}))
    return Stage(folder, product_environment, modules, names, resources, distribution)


def select_data(table: Data, root: Path, work: Path) -> dict[str, Path]:
    """Return the files of the data *table* by their path in the bundle. Raises BuildError."""
    source = root / table.source.replace("{work}", str(work))
    destination = PurePosixPath(table.destination)
    if destination.is_absolute() or ".." in destination.parts:
        message = f"the data destination {table.destination} is outside the bundle."
        raise BuildError(message, hint="write it relative to the bundle, without ..")
    if source.is_file():
        return {str(destination / source.name): source.resolve()}
    chosen = {}
    for path in sorted(source.glob(table.glob)):
        relative = path.relative_to(source)
        if "__pycache__" in relative.parts:
            continue
        if path.is_symlink() and table.symlinks == "refuse":
            message = f"{path} is a symbolic link."
            hint = 'set symlinks = "follow" or "keep" for this data table, or remove the link'
            raise BuildError(message, hint=hint)
        place = str(destination / relative.as_posix())
        if path.is_symlink() and table.symlinks == "keep":
            _require_inside(path, source)
            chosen[place] = path
            continue
        if path.is_symlink() and not path.is_file():
            message = f"{path} is a symbolic link, but not to a file."
            raise BuildError(message, hint="write a data table for its folder, or remove the link")
        if path.is_dir():
            continue
        chosen[place] = path.resolve()
    if not chosen:
        message = f"no file matches {table.glob} in {source}."
        raise BuildError(message, hint="correct the data table, or the step that makes the files")
    return chosen


def _require_inside(link: Path, folder: Path) -> None:
    """Raise BuildError unless *link* is relative and leads to something in *folder*."""
    target = link.readlink()
    inside = not target.is_absolute() and link.exists()
    if not inside or not link.resolve().is_relative_to(folder.resolve()):
        message = f"{link} leads to {target}, which is not in {folder}: it cannot be kept."
        raise BuildError(message, hint='set symlinks = "follow", or remove the link')


def select_binaries(table: Binary, root: Path, work: Path) -> dict[str, Path]:
    """Return the files of the binaries *table* by their path in the bundle. Raises BuildError."""
    pattern = Path(root / table.source.replace("{work}", str(work)))
    found = sorted(pattern.parent.glob(pattern.name))
    if not found:
        message = f"no file matches {table.source} (binaries)."
        raise BuildError(message, hint="correct the table, or the step that makes the files")
    return {str(PurePosixPath(table.destination) / path.name): path for path in found}


def _run_before(build: Build, python: Path, folder: Path) -> None:
    env = environment.child_environment(build.environ) | {
        "PYTHONPATH": str(folder),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
    }
    (own,) = distributions.installed(folder).values()
    places = {
        "{work}": str(build.work), "{product}": build.product, "{platform}": build.platform.name,
        "{version}": own.version,
    }  # fmt: skip
    for step in build.profile.before:
        tools = environment.of_tools(build, step.requirements) if step.requirements else None
        used = tools.python if tools else python
        _run_step(build, step, {**places, "{python}": str(used)}, env)


def filled(text: str, places: Mapping[str, str]) -> str:
    """Return *text* with the names of *places* replaced by their values."""
    for name, value in places.items():
        text = text.replace(name, value)
    return text


def _run_step(build: Build, step: Before, places: Mapping[str, str], env: Environ) -> None:
    work, log_file = build.work, build.log("before")
    outputs = [build.root / filled(name, places) for name in step.outputs]
    for output in outputs:
        if output.is_relative_to(work):
            workspace.remove(output)
    argv = [filled(part, places) for part in step.run]
    try:
        command.run(argv, log=log_file, env=env, cwd=build.root)
    except command.CommandError as error:
        message = f'the step "{step.name}" before the freeze failed.'
        raise BuildError(message, hint=error.hint, tail=error.tail) from error
    missing = [str(output) for output in outputs if not output.exists()]
    if missing:
        message = f'the step "{step.name}" succeeded but did not make {", ".join(missing)}.'
        raise BuildError(message, hint=f"correct its outputs in the profile; see {log_file}")


def is_executable(path: Path) -> bool:
    """Return whether *path* is an executable file."""
    return os.access(path, os.X_OK) and path.is_file()
