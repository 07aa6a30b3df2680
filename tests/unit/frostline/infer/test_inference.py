"""The inference as a whole: what is given, where the source is, and what is looked at."""

from pathlib import Path

from small_project import inferred, reason, value

from frostline.infer.inference import infer

FLASK = "from flask import Flask\napp = Flask('x')"


def test_what_is_given_is_never_inferred(tmp_path: Path) -> None:
    """Also keys inside of tables that are given."""
    files = {"manage.py": "DJANGO_SETTINGS_MODULE = 'x'", "x.py": "INSTALLED_APPS = ['y']"}
    keys = {item.key for item in inferred(tmp_path, files).values}
    assert {"environment.defaults.DJANGO_SETTINGS_MODULE", "packages.django"} <= keys
    given = {
        "environment": {"defaults": {"DJANGO_SETTINGS_MODULE": "z"}},
        "packages": {"y": {}},
        "console_scripts": [],
    }
    keys = {item.key for item in inferred(tmp_path, files, given).values}
    assert keys == {"packages.django"}


def test_a_project_in_a_folder_of_its_own(tmp_path: Path) -> None:
    """A backend beside a frontend: the folder is the source, if the root is no project itself."""
    files = {
        "backend/app/__init__.py": "",
        "backend/app/main.py": "from app import db\n" + FLASK,
        "backend/requirements.txt": "flask",
        "frontend/package.json": "{}",
    }
    result = inferred(tmp_path, files)
    assert (value(result, "source"), value(result, "entry")) == ("backend", "app.main:app")
    assert reason(result, "source") == "backend/app/main.py is imported from there"
    result = inferred(tmp_path, files | {"setup.py": ""})
    assert value(result, "source") is None


def test_console_scripts_of_a_server(tmp_path: Path) -> None:
    """A server offers the project's scripts by `run NAME`."""
    pyproject = '[project]\nname = "x"\n[project.scripts]\nload = "site1:load"\n'
    result = inferred(tmp_path, {"pyproject.toml": pyproject, "site1.py": FLASK})
    assert value(result, "entry") == "site1:app"
    assert value(result, "console_scripts") == ["load"]
    assert value(result, "executables") is None


def test_files_may_be_relative_and_may_be_gone(tmp_path: Path) -> None:
    """A file that cannot be read is named; paths may be relative to the root."""
    (tmp_path / "app.py").write_text(FLASK, encoding="utf-8")
    result = infer(tmp_path, [Path("app.py"), Path("gone.py")], {})
    assert value(result, "entry") == "app:app"
    assert [note for note in result.notes if note.startswith("gone.py was not looked at")]


def test_broken_configuration_is_named(tmp_path: Path) -> None:
    """A pyproject.toml or setup.cfg with a mistake is skipped with a note."""
    result = inferred(tmp_path, {"pyproject.toml": "[x", "setup.cfg": "x", "app.py": FLASK})
    assert value(result, "entry") == "app:app"
    assert [note.partition(" was")[0] for note in result.notes] == ["pyproject.toml", "setup.cfg"]


def test_only_files_that_matter_are_parsed(tmp_path: Path) -> None:
    """A module that names no framework is not parsed: a mistake in it is not seen."""
    files = {"shop/__init__.py": "", "shop/site.py": FLASK, "shop/values.py": "VALUES = ("}
    assert inferred(tmp_path, files).notes == ()
    files["shop/values.py"] = "import flask\nVALUES = ("
    assert len(inferred(tmp_path, files).notes) == 1
