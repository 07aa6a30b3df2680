"""The verbs that ship: sbom, package, sign, gather, publish, export."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from frostline.cli import results
from frostline.cli.flags import Shell, SigningTool, absolute, here, open_build, refuse_beside
from frostline.cli.verb import verb
from frostline.core import log
from frostline.core.errors import UsageError
from frostline.core.platforms import ArchiveKind, Platform
from frostline.core.workspace import Layout

if TYPE_CHECKING:
    from frostline.release.listing import Artifact
    from frostline.release.shells import Export
    from frostline.release.sign import SigningCommand


@verb("Ship", show=results.lines)
def sbom(
    product: str = "", platform: Platform | None = None, layout: Layout | None = None
) -> tuple[str, ...]:
    """Write a built product's bill of materials (CycloneDX 1.6), and its licences as text.

    Example: frostline sbom --product argo
    """
    from frostline.release import sbom

    return tuple(map(str, sbom.write_bill(open_build(product, platform, layout))))


@verb("Ship", show=results.artifact)
def package(
    product: str = "",
    platform: Platform | None = None,
    layout: Layout | None = None,
    kind: ArchiveKind | None = None,
    *,
    unproven: bool = False,
) -> "Artifact":
    """Pack an audited and smoke-tested bundle, with its bill of materials and licences.

    Examples: frostline package --product argo
              frostline package --product argo --kind zip --json
    """
    from frostline.release import package

    return package.package(open_build(product, platform, layout), kind, unproven=unproven)


@verb("Ship", show=results.signing)
def sign(
    product: str = "",
    platform: Platform | None = None,
    layout: Layout | None = None,
    archive: Path | None = None,
    tool: SigningTool = "own",
    *,
    dry_run: bool = False,
) -> "tuple[SigningCommand, ...]":
    """Sign a built product, or its archive, as its profile's [signing] says.

    Signing changes the bundle: audit and smoke-test it again afterwards.

    Examples: frostline sign --product argo --platform darwin_arm64 --dry-run
              frostline sign --product argo --platform windows_x86_64 --tool osslsigncode
              frostline sign --archive build/release/argo-0.1.0-linux_x86_64.tar.zst
    """
    from frostline.release import listing, sign

    file = absolute(archive)
    if file:
        refuse_beside("--archive", platform=platform, layout=layout, tool=tool != "own")
    if file and not product:
        product = listing.find(file).product
    build = open_build(product, platform, layout)
    commands = sign.signing_plan(build, file, tool)
    if dry_run:
        log.note("nothing was run")
        return commands
    sign.sign(build, commands, file)
    log.done(f"signed: {file.name if file else build.name}")
    return commands


@verb("Ship", show=results.gathered)
def gather(folder: Path | None = None) -> "tuple[Artifact, ...]":
    """Collect the artifacts of several machines in build/release, with one SHA256SUMS.

    Example: frostline gather --folder build/artifacts
    """
    if not folder:
        message = "--folder is missing: the folder with the packed artifacts."
        raise UsageError(message, hint="for example `frostline gather --folder build/artifacts`")
    from frostline.release import listing

    return listing.gather(here(), folder.absolute())


@verb("Ship", show=results.line)
def publish(tag: str = "", notes: Path | None = None, *, final: bool = False) -> str:
    """Upload build/release to a draft release on GitHub; with --final, make the draft public.

    Examples: frostline publish --tag v1.2.0 --notes build/notes.md
              frostline publish --tag v1.2.0 --final
    """
    if not tag:
        message = "--tag is missing: the release's tag."
        raise UsageError(message, hint="for example `frostline publish --tag v1.2.0`")
    if final:
        refuse_beside("--final", notes=notes)
    from frostline.release import github, publish

    project = here()
    repository = github.find(project.root, os.environ, project.build / "log" / "git.log")
    if final:
        return publish.publish(repository, tag)
    if notes and not notes.is_file():
        message = f"--notes: there is no file {notes}."
        raise UsageError(message, hint="leave --notes out for a page without text")
    text = notes.read_text(encoding="utf-8") if notes else ""
    return publish.draft(project, repository, tag, text)


@verb("Ship", show=results.export)
def export(
    shell: Shell = "electron",
    product: str = "",
    platform: Platform | None = None,
    layout: Layout | None = None,
) -> "Export":
    """Export a bundle for a desktop shell, with configuration and a module that starts it.

    Examples: frostline export --shell electron
              frostline export --shell tauri --layout onefile
    """
    from frostline.release import shells

    return shells.export(open_build(product, platform, layout), shell)
