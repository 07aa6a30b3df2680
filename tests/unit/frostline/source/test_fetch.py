"""The cache of resources, and unpacking archives."""

import hashlib
import io
import os
import tarfile
import zipfile
from pathlib import Path

import pytest

from frostline.core.errors import BuildError, FetchError, UsageError
from frostline.core.workspace import Workspace
from frostline.profile.resources import Resource
from frostline.source import fetch

DATA = b"x" * 1000


def pin(source: Path, **fields: object) -> Resource:
    """Return a resource for a local file."""
    data = source.read_bytes()
    known = {
        "name": "thing", "version": "1", "url": source.as_uri(), "size": len(data),
        "sha256": hashlib.sha256(data).hexdigest(), "licence": "MIT", "destination": "bin/thing",
    }  # fmt: skip
    return Resource.model_validate({**known, **fields})


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Return a file to fetch."""
    path = tmp_path / "source" / "thing"
    path.parent.mkdir()
    path.write_bytes(DATA)
    return path


def test_fetched_once(source: Path, tmp_path: Path) -> None:
    """A fetched file stays in the cache; a changed file is fetched again."""
    paths, mine = Workspace(tmp_path), pin(source, executable=True)
    assert fetch.look(paths, [mine])[0].state == "missing"
    place = fetch.fetch(paths, [mine])["thing"]
    assert place.read_bytes() == DATA
    assert os.access(place, os.X_OK)
    source.rename(source.with_name("away"))
    assert fetch.fetch(paths, [mine], offline=True) == {"thing": place}
    place.write_bytes(b"y" * len(DATA))
    assert fetch.look(paths, [mine], whole=True)[0].state == "wrong"
    with pytest.raises(FetchError, match=r"thing 1 could not be fetched: .*there is no such file"):
        fetch.fetch(paths, [mine])


def test_offline_lists_all_that_is_missing(source: Path, tmp_path: Path) -> None:
    """One message lists all missing resources with addresses."""
    both = [pin(source), pin(source, name="other", version="2")]
    with pytest.raises(FetchError, match=r"(?s)missing:\n  thing 1  file:.*\n  other 2  file:"):
        fetch.fetch(Workspace(tmp_path), both, offline=True)


def test_all_errors_are_told(source: Path, tmp_path: Path) -> None:
    """One error lists all failed downloads; the others are in the cache."""
    bad = [pin(source, name=name, url=f"file:///no/{name}") for name in ("a", "b")]
    with pytest.raises(FetchError) as caught:
        fetch.fetch(Workspace(tmp_path), [*bad, pin(source)])
    assert caught.value.message.count("could not be fetched") == 2
    assert fetch.look(Workspace(tmp_path), [pin(source)])[0].state == "there"


def test_figures_are_measured(source: Path, tmp_path: Path) -> None:
    """The measured size and SHA-256 replace those of the entry."""
    paths = Workspace(tmp_path)
    with pytest.raises(UsageError, match=r"resources\.toml does not exist"):
        fetch.pin(paths, "thing", source.as_uri())
    file = tmp_path / "resources" / "resources.toml"
    file.parent.mkdir()
    file.write_text(
        'schema = 1\n[[resources]]\nname = "thing"\nversion = "1"\nurl = "file:///old"\n'
        'unverified = "not yet"\nlicence = "MIT"\ndestination = "thing"\n',
        encoding="utf-8",
    )
    found = fetch.pin(paths, "thing", source.as_uri())
    assert (found.size, found.sha256) == (1000, hashlib.sha256(DATA).hexdigest())
    text = file.read_text(encoding="utf-8")
    assert f'size = 1000\nsha256 = "{found.sha256}"' in text
    assert "unverified" not in text
    assert fetch.look(paths, [found])[0].state == "there"
    assert not list((tmp_path / "build" / "cache" / "pin").glob("thing"))


def archive(path: Path, *names: str) -> Path:
    """Write a tar or zip archive with executable files called *names*."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as zipped:
            for name in names:
                info = zipfile.ZipInfo(name)
                info.external_attr = 0o755 << 16
                zipped.writestr(info, name)
    else:
        with tarfile.open(path, "w:xz") as tar:
            for name in names:
                made = tarfile.TarInfo(name)
                made.size, made.mode = len(name), 0o755
                tar.addfile(made, io.BytesIO(name.encode()))
    return path


@pytest.mark.product("A7")
@pytest.mark.parametrize("name", ["node.tar.xz", "node.zip"])
def test_what_is_taken_from_an_archive(name: str, tmp_path: Path) -> None:
    """`members` selects files, `strip` removes folders; modes are kept."""
    kind = "zip" if name.endswith("zip") else "tar"
    made = archive(tmp_path / name, "node-v1/bin/node", "node-v1/README", "node-v1/lib/x.js")
    mine = pin(made, unpack=kind, strip=1, members=("bin/*",), destination="resources/node")
    found = fetch.bundled(Workspace(tmp_path), [mine], tmp_path / "work")
    assert list(found) == ["resources/node/bin/node"]
    path = found["resources/node/bin/node"]
    assert path.read_text(encoding="utf-8") == "node-v1/bin/node"
    assert os.access(path, os.X_OK)
    nothing = mine.model_copy(update={"members": ("other",)})
    with pytest.raises(BuildError, match="`members` matches nothing in its archive"):
        fetch.bundled(Workspace(tmp_path), [nothing], tmp_path / "work")


@pytest.mark.parametrize("name", ["bad.tar.xz", "bad.zip"])
@pytest.mark.parametrize("member", ["../out", "/out", "a/../../out", "C:/out", "a\\..\\..\\out"])
def test_nothing_leaves_the_folder(name: str, member: str, tmp_path: Path) -> None:
    """An archive with a path outside the folder is refused."""
    kind = "zip" if name.endswith("zip") else "tar"
    mine = pin(archive(tmp_path / name, member), unpack=kind)
    with pytest.raises(BuildError, match="leads out of the folder"):
        fetch.bundled(Workspace(tmp_path), [mine], tmp_path / "work")
    assert not list(tmp_path.rglob("out"))


def test_links_do_not_leave_it_either(tmp_path: Path) -> None:
    """Links are refused in zip archives and may not leave in tar archives."""
    tarred, zipped = tmp_path / "l.tar", tmp_path / "l.zip"
    with tarfile.open(tarred, "w") as tar:
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "../../etc/passwd"
        tar.addfile(link)
    with zipfile.ZipFile(zipped, "w") as made:
        info = zipfile.ZipInfo("link")
        info.external_attr = 0o120777 << 16
        made.writestr(info, "/etc/passwd")
    for path, kind in ((tarred, "tar"), (zipped, "zip")):
        with pytest.raises(BuildError, match="unpacked"):
            fetch.bundled(Workspace(tmp_path), [pin(path, unpack=kind)], tmp_path / "work")


def test_a_broken_archive(source: Path, tmp_path: Path) -> None:
    """The message about a broken archive names the file."""
    for kind in ("tar", "zip"):
        with pytest.raises(BuildError, match="thing cannot be unpacked"):
            fetch.bundled(Workspace(tmp_path), [pin(source, unpack=kind)], tmp_path / "work")
