"""Runs PyInstaller in a child on a plan and puts the finished bundle under its final name."""

import json
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from frostline.core import command, digest, log, workspace
from frostline.core import own_files as resources
from frostline.core.errors import BuildError, UsageError
from frostline.core.workspace import Target, Workspace
from frostline.freeze import provenance
from frostline.freeze.plan import Plan, plan_file
from frostline.source import distributions, environment
from frostline.source.distributions import Part
from frostline.source.environment import ProductEnvironment

SCHEMA = 5
_MISSING = re.compile(r"(?m)^missing module named '?([\w.]+)'? - imported by ")
_EXECUTABLE, _PLAIN = 0o755, 0o644
# What PyInstaller is at, for the screen, by what its log says.
_PHASES = {
    "Analyzing": "analysing imports",
    "Processing module hooks": "running hooks",
    "Looking for dynamic libraries": "looking for libraries",
    "Building PYZ": "packing modules",
    "Building PKG": "packing the executable",
    "Building EXE": "writing the executable",
    "Building COLLECT": "copying files",
}


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """A finished bundle: *files* are sha256, size and mode by relative path.

    *missing*: modules that something imports and that were not found; *python* is its version
    (`3.11`). *collected*: how much of each distribution; *libraries*: where each is from;
    *owners*: so for everything, modules too; *pruned*: number and bytes of what was left out;
    *parts*: what is compiled into distributions, by what their wheels say.
    """

    product: str
    version: str
    platform: str
    layout: str
    inputs: str
    path: str
    executable: str
    size: int
    distributions: Mapping[str, str]
    files: Mapping[str, tuple[str, int, str]]
    missing: tuple[str, ...]
    python: str
    collected: Mapping[str, tuple[str, int]]
    libraries: Mapping[str, str]
    owners: Mapping[str, str]
    pruned: tuple[int, int]
    parts: Mapping[str, tuple[Part, ...]]
    schema: int = SCHEMA


def load(paths: Workspace, target: Target) -> Bundle | None:
    """Return the bundle that was built for *target* if it lies there unchanged, else None."""
    bundle = _parse(paths.report(target, "bundle"))
    folder = paths.output(target)
    if not bundle or not folder.is_dir() or describe_files(folder) != bundle.files:
        return None
    return bundle


def read(path: Path) -> Bundle:
    """Return what the file *path*, a `bundle.json`, describes. Raises UsageError."""
    found = _parse(path)
    if not found:
        message = f"{path} is no description of a bundle that this version can read."
        raise UsageError(message, hint="name a bundle.json that a build has written")
    return found


def _parse(path: Path) -> Bundle | None:
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(raw, dict) or raw.get("schema") != SCHEMA:
        return None
    raw["files"] = {name: tuple(facts) for name, facts in raw["files"].items()}
    raw["missing"], raw["pruned"] = tuple(raw["missing"]), tuple(raw["pruned"])
    raw["parts"] = {name: tuple(map(tuple, told)) for name, told in raw["parts"].items()}
    raw["collected"] = {name: tuple(facts) for name, facts in raw["collected"].items()}
    return Bundle(**raw)


def freeze(  # the whole of what is known
    paths: Workspace,
    target: Target,
    plan: Plan,
    product: ProductEnvironment,
    *,
    inputs: str,
    environ: Mapping[str, str],
) -> Bundle:
    """Return the bundle made of *plan*. Raises BuildError, StorageError.

    The final name holds either the old bundle or the whole new one.
    """
    work = paths.work(target)
    part = work / "part"
    workspace.remove(part)
    try:
        _run_pyinstaller(paths, target, plan, product, part, environ)
        made = part / target.product if target.layout == "onedir" else part
        _set_modes(made, plan)
        known = distributions.installed(product.site_packages, work / "stage")
        origin = provenance.read(work / "pyinstaller", known, Path(sys.base_prefix), plan.pruned)
        bundle = Bundle(
            product=target.product,
            version=plan.version,
            platform=target.platform.name,
            layout=target.layout,
            inputs=inputs,
            path=paths.output(target).relative_to(paths.root).as_posix(),
            executable=paths.executable(target).relative_to(paths.root).as_posix(),
            size=sum(file.stat().st_size for file in digest.files(made) if not file.is_symlink()),
            distributions=plan.distributions,
            files=describe_files(made),
            missing=_missing_modules(work / "pyinstaller"),
            collected=origin.distributions,
            libraries=origin.libraries,
            owners=origin.owners,
            pruned=origin.pruned,
            parts={
                name: told
                for name in origin.distributions
                if (told := distributions.parts(known[name]))
            },
            python=f"{sys.version_info.major}.{sys.version_info.minor}",
        )
        _put_in_place(made, paths, target)
    finally:
        workspace.remove(part)
    text = json.dumps(asdict(bundle), indent=2, sort_keys=True) + "\n"
    workspace.write(paths.report(target, "bundle"), text)
    return bundle


