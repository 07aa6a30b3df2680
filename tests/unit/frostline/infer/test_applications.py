"""Applications are found by syntax: their names, their kinds, and which of several is meant."""

from pathlib import Path

import pytest
from small_project import inferred, reason, value

from frostline.infer.inference import Inference


def entry_of(result: Inference) -> tuple[object, object]:
    """Return the entry and how it is served."""
    return value(result, "entry"), value(result, "serve")


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("from fastapi import FastAPI\napp = FastAPI()", ("main:app", "asgi")),
        ("import fastapi as f\nservice = f.FastAPI()", ("main:service", "asgi")),
        ("from fastapi import FastAPI\napp: FastAPI = build(1)", ("main:app", "asgi")),
        ("from starlette.applications import Starlette as S\napp = S()", ("main:app", "asgi")),
        ("from litestar import Litestar\napp = Litestar([])", ("main:app", "asgi")),
        ("from quart import Quart\napp = Quart(__name__)", ("main:app", "asgi")),
        ("from sanic import Sanic\napp = Sanic('x')", ("main:app", "asgi")),
        ("from blacksheep import Application\napp = Application()", ("main:app", "asgi")),
        ("import falcon.asgi\napp = falcon.asgi.App()", ("main:app", "asgi")),
        ("import falcon\napp = falcon.App()", ("main:app", "wsgi")),
        ("from flask import Flask\napp = Flask(__name__)", ("main:app", "wsgi")),
        ("import bottle\napp = bottle.default_app()", ("main:app", "wsgi")),
        ("from bottle import Bottle\napp = Bottle()", ("main:app", "wsgi")),
        (
            ("from pyramid.config import Configurator\nwith Configurator() as config:\n"
             "    app = config.make_wsgi_app()"),
            ("main:app", "wsgi"),
        ),
        ("from dash import Dash\napp = Dash()", ("main:app.server", "wsgi")),
        ("from dash import Dash\nd = Dash()\nserver = d.server", ("main:server", "wsgi")),
        ("def application(environ, start_response): ...", ("main:application", "wsgi")),
        ("def app(environ, start): ...", ("main:app", "wsgi")),
        ("import flask\ndef app(env, options): ...", ("main", None)),
        (("from wsgiref.simple_server import make_server\ndef app(environ, start): ...\n"
          "def main(): make_server('', 1, app)"), ("main:app", "wsgi")),
        ("async def app(scope, receive, send): ...", ("main:app", "asgi")),
        ("class App:\n  def __call__(self, environ, start_response): ...\napp = App()",
         ("main:app", "wsgi")),
        ("from fastapi import FastAPI\nclass Shop(FastAPI): ...\napp = Shop()",
         ("main:app", "asgi")),
        (
            ("import socketio\nfrom fastapi import FastAPI\nsio = socketio.AsyncServer()\n"
             "api = FastAPI()\napp = socketio.ASGIApp(sio, api)"),
            ("main:app", "asgi"),
        ),
        (
            ("from flask import Flask\nfrom asgiref.wsgi import WsgiToAsgi\n"
             "app = Flask('x')\napp = WsgiToAsgi(app)"),
            ("main:app", "asgi"),
        ),
        (
            ("from flask import Flask\nfrom mine import Slashes\napp = Flask('x')\n"
             "app = Slashes(app)"),
            ("main:app", "wsgi"),
        ),
        (
            ("from flask import Flask\nfrom flask_restful import Api\nshop = Flask('x')\n"
             "api = Api(shop)"),
            ("main:shop", "wsgi"),
        ),
        (
            ("try:\n  from fastapi import FastAPI\nexcept ImportError:\n  FastAPI = None\n"
             "if True:\n  app = FastAPI()"),
            ("main:app", "asgi"),
        ),
        (
            ("from typing import TYPE_CHECKING\nfrom flask import Flask\nif TYPE_CHECKING:\n"
             "  app = Flask('x')\nserver = Flask('y')"),
            ("main:server", "wsgi"),
        ),
    ],
)  # fmt: skip
def test_objects_of_a_module(code: str, expected: tuple[str, str], tmp_path: Path) -> None:
    """Names are followed through imports, classes, wrappers and blocks."""
    assert entry_of(inferred(tmp_path, {"main.py": code})) == expected


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("def create_app(debug=False):\n  app = FastAPI()\n  return app", "main:create_app()"),
        ("def make_app() -> FastAPI:\n  return other()", "main:make_app()"),
        ("def build_app(*, x=1):\n  with y():\n    return FastAPI()", "main:build_app()"),
        ("def create_app(name): return FastAPI()\napp = create_app('x')", "main:app"),
        ("def create_app(name): return FastAPI()", "main"),
        ("async def create_app(): return FastAPI()", "main"),
        ("@fixture\ndef create_app(): return FastAPI()", "main"),
    ],
)
def test_factories(code: str, expected: str, tmp_path: Path) -> None:
    """A factory is a plain function that needs no arguments; else the file is a script."""
    assert (
        entry_of(inferred(tmp_path, {"main.py": f"from fastapi import FastAPI\n{code}"}))[0]
        == expected
    )


