"""The types of values in a profile."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$")]
Entry = Annotated[str, Field(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_][\w.]*$")]
EntryOrNone = Annotated[str, Field(pattern=r"^([A-Za-z_][\w.]*:[A-Za-z_][\w.]*)?$")]
Serve = Literal["function", "asgi", "wsgi"]
PortNumber = Annotated[int, Field(ge=0, le=65535)]
Seconds = Annotated[float, Field(gt=0)]
Strings = tuple[str, ...]


class Table(BaseModel):
    """The base class of every table in a profile: unknown keys are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
