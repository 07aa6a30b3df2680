"""What is shipped: archives of proven bundles, their sums, and `release.json`."""

from collections.abc import Iterator
from dataclasses import dataclass

from frostline.core import archive, digest, json_file, log, workspace
from frostline.core.errors import SmokeError
from frostline.core.platforms import ArchiveKind
from frostline.freeze.bundle import Bundle, describe_files, require_bundle
from frostline.profile.build import Build
from frostline.release.listing import Artifact, write_release
from frostline.release.sbom import write_bill


@dataclass(frozen=True)
class _Report:
    """What a packed bundle needs of the reports about it."""

    inputs: str
    ok: bool


def package(build: Build, kind: ArchiveKind | None = None, *, unproven: bool = False) -> Artifact:
    """Return the archive of the bundle of *build*, of the platform's *kind* if none is given.

    Its bill of materials and licences are written beside it. Raises NotBuiltError, SmokeError for
    a bundle that was not found good, unless *unproven* ones are wanted, OSError.
    """
    bundle = require_bundle(build)
    write_bill(build)
    with build.exclusively(), log.step(f"packing {build.name}"):
        return _package(build, bundle, kind or build.platform.archive, unproven=unproven)


def _package(build: Build, bundle: Bundle, kind: ArchiveKind, *, unproven: bool) -> Artifact:
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
    write_release(build.workspace, made)
    return made


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
