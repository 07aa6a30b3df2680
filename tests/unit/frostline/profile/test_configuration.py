"""Where the profiles of a project may stand, and how its products are found."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from frostline.core.errors import TomlError, UsageError
from frostline.core.platforms import PLATFORMS
from frostline.core.workspace import Workspace
from frostline.infer import opening
from frostline.profile import configuration

PROFILE = 'source = "."\nrequirements = "lock.txt"\nentry = "shop.main:run"\n'
ARRAY = '[[data]]\nsource = "texts"\ndestination = "."\n'
POETRY = '[tool.poetry]\nname = "old"\n'
PROJECT = '[project]\nname = "The_Shop"\n'


def project(folder: Path, files: Mapping[str, str]) -> Workspace:
    """Return a project in *folder* with *files*, a lock and a folder of texts."""
    for name, text in {"lock.txt": "", "texts/a.txt": "", **files}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return Workspace(folder)


def under(key: str, text: str) -> str:
    """Return the profile *text* as the table *key*."""
    return f"[{key}]\n" + text.replace("[[", f"[[{key}.")


PLACES = {
    "specs": ("shop", {"specs/shop.toml": PROFILE + ARRAY}),
    "frostline.toml": ("folder", {"frostline.toml": PROFILE + ARRAY}),
    "frostline.toml of a project": (
        "the-shop", {"pyproject.toml": PROJECT, "frostline.toml": PROFILE + ARRAY},
    ),
    "frostline.toml, several": (
        "shop", {"frostline.toml": under("products.shop", PROFILE + ARRAY)},
    ),
    "pyproject": (
        "the-shop", {"pyproject.toml": PROJECT + under("tool.frostline", PROFILE + ARRAY)},
    ),
    "pyproject of poetry": (
        "old",
        {"pyproject.toml": POETRY + under("tool.frostline", PROFILE + ARRAY)},
    ),
    "pyproject, several": (
        "shop",
        {"pyproject.toml": PROJECT + under("tool.frostline.products.shop", PROFILE + ARRAY)},
    ),
}  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
def test_the_same_profile_anywhere(tmp_path: Path, place: str) -> None:
    """A profile is read in the same way wherever it stands; the project is found from below."""
    product, files = PLACES[place]
    found = project(tmp_path / "folder", files)
    assert configuration.find(found.root / "texts") == found
    assert configuration.products(found) == (product,)
    _, profile = opening.load(found, product, PLATFORMS["linux_x86_64"])
    assert (profile.entry, profile.data[0].source) == ("shop.main:run", "texts")


@pytest.mark.parametrize(
    ("file", "key"),
    [
        ("specs/shop.toml", ""), ("frostline.toml", "products.shop"),
        ("pyproject.toml", "tool.frostline.products.shop"),
    ],
)  # fmt: skip
def test_all_mistakes_with_file_line_and_key(tmp_path: Path, file: str, key: str) -> None:
    """Every mistake is reported at once, with its line and its key as it stands in the file."""
    wrong = PROFILE + "wrng = 3\n" + ARRAY + "symlinks = 4\n"
    text = f"# a line\n{under(key, wrong) if key else wrong}"
    found = project(tmp_path, {file: text})
    with pytest.raises(TomlError) as caught:
        opening.load(found, "shop", PLATFORMS["linux_x86_64"])
    lines = text.splitlines()
    expected = {
        (file, lines.index("wrng = 3") + 1, f"{key}.wrng".removeprefix(".")),
        (file, lines.index("symlinks = 4") + 1, f"{key}.data.0.symlinks".removeprefix(".")),
    }
    assert {(p.file, p.line, p.key) for p in caught.value.problems} == expected


@pytest.mark.parametrize(
    ("files", "places"),
    [
        ({"specs/shop.toml": PROFILE, "frostline.toml": under("products.shop", PROFILE)},
         r"specs/shop\.toml and frostline\.toml \[products\.shop\]"),
        ({"pyproject.toml": PROJECT + under("tool.frostline", PROFILE), "frostline.toml": PROFILE},
         r"pyproject\.toml \[tool\.frostline\] and frostline\.toml"),
    ],
)  # fmt: skip
def test_described_twice(tmp_path: Path, files: Mapping[str, str], places: str) -> None:
    """A product in two places is an error that names both."""
    with pytest.raises(UsageError, match=f"is described twice: in {places}"):
        configuration.products(project(tmp_path, files))


def test_a_key_beside_products(tmp_path: Path) -> None:
    """A key that belongs to no product is an error, not ignored."""
    text = 'title = "x"\n' + under("products.shop", PROFILE)
    with pytest.raises(TomlError, match="beside products") as caught:
        configuration.products(project(tmp_path, {"frostline.toml": text}))
    assert caught.value.problems[0].line == 1


@pytest.mark.parametrize("file", ["pyproject.toml", "setup.py", "requirements.txt", "app.py"])
def test_a_project_without_configuration(tmp_path: Path, file: str) -> None:
    """A Python project is one product, called as the project or its folder."""
    found = project(tmp_path / "My Shop", {file: ""})
    (found.root / "deep").mkdir()
    assert configuration.find(found.root / "deep") == found
    assert configuration.products(found) == ("my-shop",)


def test_configuration_before_a_nearer_project(tmp_path: Path) -> None:
    """A folder that configures frostline is the project of all that is below."""
    outer = project(tmp_path, {"frostline.toml": PROFILE, "apps/shop/pyproject.toml": PROJECT})
    assert configuration.find(tmp_path / "apps" / "shop") == outer


def test_a_script_alone(tmp_path: Path) -> None:
    """A folder with a script is a project, but not one below it."""
    found = project(tmp_path, {"tool.py": ""})
    assert configuration.find(tmp_path) == found
    with pytest.raises(UsageError, match="no project here"):
        configuration.find(tmp_path / "texts")


def test_no_project(tmp_path: Path) -> None:
    """A folder without a Python project is a usage error."""
    with pytest.raises(UsageError, match="no project here"):
        configuration.find(tmp_path)


def test_unknown_product(tmp_path: Path) -> None:
    """The closest name is suggested."""
    with pytest.raises(UsageError, match='Did you mean "argo"'):
        configuration.require_product(project(tmp_path, {"specs/argo.toml": PROFILE}), "ago")
