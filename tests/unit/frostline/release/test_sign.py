"""Signing: the plan of commands, and a bundle or archive that is replaced only when all succeed."""

import json
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

import plain
import pytest

from frostline.core import digest, json_file
from frostline.core.errors import BuildError, BusyError, HostError, NotBuiltError, UsageError
from frostline.core.platforms import PLATFORMS
from frostline.freeze.bundle import describe_files, require_bundle
from frostline.profile.build import Build
from frostline.release import sign as signing_module
from frostline.release.listing import Artifact, write_release
from frostline.release.shells import ENTITLEMENTS
from frostline.release.sign import (
    SigningCommand,
    inside_out,
    plan_archive,
    sign,
    signing_plan,
)

ELF, PE, MACH_O = b"\x7fELF rest", b"MZ\x90\0 rest", b"\xcf\xfa\xed\xfe rest"
LINUX = "run `frostline sign --archive build/release/…`"
MACOS = "set identity in its [signing]"
WINDOWS = "set thumbprint, or certificate and key in its [signing]"
unix = pytest.mark.skipif(sys.platform == "win32", reason="uses shell scripts as tools")


def test_inner_files_are_signed_first() -> None:
    """A folder is signed after what lies in it, and the program last, wherever it lies."""
    names = ["argo", "_internal/Python.framework", "_internal/b.dylib", "_internal/lib/deep/c.so",
             "_internal/Python.framework/Versions/3.11/x.dylib"]  # fmt: skip
    assert inside_out(names, "argo") == [
        "_internal/Python.framework/Versions/3.11/x.dylib",
        "_internal/lib/deep/c.so",
        "_internal/Python.framework",
        "_internal/b.dylib",
        "argo",
    ]
    assert inside_out(["a", "z/a", "b"], "a") == ["z/a", "b", "a"]


def built(
    root: Path, platform: str, environ: Mapping[str, str] | None = None, **tables: object
) -> Build:
    """Return the build of a bundle with native files of *platform*."""
    data = {"darwin_arm64": MACH_O, "windows_x86_64": PE}.get(platform, ELF)
    files = {"_internal/a.lib": data, "_internal/deep/b.lib": data, "_internal/other": b"text"}
    return plain.bundled(
        root, data.decode("latin-1") if data != MACH_O else "", platform=PLATFORMS[platform],
        environ=environ, files=files | ({"tool": data} if data == MACH_O else {}), tables=tables,
    )  # fmt: skip


def words(commands: tuple[SigningCommand, ...]) -> list[list[str]]:
    """Return the command lines."""
    return [[*item.argv] for item in commands]


def test_the_plan_for_macos(tmp_path: Path) -> None:
    """Every native file is signed with the hardened runtime, the program last, then verified."""
    signing, about = {"identity": "Acme"}, {"identifier": "org.example.tool"}
    build = built(tmp_path, "darwin_arm64", signing=signing, about=about)
    commands = signing_plan(build)
    place, plist = build.work / "signed" / "tool", build.work / "entitlements.plist"
    argv = ["codesign", "--force", "--timestamp", "--options", "runtime", "--entitlements",
            str(plist), "--sign", "Acme"]  # fmt: skip
    assert words(commands) == [
        [*argv, str(place / "_internal" / "deep" / "b.lib")],
        [*argv, str(place / "_internal" / "a.lib")],
        [*argv, "--identifier", "org.example.tool", str(place / "tool")],
        ["codesign", "--verify", "--strict", "--verbose=2", str(place / "tool")],
    ]
    assert [item.why for item in commands[1:]] == ["sign _internal/a.lib", "sign tool", "verify"]
    assert plist.read_text(encoding="utf-8") == ENTITLEMENTS
    assert commands[0] == SigningCommand(commands[0].why, commands[0].argv)


