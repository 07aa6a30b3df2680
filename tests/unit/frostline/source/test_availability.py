"""Which locks have wheels for which platforms, from plain data."""

from dataclasses import replace
from pathlib import Path

import pytest

from frostline.core import json_file
from frostline.core.errors import LockError
from frostline.core.platforms import PLATFORMS
from frostline.core.workspace import Target, Workspace
from frostline.profile.build import Build
from frostline.profile.profile import Before, NativeWheel, Profile
from frostline.source import availability
from frostline.source.availability import WheelRecord

LOCK = """\
--index-url https://example.org/simple
Native==1.0 \\
    --hash=sha256:a1 \\
    --hash=sha256:a2
pure==1.0 ; python_version >= '3.11' \\
    --hash=sha256:b1
mac-only==1.0 ; sys_platform == 'darwin' \\
    --hash=sha256:c1
linked @ https://example.org/linked-1.0%2Bcpu-py3-none-any.whl?x=1 \\
    --hash=sha256:d1
"""
FILES = {
    "a1": "native-1.0-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
    "a2": "native-1.0-cp311-cp311-macosx_11_0_universal2.whl",
    "a3": "native-1.0-cp311-cp311-win_amd64.whl",
    "b1": "pure-1.0-py3-none-any.whl",
    "c1": "mac_only-1.0-cp311-cp311-macosx_11_0_arm64.whl",
}
WINDOWS, INTEL = PLATFORMS["windows_x86_64"], PLATFORMS["darwin_x86_64"]


def test_a_lock_without_some_wheels() -> None:
    """A wheel counts if its hash is in the lock; a requirement counts where its marker is true."""
    missing = availability.survey(LOCK, FILES, "3.11").missing
    assert missing == {
        "linux_x86_64": (),
        "linux_arm64": ("Native==1.0",),
        "darwin_x86_64": ("mac-only==1.0",),
        "darwin_arm64": (),
        "windows_x86_64": ("Native==1.0",),  # the index has a wheel that the lock does not name
        "windows_arm64": ("Native==1.0",),
    }
    assert "pure==1.0" not in availability.survey(LOCK, FILES, "3.10").missing["linux_x86_64"]
    assert "Native==1.0" in availability.survey(LOCK, FILES, "3.12").missing["linux_x86_64"]
    source = "linked @ https://example.org/linked-1.0.tar.gz --hash=sha256:e1\n"
    assert availability.survey(source, {}, "3.11").missing["linux_arm64"] == ("linked",)
    with pytest.raises(LockError, match=r"no requirement.*") as caught:
        availability.survey("./folder --hash=sha256:00\n", {}, "3.11")
    assert "name==version" in caught.value.hint


@pytest.fixture
def project(tmp_path: Path) -> Workspace:
    """Return a project with a lock and its record."""
    (tmp_path / "lock.txt").write_text(LOCK, encoding="utf-8")
    json_file.write(tmp_path / "lock.wheels.json", availability.survey(LOCK, FILES, "3.11"))
    return Workspace(tmp_path)


def profile(*wheels: NativeWheel, tools: str = "") -> Profile:
    """Return a profile with *wheels*, and with a step that has the lock *tools*."""
    step = Before(name="a step", run=("x",), outputs=("{work}/x",), requirements=tools)
    return Profile(
        source="app", requirements="lock.txt", entry="a:b", wheels=wheels,
        before=(step,) if tools else (),
    )  # fmt: skip


def test_what_is_missing(project: Workspace) -> None:
    """Wheels that the profile builds are there; the locks of `before` steps count."""
    missing = availability.missing
    assert missing(project, profile(), WINDOWS, "3.11") == ["Native==1.0"]
    assert missing(project, profile(NativeWheel(name="native")), WINDOWS, "3.11") == []
    (project.root / "lib").mkdir()
    named = '[project]\nname = "NATIVE"\nversion = "1"\n'
    (project.root / "lib" / "pyproject.toml").write_text(named, encoding="utf-8")
    assert missing(project, profile(NativeWheel(source="lib")), WINDOWS, "3.11") == []
    (project.root / "tools.txt").write_text(LOCK, encoding="utf-8")
    json_file.write(project.root / "tools.wheels.json", availability.survey(LOCK, FILES, "3.11"))
    tools = profile(NativeWheel(name="native"), tools="tools.txt")
    assert missing(project, tools, INTEL, "3.11") == ["mac-only==1.0"], "named once"
    assert missing(project, tools, WINDOWS, "3.11") == ["Native==1.0"], "a step gets no own wheel"


def test_a_record_that_cannot_be_used(project: Workspace) -> None:
    """Nothing is said to be missing by a record of another lock, Python or set of platforms."""
    file, lock = project.root / "lock.wheels.json", project.root / "lock.txt"
    assert [*availability.unknown(project, profile(), "3.11")] == []
    lock.write_bytes(LOCK.replace("\n", "\r\n").encode())
    assert [*availability.unknown(project, profile(), "3.11")] == [], "a checkout on Windows"
    assert "is for Python 3.11, not 3.12" in why(project, "3.12")
    record = json_file.read(file, WheelRecord)
    json_file.write(file, replace(record, missing={"linux_x86_64": ()}))
    assert "has other platforms" in why(project)
    json_file.write(file, record)
    lock.write_text(LOCK + "# changed\n", encoding="utf-8")
    assert "was changed after lock.wheels.json was written" in why(project)
    file.write_text("{", encoding="utf-8")
    assert "lock.wheels.json cannot be read" in why(project)
    file.unlink()
    assert "is not recorded; run `frostline matrix --record`" in why(project)


def why(project: Workspace, python: str = "3.11") -> str:
    """Return why the wheels are not known; then none is missing."""
    assert availability.missing(project, profile(), WINDOWS, python) == []
    (text,) = availability.unknown(project, profile(), python)
    assert text.startswith("lock.txt: ")
    return text


def test_a_build_without_a_wheel(project: Workspace) -> None:
    """A build for a platform without a wheel is refused before anything is made or fetched."""
    target = Target("echo", WINDOWS)
    build = Build(workspace=project, target=target, profile=profile(), environ={})
    with pytest.raises(LockError, match=r"echo is not built for windows_x86_64: .*Native==1.0"):
        availability.require(build, "3.11")
    availability.require(replace(build, target=Target("echo", PLATFORMS["linux_x86_64"])), "3.11")
    availability.require(build, "3.12")


def test_lock_that_is_found(tmp_path: Path) -> None:
    """A lock that no profile names counts; requirements that are no lock have no record."""
    project, found = Workspace(tmp_path), Profile(entry="a:b")
    file = tmp_path / "requirements.txt"
    file.write_text("native\n", encoding="utf-8")
    assert availability.locks(project, found) == ()
    file.write_text(f"Native==1.0 --hash=sha256:{'a' * 64}\n", encoding="utf-8")
    assert availability.locks(project, found) == ("requirements.txt",)
    record = availability.survey(file.read_text(encoding="utf-8"), {}, "3.11")
    json_file.write(tmp_path / "requirements.wheels.json", record)
    assert availability.missing(project, found, WINDOWS, "3.11") == ["Native==1.0"]
