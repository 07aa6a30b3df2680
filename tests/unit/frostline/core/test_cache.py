"""The user-wide cache: who may own it, what is taken from it, who may make and remove entries."""

import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from frostline.core import cache
from frostline.core.cache import Cache
from frostline.core.errors import StorageError, UsageError

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="modes and owners of POSIX")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cache:
    """Return an empty cache; what this process uses of it is forgotten afterwards."""
    monkeypatch.setattr(cache, "_used", {})
    return cache.find({cache.VARIABLE: str(tmp_path / "cache")})


def fill(text: str) -> Callable[[Path], None]:
    """Return a function that makes a content with *text* in it."""

    def make(folder: Path) -> None:
        (folder / "bin").mkdir(parents=True)
        (folder / "bin" / "tool").write_text(text, encoding="utf-8")
        if sys.platform != "win32":
            (folder / "link").symlink_to("bin/tool")

    return make


def refuse(folder: Path) -> None:
    """Fail: nothing had to be made."""
    pytest.fail(f"{folder} was made again")


def other_process(place: Cache, code: str) -> "subprocess.CompletedProcess[str]":
    """Run *code* with the cache as `place` in another process."""
    head = "from pathlib import Path\nfrom frostline.core import cache\n"
    head += f"place = cache.Cache(Path({str(place.root)!r}))\n"
    argv = [sys.executable, "-c", head + textwrap.dedent(code)]
    return subprocess.run(argv, check=False, capture_output=True, text=True)


@POSIX
def test_it_is_private(tmp_path: Path) -> None:
    """A new folder is for its owner alone."""
    found = cache.find({cache.VARIABLE: str(tmp_path / "a" / "b")})
    assert found.root == tmp_path / "a" / "b"
    assert found.root.stat().st_mode & 0o777 == 0o700


@POSIX
@pytest.mark.parametrize("mode", [0o770, 0o701, 0o704, 0o702])
def test_a_folder_that_others_can_use_is_refused(tmp_path: Path, mode: int) -> None:
    """The message names the folder, its mode and the way out."""
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(mode)
    with pytest.raises(UsageError, match=rf"open is open to other users \(mode {mode:o}\)") as told:
        cache.find({cache.VARIABLE: str(tmp_path / "open")})
    assert "chmod 700" in told.value.hint
    assert cache.VARIABLE in told.value.hint