def _run_pyinstaller(  # one call
    paths: Workspace,
    target: Target,
    plan: Plan,
    product: ProductEnvironment,
    part: Path,
    environ: Mapping[str, str],
) -> None:
    work = paths.work(target)
    log_file = paths.log(target, "freeze")
    workspace.remove(log_file)
    argv = [
        str(product.python),
        "-P",
        "-m",
        "PyInstaller",
        str(resources.data("specs", "backend.spec")),
        f"--distpath={part}",
        f"--workpath={work / 'pyinstaller'}",
        "--noconfirm",
        f"--log-level={'DEBUG' if plan.debug else 'INFO'}",
        "--",
        f"--plan={plan_file(paths, target)}",
    ]
    env = environment.child_environment(environ) | {
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "SOURCE_DATE_EPOCH": "315532800",
        "PYINSTALLER_CONFIG_DIR": str(work / "cache"),
        "PYINSTALLER_STRICT_COLLECT_MODE": "1",
        "PYINSTALLER_STRICT_BUNDLE_CODESIGN_ERROR": "1",
        "PYINSTALLER_VERIFY_BUNDLE_SIGNATURE": "1",
    }
    workspace.remove(work / "pyinstaller")
    with log.step(f"freezing {target.name}") as step:
        try:
            command.run(argv, log=log_file, env=env, on_line=lambda line: _show(line, step))
        except command.CommandError as error:
            message = f"PyInstaller could not freeze {target.name}."
            raise BuildError(message, hint=error.hint, tail=error.tail) from error
    if plan.debug:
        log.note(f"PyInstaller's DEBUG log: {log_file}")


def _show(line: str, step: log.Step) -> None:
    for mark, phase in _PHASES.items():
        if mark in line:
            step.update(phase)


def _set_modes(made: Path, plan: Plan) -> None:
    """Set modes that do not depend on the umask; PyInstaller drops data's executable bits."""
    executable = {Path(name) for name in plan.executable_data}
    contents = made / "_internal"
    for path in digest.files(made):
        if path.is_symlink():
            continue
        inside = path.relative_to(contents if contents in path.parents else made)
        runs = os.access(path, os.X_OK) or inside in executable
        path.chmod(_EXECUTABLE if runs else _PLAIN)
    for folder in (made, *(path for path in made.rglob("*") if path.is_dir())):
        if not folder.is_symlink():
            folder.chmod(_EXECUTABLE)


def describe_files(folder: Path) -> dict[str, tuple[str, int, str]]:
    """Return sha256, size and mode of each file in *folder*; of a link where it leads."""
    described = {}
    for path in digest.files(folder):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            described[name] = (f"-> {path.readlink().as_posix()}", 0, "link")
        else:
            mode = "755" if os.access(path, os.X_OK) else "644"
            described[name] = (digest.of_file(path), path.stat().st_size, mode)
    return described


def _missing_modules(work: Path) -> tuple[str, ...]:
    """Return what PyInstaller has noted as not found."""
    text = "".join(path.read_text(encoding="utf-8") for path in work.rglob("warn-*.txt"))
    return tuple(sorted(set(_MISSING.findall(text))))


def _put_in_place(made: Path, paths: Workspace, target: Target) -> None:
    final = paths.output(target)
    old = paths.work(target) / "old"
    final.parent.mkdir(parents=True, exist_ok=True)
    workspace.remove(old)
    for kind in ("smoke", "audit"):  # they spoke of the old bundle
        workspace.remove(paths.report(target, kind))
    if final.exists():
        final.replace(old)
    made.replace(final)
    workspace.remove(old)
