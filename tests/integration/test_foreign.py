"""Bundles for macOS and Windows on this machine, with real programs of those systems.

PyPI's wheels provide them: PyInstaller's bootloader and psutil's extension module. Steps that
need those systems are planned here, not run.
"""

import json
import os
import shlex
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import verbs

from frostline.core import native, platforms
from frostline.freeze.bundle import Bundle, describe_files

PRODUCTS = Path(__file__).resolve().parents[1] / "products"
# pip's name of each platform, and the bootloader's path in its wheel.
WHEELS = {
    "darwin_arm64": ("macosx_11_0_arm64", "Darwin-64bit/run"),
    "darwin_x86_64": ("macosx_11_0_x86_64", "Darwin-64bit/run"),
    "windows_x86_64": ("win_amd64", "Windows-64bit-intel/run.exe"),
    "windows_arm64": ("win_arm64", "Windows-64bit-arm/run.exe"),
}
SIGNING = """
[about]
identifier = "org.example.echo"
[signing]
identity = "Developer ID Application: Acme (TEAM)"
notary_profile = "acme"
"""


def download(folder: Path, platform: str, name: str) -> Path:
    """Return the wheel of *name* for *platform*, unpacked."""
    argv = [
        sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:",
        "--python-version=3.11", "--dest", str(folder), f"--platform={WHEELS[platform][0]}",
        "--platform=macosx_10_13_universal2", name,
    ]  # fmt: skip
    done = subprocess.run(argv, check=False, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"{name} for {platform} cannot be fetched: {done.stderr.strip()[-200:]}")
    place = folder / f"{name.partition('=')[0]}-{platform}"
    with zipfile.ZipFile(next(folder.glob(f"{name.partition('=')[0]}-*.whl"))) as packed:
        packed.extractall(place)
    return place


@pytest.fixture(scope="module", params=sorted(WHEELS))
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project with a bundle for another system."""
    name: str = request.param
    platform = platforms.PLATFORMS[name]
    folder = tmp_path_factory.mktemp(name)
    project = Path(shutil.copytree(PRODUCTS / "echo", folder / name))
    output = project / "build" / "output" / f"echo-{name}"
    inside = output / "_internal" / "psutil"
    inside.mkdir(parents=True)
    bootloader = download(folder, name, "pyinstaller==6.22.3")
    program = bootloader / "PyInstaller" / "bootloader" / WHEELS[name][1]
    shutil.copy(program, output / f"echo{platform.suffix}")
    (output / f"echo{platform.suffix}").chmod(0o755)
    library = next(
        path
        for path in sorted(download(folder, name, "psutil").rglob("*"))
        if path.suffix in {".so", ".pyd"}
    )
    shutil.copy(library, inside / library.name)
    describe(project, name)
    return project


def describe(project: Path, name: str) -> None:
    """Write the description of the bundle for the platform *name*."""
    platform = platforms.PLATFORMS[name]
    output = project / "build" / "output" / f"echo-{name}"
    files = describe_files(output)
    bundle = Bundle(
        product="echo", version="1.0", platform=name, layout="onedir", inputs="x",
        path=f"build/output/echo-{name}", executable=f"echo{platform.suffix}", python="3.11",
        size=sum(size for _, size, _ in files.values()), files=files, distributions={},
        missing=(), collected={}, libraries={}, owners={}, pruned=(0, 0), parts={},
    )  # fmt: skip
    report = output.with_name(f"echo-{name}.bundle.json")
    report.write_text(json.dumps(asdict(bundle)), encoding="utf-8")


def run(project: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run frostline on the bundle in *project*."""
    named = ("--product", "echo", "--platform", project.name)
    return verbs.run(project, *arguments, *named, environ=os.environ | environ)


