"""The distributions of a product, and their files."""

import json
from pathlib import Path

import pytest

from frostline.core.errors import LockError
from frostline.profile.profile import Package
from frostline.source import distributions


def install(
    folder: Path, name: str, *, needs: tuple[str, ...] = (), files: tuple[str, ...] = ()
) -> None:
    """Write an installed distribution."""
    info = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir(parents=True)
    lines = ["Metadata-Version: 2.1", f"Name: {name}", "Version: 1.0"]
    lines += [f"Requires-Dist: {need}" for need in needs]
    (info / "METADATA").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (info / "INSTALLER").write_text("pip", encoding="utf-8")
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).touch()
    record = [f'"{file}",,' if "," in file else f"{file},," for file in files]
    (info / "RECORD").write_text("\n".join(record), encoding="utf-8")


@pytest.fixture
def everything(tmp_path: Path) -> distributions.Installed:
    """Return a product and its needs."""
    install(tmp_path, "my-product", needs=("Lib_A>=1", "shared", "extra; extra == 'x'"))
    install(tmp_path, "lib-a", files=("lib_a/__init__.py", "lib_a/sub/m.py", "lib_a/x,y.dat"))
    install(tmp_path, "shared")
    return distributions.installed(tmp_path)


def test_lock_must_satisfy_the_product(tmp_path: Path) -> None:
    """One message lists every mismatch."""
    install(tmp_path, "p", needs=("a>=2", "b"))
    install(tmp_path, "a")
    with pytest.raises(LockError) as caught:
        distributions.check_lock(distributions.installed(tmp_path), "p", "lock.txt")
    for part in ("a>=2, but it pins 1.0", "b is not in it"):
        assert part in caught.value.message


def test_metadata_without_notes_of_the_installation(everything: distributions.Installed) -> None:
    """Metadata files that differ between machines are left out."""
    names = [name for name, _ in distributions.metadata_files(everything["lib-a"])]
    assert names == ["lib_a-1.0.dist-info/METADATA"]


def test_modules_and_files_by_record(everything: distributions.Installed) -> None:
    """A quoted name with a comma in RECORD is found."""
    found = distributions.owner(everything, "lib_a")
    assert distributions.package_modules(found, "lib_a") == ["lib_a", "lib_a.sub.m"]
    files = distributions.package_files(found, "lib_a", Package(data=True))
    assert list(files) == ["lib_a/x,y.dat"]
    assert distributions.package_files(found, "lib_a", Package()) == {}
    with pytest.raises(LockError, match="no installed distribution"):
        distributions.owner(everything, "absent")


def test_what_is_compiled_in(tmp_path: Path) -> None:
    """Components come from a wheel's CycloneDX files; unreadable files are ignored."""
    install(tmp_path, "fast")
    folder = tmp_path / "fast-1.0.dist-info" / "sboms"
    folder.mkdir()
    one = {"name": "ahash", "version": "0.8", "purl": "pkg:cargo/ahash@0.8"}
    two = {"name": "zlib", "version": "1.3", "purl": "pkg:generic/zlib@1.3"}
    documents = {
        "a.cyclonedx.json": {
            "bomFormat": "CycloneDX",
            "components": [
                {**one, "licenses": [{"expression": "MIT OR Apache-2.0"}]},
                {**two, "licenses": [{"license": {"id": "Zlib"}}]},
            ],
        },
        "b.json": {
            "bomFormat": "CycloneDX",
            "components": [{**one, "licenses": [{"expression": "MIT OR Apache-2.0"}]}],
        },
        "c.spdx.json": {"spdxVersion": "SPDX-2.3"},
        "d.json": [],
    }
    for name, document in documents.items():
        (folder / name).write_text(json.dumps(document), encoding="utf-8")
    (folder / "broken.json").write_text("{", encoding="utf-8")
    (item,) = distributions.installed(tmp_path).values()
    assert distributions.parts(item) == (
        ("ahash", "0.8", "pkg:cargo/ahash@0.8", "MIT OR Apache-2.0"),
        ("zlib", "1.3", "pkg:generic/zlib@1.3", "Zlib"),
    )


def test_modules(tmp_path: Path) -> None:
    """Packages, modules and extensions are listed; scripts and data are not."""
    names = (
        "p/__init__.py",
        "p/m.py",
        "p/fast.cpython-311-x86_64-linux-gnu.so",
        "p/d.txt",
        "a-b.py",
    )
    install(tmp_path, "p", files=names)
    (item,) = distributions.installed(tmp_path).values()
    assert sorted(distributions.modules(item)) == ["p", "p.fast", "p.m"]
