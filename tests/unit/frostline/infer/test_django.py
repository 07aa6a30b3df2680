"""Django projects: settings, server, static files, packages named by text."""

from pathlib import Path

import pytest
from small_project import inferred, reason, value

MANAGE = "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'site1.settings')\n"
SETTINGS = """\
from pathlib import Path
BASE_DIR = Path(__file__).resolve().parent.parent
INSTALLED_APPS = ["django.contrib.admin", "rest_framework", "store"]
MIDDLEWARE = ["whitenoise.middleware.WhiteNoiseMiddleware", "store.middleware.Basket"]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates",
              "DIRS": [BASE_DIR / "templates"]}]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "HOST": "example.com"}}
LOGGING = {"handlers": {"x": {"class": "logging.StreamHandler"}}}
STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "assets"]
STATIC_ROOT = BASE_DIR / "staticfiles"
"""
FILES = {
    "manage.py": MANAGE,
    "site1/__init__.py": "",
    "site1/settings.py": SETTINGS,
    "site1/wsgi.py": (
        "import os\nfrom django.core.wsgi import get_wsgi_application\n"
        "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'site1.settings')\n"
        "application = get_wsgi_application()"
    ),
    "site1/asgi.py": (
        "from django.core.asgi import get_asgi_application\napplication = get_asgi_application()"
    ),
    "store/__init__.py": "",
    "store/models.py": "",
    "templates/base.html": "",
    "assets/site.css": "",
}


def test_a_usual_project(tmp_path: Path) -> None:
    """Server, settings, administration, packages, folders and static files."""
    result = inferred(tmp_path, FILES)
    assert (value(result, "entry"), value(result, "serve")) == ("site1.wsgi:application", "wsgi")
    assert value(result, "console_scripts") == ["django-admin"]
    assert value(result, "environment.defaults.DJANGO_SETTINGS_MODULE") == "site1.settings"
    packages = [item.key for item in result.values if item.key.startswith("packages.")]
    assert packages == ["packages.django", "packages.rest_framework", "packages.whitenoise"]
    assert value(result, "data") == [
        {"source": "templates", "destination": "templates"},
        {"source": "assets", "destination": "assets"},
        {"source": "{work}/static", "destination": "staticfiles"},
    ]
    before = value(result, "before")
    assert isinstance(before, list)
    assert before[0]["run"][-1] == "{work}/static"
    assert before[0]["outputs"] == ["{work}/static"]
    assert "store" in before[0]["inputs"]
    assert reason(result, "before") == "site1/settings.py:11"
    assert result.notes == ()


@pytest.mark.parametrize(
    "change",
    [
        {"Procfile": "web: uvicorn site1.asgi:application"},
        {"site1/settings.py": SETTINGS.replace('"store"]', '"store", "daphne"]')},
        {"site1/settings.py": SETTINGS + "ASGI_APPLICATION = 'site1.asgi.application'\n"},
    ],
)
def test_asgi(change: dict[str, str], tmp_path: Path) -> None:
    """It is served over ASGI if its commands or its settings say so."""
    result = inferred(tmp_path, FILES | change)
    assert (value(result, "entry"), value(result, "serve")) == ("site1.asgi:application", "asgi")


def test_a_developers_server_decides_nothing(tmp_path: Path) -> None:
    """An ASGI server in the Makefile does not change what production is."""
    result = inferred(tmp_path, FILES | {"Makefile": "run:\n\tuvicorn site1.asgi:application"})
    assert value(result, "serve") == "wsgi"
    result = inferred(tmp_path, FILES | {"Procfile": "web: gunicorn site1.wsgi"})
    assert value(result, "serve") == "wsgi"


def test_settings_of_production(tmp_path: Path) -> None:
    """A Dockerfile's settings win, and settings that they import with a star count too."""
    files = FILES | {
        "site1/production.py": "from .settings import *\nINSTALLED_APPS += ['sentry_app']\n"
        "if DEBUG:\n    INSTALLED_APPS += ['debug_toolbar']\n",
        "Dockerfile": "FROM x\nENV DJANGO_SETTINGS_MODULE=site1.production",
    }
    result = inferred(tmp_path, files)
    key = "environment.defaults.DJANGO_SETTINGS_MODULE"
    assert (value(result, key), reason(result, key)) == ("site1.production", "Dockerfile:2")
    assert value(result, "packages.rest_framework")
    assert value(result, "packages.sentry_app")
    assert value(result, "packages.debug_toolbar") is None
    assert reason(result, "before") == "site1/settings.py:11"


def test_a_project_in_a_folder(tmp_path: Path) -> None:
    """Below the root, the folder with manage.py is the source; bundles have no such folder."""
    files = {f"src/{name}": content for name, content in FILES.items()}
    result = inferred(tmp_path, files)
    data = value(result, "data")
    assert isinstance(data, list)
    assert data[0] == {"source": "src/templates", "destination": "templates"}


def test_a_worker_and_a_command_of_manage(tmp_path: Path) -> None:
    """Workers of the Procfile are services; manage.py's commands are run by Django itself."""
    procfile = "web: gunicorn site1.wsgi\nworker: python manage.py qcluster --fast"
    result = inferred(tmp_path, FILES | {"Procfile": procfile})
    services = value(result, "services")
    assert isinstance(services, list)
    assert services[1]["entry"] == "django.core.management:execute_from_command_line"
    assert services[1]["arguments"] == ["qcluster", "--fast"]


def test_what_is_computed_is_named(tmp_path: Path) -> None:
    """A folder that a function makes has a note; without a server, the note says what to write."""
    settings = SETTINGS.replace('BASE_DIR / "templates"', 'find("templates")')
    files = FILES | {"site1/settings.py": settings}
    del files["site1/wsgi.py"], files["site1/asgi.py"]
    notes = inferred(tmp_path, files).notes
    assert [note.partition(": ")[0] for note in notes] == ["site1/settings.py:6", "manage.py:2"]


def test_an_example_of_a_library_is_no_product(tmp_path: Path) -> None:
    """manage.py of an example does not make a library a Django project."""
    result = inferred(tmp_path, {f"example/{name}": text for name, text in FILES.items()})
    assert value(result, "console_scripts") is None
