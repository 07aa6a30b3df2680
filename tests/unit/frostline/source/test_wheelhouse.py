"""Native wheels: which are requested, and which are kept."""

from pathlib import Path

import pytest

from frostline.core import cache
from frostline.core.cache import Cache
from frostline.core.errors import HostError, LockError
from frostline.core.platforms import PLATFORMS, host
from frostline.core.workspace import Target, Workspace
from frostline.profile import policy
from frostline.profile.build import Build
from frostline.profile.profile import NativeWheel, Profile
from frostline.source import environment, wheelhouse
from frostline.source.environment import Lock, Wheel
from frostline.source.wheelhouse import WheelRequest

LOCK = """\
# a comment
numpy==2.4.6 ; python_full_version < '3' \\
    --hash=sha256:00
numpy==2.5.5 ; python_full_version >= '3' \\
    --hash=sha256:11 \\
    --hash=sha256:22
Crc_Mod==1.7 \\
    --hash=sha256:33
"""
TARGET = Target("tally", host())


def profile(paths: Workspace, *tables: NativeWheel) -> Profile:
    """Return a profile with *tables* in a project with a lock."""
    (paths.root / "lock.txt").write_text(LOCK, encoding="utf-8")
    return Profile(source="app", requirements="lock.txt", entry="a:b", wheels=tables)


def requests(paths: Workspace, *tables: NativeWheel, python: str = "") -> tuple[WheelRequest, ...]:
    """Return the wheels that *tables* request."""
    build = Build(workspace=paths, target=TARGET, profile=profile(paths, *tables), environ={})
    return wheelhouse.requested(build, policy.load(paths).image, python)


def test_wanted(tmp_path: Path) -> None:
    """Version and source come from the lock's applicable entry; every setting changes the key."""
    paths = Workspace(tmp_path)
    (request,) = requests(paths, NativeWheel(name="crc-mod"))
    assert (request.name, request.version) == ("crc-mod", "1.7")
    assert "--hash=sha256:33" in str(request.source)
    (numpy,) = requests(paths, NativeWheel(name="numpy"))
    assert numpy.version == "2.5.5"
    keys = {
        requests(paths, table)[0].key
        for table in (
            NativeWheel(name="crc-mod"),
            NativeWheel(name="crc-mod", test="true"),
            NativeWheel(name="crc-mod", environment={"A": "1"}),
        )
    }
    keys |= {requests(paths, NativeWheel(name="crc-mod"), python="3.14")[0].key}
    assert len(keys) == 4
    with pytest.raises(LockError, match=r"other is not in lock\.txt"):
        requests(paths, NativeWheel(name="other"))


def test_a_folder_of_the_project(tmp_path: Path) -> None:
    """Name and version come from its pyproject.toml; a changed file changes the key."""
    paths, folder = Workspace(tmp_path), tmp_path / "native"
    folder.mkdir()
    text = '[project]\nname = "popcount"\nversion = "1.0"\n'
    (folder / "pyproject.toml").write_text(text, encoding="utf-8")
    (before,) = requests(paths, NativeWheel(source="native"))
    assert (before.name, before.version) == ("popcount", "1.0")
    (folder / "popcount.c").write_text("x", encoding="utf-8")
    (after,) = requests(paths, NativeWheel(source="native"))
    assert after.key != before.key


@pytest.mark.parametrize(
    ("platform", "expected"),
    [
        ("linux_x86_64", "cp311-manylinux_x86_64"),
        ("linux_arm64", "cp311-manylinux_aarch64"),
        ("darwin_arm64", "cp311-macosx_arm64"),
        ("windows_x86_64", "cp311-win_amd64"),
        ("windows_arm64", "cp311-win_arm64"),
    ],
)
def test_what_cibuildwheel_calls_it(platform: str, expected: str) -> None:
    """The identifier selects exactly one wheel."""
    request = WheelRequest("a", "1", PLATFORMS[platform], "311", "", NativeWheel(name="a"), "key")
    assert request.identifier == expected


def test_name_or_source() -> None:
    """Exactly one of name and source is given."""
    for name, source in (("", ""), ("a", "b")):
        with pytest.raises(ValueError, match="either name or source"):
            NativeWheel(name=name, source=source)


def test_kept(tmp_path: Path) -> None:
    """A missing wheel is named with the command to build it; a kept one is found by its request."""
    paths = Workspace(tmp_path)
    wanted = requests(paths, NativeWheel(name="crc-mod"))
    place = cache.find({cache.VARIABLE: str(tmp_path / "cache")})
    with pytest.raises(HostError, match=r"crc-mod 1\.7: there is no wheel for") as caught:
        wheelhouse.kept(place, wanted)
    assert "`frostline wheels" in caught.value.hint
    made = tmp_path / "a.whl"
    made.write_bytes(b"x")
    kept = wheelhouse.keep(place, wanted[0], made)
    sum_ = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"
    assert (kept.name, kept.file.name, kept.sha256) == ("crc-mod", "a.whl", sum_)
    assert kept.file.is_relative_to(place.root)
    assert wheelhouse.kept(place, wanted) == (kept,)


def test_installed_instead_of_the_lock(tmp_path: Path) -> None:
    """The rest of the lock stays; the environment gets another key."""
    lock = Lock("lock.txt", LOCK)
    wheel = Wheel("crc-mod", tmp_path / "a.whl", "44")
    listed = environment._with_wheels(lock, [wheel])
    assert listed.count("numpy==") == 2
    assert "Crc_Mod" not in listed
    assert f"crc-mod @ {(tmp_path / 'a.whl').as_uri()} --hash=sha256:44\n" in listed
    here, there = (Cache(tmp_path / name) for name in ("here", "there"))
    keys = {
        environment.environment_key(here, lock, [wheel]),
        environment.environment_key(here, lock),
        environment.environment_key(there, lock),
    }
    assert len(keys) == 3