@POSIX
def test_the_folder_of_another_user_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder belongs to the user that this process runs as."""
    monkeypatch.setattr(os, "geteuid", lambda: tmp_path.stat().st_uid + 1)
    with pytest.raises(UsageError, match="belongs to another user"):
        cache.find({cache.VARIABLE: str(tmp_path)})


@pytest.mark.parametrize("name", ["cache", "./cache", "~/cache"])
def test_a_path_that_is_not_full_is_refused(name: str) -> None:
    """A relative path would be another cache in each folder."""
    with pytest.raises(UsageError, match="is no full path"):
        cache.find({cache.VARIABLE: name})


def test_a_file_is_refused(tmp_path: Path) -> None:
    """The message says which folder cannot be made and which variable names another."""
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="file cannot be made") as told:
        cache.find({cache.VARIABLE: str(tmp_path / "file")})
    assert cache.VARIABLE in told.value.hint


@pytest.mark.skipif(sys.platform != "linux", reason="the variable of the XDG specification")
@pytest.mark.parametrize("environ", [{}, {cache.VARIABLE: ""}])
def test_without_the_variable(
    environ: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system's folder for caches is used."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache.find(environ).root == tmp_path / "frostline"


def test_made_once(place: Cache) -> None:
    """The second request gets what the first one made; in the next process, too."""
    first = cache.provide(place, "wheel", "1", fill("a"), label="x")
    assert (first / "bin" / "tool").read_text("utf-8") == "a"
    assert cache.provide(place, "wheel", "1", refuse, label="x") == first
    assert cache.provide(place, "wheel", "2", fill("b"), label="x") != first
    cache._used.clear()
    assert cache.look(place, "wheel", "1") == first
    assert cache.look(place, "wheel", "3") is None
    assert cache.look(place, "environment", "1") is None


def relink(link: Path) -> None:
    """Let *link* lead elsewhere."""
    link.unlink()
    link.symlink_to("bin")


CHANGES: dict[str, Callable[[Path], object]] = {
    "other bytes": lambda tool: tool.write_text("b", encoding="utf-8"),
    "a file more": lambda tool: tool.with_name("more").touch(),
    "a folder more": lambda tool: tool.with_name("folder").mkdir(),
    "a file less": lambda tool: tool.unlink(),
    "another name": lambda tool: tool.rename(tool.with_name("other")),
    "no description": lambda tool: (tool.parents[2] / "entry.json").unlink(),
    "half a description": lambda tool: (tool.parents[2] / "entry.json").write_text("{", "utf-8"),
}
if sys.platform != "win32":
    CHANGES |= {
        "another mode": lambda tool: tool.chmod(0o755),
        "another link": lambda tool: relink(tool.parents[1] / "link"),
    }


@pytest.mark.parametrize("change", CHANGES)
def test_what_was_changed_is_made_again(place: Cache, change: str) -> None:
    """An entry that differs from its description is not used."""
    tool = cache.provide(place, "wheel", "1", fill("a"), label="x") / "bin" / "tool"
    cache._used.clear()
    CHANGES[change](tool)
    assert cache.look(place, "wheel", "1") is None
    again = cache.provide(place, "wheel", "1", fill("a"), label="x")
    assert sorted(path.name for path in again.rglob("*") if path.name != "link") == ["bin", "tool"]
    assert tool.read_text("utf-8") == "a"


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_an_entry_that_could_not_be_made(place: Cache, error: type[BaseException]) -> None:
    """Nothing is left of it, and it can be made afterwards."""

    def broken(folder: Path) -> None:
        folder.mkdir()
        raise error

    with pytest.raises(error):
        cache.provide(place, "wheel", "1", broken, label="x")
    assert not (place.root / "wheel" / "1").exists()
    assert cache.provide(place, "wheel", "1", fill("a"), label="x").is_dir()


def test_what_a_killed_process_left(place: Cache) -> None:
    """A half-made entry is not used and does not stay."""
    code = """
        import os
        def fill(folder):
            folder.mkdir()
            (folder / "half").touch()
            os._exit(9)
        cache.provide(place, "wheel", "1", fill, label="x")
    """
    assert other_process(place, code).returncode == 9
    assert (place.root / "wheel" / "1" / "content" / "half").is_file()
    made = cache.provide(place, "wheel", "1", fill("a"), label="x")
    assert not (made / "half").exists()


def test_two_processes_make_it_once(place: Cache) -> None:
    """The second process waits and uses what the first one has made."""
    code = """
        import sys
        from frostline.core.cache import Cache
        def fill(folder):
            folder.mkdir()
            print("making", flush=True)
            sys.stdin.readline()
        content = cache.provide(place, "wheel", "1", fill, label="x")
        print("done", flush=True)
    """
    head = "from pathlib import Path\nfrom frostline.core import cache\n"
    head += f"place = cache.Cache(Path({str(place.root)!r}))\n"
    argv = [sys.executable, "-c", head + textwrap.dedent(code)]
    first = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert first.stdout
    assert first.stdin
    assert first.stdout.readline() == "making\n"
    second = subprocess.Popen(
        argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert second.stderr
    assert "waiting for another process" in second.stderr.readline()
    first.stdin.write("\n")
    first.stdin.close()
    assert first.stdout.read() == "done\n"
    assert second.communicate()[0] == "done\n"
    first.stdout.close()
    assert (first.wait(), second.returncode) == (0, 0)


def test_clean(place: Cache) -> None:
    """All entries are listed, the largest first, with size, age and what became of them."""
    cache.provide(place, "wheel", "1", fill("a"), label="small")
    old = cache.provide(place, "environment", "2", fill("a" * 100), label="large")
    month = time.time() - 40 * 24 * 60 * 60
    os.utime(old.parent / "entry.json", (month, month))
    code = "print([(e.label, e.state) for e in cache.clean(place, days=30)])"
    assert other_process(place, code).stdout == "[('large', 'in use'), ('small', 'kept')]\n"
    for lock in cache._used.values():
        lock.release()
    cache._used.clear()
    found = cache.clean(place, days=30)
    assert [(e.kind, e.label, e.size, e.state) for e in found] == [
        ("environment", "large", 100, "removed"),
        ("wheel", "small", 1, "kept"),
    ]
    assert abs(found[0].used - month) < 1
    assert not old.exists()
    assert [e.state for e in cache.clean(place)] == ["removed"]
    assert cache.clean(place) == ()


def test_use_makes_it_young(place: Cache) -> None:
    """The age of an entry is the time since a build used it."""
    made = cache.provide(place, "wheel", "1", fill("a"), label="x")
    os.utime(made.parent / "entry.json", (0, 0))
    cache._used.clear()
    assert cache.look(place, "wheel", "1")
    assert time.time() - (made.parent / "entry.json").stat().st_mtime < 3600


def test_what_is_half_made_is_cleaned(place: Cache) -> None:
    """It is listed as such and removed."""
    (place.root / "wheel" / "1" / "content").mkdir(parents=True)
    (found,) = cache.clean(place)
    assert (found.label, found.state) == ("half-made", "removed")
    assert not (place.root / "wheel" / "1").exists()
