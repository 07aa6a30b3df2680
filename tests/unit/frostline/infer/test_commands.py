"""The commands of a project: where they stand, what they start, and who knows best."""

from pathlib import Path

import pytest
from small_project import inferred, reason, value

from frostline.infer import commands
from frostline.infer.inference import Inference

APP = "from fastapi import FastAPI\napp = FastAPI()\nadmin = FastAPI()\ndef make(): return app\n"
FLASK = "from flask import Flask\nsite = Flask('x')\ndef create_app(config='x'): return site\n"


def entry_of(result: Inference) -> tuple[object, object, str]:
    """Return the entry, how it is served, and the reason."""
    return value(result, "entry"), value(result, "serve"), reason(result, "entry")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("uvicorn x:y --port 80", "uvicorn x:y --port 80"),
        ("exec python -m uvicorn x:y", "uvicorn x:y"),
        ("A=b poetry run uvicorn x:y", "uvicorn x:y"),
        ("uv run --no-dev --extra web /app/.venv/bin/uvicorn x:y", "uvicorn x:y"),
        ("tini -- python3.12 -u main.py", "python main.py"),
        ("opentelemetry-instrument gunicorn x:y", "gunicorn x:y"),
        ("gosu app celery -A x worker", "celery -A x worker"),
        ("./wait-for-it.sh db:5432 -- uvicorn x:y", "uvicorn x:y"),
        ("", ""),
    ],
)
def test_the_program_of_a_command(line: str, words: str) -> None:
    """What prepares or wraps a program is taken off."""
    assert " ".join(commands.program(tuple(line.split()))) == words


@pytest.mark.parametrize(
    ("file", "content", "expected"),
    [
        ("Procfile", "web: uvicorn shop.main:admin --port $PORT", "shop.main:admin"),
        ("Dockerfile", 'FROM x\nCMD ["uvicorn", "shop.main:admin"]', "shop.main:admin"),
        ("Dockerfile", "FROM x\nCMD uvicorn \\\n  shop.main:admin", "shop.main:admin"),
        ("Dockerfile", 'FROM x\nENTRYPOINT ["uvicorn"]\nCMD ["shop.main:admin"]',
         "shop.main:admin"),
        ("Dockerfile", 'FROM y\nENTRYPOINT ["a"]\nFROM x\nCMD ["uvicorn", "shop.main:admin"]',
         "shop.main:admin"),
        ("Dockerfile", 'FROM x\nCMD ["sh", "-c", "uvicorn shop.main:admin"]', "shop.main:admin"),
        ("Dockerfile", 'FROM x\nCMD ["fastapi", "run", "shop/main.py", "--app", "admin"]',
         "shop.main:admin"),
        ("Dockerfile", 'FROM x\nCMD ["fastapi", "run", "shop/main.py"]', "shop.main:app"),
        ("Dockerfile", "FROM x\nCMD uvicorn ${MODULE:-shop.main:admin}", "shop.main:admin"),
        ("docker-compose.yml", "services:\n  web:\n    command: uvicorn shop.main:admin\n",
         "shop.main:admin"),
        ("compose.yaml", "services:\n  web:\n    command: ['uvicorn', 'shop.main:admin']\n",
         "shop.main:admin"),
        ("compose.yaml", "services:\n  web:\n    command:\n    - uvicorn\n    - shop.main:admin",
         "shop.main:admin"),
        ("Makefile", "run:\n\t@uvicorn shop.main:admin --reload", "shop.main:admin"),
        ("justfile", "run:\n    uvicorn shop.main:admin", "shop.main:admin"),
        ("run.sh", "#!/bin/sh\nexec uvicorn shop.main:admin", "shop.main:admin"),
        ("shop.service", "[Service]\nExecStart=/bin/uvicorn shop.main:admin", "shop.main:admin"),
        ("pyproject.toml", "[tool.poe.tasks]\nrun = 'uvicorn shop.main:admin'", "shop.main:admin"),
        ("pyproject.toml", "[tool.fastapi]\nentrypoint = 'shop.main:admin'", "shop.main:admin"),
        ("Procfile", "web: uvicorn --factory shop.main:make", "shop.main:make()"),
        ("Procfile", "web: uvicorn --app-dir shop main:admin", "shop.main:admin"),
        ("Procfile", "web: hypercorn asgi:shop.main:admin", "shop.main:admin"),
        ("Procfile", "web: granian --interface asgi shop.main:admin", "shop.main:admin"),
        ("Procfile", "web: gunicorn -k uvicorn.workers.UvicornWorker shop.main:admin",
         "shop.main:admin"),
    ],
)  # fmt: skip
def test_servers_of_asgi(file: str, content: str, expected: str, tmp_path: Path) -> None:
    """Each kind of file is read, and its command decides which of two applications it is."""
    found = entry_of(
        inferred(tmp_path, {"shop/__init__.py": "", "shop/main.py": APP, file: content})
    )
    assert found[:2] == (expected, "asgi")
    assert found[2].startswith(f"{file}:")


@pytest.mark.parametrize(
    ("file", "content", "expected"),
    [
        ("Procfile", "web: gunicorn web:site", "web:site"),
        ("Procfile", "web: gunicorn 'web:create_app()'", "web:create_app()"),
        ("Procfile", "web: waitress-serve --call web:create_app", "web:create_app()"),
        ("Procfile", "web: uwsgi --http :80 --module web:site", "web:site"),
        ("Procfile", "web: flask --app web run", "web:site"),
        (".flaskenv", "FLASK_APP=web.py", "web:site"),
        (".flaskenv", "FLASK_APP=web:create_app", "web:create_app()"),
        ("Dockerfile", "FROM x\nENV FLASK_APP=web\nCMD flask run", "web:site"),
    ],
)
def test_servers_of_wsgi(file: str, content: str, expected: str, tmp_path: Path) -> None:
    """Gunicorn, waitress, uwsgi and Flask name what they serve."""
    assert entry_of(inferred(tmp_path, {"web.py": FLASK, file: content}))[:2] == (expected, "wsgi")


