"""A product without a build backend."""

import subprocess
from pathlib import Path

import plain
import pytest

from frostline.core import platforms
from frostline.core.workspace import Target, Workspace
from frostline.profile.build import Build
from frostline.source import distributions, script_project
from frostline.source.package_data import own_modules, package_data

FILES = (
    "app.py", "shop/__init__.py", "shop/words.txt", "templates/index.html", "static/a/style.css",
    "pyproject.toml", "uv.lock", "requirements-dev.txt", "README.md", "LICENSE", "Dockerfile",
    "noxfile.py", "frostline.toml", "tests/test_app.py", "test_more.py", "docs/index.md",
    "specs/app.toml", ".github/x.yml", ".venv/pyvenv.cfg", ".venv/x.py", "shop/tests/data.txt",
)  # fmt: skip
PRIVATE = (".env", ".env.local", "prod.env", "certs/tls.pem", "id_rsa", "db.sqlite3", "x.log")
SHIPPED = ["app.py", "shop/__init__.py", "shop/words.txt", "static/a/style.css"]
SHIPPED += ["templates/index.html"]


def written(folder: Path, *names: str) -> Path:
    """Write a file for each of *names* below *folder*; return it."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("", encoding="utf-8")
    return folder


def laid_out(root: Path) -> Path:
    """Lay the project *root* out in a new folder beside it; return that."""
    build = Build(
        workspace=Workspace(root), target=Target("tool", platforms.host()),
        profile=plain.profile(source="."), environ={"PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    folder = root.parent / "stage"
    folder.mkdir()
    script_project.lay_out(build, folder)
    return folder


def shipped(folder: Path) -> list[str]:
    """Return the files of a laid out product without its metadata."""
    found = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return sorted(path.as_posix() for path in found if ".dist-info" not in path.parts[0])


def test_code_and_data_ship(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The project's own files do not ship, nor do private ones: these are named."""
    root = written(tmp_path / "My Shop", *FILES, *PRIVATE)
    folder = laid_out(root)
    assert shipped(folder) == SHIPPED
    assert own_modules(folder) == ["app", "shop"]
    assert package_data(folder, ()) == ["shop/words.txt", *SHIPPED[3:]]
    said = capsys.readouterr()
    assert all(name in " ".join((said.err + said.out).split()) for name in PRIVATE)


def test_packages_below_src(tmp_path: Path) -> None:
    """`src` is no part of a module's name, unless it is a package itself."""
    assert shipped(laid_out(written(tmp_path / "a" / "p", "src/shop/__init__.py", "x.csv"))) == [
        "shop/__init__.py",
        "x.csv",
    ]
    files = ["src/__init__.py", "src/main.py"]
    assert shipped(laid_out(written(tmp_path / "b" / "p", *files))) == files


def test_metadata(tmp_path: Path) -> None:
    """`importlib.metadata` knows the product; its requirements are compared with the lock."""
    root = written(tmp_path / "My Shop", "app.py")
    folder = laid_out(root)
    (found,) = distributions.installed(folder).values()
    assert (found.name, found.version, found.requires) == ("My-Shop", "0", None)
    assert [str(path) for path in found.files or ()] == [
        "app.py",
        "my_shop-0.dist-info/METADATA",
    ]
    root = written(tmp_path / "other" / "p", "app.py")
    project = '[project]\nname = "Big.Shop"\nversion = "1.0"\ndependencies = ["flask>3"]\n'
    project += '[project.scripts]\nshop = "app:main"\n[project.entry-points.plug]\na = "app:A"\n'
    (root / "pyproject.toml").write_text(project, encoding="utf-8")
    (found,) = distributions.installed(laid_out(root)).values()
    assert (found.name, found.version, found.requires) == ("Big.Shop", "1.0", ["flask>3"])
    points = {(point.group, point.name, point.value) for point in found.entry_points}
    assert points == {("console_scripts", "shop", "app:main"), ("plug", "a", "app:A")}


@pytest.mark.parametrize(
    ("tag", "expected"), [("v1.2.3", "1.2.3"), ("r-2.0rc1", "2.0rc1"), ("x", "0")]
)
def test_the_version_is_the_last_tag(tmp_path: Path, tag: str, expected: str) -> None:
    """A project that says no version has that of its last tag, if that is one."""
    root = written(tmp_path / "p", "app.py")
    git = ["git", "-c", "user.name=A", "-c", "user.email=a@b.c"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "1"], ["tag", tag]):
        subprocess.run([*git, *words], cwd=root, check=True)
    (found,) = distributions.installed(laid_out(root)).values()
    assert found.version == expected
