"""Signs bundles and archives: makes a plan of commands on any host, and runs it where it can.

macOS: codesign, from the inside out, then notarisation. Windows: signtool, or osslsigncode on any
host. Archives: minisign or GPG. Keys and passwords stay in the stores of these tools.
"""

import contextlib
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from frostline.core import command, digest, json_file, log, native, workspace
from frostline.core.command import CommandError
from frostline.core.errors import BuildError, HostError, UsageError
from frostline.freeze.bundle import Bundle, describe_files, forget_reports, require_bundle
from frostline.profile.build import Build
from frostline.profile.profile import Signing
from frostline.release.listing import find, write_release
from frostline.release.shells import ENTITLEMENTS

PASSWORD = "FROSTLINE_SIGN_PASSWORD"  # noqa: S105  # the name of the variable
_AT_ONCE = 40  # files per command line, whose limit on Windows is 32767 characters


class MissingKeyError(UsageError):
    """The profile lacks a key of `[signing]`."""

    def __init__(self, *, key: str, what: str) -> None:
        super().__init__(f"the profile does not say {what}.", hint=f"set {key} in its [signing]")


@dataclass(frozen=True)
class SigningCommand:
    """A command of the plan; *why* says what it is for. `{password}` is a file with the password.

    When the command succeeds, the file *makes* replaces the file *replaces*. If the file *known*
    exists, it has the `id` of an earlier run: then *resume* is run instead.
    """

    why: str
    argv: tuple[str, ...]
    makes: str = ""
    replaces: str = ""
    known: str = ""
    resume: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Submission:
    """notarytool's answer about a submission."""

    id: str = ""
    status: str = ""


def signing_plan(
    build: Build, archive: Path | None = None, tool: str = ""
) -> tuple[SigningCommand, ...]:
    """Return the commands that sign the bundle of *build*, or its *archive*.

    *tool* is `osslsigncode` to sign for Windows on another system. Raises NotBuiltError, UsageError
    if the profile lacks a key.
    """
    if archive:
        find(archive)
        return plan_archive(archive, build.profile.signing)
    return plan(build, require_bundle(build), tool)


def inside_out(places: Iterable[str], main: str) -> list[str]:
    """Return *places* in the order in which they are signed, *main* last.

    Inner files come first, as the signature of a folder covers its content.
    """
    return sorted(places, key=lambda name: (name == main, -name.count("/"), name))


def sign(build: Build, commands: Sequence[SigningCommand], archive: Path | None = None) -> None:
    """Run the *commands* of `signing_plan`. Raises HostError, BuildError."""
    with build.exclusively():
        if not archive:
            sign_bundle(build, require_bundle(build), commands)
            return
        run(build, commands)
        if archive.parent == build.workspace.release:
            write_release(build.workspace)


def plan(build: Build, bundle: Bundle, tool: str) -> tuple[SigningCommand, ...]:
    """Return the commands that sign *bundle*. Raises UsageError if the profile lacks a key."""
    signing = build.profile.signing
    if build.platform.system == "darwin":
        return tuple(_macos(build, bundle, signing, build.profile.about.identifier))
    if build.platform.system == "windows":
        place = _copy(build)
        files = [str(place / name) for name in _native_files(build, bundle, "pe")]
        if tool == "osslsigncode" or not signing.thumbprint:
            return tuple(_osslsigncode(build, files, signing))
        return tuple(_signtool(files, signing))
    message = "on Linux the archive is signed, not the bundle."
    raise UsageError(message, hint="run `frostline sign --archive build/release/…`")


def plan_archive(file: Path, signing: Signing) -> tuple[SigningCommand, ...]:
    """Return the commands that sign the archive *file*. Raises UsageError without a key."""
    if signing.minisign:
        trusted = f"file:{file.name}"
        argv = ["minisign", "-S", "-s", signing.minisign, "-t", trusted, "-m", str(file)]
        return (SigningCommand("sign the archive with minisign", tuple(argv)),)
    if signing.gpg:
        argv = ["gpg", "--batch", "--yes", "--local-user", signing.gpg, "--armor"]
        argv += ["--output", f"{file}.asc", "--detach-sign", str(file)]
        return (SigningCommand("sign the archive with GPG", tuple(argv)),)
    raise MissingKeyError(key="minisign or gpg", what="which key signs archives")