def test_names_through_the_project(tmp_path: Path) -> None:
    """An application may be made by another module, re-exported and imported with a star."""
    files = {
        "pyproject.toml": "[project]\nname = 'shop'\n[build-system]\nrequires = []",
        "src/shop/__init__.py": "from .factory import *",
        "src/shop/factory.py": "from flask import Flask\ndef create(config):\n  return Flask('x')",
        "src/shop/wsgi.py": "from shop import create\napplication = create('production')",
    }
    result = inferred(tmp_path, files)
    assert entry_of(result) == ("shop.wsgi:application", "wsgi")
    assert reason(result, "entry") == "src/shop/wsgi.py:2"


def test_tests_and_examples_are_never_the_entry(tmp_path: Path) -> None:
    """An application in tests/ counts only if there is nothing else."""
    flask = "from flask import Flask\napp = Flask('x')"
    files = {"tests/app.py": flask, "examples/app.py": flask, "shop/site.py": flask}
    result = inferred(tmp_path, files)
    assert entry_of(result)[0] == "shop.site:app"
    assert result.notes == ()


def test_two_applications(tmp_path: Path) -> None:
    """The likelier one is taken, and a note says how to take the other."""
    fastapi = "from fastapi import FastAPI\n\napp = FastAPI()"
    result = inferred(tmp_path, {"admin.py": fastapi, "main.py": fastapi})
    assert entry_of(result)[0] == "main:app"
    assert 'admin.py:3: another application; to freeze it, write entry = "admin:app"' in (
        result.notes
    )


@pytest.mark.parametrize(
    ("content", "note"),
    [
        (
            b"from flask import Flask\napp = (",
            "broken.py:2 was not looked at: '(' was never closed",
        ),
        (b"from flask import Flask\nx = '\xff'", "broken.py:2 was not"),
        (b"from flask import Flask\n\0", "broken.py"),
    ],
)
def test_what_is_no_python_is_skipped(content: bytes, note: str, tmp_path: Path) -> None:
    """A file with an error is named, and the others are read."""
    good = "# coding: latin-1\n# \xe4\nfrom flask import Flask\napp = Flask('x')".encode("latin-1")
    result = inferred(tmp_path, {"broken.py": content, "site/app.py": good})
    assert entry_of(result)[0] == "site.app:app"
    assert any(line.startswith(note) for line in result.notes)


def test_what_is_given_steers_the_rest(tmp_path: Path) -> None:
    """A given entry decides how it is served; a given way decides the entry."""
    files = {
        "web.py": "from flask import Flask\napp = Flask('x')",
        "main.py": "from fastapi import FastAPI\napp = FastAPI()",
    }
    assert entry_of(inferred(tmp_path, files, {"entry": "web:app"})) == (None, "wsgi")
    assert entry_of(inferred(tmp_path, files, {"serve": "wsgi"})) == ("web:app", None)
    assert entry_of(inferred(tmp_path, files, {"entry": "web:other"})) == (None, None)
