"""Generates the reference of the profile, as Markdown and as JSON Schema, from its docstrings.

pydantic could read the docstrings, too, but it would do so at every start.
"""

import ast
import inspect
import json
import types
from datetime import date
from itertools import pairwise
from typing import Annotated, Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from frostline.profile.profile import Profile
from frostline.profile.table import Table, table_in

_HEAD = """\
# The profile

Generated from `src/frostline/profile` by `docs/pages.py`; do not edit it. A profile is
`specs/<product>.toml`. All mistakes in it are reported at once, with file, line and key. Editors
can check it against `resources/profile.schema.json`. Paths are relative to the root of the project
and written with `/`.
"""
_SIMPLE = {
    str: "text", int: "integer", float: "number", bool: "boolean", object: "any", date: "date",
}  # fmt: skip


def markdown() -> str:
    """Return the reference as Markdown: one section per table, the top level first."""
    sections = [_HEAD, _section("The top of the file", Profile)]
    sections += [_section(title, table) for title, table in _tables("", Profile)]
    return "\n".join(sections)


def schema() -> str:
    """Return the JSON Schema of a profile as text."""
    document = Profile.model_json_schema(by_alias=True)
    document["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    tables: list[type[Table]] = [Profile, *(table for _, table in _tables("", Profile))]
    for table in tables:
        found = document if table is Profile else document["$defs"][table.__name__]
        for name, meaning in _meanings(table).items():
            found["properties"][table.model_fields[name].alias or name]["description"] = meaning
    return json.dumps(document, indent=2, sort_keys=True) + "\n"


def _meanings(table: type[Table]) -> dict[str, str]:
    """Return the docstring below each field of *table* by the field's name."""
    (parsed,) = ast.parse(inspect.getsource(table)).body
    meanings = {}
    for field, text in pairwise(parsed.body if isinstance(parsed, ast.ClassDef) else ()):
        match field:
            case ast.AnnAssign(target=ast.Name(id=name)) if isinstance(text, ast.Expr):
                meanings[name] = str(ast.literal_eval(text.value))
            case _:
                pass
    return meanings


def _section(title: str, table: type[Table]) -> str:
    lines = [f"## {title}", "", table.__doc__ or "", "", "| key | type | default | meaning |"]
    lines.append("|---|---|---|---|")
    meanings = _meanings(table)
    for name, field in table.model_fields.items():
        key = field.alias or name
        meaning = " ".join(meanings.get(name, "").split())
        lines.append(f"| `{key}` | {_type(field.annotation)} | {_default(field)} | {meaning} |")
    return "\n".join(lines) + "\n"


def _tables(prefix: str, table: type[Table]) -> list[tuple[str, type[Table]]]:
    found: list[tuple[str, type[Table]]] = []
    for name, field in table.model_fields.items():
        inner = table_in(field.annotation)
        if inner:
            kind = get_origin(field.annotation)
            path = f"{prefix}{name}.NAME" if kind is dict else f"{prefix}{name}"
            found.append((f"`[[{path}]]`" if kind is tuple else f"`[{path}]`", inner))
            found += _tables(f"{path}.", inner)
    return found


def _type(annotation: object) -> str:
    if isinstance(annotation, type) and issubclass(annotation, Table):
        return "table"
    arguments = get_args(annotation)
    match get_origin(annotation):
        case origin if origin is Annotated:
            text = _type(arguments[0])
        case origin if origin is Literal:
            text = " or ".join(f"`{_toml(value)}`" for value in arguments)
        case origin if origin is tuple:
            text = f"array of {_type(arguments[0])}"
        case origin if origin is dict:
            text = f"table of {_type(arguments[1])}"
        case None:
            text = next(text for kind, text in _SIMPLE.items() if annotation is kind)
        case _:  # a union
            text = " or ".join(_type(part) for part in arguments if part is not types.NoneType)
    return text


def _default(field: FieldInfo) -> str:
    value: object = field.default
    if field.is_required():
        return "required"
    return "" if value is None or isinstance(value, Table) else f"`{_toml(value)}`"


def _toml(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case str():
            return f'"{value}"'
        case tuple():
            return f"[{', '.join(_toml(item) for item in value)}]"
        case _:
            return str(value)
