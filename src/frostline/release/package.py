"""What is shipped: archives of proven bundles, their sums, and `release.json`."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from frostline.core import archive, digest, json_file, log, workspace
from frostline.core.archive import Kind
from frostline.core.errors import FetchError, SmokeError, UsageError
from frostline.core.platforms import Platform
from frostline.core.workspace import Layout, Workspace
from frostline.freeze.bundle import Bundle, describe_files, require_bundle
from frostline.profile.build import Build
from frostline.release.sbom import write_bill

SUMS, RELEASE = "SHA256SUMS", "release.json"


@dataclass(frozen=True, order=True)
class Artifact:
    """A file of a release; *size* in bytes. *proven*: audited and smoke-tested as it is."""

    file: str
    product: str
    version: str
    platform: str
    layout: Layout
    kind: str
    size: int
    sha256: str
    inputs: str
    proven: bool


@dataclass(frozen=True)
class _Release:
    """What `release.json` holds."""

    artifacts: tuple[Artifact, ...]
    schema: Literal[1] = 1


@dataclass(frozen=True)
class _Report:
    """What a packed bundle needs of the reports about it."""

    inputs: str
    ok: bool


def package(build: Build, kind: Kind | None = None, *, unproven: bool = False) -> Artifact:
    """Return the archive of the bundle of *build*, of the platform's *kind* if none is given.

    Its bill of materials and licences are written beside it. Raises NotBuiltError, SmokeError for
    a bundle that was not found good, unless *unproven* ones are wanted, OSError.
    """
    bundle = require_bundle(build)
    write_bill(build)
    with build.exclusively(), log.step(f"packing {build.name}"):
        return _package(build, bundle, kind or build.platform.archive, unproven=unproven)


def _package(build: Build, bundle: Bundle, kind: Kind, *, unproven: bool) -> Artifact:
    reasons = [*_why_unproven(build, bundle)]
    if reasons and not unproven:
        message = f"{build.name} is not proven: {'; '.join(reasons)}."
        hint = "`frostline audit`, `frostline smoke`; or --unproven, and release.json says so"
        raise SmokeError(message, hint=hint)
    top = f"{bundle.product}-{bundle.version}"
    suffix = "" if build.layout == "onedir" else f"-{build.layout}"
    file = build.workspace.release / f"{top}-{build.platform.name}{suffix}.{kind}"
    archive.pack(build.bundle, top, file, kind)
    with workspace.temporary() as folder:
        archive.unpack(file, folder / "x")
        if describe_files(folder / "x" / top) != bundle.files:
            message = f"{file.name} does not hold what was packed."
            raise AssertionError(message)
    made = Artifact(
        file=file.name, product=bundle.product, version=bundle.version,
        platform=bundle.platform, layout=bundle.layout, kind=kind, size=file.stat().st_size,
        sha256=digest.of_file(file), inputs=bundle.inputs, proven=not reasons,
    )  # fmt: skip
    stem = file.name.removesuffix(f".{kind}")
    beside = {"cdx.json": build.report("sbom.cdx"), "NOTICE.txt": build.notice}
    for name, report in beside.items():
        workspace.write(
            build.workspace.release / f"{stem}.{name}", report.read_text(encoding="utf-8")
        )
    _write_release(build.workspace, made)
    return made


def choose(folder: Path, platform: Platform, product: str = "") -> Path:
    """Return the archive of *product* (of the only one, if empty) for *platform* in *folder*.

    Raises UsageError unless `release.json` there names just one.
    """
    listed = _listed(folder)
    found = [
        item.file
        for item in listed
        if item.platform == platform.name and product in {"", item.product}
    ]
    if len(found) != 1:
        message = f"{folder / RELEASE} names {len(found)} archives for {platform.name}."
        names = ", ".join(item.file for item in listed) or "none"
        raise UsageError(message, hint=f"name the one: {names}")
    return folder / found[0]


def find(file: Path) -> Artifact:
    """Return what `release.json` beside *file* says of it, the sum checked.

    Raises UsageError if it says nothing, FetchError if *file* is not what it speaks of.
    """
    made = next((item for item in _listed(file.parent) if item.file == file.name), None)
    if not made:
        message = f"{file} is not in a {RELEASE} beside it."
        hint = "keep what `frostline package` has written together"
        raise UsageError(message, hint=hint)
    if not file.is_file() or digest.of_file(file) != made.sha256:
        message = f"{file} is not the file that {RELEASE} speaks of."
        raise FetchError(message, hint="fetch it again")
    return made


def _listed(folder: Path) -> tuple[Artifact, ...]:
    try:
        return json_file.read(folder / RELEASE, _Release).artifacts
    except (OSError, ValueError):
        return ()


def _why_unproven(build: Build, bundle: Bundle) -> Iterator[str]:
    """Yield each reason for which *bundle* is not known to be good."""
    for kind in ("audit", "smoke"):
        try:
            report = json_file.read(build.report(kind), _Report)
        except (OSError, ValueError):
            yield f"there is no {kind} of it"
            continue
        if report.inputs != bundle.inputs:
            yield f"its {kind} was of another build"
        elif not report.ok:
            yield f"its {kind} failed"


def gather(paths: Workspace, folder: Path) -> tuple[Artifact, ...]:
    """Return all artifacts below *folder*, brought together in the release folder.

    Raises UsageError if there is none, or two of one name, FetchError for a wrong sum.
    """
    sources = sorted(path.parent for path in folder.rglob(RELEASE))
    made = [find(source / item.file) for source in sources for item in _listed(source)]
    files = [
        path
        for source in sources
        for path in sorted(source.iterdir())
        if path.name not in {SUMS, RELEASE}
    ]
    for source in sources:
        _check_sums(source)
    names = [path.name for path in files]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice or not made:
        message = f"{folder} has {', '.join(twice)} twice." if twice else f"nothing in {folder}."
        raise UsageError(message, hint=f"name a folder with a {RELEASE} of each artifact")
    workspace.remove(paths.release)
    paths.release.mkdir(parents=True)
    for path in files:
        shutil.copy(path, paths.release / path.name)
    _write_release(paths, *made)
    return tuple(sorted(made))


def add(paths: Workspace) -> None:
    """Take into the sums what lies in the release folder besides, such as signatures."""
    _write_release(paths)


def _check_sums(folder: Path) -> None:
    """Raise FetchError unless each file in *folder* is as its list of sums says."""
    lines = (folder / SUMS).read_text(encoding="utf-8").splitlines()
    listed = {name: told for told, _, name in (line.partition("  ") for line in lines)}
    found = {path.name: digest.of_file(path) for path in folder.iterdir() if path.name != SUMS}
    wrong = sorted(name for name in found.keys() | listed if found.get(name) != listed.get(name))
    if wrong:
        message = f"{', '.join(wrong)} in {folder}: not as {SUMS} says."
        raise FetchError(message, hint="fetch them again")


def _write_release(paths: Workspace, *made: Artifact) -> None:
    """Write the sums of all that lies there, and `release.json` with *made* in it."""
    file = paths.release / RELEASE
    known = {item.file: item for item in _listed(paths.release)}
    kept = {name: item for name, item in known.items() if (paths.release / name).is_file()}
    kept |= {item.file: item for item in made}
    json_file.write(file, _Release(tuple(kept[name] for name in sorted(kept))))
    files = sorted(path for path in paths.release.iterdir() if path.name != SUMS)
    lines = (f"{digest.of_file(path)}  {path.name}\n" for path in files)
    workspace.write(paths.release / SUMS, "".join(lines))