def sign_bundle(build: Build, bundle: Bundle, commands: Sequence[SigningCommand]) -> None:
    """Sign the files of *bundle* with *commands*.

    The bundle is replaced only if all commands succeed. The reports about the unsigned bundle are
    removed. Raises HostError, BuildError.
    """
    place, final = _copy(build), build.bundle
    workspace.remove(place)
    try:
        shutil.copytree(final, place, symlinks=True)
        run(build, commands)
        files = describe_files(place)
        workspace.remove(final)
        place.replace(final)
    finally:
        workspace.remove(place)
    signed = replace(bundle, files=files, size=sum(size for _, size, _ in files.values()))
    forget_reports(build)
    json_file.write(build.report("bundle"), signed)


def run(build: Build, commands: Sequence[SigningCommand]) -> None:
    """Run *commands* in order. Raises HostError for a missing tool, BuildError."""
    path = build.environ.get("PATH")
    missing = sorted(
        {item.argv[0] for item in commands if not shutil.which(item.argv[0], path=path)}
    )
    if missing:
        message = f"{', '.join(missing)} is not on PATH."
        raise HostError(message, hint="--dry-run shows the plan; sign on a machine with the tools")
    logged = build.log("sign")
    with log.step(f"signing {build.name}") as shown, _password(build.environ) as password:
        for number, item in enumerate(commands):
            shown.update(f"{number + 1} of {len(commands)}: {item.why}")
            argv = [part.replace("{password}", str(password)) for part in item.argv]
            if item.resume:
                _submit(build, item)
                continue
            try:
                command.run(argv, log=logged, env=build.environ)
            except CommandError as error:
                message = f"{item.why}: {error.message}"
                raise BuildError(message, hint=error.hint, tail=error.tail) from error
            if item.makes:
                Path(item.makes).replace(item.replaces)


def _copy(build: Build) -> Path:
    """Return the folder with the copy of the bundle that is signed and then replaces it."""
    return build.work / "signed" / build.product


def _native_files(build: Build, bundle: Bundle, kind: native.Format) -> list[str]:
    """Return the programs and libraries of *bundle* in the format *kind*, by their content."""
    found, folder = [], build.bundle
    for name, (_, _, mode) in sorted(bundle.files.items()):
        if mode == "link":
            continue
        with (folder / name).open("rb") as file:
            if native.recognised(file.read(4)) == kind:
                found.append(name)
    return found


def _macos(
    build: Build, bundle: Bundle, signing: Signing, identifier: str
) -> Iterator[SigningCommand]:
    if not signing.identity:
        raise MissingKeyError(key="identity", what="which Developer ID of the keychain signs")
    folder = _copy(build)
    entitlements = build.root / signing.entitlements if signing.entitlements else None
    if not entitlements:
        entitlements = build.work / "entitlements.plist"
        workspace.write(entitlements, ENTITLEMENTS)
    argv = ["codesign", "--force", "--timestamp", "--options", "runtime"]
    argv += ["--entitlements", str(entitlements), "--sign", signing.identity]
    names = _native_files(build, bundle, "mach-o")
    places = dict.fromkeys(_framework(name) for name in names)
    main = build.executable.name
    ordered = inside_out(places, main)
    for name in ordered:
        named = ("--identifier", identifier) if identifier and name == main else ()
        yield SigningCommand(f"sign {name}", (*argv, *named, str(folder / name)))
    verify = ("codesign", "--verify", "--strict", "--verbose=2")
    yield SigningCommand("verify", (*verify, *(str(folder / name) for name in ordered[-1:])))
    if not signing.notary_profile:
        return
    packed = build.work / f"{build.name}.notary.zip"
    yield SigningCommand(
        "pack it for Apple", ("ditto", "-c", "-k", "--keepParent", str(folder), str(packed))
    )
    tool, options = ("xcrun", "notarytool"), ("--keychain-profile", signing.notary_profile)
    as_json = ("--output-format", "json")
    # Apple identifies files by code hashes, which stay the same when files are signed again.
    key = digest.of_values({name: sum_ for name, (sum_, _, _) in bundle.files.items()})
    yield SigningCommand(
        "submit it to Apple; a folder cannot be stapled: Gatekeeper asks Apple at its first start",
        (*tool, "submit", str(packed), *options, *as_json),
        known=str(build.work / f"notary-{key[:12]}.json"),
        resume=(*tool, "wait", "{id}", *options, *as_json),
    )


