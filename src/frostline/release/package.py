"""Packs audited and smoke-tested bundles; writes SHA256SUMS and `release.json`."""

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
    """An archive of a release; *size* in bytes. *proven*: its audit and smoke test passed."""

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
    """The content of `release.json`."""

    artifacts: tuple[Artifact, ...]
    schema: Literal[1] = 1


@dataclass(frozen=True)
class _Report:
    """The fields of `audit.json` and `smoke.json` that packing needs."""

    inputs: str
    ok: bool


def package(build: Build, kind: Kind | None = None, *, unproven: bool = False) -> Artifact:
    """Pack the bundle of *build*; *kind* defaults to the platform's kind of archive.

    Writes its bill of materials and licences beside the archive. Raises NotBuiltError, OSError, and
    SmokeError if its audit or smoke test did not pass, unless *unproven* is set.
    """
    bundle = require_bundle(build)
    write_bill(build)
    with build.exclusively(), log.step(f"packing {build.name}"):
        return _package(build, bundle, kind or build.platform.archive, unproven=unproven)


def _package(build: Build, bundle: Bundle, kind: Kind, *, unproven: bool) -> Artifact:
    reasons = [*_why_unproven(build, bundle)]
    if reasons and not unproven:
        message = f"{build.name} is not packed: {'; '.join(reasons)}."
        hint = (
            "run `frostline audit` and `frostline smoke`, or pack it with --unproven, "
            "which release.json records"
        )
        raise SmokeError(message, hint=hint)
    top = f"{bundle.product}-{bundle.version}"
    suffix = "" if build.layout == "onedir" else f"-{build.layout}"
    file = build.workspace.release / f"{top}-{build.platform.name}{suffix}.{kind}"
    archive.pack(build.bundle, top, file, kind)
    with workspace.temporary() as folder:
        archive.unpack(file, folder / "x")
        if describe_files(folder / "x" / top) != bundle.files:
            message = f"{file.name} does not contain the files of the bundle."
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
    """Return the archive of *product* (default: of any product) for *platform* in *folder*.

    Raises UsageError unless `release.json` in *folder* names exactly one.
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
        raise UsageError(message, hint=f"choose one of: {names}")
    return folder / found[0]


def find(file: Path) -> Artifact:
    """Return the entry for *file* in the `release.json` beside it, and check the digest.

    Raises UsageError if there is no entry, FetchError if the digest differs.
    """
    made = next((item for item in _listed(file.parent) if item.file == file.name), None)
    if not made:
        message = f"there is no {RELEASE} beside {file} that names it."
        hint = "keep the files that `frostline package` writes in one folder"
        raise UsageError(message, hint=hint)
    if not file.is_file() or digest.of_file(file) != made.sha256:
        message = f"{file} does not match its digest in {RELEASE}."
        raise FetchError(message, hint="fetch it again")
    return made


def _listed(folder: Path) -> tuple[Artifact, ...]:
    try:
        return json_file.read(folder / RELEASE, _Release).artifacts
    except (OSError, ValueError):
        return ()


def _why_unproven(build: Build, bundle: Bundle) -> Iterator[str]:
    """Yield the reasons why *bundle* does not count as audited and smoke-tested."""
    for kind in ("audit", "smoke"):
        try:
            report = json_file.read(build.report(kind), _Report)
        except (OSError, ValueError):
            yield f"it has no {kind} report"
            continue
        if report.inputs != bundle.inputs:
            yield f"its {kind} report is of another build"
        elif not report.ok:
            yield f"its {kind} failed"


def gather(paths: Workspace, folder: Path) -> tuple[Artifact, ...]:
    """Copy all artifacts below *folder* into the release folder and return them.

    Raises UsageError if there are none or two have the same name, FetchError for a wrong digest.
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
        message = (
            f"{folder} has {', '.join(twice)} twice." if twice else f"{folder} has no artifacts."
        )
        raise UsageError(message, hint=f"name a folder that has a {RELEASE} for each artifact")
    workspace.remove(paths.release)
    paths.release.mkdir(parents=True)
    for path in files:
        shutil.copy(path, paths.release / path.name)
    _write_release(paths, *made)
    return tuple(sorted(made))


def add(paths: Workspace) -> None:
    """Write SHA256SUMS again, with files that were added to the release folder (signatures)."""
    _write_release(paths)


def _check_sums(folder: Path) -> None:
    """Raise FetchError unless each file in *folder* matches its SHA256SUMS."""
    lines = (folder / SUMS).read_text(encoding="utf-8").splitlines()
    listed = {name: sum_ for sum_, _, name in (line.partition("  ") for line in lines)}
    found = {path.name: digest.of_file(path) for path in folder.iterdir() if path.name != SUMS}
    wrong = sorted(name for name in found.keys() | listed if found.get(name) != listed.get(name))
    if wrong:
        message = f"{', '.join(wrong)} in {folder} does not match {SUMS}."
        raise FetchError(message, hint="fetch them again")


def _write_release(paths: Workspace, *made: Artifact) -> None:
    """Add *made* to `release.json` and write the SHA256SUMS of all files in the release folder."""
    file = paths.release / RELEASE
    known = {item.file: item for item in _listed(paths.release)}
    kept = {name: item for name, item in known.items() if (paths.release / name).is_file()}
    kept |= {item.file: item for item in made}
    json_file.write(file, _Release(tuple(kept[name] for name in sorted(kept))))
    files = sorted(path for path in paths.release.iterdir() if path.name != SUMS)
    lines = (f"{digest.of_file(path)}  {path.name}\n" for path in files)
    workspace.write(paths.release / SUMS, "".join(lines))
