"""The product's own files in an unpacked wheel."""

from pathlib import Path

from frostline.source.package_data import merge_libraries, own_modules, package_data


def written(folder: Path, *names: str) -> Path:
    """Write an empty file for each of *names* below *folder*; return it."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


def test_all_but_modules_is_data(tmp_path: Path) -> None:
    """Templates and scripts that are no modules ship; stubs, tests, caches and metadata do not."""
    written(tmp_path, "shop/__init__.py", "shop/a.pyi", "shop/py.typed", "shop/x/index.html")
    written(tmp_path, "shop/versions/001_first.py", "shop/versions/env.py", "shop/tests/data.txt")
    written(tmp_path, "shop/__pycache__/a.pyc", "shop-1.dist-info/METADATA", "shop/x/test_a.py")
    written(tmp_path, "shop/no-module.py")
    data = ["no-module.py", "py.typed", "versions/001_first.py", "versions/env.py", "x/index.html"]
    assert package_data(tmp_path, ()) == [f"shop/{name}" for name in data]
    assert own_modules(tmp_path) == ["shop"]


def test_an_excluded_package_has_no_data(tmp_path: Path) -> None:
    """Neither its modules nor its files ship."""
    written(tmp_path, "shop/__init__.py", "shop/old/__init__.py", "shop/old/a/x.txt", "shop/b.txt")
    assert package_data(tmp_path, ("shop.old",)) == ["shop/b.txt"]
    assert package_data(tmp_path, ("shop.o",)) == ["shop/b.txt", "shop/old/a/x.txt"]


def test_extension_modules_and_libraries(tmp_path: Path) -> None:
    """What has a module's initialisation is a module; a plain library is data."""
    written(tmp_path, "shop/__init__.py", "shop/libc.so", "shop/b.cpython-311-x86_64-linux-gnu.so")
    (tmp_path / "shop" / "a.abi3.so").write_bytes(b"\0PyInit_a\0")
    assert own_modules(tmp_path) == ["shop", "shop.a"]
    assert package_data(tmp_path, ()) == ["shop/b.cpython-311-x86_64-linux-gnu.so", "shop/libc.so"]


def test_the_libraries_of_a_wheel_are_merged(tmp_path: Path) -> None:
    """`purelib` and `platlib` belong to site-packages; scripts and data are left out."""
    written(tmp_path, "shop/__init__.py", "shop-1.data/purelib/shop/a.py")
    written(tmp_path, "shop-1.data/platlib/shop/b.txt", "shop-1.data/scripts/run")
    merge_libraries(tmp_path)
    assert own_modules(tmp_path) == ["shop", "shop.a"]
    assert package_data(tmp_path, ()) == ["shop/b.txt"]