def test_own_entitlements_and_no_identifier(tmp_path: Path) -> None:
    """The profile's file is used, and codesign chooses the identifier."""
    signing = {"identity": "Acme", "entitlements": "my.plist"}
    build = built(tmp_path, "darwin_arm64", signing=signing)
    for line in words(signing_plan(build))[:3]:
        assert line[6] == str(tmp_path / "my.plist")
        assert "--identifier" not in line
    assert not build.work.exists()


def test_a_framework_is_signed_as_a_whole(tmp_path: Path) -> None:
    """The library of a framework stands for its version's folder; links are not signed."""
    inside = "_internal/Python.framework/Versions"
    files = {
        f"{inside}/3.11/Python": MACH_O, f"{inside}/3.11/Other": MACH_O, "tool": MACH_O,
        "_internal/Versions/3.11/Python": MACH_O,
    }  # fmt: skip
    build = plain.bundled(
        tmp_path,
        "",
        platform=PLATFORMS["darwin_arm64"],
        files=files,
        tables={"signing": {"identity": "A"}},
    )
    if sys.platform != "win32":
        (build.bundle / "_internal" / "link").symlink_to("Versions/3.11/Python")
        plain.described(build)
    folder = build.work / "signed" / "tool"
    assert [line[-1] for line in words(signing_plan(build))[:-1]] == [
        str(folder / inside / "3.11" / "Other"),
        str(folder / inside / "3.11"),
        str(folder / "_internal" / "Versions" / "3.11" / "Python"),
        str(folder / "tool"),
    ]


def test_the_plan_of_notarising(tmp_path: Path) -> None:
    """The signed copy is packed and submitted; an earlier submission of these files is known."""
    signing = {"identity": "Acme", "notary_profile": "mine"}
    build = built(tmp_path, "darwin_arm64", signing=signing)
    pack, submit = signing_plan(build)[-2:]
    folder, packed = build.work / "signed" / "tool", build.work / "tool-darwin_arm64.notary.zip"
    assert pack.argv == ("ditto", "-c", "-k", "--keepParent", str(folder), str(packed))
    options = ("--keychain-profile", "mine", "--output-format", "json")
    assert submit.argv == ("xcrun", "notarytool", "submit", str(packed), *options)
    assert submit.resume == ("xcrun", "notarytool", "wait", "{id}", *options)
    assert pack.known == ""
    known = Path(submit.known)
    sums = {name: sum_ for name, (sum_, _, _) in require_bundle(build).files.items()}
    assert known == build.work / f"notary-{digest.of_values(sums)[:12]}.json"


@pytest.mark.parametrize("timestamp", ["", "http://example.org/ts"])
def test_the_plan_for_windows(tmp_path: Path, timestamp: str) -> None:
    """The certificate of the store signs all native files, and each signature is verified."""
    signing = {"thumbprint": "abc", "timestamp": timestamp}
    build = built(tmp_path, "windows_x86_64", signing=signing)
    place = build.work / "signed" / "tool"
    files = [str(place / name) for name in ("_internal/a.lib", "_internal/deep/b.lib", "tool.exe")]
    more = ["/td", "SHA256", "/tr", timestamp] if timestamp else []
    commands = signing_plan(build)
    assert words(commands) == [
        ["signtool", "sign", "/fd", "SHA256", "/sha1", "abc", *more, *files],
        ["signtool", "verify", "/pa", "/all", *files],
    ]
    assert [item.why for item in commands] == ["sign 3 files", "verify 3 files"]


def test_a_command_line_takes_few_files(tmp_path: Path) -> None:
    """The limit of command lines is not reached: forty files at once, each of them once."""
    files = {f"_internal/{number:02}.dll": PE for number in range(80)}
    build = plain.bundled(
        tmp_path, PE.decode("latin-1"), platform=PLATFORMS["windows_x86_64"], files=files,
        tables={"signing": {"thumbprint": "abc"}},
    )  # fmt: skip
    lines = words(signing_plan(build))
    assert [len(line) for line in lines] == [46, 44, 46, 44, 7, 5]
    signed = [name for line in lines[::2] for name in line[6:]]
    assert len(set(signed)) == len(signed) == 81