def test_audited(made: Path) -> None:
    """Machine, minimum system, libraries and hardening are read."""
    done = run(made, "audit", "--json")
    found = json.loads(done.stdout)
    told = [(item["id"], item["severity"], item["reason"]) for item in found["findings"]]
    assert found["looked_at"] == 2
    assert {name for name, severity, _ in told if severity != "note"} <= {"native.unresolved"}
    assert "native.hardening" not in {name for name, _, _ in told}
    lacking = {reason.split()[1] for name, _, reason in told if name == "native.unresolved"}
    windows = made.name.startswith("windows")
    # Real bundles have these; a bundle of two files does not.
    assert lacking == ({"python3.dll,", "vcruntime140.dll,"} if windows else set())
    assert done.returncode == (5 if windows else 0)
    assert found["minimum"].startswith("Windows 6." if windows else "macOS 1")


def test_a_library_of_another_machine(made: Path, tmp_path: Path) -> None:
    """A library for another machine is found by content on any host."""
    other = {"arm64": "x86_64", "x86_64": "arm64"}
    system, _, machine = made.name.partition("_")
    name = f"{system}_{other[machine]}"
    library = next(
        path
        for path in sorted(download(tmp_path, name, "psutil").rglob("*"))
        if path.suffix in {".so", ".pyd"}
    )
    project = Path(shutil.copytree(made, tmp_path / made.name, symlinks=True))
    place = project / "build" / "output" / f"echo-{made.name}" / "_internal" / "psutil"
    shutil.copy(library, place / f"other{library.suffix}")
    describe(project, made.name)
    found = json.loads(run(project, "audit", "--json").stdout)["findings"]
    wrong = [item for item in found if item["id"] == "native.architecture"]
    assert [item["file"] for item in wrong] == [f"_internal/psutil/other{library.suffix}"]
    assert wrong[0]["severity"] == "error"


def test_exported(made: Path) -> None:
    """Exports for both shells have the suffix, the triple, and entitlements for macOS."""
    for shell in ("electron", "tauri"):
        done = run(made, "export", "--shell", shell, "--json")
        assert done.returncode == 0, done.stderr
        exported = json.loads(done.stdout)
        program = Path(exported["folder"], exported["executable"])
        assert native.recognised(program.read_bytes()[:4]) in {"pe", "mach-o"}
        assert ("entitlements.plist" in exported["files"]) is made.name.startswith("darwin")
        assert (program.suffix == ".exe") is made.name.startswith("windows")


def sign_as(project: Path, folder: Path, text: str) -> Path:
    """Return a copy of *project* whose profile has *text* appended."""
    copy = Path(shutil.copytree(project, folder / project.name, symlinks=True))
    profile = copy / "specs" / "echo.toml"
    profile.write_text(profile.read_text("utf-8") + text, encoding="utf-8")
    return copy


