"""PyInstaller's own environment, and what a product's Python sees of it."""

import subprocess
import sys
from pathlib import Path

import pytest

from frostline.core.errors import LockError
from frostline.source import environment, freezer
from frostline.source.environment import Lock, ProductEnvironment
from frostline.source.product import with_server

LOOK = """
import importlib.metadata, sys
exec(open(sys.argv[1]).read(), {"__name__": "frostline_freezer"})
import shared, tool, tool.part
print(shared.PLACE, tool.PLACE, importlib.metadata.version("shared"), sep=",")
print([entry.value for entry in importlib.metadata.entry_points(group="hooks")])
"""


def install(folder: Path, name: str, version: str, *needs: str) -> None:
    """Install the package *name*, which knows its *folder*, with an entry point `tool:main`."""
    (folder / name).mkdir(parents=True)
    (folder / name / "__init__.py").write_text(f"PLACE = {folder.name!r}\n", encoding="utf-8")
    (folder / name / "part.py").touch()
    info = folder / f"{name}-{version}.dist-info"
    info.mkdir()
    lines = [f"Name: {name}", f"Version: {version}", *(f"Requires-Dist: {need}" for need in needs)]
    (info / "METADATA").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(f"[hooks]\nx = {name}:main\n", encoding="utf-8")


def test_the_product_comes_first(tmp_path: Path) -> None:
    """The product's Python imports PyInstaller's packages and metadata, but its own before them."""
    tools, product = tmp_path / "tools", tmp_path / "product"
    install(tools, "tool", "1.0")
    install(tools, "shared", "2.0")
    install(product, "shared", "1.0")
    known = freezer.variables(ProductEnvironment(Path(sys.executable), tools))
    done = subprocess.run(
        [sys.executable, "-c", LOOK, known[environment.FINDER]], check=True,
        env={**known, "PYTHONPATH": str(product)}, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    first, second = done.stdout.splitlines()
    assert first == "product,tools,1.0"
    assert "tool:main" in second


def test_a_version_that_is_too_old(tmp_path: Path) -> None:
    """What both need is the product's, which must be new enough for PyInstaller."""
    tools, product = tmp_path / "tools", tmp_path / "product"
    install(tools, "pyinstaller", "6.0", "packaging>=22.0", "altgraph")
    install(tools, "pyinstaller_hooks_contrib", "6.0", "packaging>=22.0")
    install(product, "packaging", "20.1")
    made, mine = (ProductEnvironment(Path(sys.executable), folder) for folder in (tools, product))
    with pytest.raises(LockError, match=r"packaging>=22\.0, but uv\.lock pins 20\.1"):
        freezer.check_shared(made, mine, "uv.lock")
    install(product, "altgraph", "0.1")
    (product / "packaging-20.1.dist-info").rename(product / "packaging-22.0.dist-info")
    metadata = product / "packaging-22.0.dist-info" / "METADATA"
    metadata.write_text("Name: packaging\nVersion: 22.0\n", encoding="utf-8")
    freezer.check_shared(made, mine, "uv.lock")


@pytest.mark.parametrize(
    ("file", "foreign"),
    [
        ("tools/setuptools/cli.exe", True),
        ("tools/PyInstaller/utils/hooks/__init__.py", True),
        ("tools/PyInstaller/loader/pyiboot01_bootstrap.py", False),
        ("tools/_pyinstaller_hooks_contrib/rthooks/pyi_rth_x.py", False),
        ("product/packaging/version.py", False),
    ],
)
def test_what_must_not_ship(tmp_path: Path, file: str, *, foreign: bool) -> None:
    """Of PyInstaller's environment only what PyInstaller adds to every bundle may ship."""
    tools = ProductEnvironment(Path(sys.executable), tmp_path / "tools")
    assert freezer.is_foreign(tmp_path / file, tools) == foreign


def test_a_server_that_the_lock_lacks() -> None:
    """It comes from frostline's lock, without what the product's lock has; a locked one wins."""
    mine = Lock("lock.txt", "Click==8.0 --hash=sha256:00\n")
    blocks = environment.lock_blocks(with_server(mine, "uvicorn").text)
    names = [f"{requirement}" for requirement, _ in blocks]
    assert names[0] == "Click==8.0"
    assert [name.partition("==")[0] for name in names[1:]] == ["h11", "uvicorn"]
    locked = Lock("lock.txt", "uvicorn==0.1 --hash=sha256:00\n")
    assert with_server(locked, "uvicorn") == locked