@pytest.mark.parametrize("tool", ["", "osslsigncode"])
@pytest.mark.parametrize("timestamp", ["", "http://example.org/ts"])
@pytest.mark.parametrize("password", ["", "secret"])
def test_the_plan_of_osslsigncode(tmp_path: Path, tool: str, timestamp: str, password: str) -> None:
    """Each file is signed into a new file that replaces it; then all are verified."""
    signing = {"certificate": "c.pem", "key": "k.pem", "timestamp": timestamp}
    signing |= {"thumbprint": "abc"} if tool else {"authority": "ca.pem"}
    build = built(
        tmp_path, "windows_x86_64", {"FROSTLINE_SIGN_PASSWORD": password}, signing=signing
    )
    commands = signing_plan(build, tool=tool)
    place = build.work / "signed" / "tool"
    files = [str(place / name) for name in ("_internal/a.lib", "_internal/deep/b.lib", "tool.exe")]
    argv = ["osslsigncode", "sign", "-certs", "c.pem", "-key", "k.pem"]
    argv += ["-readpass", "{password}"] if password else []
    argv += ["-h", "sha256", "-n", "tool", *(["-ts", timestamp] if timestamp else [])]
    trusted = "c.pem" if tool else "ca.pem"
    verify = ["osslsigncode", "verify", "-CAfile", trusted]
    verify += ["-TSA-CAfile", trusted] if timestamp else []
    assert words(commands) == [
        *([*argv, "-in", file, "-out", f"{file}.signed"] for file in files),
        *([*verify, "-in", file] for file in files),
    ]
    assert [(item.makes, item.replaces) for item in commands] == [
        *((f"{file}.signed", file) for file in files), *[("", "")] * 3
    ]  # fmt: skip
    assert [commands[0].why, commands[-1].why] == ["sign a.lib", "verify tool.exe"]


@pytest.mark.parametrize(
    ("platform", "signing", "message", "hint"),
    [
        ("linux_x86_64", {"gpg": "me"}, "on Linux the archive is signed, not the bundle", LINUX),
        ("darwin_arm64", {}, "does not say which Developer ID", MACOS),
        ("windows_x86_64", {}, "does not say what signs for Windows", WINDOWS),
        (
            "windows_x86_64",
            {"certificate": "c.pem"},
            "does not say what signs for Windows",
            WINDOWS,
        ),
        ("windows_x86_64", {"key": "k.pem"}, "does not say what signs for Windows", WINDOWS),
    ],
)
def test_what_cannot_be_planned(
    tmp_path: Path, platform: str, signing: dict[str, str], message: str, hint: str
) -> None:
    """The profile must have the keys; nothing is written."""
    build = built(tmp_path, platform, signing=signing)
    with pytest.raises(UsageError, match=message) as caught:
        signing_plan(build)
    assert caught.value.hint == hint
    build.report("bundle").unlink()
    with pytest.raises(NotBuiltError):
        signing_plan(build)
    assert not build.work.exists()


def released(build: Build) -> Path:
    """Write an archive into the release folder and return it."""
    file = build.workspace.release / "tool-1.0.zip"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"archive")
    made = Artifact(
        file=file.name, product="tool", version="1.0", platform="linux_x86_64", layout="onedir",
        kind="zip", size=7, sha256=digest.of_file(file), inputs="i", proven=True,
    )  # fmt: skip
    write_release(build.workspace, made)
    return file


def test_the_plan_for_an_archive(tmp_path: Path) -> None:
    """Minisign or GPG; the archive must be the one that release.json lists."""
    build = built(tmp_path, "linux_x86_64", signing={"minisign": "secret.key", "gpg": "me"})
    file = released(build)
    assert words(signing_plan(build, file)) == [
        ["minisign", "-S", "-s", "secret.key", "-t", "file:tool-1.0.zip", "-m", str(file)]
    ]
    assert words(plan_archive(file, plain.profile(signing={"gpg": "me"}).signing)) == [
        ["gpg", "--batch", "--yes", "--local-user", "me", "--armor", "--output", f"{file}.asc",
         "--detach-sign", str(file)]
    ]  # fmt: skip
    with pytest.raises(UsageError, match="does not say which key signs archives") as caught:
        plan_archive(file, plain.profile().signing)
    assert caught.value.hint == "set minisign or gpg in its [signing]"
    with pytest.raises(UsageError, match=r"no release\.json"):
        signing_plan(build, tmp_path / "other.zip")