def test_the_plan_of_signing(made: Path, tmp_path: Path) -> None:
    """The plan is printed on any host, inside out; missing keys are errors."""
    done = run(made, "sign", "--dry-run")
    assert (done.returncode, "in its [signing]" in " ".join(done.stderr.split())) == (2, True)
    thumbprint = '[signing]\nthumbprint = "abc"\ntimestamp = "http://example.org/ts"\n'
    windows = made.name.startswith("windows")
    project = sign_as(made, tmp_path, thumbprint if windows else SIGNING)
    before = describe_files(project / "build" / "output")
    done = run(project, "sign", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "nothing was run" in done.stderr
    lines = [shlex.split(line) for line in done.stdout.splitlines() if not line.startswith("#")]
    if windows:
        assert [line[:2] for line in lines] == [["signtool", "sign"], ["signtool", "verify"]]
        assert lines[0][2:9] == [
            "/fd", "SHA256", "/sha1", "abc", "/td", "SHA256", "/tr"
        ]  # fmt: skip
        assert [Path(name).suffix for name in lines[0][-2:]] == [".pyd", ".exe"]
    else:
        signs = [line for line in lines if "--sign" in line]
        assert [Path(line[-1]).name for line in signs][-1] == "echo", "what holds the rest is last"
        assert Path(signs[0][-1]).suffix == ".so"
        assert ["org.example.echo" in line for line in signs] == [False, True]
        assert all({"--force", "--timestamp", "runtime"} < set(line) for line in signs)
        assert not any("--deep" in line for line in lines)
        tools = [line[0] for line in lines]
        assert tools == ["codesign", "codesign", "codesign", "ditto", "xcrun"]
        assert lines[-1][:3] == ["xcrun", "notarytool", "submit"]
    assert describe_files(project / "build" / "output") == before
    done = run(project, "sign")
    assert done.returncode == 3, "its tools are not here"
    assert "is not on PATH" in " ".join(done.stderr.split())
    assert describe_files(project / "build" / "output") == before


# Stand-ins for Apple's tools: each records its arguments.
TOOL = """#!/bin/sh
echo "$(basename "$0") $*" >> "$CALLS"
case "$*" in
    *submit*) echo '{"id": "4711"}' ;;
    *wait*) [ -z "$CUT_OFF" ] || exit 1; echo '{"id": "4711", "status": "'"$WORD"'"}' ;;
esac
"""


@pytest.mark.skipif(sys.platform == "win32", reason="uses shell scripts as Apple's tools")
def test_notarising_is_gone_on_with(made: Path, tmp_path: Path) -> None:
    """An earlier submission is resumed; Apple's refusal is an error."""
    if not made.name.startswith("darwin"):
        pytest.skip("only macOS bundles are notarised")
    project = sign_as(made, tmp_path, SIGNING)
    tools, calls = tmp_path / "bin", tmp_path / "calls"
    tools.mkdir()
    for name in ("codesign", "ditto", "xcrun"):
        (tools / name).write_text(TOOL, encoding="utf-8")
        (tools / name).chmod(0o755)
    environ = {"PATH": f"{tools}:{os.environ['PATH']}", "CALLS": str(calls), "WORD": "Accepted"}
    cut = run(project, "sign", CUT_OFF="1", **environ)
    assert cut.returncode == 4, cut.stderr
    done = run(project, "sign", **environ)
    assert done.returncode == 0, done.stderr
    assert "waiting again for submission 4711" in done.stderr
    asked = [line.split()[:3] for line in calls.read_text("utf-8").splitlines()]
    assert asked.count(["xcrun", "notarytool", "submit"]) == 1
    assert asked.count(["xcrun", "notarytool", "wait"]) == 2
    refused = run(project, "sign", **(environ | {"WORD": "Invalid"}))
    assert refused.returncode == 4
    assert "Apple did not accept submission 4711: Invalid" in " ".join(refused.stderr.split())


def authority(folder: Path) -> str:
    """Return the profile's keys for a test certificate whose key has a password."""
    argv = [
        "openssl", "req", "-x509", "-newkey", "rsa:2048", "-days", "2", "-subj", "/CN=Acme",
        "-addext", "extendedKeyUsage=codeSigning", "-addext", "keyUsage=digitalSignature",
        "-passout", "pass:secret words", "-keyout", str(folder / "key.pem"),
        "-out", str(folder / "certificate.pem"),
    ]  # fmt: skip
    subprocess.run(argv, check=True, capture_output=True)
    return f'[signing]\ncertificate = "{folder}/certificate.pem"\nkey = "{folder}/key.pem"\n'


@contextmanager
def clock(folder: Path) -> Iterator[str]:
    """Run a test RFC 3161 server (openssl ts); its certificate is `clock.pem`."""
    (folder / "ts.cnf").write_text(
        "[tsa]\nserial = serial\ndefault_policy = 1.2.3\ndigests = sha256\n"
        "accuracy = secs:1\nsigner_digest = sha256\n", encoding="utf-8",
    )  # fmt: skip
    (folder / "serial").write_text("01", encoding="ascii")
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
            "/CN=Clock", "-addext", "extendedKeyUsage=critical,timeStamping", "-addext",
            "keyUsage=digitalSignature", "-keyout", "clock.key", "-out", "clock.pem",
        ],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip

    class Clock(BaseHTTPRequestHandler):
        """Records the requests for timestamps."""

        def log_message(self, *_: object) -> None:
            """Log nothing."""

        def do_POST(self) -> None:
            """Answer one request."""
            length = int(self.headers["Content-Length"])
            (folder / "query").write_bytes(self.rfile.read(length))
            argv = ["openssl", "ts", "-reply", "-config", "ts.cnf", "-section", "tsa"]
            argv += ["-queryfile", "query", "-signer", "clock.pem", "-inkey", "clock.key"]
            subprocess.run([*argv, "-out", "reply"], cwd=folder, check=True, capture_output=True)
            reply = (folder / "reply").read_bytes()
            self.send_response(200)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(reply)))
            self.end_headers()
            self.wfile.write(reply)

    with HTTPServer(("127.0.0.1", 0), Clock) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_with_a_timestamp(made: Path, tmp_path: Path) -> None:
    """Each signature has a timestamp, which is verified."""
    if made.name != "windows_x86_64" or not shutil.which("osslsigncode"):
        pytest.skip("needs osslsigncode; runs for one Windows platform")
    words = authority(tmp_path)
    with clock(tmp_path) as address:
        both = [(tmp_path / name).read_text("utf-8") for name in ("certificate.pem", "clock.pem")]
        (tmp_path / "both.pem").write_text("".join(both), encoding="utf-8")
        words += f'timestamp = "{address}"\nauthority = "{tmp_path}/both.pem"\n'
        project = sign_as(made, tmp_path, words)
        done = run(project, "sign", FROSTLINE_SIGN_PASSWORD="secret words")  # noqa: S106
    assert done.returncode == 0, done.stderr
    log = (project / "build" / "log" / f"echo-{made.name}.sign.log").read_text("utf-8")
    assert "Timestamp Server Signature verification: ok" in log, log[-3000:]


