"""What a profile says of the proof: smoke test and audit."""

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from frostline.profile.table import Name, Seconds, Strings, Table


class Request(Table):
    """A request that the smoke test makes, and the answer it must get."""

    name: str
    """What the report calls it."""
    service: Name = "api"
    """Who is asked."""
    method: Literal["GET", "POST", "PUT", "DELETE"] = "GET"
    """How it is asked."""
    path: Annotated[str, Field(pattern=r"^/")]
    """What is asked for."""
    json_body: dict[str, str | int | float | bool] | None = None
    """Sent as JSON; `{nonce}` becomes a random word."""
    status: int = 200
    """The status that the answer must have."""
    contains: str = ""
    """Text that the answer must contain."""
    pointer: str = ""
    """A JSON pointer into the answer, for *equals* and *at_least*."""
    equals: str = ""
    """The value there, as text."""
    at_least: float | None = None
    """The least number there."""
    from_model: bool = False
    """The model server must have generated as many tokens as *pointer* counts."""


class Command(Table):
    """A command line of the artifact that the smoke test runs."""

    arguments: Strings
    """What follows the name of the executable."""
    exit_code: int = 0
    """What it must end with."""
    contains: str = ""
    """Text that its output must contain."""


class Waiver(Table):
    """A finding of the audit that a product lives with, for a reason and for a time."""

    id: Annotated[str, Field(pattern=r"^[a-z]+(\.[a-z-]+)+$")]
    """Which finding."""
    file: str = "*"
    """A pattern of the files in the bundle that it holds for."""
    reason: Annotated[str, Field(min_length=10)]
    """Why; it is said in every report."""
    expires: date
    """The last day on which it holds."""


class Audit(Table):
    """What the audit of the bundle is to allow."""

    largest: Annotated[int, Field(ge=0)] = 0
    """Most megabytes that the bundle may have; 0: no budget."""
    waivers: tuple[Waiver, ...] = ()
    """What does not count, for now."""


class Smoke(Table):
    """What the smoke test asks of the artifact."""

    timeout: Seconds = 60.0
    """Seconds until the artifact must be healthy."""
    offline: bool = True
    """Run without any network but the machine's own; false for a product that needs it."""
    read_only: bool = True
    """Run from a folder that cannot be written; false for a product that keeps files there."""
    requests: tuple[Request, ...] = ()
    """Made once it is healthy."""
    commands: tuple[Command, ...] = ()
    """Run before it is started."""
    entry_points: Strings = ()
    """Groups whose entry points must all load inside."""