# Stand-ins for the tools of other systems: each records its arguments, and what FAILS fails.
TOOL = """#!/bin/sh
echo "${0##*/} $*" >> "$CALLS"
case "$*" in *"$FAILS"*) echo "the tool's reason"; exit 3 ;; esac
case "$*" in
    *-readpass*) read -r word < "$7"; echo "$word" >> "$CALLS" ;;
esac
case "$*" in
    *" sign "*|*--sign*|sign*) for last; do :; done; echo signed > "$last" ;;
    *submit*) echo '{'; echo '"id": "4711"}' ;;
    *wait*) echo "{\\"id\\": \\"4711\\", \\"status\\": \\"$WORD\\"}" ;;
esac
"""


def with_tools(folder: Path, *names: str, **more: str) -> dict[str, str]:
    """Write stand-ins for the tools *names*; return environment variables for them."""
    (folder / "bin").mkdir()
    for name in names:
        (folder / "bin" / name).write_text(TOOL, encoding="utf-8")
        (folder / "bin" / name).chmod(0o755)
    calls = {"CALLS": str(folder / "calls"), "FAILS": "nothing", "WORD": "Accepted"}
    return {"PATH": str(folder / "bin")} | calls | more


def called(folder: Path) -> list[str]:
    """Return the calls of the tools, without their arguments' folders."""
    lines = (folder / "calls").read_text(encoding="utf-8").splitlines()
    return [" ".join(word.rpartition("/")[2] for word in line.split()) for line in lines]


@unix
def test_a_bundle_is_signed(tmp_path: Path) -> None:
    """Its files are replaced and described anew; reports about the unsigned one are gone."""
    environ = with_tools(tmp_path, "osslsigncode", FROSTLINE_SIGN_PASSWORD="secret words")  # noqa: S106
    signing = {"certificate": "c.pem", "key": "k.pem"}
    build = built(tmp_path / "p", "windows_x86_64", environ, signing=signing)
    before = require_bundle(build)
    for kind in ("audit", "smoke", "parity"):
        json_file.write(build.report(kind), {})
    (build.bundle / "_internal" / "link").symlink_to("a.lib")
    before = plain.described(build)
    (build.work / "signed" / "tool").mkdir(parents=True)
    (build.work / "signed" / "tool" / "old").touch()
    sign(build, signing_plan(build))
    after = require_bundle(build)
    signed = {"_internal/a.lib", "_internal/deep/b.lib", "tool.exe"}
    assert after.files.keys() == before.files.keys()
    assert after.files["_internal/link"][2] == "link"
    assert {name for name in after.files if after.files[name] != before.files[name]} == signed
    files = [path for path in build.bundle.rglob("*") if path.is_file() and not path.is_symlink()]
    assert after.size == sum(path.stat().st_size for path in files) != before.size
    assert not any(build.report(kind).exists() for kind in ("audit", "smoke", "parity"))
    assert called(tmp_path).count("secret words") == 3
    assert "secret" not in build.log("sign").read_text(encoding="utf-8")
    assert not (build.work / "signed" / "tool").exists()


