"""Workers, and products of several processes."""

from pathlib import Path

import pytest
from small_project import inferred, reason, value

WEB = "from fastapi import FastAPI\napp = FastAPI()"
CELERY = "from celery import Celery\nqueue = Celery('x')"


def services(result: object) -> list[tuple[str, str, str]]:
    """Return name, entry and arguments of each service."""
    assert isinstance(result, list)
    return [
        (one["name"], one.get("entry", ""), " ".join(one.get("arguments", ()))) for one in result
    ]


@pytest.mark.parametrize(
    ("line", "entry", "arguments"),
    [
        ("celery -A shop.tasks worker -l info", "celery.__main__:main",
         "-A shop.tasks worker -l info"),
        ("python -m celery -A shop.tasks beat", "celery.__main__:main", "-A shop.tasks beat"),
        ("rq worker high", "rq.cli:main", "worker high"),
        ("dramatiq shop.tasks", "dramatiq.__main__:main", "shop.tasks"),
        ("arq shop.tasks.WorkerSettings", "arq.cli:cli", "shop.tasks.WorkerSettings"),
        ("huey_consumer.py shop.tasks.huey", "huey.bin.huey_consumer:consumer_main",
         "shop.tasks.huey"),
        ("python -m shop.tasks --fast", "shop.tasks", "--fast"),
        ("python shop/tasks.py --fast", "shop.tasks", "--fast"),
    ],
)  # fmt: skip
def test_a_procfile_with_a_worker(line: str, entry: str, arguments: str, tmp_path: Path) -> None:
    """A web process and a worker are two services of one product."""
    files = {
        "shop/__init__.py": "",
        "shop/web.py": WEB,
        "shop/tasks.py": "",
        "Procfile": f"release: python -m shop.tasks\nweb: uvicorn shop.web:app\nworker: {line}",
    }
    result = inferred(tmp_path, files)
    assert (value(result, "entry"), value(result, "serve")) == ("shop.web:app", "asgi")
    assert services(value(result, "services")) == [("api", "", ""), ("worker", entry, arguments)]
    assert reason(result, "services") == "Procfile:3"
    only = inferred(tmp_path, files | {"Procfile": f"worker: {line}", "shop/web.py": ""})
    assert value(only, "entry") == entry
    assert services(value(only, "services")) == [("worker", entry, arguments)]


@pytest.mark.parametrize("web", ["web: uvicorn shop:app\n", ""])
def test_a_worker_whose_modules_are_imported_by_text(web: str, tmp_path: Path) -> None:
    """Celery takes pools and transports by text: all are there; it may finish its task."""
    code = "from celery import Celery\nfrom fastapi import FastAPI\napp = FastAPI()\n"
    procfile = f"{web}worker: celery -A shop worker\n"
    result = inferred(tmp_path, {"shop.py": code, "Procfile": procfile})
    tables = value(result, "services")
    assert isinstance(tables, list)
    assert tables[-1]["grace"] == 30
    assert value(result, "packages.celery") == {"submodules": True}
    assert value(result, "packages.kombu") == {"submodules": True}
    assert reason(result, "packages.kombu") == f"Procfile:{2 if web else 1}"


def test_compose_and_procfile_name_a_worker_once(tmp_path: Path) -> None:
    """The same worker in two files is one service; two of one file are two."""
    files = {
        "web.py": WEB,
        "tasks.py": CELERY,
        "Procfile": (
            "web: uvicorn web:app\nfast: celery -A tasks worker -Q fast\n"
            "slow: celery -A tasks worker -Q slow"
        ),
        "compose.yaml": (
            "services:\n  redis:\n    image: redis\n  jobs:\n    environment:\n      A: b\n"
            "    command: celery -A tasks worker\n  flower:\n    command: celery flower\n"
        ),
    }
    result = inferred(tmp_path, files)
    assert [name for name, _, _ in services(value(result, "services"))] == ["api", "fast", "slow"]
    del files["Procfile"]
    result = inferred(tmp_path, files)
    assert [name for name, _, _ in services(value(result, "services"))] == ["api", "jobs"]


@pytest.mark.parametrize(
    ("line", "note"),
    [
        ("alembic upgrade head", "Procfile:1: alembic: write console_scripts"),
        ("python manage.py migrate", "Procfile:1: migrate: run it by `run django-admin migrate`"),
    ],
)
def test_migrations_are_named(line: str, note: str, tmp_path: Path) -> None:
    """What changes a database before a start is no service; the note says how it is run."""
    files = {"web.py": WEB, "Procfile": f"release: {line}\nweb: {line} && uvicorn web:app"}
    result = inferred(tmp_path, files)
    assert value(result, "services") is None
    assert [line.startswith(note.replace(":1:", ":2:")) for line in result.notes] == [True]


@pytest.mark.parametrize(
    ("code", "entry", "arguments"),
    [
        (CELERY, "celery.__main__:main", "-A tasks:queue worker --loglevel INFO"),
        ("import arq\nclass WorkerSettings: ...", "arq.cli:cli", "tasks.WorkerSettings"),
        ("import dramatiq\n@dramatiq.actor\ndef count(): ...", "dramatiq.__main__:main",
         "tasks --processes 1"),
    ],
)  # fmt: skip
def test_workers_by_their_objects(code: str, entry: str, arguments: str, tmp_path: Path) -> None:
    """Without a command, a worker is the product if there is nothing else; else it is named."""
    result = inferred(tmp_path, {"tasks.py": code, "count.py": ""})
    assert services(value(result, "services")) == [("worker", entry, arguments)]
    result = inferred(tmp_path, {"tasks.py": code, "main.py": WEB})
    assert value(result, "services") is None
    assert [note for note in result.notes if entry in note and note.startswith("tasks.py:")]
