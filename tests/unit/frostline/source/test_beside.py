"""Scripts beside packages."""

from pathlib import Path

import pytest

from frostline.source import beside
from frostline.source.package_data import own_modules


def _added(folder: Path, entry: str, files: dict[str, str]) -> list[str]:
    """Write *files* and a wheel with the package `shop`; return the modules with those added."""
    source, unpacked = folder / "source", folder / "wheel"
    for name, text in files.items():
        path = source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (unpacked / "shop").mkdir(parents=True)
    (unpacked / "shop" / "__init__.py").touch()
    beside.add([entry], source, map(Path, files), unpacked)
    return own_modules(unpacked)


@pytest.mark.parametrize("root", ["", "src/"])
def test_a_script_and_what_it_imports_from_beside_it(tmp_path: Path, root: str) -> None:
    """The script is there, with modules and packages, and those that they import; no others."""
    files = {
        f"{root}run.py": "import json\nimport shop.main\nfrom helpers import one\n",
        f"{root}helpers.py": "from more.two import three\n", f"{root}setup.py": "",
        f"{root}more/__init__.py": "", f"{root}more/two.py": "", "shop/__init__.py": "",
        "shop/main.py": "",
    }  # fmt: skip
    found = _added(tmp_path, "run", files)
    assert found == ["helpers", "more", "more.two", "run", "shop"]


def test_a_script_in_a_folder(tmp_path: Path) -> None:
    """A script in a folder without `__init__.py` keeps its place."""
    files = {"bin/run.py": "import other\n", "bin/other.py": ""}
    assert _added(tmp_path, "bin.run:main", files) == ["bin.run", "shop"]


def test_a_module_of_a_package_in_the_wheel(tmp_path: Path) -> None:
    """What the backend leaves out of a package of its wheel stays out."""
    files = {"shop/__init__.py": "", "shop/left_out.py": ""}
    assert _added(tmp_path, "shop.left_out:main", files) == ["shop"]


def test_a_script_that_is_no_python(tmp_path: Path) -> None:
    """A script that cannot be read as Python is there: the check before the freeze names it."""
    assert _added(tmp_path, "run", {"run.py": "def\n"}) == ["run", "shop"]
