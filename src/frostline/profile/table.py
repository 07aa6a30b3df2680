"""The tables of TOML files: their base class, the types of their values, and how they are read."""

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$")]
Entry = Annotated[str, Field(pattern=r"^([A-Za-z_][\w.]*(:[A-Za-z_][\w.]*(\(\))?)?)?$")]
Serve = Literal["function", "asgi", "wsgi"]
PortNumber = Annotated[int, Field(ge=0, le=65535)]
Seconds = Annotated[float, Field(gt=0)]
Strings = tuple[str, ...]


class Table(BaseModel):
    """The base class of every table in a profile: unknown keys are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


T = TypeVar("T", bound=Table)


def from_toml(kind: type[T], raw: Mapping[str, object]) -> T:
    """Return the TOML data *raw* as a *kind* of table. Raises ValidationError."""
    # Through JSON: pydantic's strict mode takes JSON arrays, but not lists, as tuples.
    return kind.model_validate_json(json.dumps(raw, default=str))


def table_in(annotation: object) -> type[Table] | None:
    """Return the kind of table that a key of type *annotation* holds, alone or in an array."""
    if isinstance(annotation, type) and issubclass(annotation, Table):
        return annotation
    return next(filter(None, map(table_in, get_args(annotation))), None)


def keys_at(table: type[Table], place: Sequence[str | int]) -> tuple[str, ...]:
    """Return the keys of the table at *place* in *table*."""
    for name in place:
        fields = {field.alias or key: field for key, field in table.model_fields.items()}
        if name in fields:  # else the number of an array's table, or a name that the user chose
            table = table_in(fields[str(name)].annotation) or table
    return tuple(field.alias or key for key, field in table.model_fields.items())