def test_a_script_of_the_repository_is_followed(tmp_path: Path) -> None:
    """An entrypoint that ends in `exec "$@"` runs CMD; another one is read."""
    files = {
        "shop/main.py": APP,
        "docker/start.sh": "#!/bin/sh\nset -e\nmigrate && exec uvicorn shop.main:admin",
        "Dockerfile": 'FROM x\nCOPY . .\nCMD ["/app/docker/start.sh"]',
    }
    assert entry_of(inferred(tmp_path, files)) == ("shop.main:admin", "asgi", "docker/start.sh:3")
    files["docker/start.sh"] = '#!/bin/sh\nmigrate\nexec "$@"'
    files["Dockerfile"] = (
        'FROM x\nENTRYPOINT ["/app/docker/start.sh"]\nCMD ["uvicorn", "shop.main:app"]'
    )
    assert entry_of(inferred(tmp_path, files)) == ("shop.main:app", "asgi", "Dockerfile:3")


@pytest.mark.parametrize(
    ("line", "code", "expected"),
    [
        ("uvicorn shop:thing", "from other import build\nthing = build()", ("shop:thing", "asgi")),
        ("gunicorn 'shop:make()'", "def make(): return other()", ("shop:make()", "wsgi")),
        ("gunicorn shop:serve", "def serve(one, two): ...", ("shop:serve", "wsgi")),
        ("gunicorn shop", "application = build()", ("shop:application", "wsgi")),
        ("uvicorn shop:gone", "thing = build()", ("shop", None)),
        ("flask --app shop run", "thing = build()", ("shop", None)),
        ("uvicorn elsewhere:app", "thing = build()", ("shop", None)),
        ("uvicorn shop:app", "app = (", ("shop", None)),
    ],
)
def test_what_only_a_command_knows(
    line: str, code: str, expected: tuple[str, str | None], tmp_path: Path
) -> None:
    """A command is believed about an object of an unknown kind, if the module has such a name."""
    assert entry_of(inferred(tmp_path, {"shop.py": code, "Procfile": f"web: {line}"}))[:2] == (
        expected
    )


def test_the_precedence_of_files(tmp_path: Path) -> None:
    """What production runs is believed before what a developer types; `.env` is not read."""
    files = {
        "shop/main.py": APP,
        "Makefile": "run:\n\tuvicorn shop.main:app",
        "Dockerfile": "FROM x\nCMD uvicorn shop.main:admin",
        ".env": "FLASK_APP=shop.main:app",
        "README.md": "uvicorn shop.main:app",
    }
    assert entry_of(inferred(tmp_path, files))[2] == "Dockerfile:2"
    del files["Dockerfile"]
    assert entry_of(inferred(tmp_path, files))[2] == "Makefile:2"
    del files["Makefile"]
    assert entry_of(inferred(tmp_path, files))[2] == "shop/main.py:2"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import uvicorn\ndef main(): uvicorn.run('shop.main:admin')", "shop.main:admin"),
        ("import uvicorn\nfrom shop.main import admin as a\ndef main(): uvicorn.run(a)",
         "shop.main:admin"),
        ("from uvicorn import run\ndef main(): run('shop.main:make', factory=True)",
         "shop.main:make()"),
        (("import uvicorn\nfrom shop import main as m\ndef main(): serve()\n"
          "def serve(): uvicorn.Server(uvicorn.Config(app=m.admin))"), "shop.main:admin"),
        (("import uvicorn\nfrom shop.main import make\ndef main():\n  app = make()\n"
          "  uvicorn.run(app)"), "shop.main:make()"),
    ],
)  # fmt: skip
def test_console_scripts_that_serve(code: str, expected: str, tmp_path: Path) -> None:
    """The application is taken that a console script starts a server with."""
    files = {
        "pyproject.toml": '[project]\nname = "shop"\n[project.scripts]\nshop = "shop.run:main"',
        "shop/__init__.py": "",
        "shop/main.py": APP,
        "shop/run.py": code,
    }
    result = inferred(tmp_path, files)
    assert entry_of(result) == (expected, "asgi", "pyproject.toml:4")
    files["Dockerfile"] = 'FROM x\nCMD ["shop"]'
    assert entry_of(inferred(tmp_path, files)) == (expected, "asgi", "Dockerfile:2")


@pytest.mark.parametrize(
    "code",
    [
        "from web import site\nif __name__ == '__main__':\n  site.run(port=5000)",
        "import wsgiref.simple_server as s, web\ndef main(): s.make_server('', 1, web.site)",
        "import waitress, web\nif __name__ == '__main__':\n  waitress.serve(web.site)",
    ],
)
def test_scripts_that_serve(code: str, tmp_path: Path) -> None:
    """`python run.py` that runs a server is a server."""
    files = {"web.py": FLASK.replace("site", "other", 1) + "site = other", "run.py": code}
    assert entry_of(inferred(tmp_path, files))[:2] == ("web:site", "wsgi")
    files["Dockerfile"] = 'FROM x\nCMD ["python", "run.py"]'
    assert entry_of(inferred(tmp_path, files)) == ("web:site", "wsgi", "Dockerfile:2")
