"""The kinds of strangers' projects: their files, what they need, and the request for the answer.

Each answer needs a template, a data file, a module that is found by name and a dependency with
data. `{package}` in the name of a file is the folder of the package `big_shop`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import requests_of_kinds as requests

NAME = "big-shop"
PACKAGE = "big_shop"
ANSWER = "hello plug-in, some words, True"

_WORK = """
import importlib
from pathlib import Path

import certifi
from jinja2 import Environment, FileSystemLoader

HERE = Path(__file__).parent


def answer():
    pages = Environment(loader=FileSystemLoader(HERE / "templates"))
    plugin = importlib.import_module({plugins!r} + "greet")
    words = (HERE / "words.txt").read_text().strip()
    roots = Path(certifi.where()).stat().st_size > 1000
    return pages.get_template("page.txt").render(name=plugin.NAME, words=words, roots=roots)
"""


def _work(folder: str, plugins: str) -> dict[str, str]:
    """Return the files in *folder* that make the answer; its plug-ins are in package *plugins*."""
    return {
        f"{folder}work.py": _WORK.format(plugins=plugins),
        f"{folder}templates/page.txt": "hello {{ name }}, {{ words }}, {{ roots }}\n",
        f"{folder}words.txt": "some words\n",
        f"{folder}plugins/__init__.py": "",
        f"{folder}plugins/greet.py": 'NAME = "plug-in"\n',
    }


_INIT = '"""A shop."""\n\n__version__ = "0.3.0"\n'
_IN_PACKAGE = {"{package}/__init__.py": _INIT, **_work("{package}/", "big_shop.plugins.")}


@dataclass(frozen=True)
class Kind:
    """A kind of project.

    *asked* returns the answer of the service at an address, *commands* are those of a program: a
    console script and its arguments, each with what it prints. *launcher* is the script that one
    writes for plain PyInstaller, or the `.spec` that is there.
    """

    files: Mapping[str, str]
    needs: tuple[str, ...]
    launcher: str
    asked: Callable[[str, Path], str] | None = None
    commands: tuple[tuple[str, ...], ...] = ()
    scripts: Mapping[str, str] = field(default_factory=dict)
    needs_of_launcher: tuple[str, ...] = ()
    src: bool = True  # whether the package may lie in src


_SERVE = "import os\nPORT = int(os.environ['PORT'])\n"
_WAITRESS = "import waitress\nwaitress.serve({}, host='127.0.0.1', port=PORT)\n"

_FASTAPI = Kind(
    files=_IN_PACKAGE | {"{package}/main.py": """
        from fastapi import FastAPI
        from fastapi.responses import PlainTextResponse
        from big_shop.work import answer

        app = FastAPI()

        @app.get("/answer", response_class=PlainTextResponse)
        def give():
            return answer()

        @app.get("/healthz")
        def healthz():
            return {"ok": True}
    """},
    needs=("fastapi", "jinja2", "certifi"),
    asked=requests.page,
    launcher=_SERVE
    + "import uvicorn\nfrom big_shop.main import app\nuvicorn.run(app, port=PORT)\n",
    needs_of_launcher=("uvicorn",),
)  # fmt: skip
_FLASK = Kind(
    files=_IN_PACKAGE | {"{package}/web.py": """
        from flask import Flask
        from big_shop.work import answer

        def create_app(settings=None):
            app = Flask(__name__)
            app.config.update(settings or {})

            @app.get("/answer")
            def give():
                return answer()

            @app.get("/health")
            def health():
                return {"ok": True}

            return app
    """},
    needs=("flask", "jinja2", "certifi"),
    asked=requests.page,
    launcher=_SERVE + "from big_shop.web import create_app\n" + _WAITRESS.format("create_app()"),
    needs_of_launcher=("waitress",),
)  # fmt: skip
_DJANGO = Kind(
    files=_IN_PACKAGE | {
        "manage.py": """
            import os
            import sys

            if __name__ == "__main__":
                os.environ.setdefault("DJANGO_SETTINGS_MODULE", "big_shop.settings")
                from django.core.management import execute_from_command_line

                execute_from_command_line(sys.argv)
        """,
        "{package}/settings.py": """
            import os
            from pathlib import Path

            BASE_DIR = Path(__file__).resolve().parent.parent
            SECRET_KEY = os.environ.get("SECRET_KEY", "for those who develop it")
            ALLOWED_HOSTS = ["*"]
            ROOT_URLCONF = "big_shop.urls"
            WSGI_APPLICATION = "big_shop.wsgi.application"
            INSTALLED_APPS = [
                "django.contrib.admin",
                "django.contrib.auth",
                "django.contrib.contenttypes",
                "django.contrib.sessions",
                "django.contrib.messages",
                "django.contrib.staticfiles",
            ]
            MIDDLEWARE = [
                "django.middleware.security.SecurityMiddleware",
                "whitenoise.middleware.WhiteNoiseMiddleware",
                "django.contrib.sessions.middleware.SessionMiddleware",
                "django.middleware.common.CommonMiddleware",
                "django.middleware.csrf.CsrfViewMiddleware",
                "django.contrib.auth.middleware.AuthenticationMiddleware",
                "django.contrib.messages.middleware.MessageMiddleware",
            ]
            TEMPLATES = [
                {
                    "BACKEND": "django.template.backends.django.DjangoTemplates",
                    "DIRS": [],
                    "APP_DIRS": True,
                    "OPTIONS": {
                        "context_processors": [
                            "django.template.context_processors.request",
                            "django.contrib.auth.context_processors.auth",
                            "django.contrib.messages.context_processors.messages",
                        ],
                    },
                },
            ]
            DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
            STATIC_URL = "static/"
            STATIC_ROOT = BASE_DIR / "staticfiles"
        """,
        "{package}/urls.py": """
            from django.contrib import admin
            from django.http import HttpResponse
            from django.urls import path
            from big_shop.work import answer

            urlpatterns = [
                path("admin/", admin.site.urls),
                path("answer", lambda request: HttpResponse(answer())),
                path("healthz", lambda request: HttpResponse("ok")),
            ]
        """,
        "{package}/wsgi.py": """
            import os

            from django.core.wsgi import get_wsgi_application

            os.environ.setdefault("DJANGO_SETTINGS_MODULE", "big_shop.settings")
            application = get_wsgi_application()
        """,
    },
    needs=("django", "whitenoise", "jinja2", "certifi"),
    asked=requests.page_and_admin,
    launcher=_SERVE + "from big_shop.wsgi import application\n" + _WAITRESS.format("application"),
    needs_of_launcher=("waitress",),
    src=False,
)  # fmt: skip
_CLICK = Kind(
    files=_IN_PACKAGE | {"{package}/cli.py": """
        import click
        from big_shop.work import answer

        @click.group()
        def main():
            pass

        @main.command()
        def tell():
            click.echo(answer())

        def admin():
            print(answer())
    """},
    needs=("click", "jinja2", "certifi"),
    scripts={NAME: "big_shop.cli:main", f"{NAME}-admin": "big_shop.cli:admin"},
    commands=((NAME, "tell"), (f"{NAME}-admin",)),
    launcher="from big_shop.cli import main\nmain()\n",
)  # fmt: skip
_WORKER = Kind(
    files=_IN_PACKAGE | {
        "{package}/tasks.py": """
            import os
            from pathlib import Path

            from celery import Celery
            from big_shop.work import answer

            FOLDER = os.environ.get("TASKS", "")
            app = Celery("shop", broker="filesystem://" if FOLDER else "memory://")
            if FOLDER:
                app.conf.broker_transport_options = {
                    "data_folder_in": FOLDER,
                    "data_folder_out": FOLDER,
                    "control_folder": FOLDER,
                }

            @app.task(name="tell")
            def tell(file):
                Path(file).write_text(answer())
        """,
        "Procfile": "worker: celery -A big_shop.tasks:app worker --pool solo --loglevel INFO\n",
    },
    needs=("celery", "jinja2", "certifi"),
    asked=requests.task,
    launcher="import sys\nfrom celery.__main__ import main\nimport big_shop.tasks\n"
    "sys.argv[1:] = ['-A', 'big_shop.tasks:app', 'worker', '--pool', 'solo']\nmain()\n",
)  # fmt: skip
_STREAMLIT = Kind(
    files=_IN_PACKAGE | {"streamlit_app.py": """
        import streamlit as st
        from big_shop.work import answer

        st.title("Shop")
        st.write(answer())
    """},
    needs=("streamlit", "jinja2", "certifi"),
    asked=requests.streamlit_page,
    launcher="import os, sys\nfrom streamlit.web.cli import main\n"
    "page = os.path.join(os.path.dirname(__file__), 'streamlit_app.py')\n"
    "sys.argv[1:] = ['run', page, '--server.headless', 'true', '--server.port', "
    "os.environ['PORT']]\nmain()\n",
)  # fmt: skip
_SCRIPT = Kind(
    files=_work("", "plugins.") | {"main.py": """
        from work import answer

        if __name__ == "__main__":
            print(answer())
    """},
    needs=("jinja2", "certifi"),
    commands=((NAME,),),
    launcher="main.py",
)  # fmt: skip
_SPEC = Kind(
    files=_IN_PACKAGE | {
        "run.py": "from big_shop.work import answer\n\nprint(answer())\n",
        f"{NAME}.spec": """
            a = Analysis(
                ["run.py"],
                pathex=["{root}"],
                datas=[
                    ("{package}/templates", "big_shop/templates"),
                    ("{package}/words.txt", "big_shop"),
                ],
                hiddenimports=["big_shop.plugins.greet"],
            )
            pyz = PYZ(a.pure)
            exe = EXE(pyz, a.scripts, [], exclude_binaries=True, name="big-shop")
            coll = COLLECT(exe, a.binaries, a.datas, name="big-shop")
        """,
    },
    needs=("jinja2", "certifi"),
    commands=((NAME,),),
    launcher=f"{NAME}.spec",
)  # fmt: skip

KINDS: Mapping[str, Kind] = {
    "FastAPI": _FASTAPI, "Flask": _FLASK, "Django": _DJANGO, "click": _CLICK, "worker": _WORKER,
    "Streamlit": _STREAMLIT, "script": _SCRIPT, ".spec": _SPEC,
}  # fmt: skip