def test_windows_files_are_signed_here(made: Path, tmp_path: Path) -> None:
    """With osslsigncode files are signed here; no command or log has the password."""
    if not made.name.startswith("windows"):
        pytest.skip("osslsigncode is for Windows")
    if not shutil.which("osslsigncode") or not shutil.which("openssl"):
        pytest.skip("needs osslsigncode and openssl")
    project = sign_as(made, tmp_path, authority(tmp_path))
    output = project / "build" / "output" / f"echo-{made.name}"
    before = describe_files(output)
    wrong = run(project, "sign", FROSTLINE_SIGN_PASSWORD="wrong")  # noqa: S106  # a test password
    assert wrong.returncode == 4, wrong.stderr
    assert describe_files(output) == before, "all or nothing"
    assert [path.name for path in output.parent.iterdir() if path.is_dir()] == [output.name]
    (output.parent / f"echo-{made.name}.audit.json").write_text("{}", encoding="utf-8")
    done = run(project, "sign", FROSTLINE_SIGN_PASSWORD="secret words")  # noqa: S106
    assert done.returncode == 0, done.stderr
    after = describe_files(output)
    assert after.keys() == before.keys()
    assert all(after[name] != before[name] for name in after)
    for name in after:
        argv = ["osslsigncode", "verify", "-CAfile", str(tmp_path / "certificate.pem")]
        told = subprocess.run(
            [*argv, "-in", str(output / name)], check=False, capture_output=True, text=True
        )
        assert (told.returncode, "Signature verification: ok" in told.stdout) == (0, True)
    assert not (output.parent / f"echo-{made.name}.audit.json").exists(), "it spoke of another"
    log = (project / "build" / "log" / f"echo-{made.name}.sign.log").read_text("utf-8")
    assert "secret words" not in log + done.stderr
    # It is still the bundle of this build, and later steps accept it.
    assert run(project, "export", "--shell", "tauri").returncode == 0