@unix
def test_all_or_nothing(tmp_path: Path) -> None:
    """A command that fails leaves the bundle and its reports as they were."""
    environ = with_tools(tmp_path, "osslsigncode", FAILS="verify")
    signing = {"certificate": "c.pem", "key": "k.pem"}
    build = built(tmp_path / "p", "windows_x86_64", environ, signing=signing)
    before = describe_files(build.bundle)
    json_file.write(build.report("audit"), {})
    with pytest.raises(BuildError, match=r"^verify a\.lib: osslsigncode ended") as caught:
        sign(build, signing_plan(build))
    assert caught.value.tail == ("the tool's reason",)
    assert describe_files(build.bundle) == before
    assert build.report("audit").exists()
    assert not (build.work / "signed" / "tool").exists()


@unix
def test_a_tool_that_is_missing(tmp_path: Path) -> None:
    """All missing tools are named before anything is run."""
    environ = with_tools(tmp_path, "codesign")
    signing = {"identity": "Acme", "notary_profile": "mine"}
    build = built(tmp_path / "p", "darwin_arm64", environ, signing=signing)
    with pytest.raises(HostError, match=r"^ditto, xcrun is not on PATH"):
        sign(build, signing_plan(build))
    assert not (tmp_path / "calls").exists()


@unix
def test_nobody_else_can_read_the_password() -> None:
    """The file is private from its start, and is gone afterwards."""
    with signing_module._password({"FROSTLINE_SIGN_PASSWORD": "secret words"}) as file:
        assert file.read_text(encoding="utf-8") == "secret words"
        assert file.stat().st_mode & 0o777 == 0o600
        assert file.parent.stat().st_mode & 0o777 == 0o700
    assert not file.exists()


@unix
def test_the_target_is_locked(tmp_path: Path) -> None:
    """Nothing is signed while another process builds."""
    build = built(tmp_path, "darwin_arm64", with_tools(tmp_path), signing={"identity": "A"})
    with build.exclusively(), pytest.raises(BusyError):
        sign(build, ())


@unix
def test_a_submission_is_gone_on_with(tmp_path: Path) -> None:
    """What Apple has already got is waited for; what it refuses is an error."""
    environ = with_tools(tmp_path, "codesign", "ditto", "xcrun")
    signing = {"identity": "Acme", "notary_profile": "mine"}
    build = built(tmp_path / "p", "darwin_arm64", environ | {"FAILS": " wait "}, signing=signing)
    commands = signing_plan(build)
    with pytest.raises(BuildError):
        sign(build, commands)
    known = Path(commands[-1].known)
    assert json.loads(known.read_text(encoding="utf-8"))["id"] == "4711"
    build = built(tmp_path / "p", "darwin_arm64", environ, signing=signing)
    sign(build, commands)
    notary = [line for line in called(tmp_path) if line.startswith("xcrun")]
    assert [line.split()[2] for line in notary] == ["submit", "wait", "wait"]
    assert notary[-1].split()[3] == "4711"
    assert '"status": "Accepted"' in build.log("sign").read_text(encoding="utf-8")
    assert not known.exists()
    shutil.rmtree(build.bundle)
    build = built(tmp_path / "p", "darwin_arm64", environ | {"WORD": "Invalid"}, signing=signing)
    with pytest.raises(BuildError, match="did not accept submission 4711: Invalid"):
        sign(build, signing_plan(build))
    assert not known.exists()


@unix
def test_an_archive_is_signed(tmp_path: Path) -> None:
    """The sums of the release folder are written again; the archive may also lie elsewhere."""
    environ = with_tools(tmp_path, "minisign")
    build = built(tmp_path / "p", "linux_x86_64", environ, signing={"minisign": "key"})
    file = released(build)
    commands = signing_plan(build, file)
    (file.parent / "tool-1.0.zip.minisig").touch()
    sign(build, commands, file)
    assert "zip.minisig" in (file.parent / "SHA256SUMS").read_text(encoding="utf-8")
    assert called(tmp_path) == ["minisign -S -s key -t file:tool-1.0.zip -m tool-1.0.zip"]
    sums = (file.parent / "SHA256SUMS").read_bytes()
    (file.parent / "more").touch()
    sign(build, commands, tmp_path / "other.zip")
    assert (file.parent / "SHA256SUMS").read_bytes() == sums