def _framework(name: str) -> str:
    """Return the framework's version folder if *name* is a framework's library, else *name*."""
    match PurePosixPath(name).parts:
        case (*_, framework, "Versions", _, library) if framework == f"{library}.framework":
            return str(PurePosixPath(name).parent)
    return name


def _signtool(files: Sequence[str], signing: Signing) -> Iterator[SigningCommand]:
    argv = ["signtool", "sign", "/fd", "SHA256", "/sha1", signing.thumbprint]
    if signing.timestamp:
        argv += ["/td", "SHA256", "/tr", signing.timestamp]
    for start in range(0, len(files), _AT_ONCE):
        some = files[start : start + _AT_ONCE]
        yield SigningCommand(f"sign {len(some)} files", (*argv, *some))
        yield SigningCommand(
            f"verify {len(some)} files", ("signtool", "verify", "/pa", "/all", *some)
        )


def _osslsigncode(build: Build, files: Sequence[str], signing: Signing) -> Iterator[SigningCommand]:
    if not (signing.certificate and signing.key):
        raise MissingKeyError(
            key="thumbprint, or certificate and key", what="what signs for Windows"
        )
    argv = ["osslsigncode", "sign", "-certs", signing.certificate, "-key", signing.key]
    argv += ["-readpass", "{password}"] if build.environ.get(PASSWORD) else []
    argv += ["-h", "sha256", "-n", build.product]
    argv += ["-ts", signing.timestamp] if signing.timestamp else []
    for file in files:
        made = f"{file}.signed"
        step = (*argv, "-in", file, "-out", made)
        yield SigningCommand(f"sign {Path(file).name}", step, makes=made, replaces=file)
    trusted = signing.authority or signing.certificate
    for file in files:
        verify: tuple[str, ...] = ("osslsigncode", "verify", "-CAfile", trusted)
        if signing.timestamp:
            verify = (*verify, "-TSA-CAfile", trusted)
        yield SigningCommand(f"verify {Path(file).name}", (*verify, "-in", file))


def _submit(build: Build, step: SigningCommand) -> None:
    """Submit the archive for notarisation and wait for the result; resume an earlier submission."""
    known, logged = Path(step.known), build.log("sign")
    try:
        number = json_file.read(known, _Submission).id
        log.note(f"waiting again for submission {number}")
    except (OSError, ValueError):
        number = _submission(command.output(step.argv, logged, build.environ)).id
        json_file.write(known, _Submission(id=number))
    argv = [part.replace("{id}", number) for part in step.resume]
    submission = _submission(command.output(argv, logged, build.environ))
    workspace.remove(known)
    if submission.status != "Accepted":
        message = f"Apple did not accept submission {number}: {submission.status}."
        raise BuildError(message, hint=f"`xcrun notarytool log {number}` says why; see {logged}")


def _submission(lines: Sequence[str]) -> _Submission:
    return json_file.parse("\n".join(lines), _Submission)


@contextlib.contextmanager
def _password(environ: Mapping[str, str]) -> Iterator[Path]:
    """Yield a private file with the password; other users could read it in a command line."""
    with workspace.temporary() as folder:
        file = folder / "password"
        file.touch(mode=0o600)
        file.write_text(environ.get(PASSWORD, ""), encoding="utf-8")
        yield file
