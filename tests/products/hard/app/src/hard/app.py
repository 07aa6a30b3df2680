"""One address for each package; an answer says that the package does its work."""

import gettext
import importlib
import sys
from collections.abc import Callable
from importlib import metadata, resources
from typing import Annotated

import alembic.command
import alembic.config
import babel.dates
import babel.localedata
import celery
import certifi
import charset_normalizer
import jinja2
import passlib.context
import sqlalchemy
import tiktoken
from fastapi import FastAPI
from pydantic import BaseModel, EmailStr, Field

app = FastAPI()
Checks = dict[str, Callable[[str], object]]


class Person(BaseModel):
    """Somebody with an address that is looked at."""

    email: EmailStr
    age: Annotated[int, Field(ge=0)]


def uvicorn(_: str) -> object:
    """Return which of the fast parts are used."""
    return sorted({"uvloop", "httptools"} & sys.modules.keys())


def dialect(name: str) -> object:
    """Return the dialect, which is loaded by its name."""
    found = sqlalchemy.dialects.registry.load(name or "mysql.pymysql")
    return f"{found.name} by {found.driver}"


def migrate(_: str) -> object:
    """Return the tables that the migrations have made."""
    engine = sqlalchemy.create_engine("sqlite://", poolclass=sqlalchemy.StaticPool)
    config = alembic.config.Config()
    config.set_main_option("script_location", str(resources.files("hard") / "migrations"))
    config.attributes["engine"] = engine
    alembic.command.upgrade(config, "head")
    return sorted(sqlalchemy.inspect(engine).get_table_names())


def password(_: str) -> object:
    """Return whether hashes of two kinds are right."""
    context = passlib.context.CryptContext(schemes=["argon2", "pbkdf2_sha256"])
    kinds = ("argon2", "pbkdf2_sha256")
    return [context.verify("x", context.hash("x", scheme=kind)) for kind in kinds]


def template(name: str) -> object:
    """Return a filled template."""
    loader = jinja2.PackageLoader("hard", "templates")
    environment = jinja2.Environment(loader=loader, autoescape=True)
    return environment.get_template("hello.txt").render(name=name or "world")


def date(locale: str) -> object:
    """Return a month in a language; the languages are found by listing a folder."""
    number = len(babel.localedata.locale_identifiers())
    return [babel.dates.get_month_names(locale=locale or "de")[3], number > 100]


def task(_: str) -> object:
    """Return what a task sends through a broker whose transport is found by its name."""
    broker = celery.Celery("hard", broker="memory://", backend="cache+memory://")
    with broker.connection() as connection:
        queue = connection.SimpleQueue("hard")
        queue.put({"sent": True})
        return queue.get(block=True, timeout=5).payload


def yaml(_: str) -> object:
    """Return what a parser in a namespace package, with a compiled part, has read."""
    return importlib.import_module("ruamel.yaml").YAML(typ="safe").load("{a: [1, 2]}")


CHECKS: Checks = {
    "uvicorn": uvicorn,
    "dialect": dialect,
    "migrate": migrate,
    "password": password,
    "template": template,
    "date": date,
    "task": task,
    "yaml": yaml,
    "tiktoken": lambda _: len(tiktoken.list_encoding_names()) > 3,
    "certifi": lambda _: (
        resources.files("certifi").joinpath("cacert.pem").is_file()
        and len(certifi.contents()) > 1000
    ),
    "plugins": lambda _: [e.load()() for e in metadata.entry_points(group="hard.plugins")],
    "version": lambda name: metadata.version(name or "ruamel-yaml"),
    "email": lambda _: Person(email="someone@iana.org", age=3).email,
    "charset": lambda _: str(charset_normalizer.from_bytes("grüße".encode()).best()),
    "gettext": lambda _: gettext.NullTranslations().gettext("same"),
}


@app.get("/health")
def health() -> str:
    """Answer without looking at anything."""
    return "ok"


@app.get("/check/{name}")
def check(name: str, of: str = "") -> dict[str, object]:
    """Return what the check *name* gives."""
    return {"result": CHECKS[name](of)}
