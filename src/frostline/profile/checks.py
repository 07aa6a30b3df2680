"""The profile's tables for the smoke test and the audit."""

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from frostline.profile.table import Name, Seconds, Strings, Table


class Request(Table):
    """A request that the smoke test makes, and the response it must get."""

    name: str
    """The request's name in the report."""
    service: Name = "api"
    """The service that gets the request."""
    method: Literal["GET", "POST", "PUT", "DELETE"] = "GET"
    """The HTTP method."""
    path: Annotated[str, Field(pattern=r"^/")]
    """The path, with a query if needed."""
    json_body: dict[str, str | int | float | bool] | None = None
    """The JSON object to send; `{nonce}` is replaced by a random word."""
    status: int = 200
    """The status that the response must have."""
    contains: str = ""
    """Text that the response must contain."""
    pointer: str = ""
    """A JSON pointer into the response, for *equals* and *at_least*."""
    equals: str = ""
    """The value at *pointer*, as text."""
    at_least: float | None = None
    """The least number allowed at *pointer*."""
    from_model: bool = False
    """The model server must have generated as many tokens as the number at *pointer*."""


class Command(Table):
    """A command line of the artifact that the smoke test runs."""

    arguments: Strings
    """The arguments after the executable."""
    exit_code: int = 0
    """The exit code that it must end with."""
    contains: str = ""
    """Text that the output must contain."""


class Waiver(Table):
    """A finding of the audit that is accepted, with a reason, until a date."""

    id: Annotated[str, Field(pattern=r"^[a-z]+(\.[a-z-]+)+$")]
    """The id of the finding."""
    file: str = "*"
    """A pattern for the files of the bundle to which the waiver applies."""
    reason: Annotated[str, Field(min_length=10)]
    """Why the finding is accepted; every report shows it."""
    expires: date
    """The last day on which the waiver applies."""


class Audit(Table):
    """Limits and waivers for the audit of the bundle."""

    largest: Annotated[int, Field(ge=0)] = 0
    """The bundle's largest allowed size in megabytes; 0: no limit."""
    waivers: tuple[Waiver, ...] = ()
    """Findings that are accepted for a time."""


class Smoke(Table):
    """What the smoke test does with the artifact."""

    timeout: Seconds = 60.0
    """Seconds within which the artifact must become healthy."""
    offline: bool = True
    """Run without a network except loopback; false for a product that needs a network."""
    read_only: bool = True
    """Run from a read-only folder; false for a product that writes into its own folder."""
    environment: dict[str, str] = {}
    """Further environment variables of the product in the smoke test, and when it is run from
    source.
    """
    requests: tuple[Request, ...] = ()
    """Requests that are made once the artifact is healthy."""
    commands: tuple[Command, ...] = ()
    """Commands that are run before the artifact is started."""
    entry_points: Strings = ()
    """Groups whose entry points must all load inside the artifact."""
