"""The release folder: what is listed, found, chosen and gathered."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from frostline.core import digest
from frostline.core.errors import FetchError, UsageError
from frostline.core.platforms import PLATFORMS
from frostline.core.workspace import Workspace
from frostline.release import listing
from frostline.release.listing import Artifact, artifacts, choose, find, gather, write_release


def listed(
    root: Path, name: str, *, product: str = "a", platform: str = "linux_x86_64"
) -> Artifact:
    """Write an archive *name* with a notice into the release folder of *root*."""
    release = Workspace(root).release
    release.mkdir(parents=True, exist_ok=True)
    (release / f"{name}.zip").write_bytes(name.encode())
    (release / f"{name}.NOTICE.txt").write_text("notice", encoding="utf-8")
    made = Artifact(
        file=f"{name}.zip", product=product, version="1", platform=platform, layout="onedir",
        kind="zip", size=len(name), sha256=digest.of_file(release / f"{name}.zip"), inputs="i",
        proven=True,
    )  # fmt: skip
    write_release(Workspace(root), made)
    return made


def test_what_is_written(tmp_path: Path) -> None:
    """Entries are ordered, new ones replace old ones, and those of removed files go."""
    release = Workspace(tmp_path).release
    second, first = listed(tmp_path, "b"), listed(tmp_path, "a")
    assert artifacts(release) == (first, second)
    document = json.loads((release / "release.json").read_text(encoding="utf-8"))
    assert document["schema"] == 1
    sums = (release / "SHA256SUMS").read_text(encoding="utf-8")
    assert sums == "".join(
        f"{digest.of_file(release / name)}  {name}\n"
        for name in ("a.NOTICE.txt", "a.zip", "b.NOTICE.txt", "b.zip", "release.json")
    )
    newer = replace(second, version="2")
    write_release(Workspace(tmp_path), newer)
    assert artifacts(release) == (first, newer)
    (release / "b.zip").unlink()
    write_release(Workspace(tmp_path))
    assert artifacts(release) == (first,)
    assert "b.zip" not in (release / "SHA256SUMS").read_text(encoding="utf-8")


def test_an_entry_is_found_and_checked(tmp_path: Path) -> None:
    """The file must be listed, must be there, and must have its digest."""
    made = listed(tmp_path, "a")
    file = Workspace(tmp_path).release / "a.zip"
    assert find(file) == made
    with pytest.raises(UsageError, match=r"no release\.json beside"):
        find(file.with_name("b.zip"))
    file.write_bytes(b"changed")
    with pytest.raises(FetchError, match="does not match its digest"):
        find(file)
    file.unlink()
    with pytest.raises(FetchError, match="does not match its digest"):
        find(file)


def test_one_archive_is_chosen(tmp_path: Path) -> None:
    """There must be exactly one for the platform and, if it is named, the product."""
    folder, linux, mac = (
        Workspace(tmp_path).release,
        PLATFORMS["linux_x86_64"],
        PLATFORMS["darwin_arm64"],
    )
    with pytest.raises(UsageError, match="names 0 archives") as caught:
        choose(folder, linux)
    assert caught.value.hint == "choose one of: none"
    listed(tmp_path, "a")
    listed(tmp_path, "c", platform="darwin_arm64")
    assert choose(folder, linux) == folder / "a.zip"
    assert choose(folder, mac) == folder / "c.zip"
    listed(tmp_path, "b", product="b")
    assert choose(folder, linux, "b") == folder / "b.zip"
    with pytest.raises(UsageError, match="names 2 archives") as caught:
        choose(folder, linux)
    assert caught.value.hint == "choose one of: a.zip, b.zip, c.zip"
    with pytest.raises(UsageError, match="names 0 archives"):
        choose(folder, mac, "b")


def test_artifacts_are_gathered(tmp_path: Path) -> None:
    """All files of all folders come together, listed anew; what was there is gone."""
    first, second = listed(tmp_path / "in" / "x", "a"), listed(tmp_path / "in" / "y" / "z", "b")
    project = Workspace(tmp_path / "project")
    listed(project.root, "old")
    assert gather(project, tmp_path / "in") == (first, second)
    assert artifacts(project.release) == (first, second)
    names = {"a.zip", "a.NOTICE.txt", "b.zip", "b.NOTICE.txt", "release.json", "SHA256SUMS"}
    assert {path.name for path in project.release.iterdir()} == names
    listing._check_sums(project.release)
    assert gather(Workspace(tmp_path / "new"), tmp_path / "in") == (first, second)


def test_what_is_not_gathered(tmp_path: Path) -> None:
    """Nothing, two files of one name, and damaged files are refused; what is there stays."""
    project = Workspace(tmp_path / "project")
    kept = listed(project.root, "kept")
    with pytest.raises(UsageError, match="has no artifacts"):
        gather(project, tmp_path / "none")
    listed(tmp_path / "in" / "x", "a")
    listed(tmp_path / "in" / "y", "a")
    with pytest.raises(UsageError, match=r"has a\.NOTICE\.txt, a\.zip twice"):
        gather(project, tmp_path / "in")
    for name, text in (("a.NOTICE.txt", "changed"), ("more", ""), ("a.zip", "changed")):
        place = Workspace(tmp_path / name).release
        listed(tmp_path / name, "a")
        (place / name).write_text(text, encoding="utf-8")
        with pytest.raises(FetchError, match="does not match"):
            gather(project, tmp_path / name)
    listed(tmp_path / "less", "a")
    (Workspace(tmp_path / "less").release / "a.NOTICE.txt").unlink()
    with pytest.raises(FetchError, match=r"a\.NOTICE\.txt in .* does not match SHA256SUMS"):
        gather(project, tmp_path / "less")
    assert artifacts(project.release) == (kept,)
