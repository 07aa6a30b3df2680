"""Packs audited and smoke-tested bundles."""

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
    """The fields of `audit.json` and `smoke.json` that packing needs."""

    inputs: str
    ok: bool


def package(build: Build, kind: ArchiveKind | None = None, *, unproven: bool = False) -> Artifact:
    """Pack the bundle of *build*; *kind* defaults to the platform's kind of archive.

    Writes its bill of materials and licences beside the archive. Raises NotBuiltError, OSError, and
    SmokeError if its audit or smoke test did not pass, unless *unproven* is set.
    """
    bundle = require_bundle(build)
    write_bill(build)
    with build.exclusively(), log.step(f"packing {build.name}"):
        return _package(build, bundle, kind or build.platform.archive, unproven=unproven)


def _package(build: Build, bundle: Bundle, kind: ArchiveKind, *, unproven: bool) -> Artifact:
    reasons = [*_why_unproven(build, bundle)]
    if reasons and not unproven:
        message = f"{build.name} is not packed: {'; '.join(reasons)}."
        hint = (
            f"run `frostline audit --product {build.product}` and `frostline smoke --product "
            f"{build.product}`, or pack it with --unproven, which release.json records"
        )
        raise SmokeError(message, hint=hint)
    top = f"{bundle.product}-{bundle.version}"
    file = build.workspace.release / f"{top}-{build.target.variant}.{kind}"
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
    write_release(build.workspace, made)
    return made


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
