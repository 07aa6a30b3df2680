"""Pinned downloads, `resources/resources.toml`: what is fetched, from where, how it is known."""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from frostline.core import own_files as resources
from frostline.core.errors import Problem, ProfileError, UsageError, did_you_mean
from frostline.core.platforms import PLATFORMS, Platform
from frostline.core.workspace import Workspace
from frostline.profile import mistakes, toml_lines
from frostline.profile.mistakes import Mistake, tables
from frostline.profile.profile import Profile
from frostline.profile.table import Name, Strings, Table

Sha256 = Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")]


class Pin(Table):
    """A file that is fetched, for some platforms or all."""

    name: Name
    """What profiles and reports call it; once for each platform."""
    version: str
    """As its publisher says."""
    url: Annotated[str, Field(pattern=r"^(https?|file)://")]
    """Where it is fetched from."""
    mirrors: Strings = ()
    """Tried in order when *url* fails."""
    size: Annotated[int, Field(ge=0)] = 0
    """In bytes; 0: not known, which *unverified* must explain."""
    sha256: Sha256 = ""
    """Checked before anything is done with the file; empty: not known, which *unverified* must
    explain.
    """
    licence: str
    """SPDX expression."""
    executable: bool = False
    """Set the executable bit."""
    unpack: Literal["", "zip", "tar"] = ""
    """Unpack the archive; only for `when = "build"`."""
    strip: Annotated[int, Field(ge=0)] = 0
    """Leading folders of the archive that are left out."""
    members: Strings = ()
    """Patterns of what is taken from the archive, after *strip*; all if empty."""
    destination: str
    """Place in the bundle (a folder, if unpacked), or below the storage folder."""
    when: Literal["build", "first-run", "asked"] = "build"
    """Fetched by the build; by the artifact when its model server needs it; by `model pull`."""
    platforms: Strings = ()
    """Only for these; all if empty."""
    unverified: str = ""
    """Why size or sha256 are not known; said in every report."""
    confirm: str = ""
    """Where the figures come from, until the first fetch has confirmed them."""

    @property
    def file_name(self) -> str:
        """Return the name of the downloaded file."""
        return self.url.rpartition("/")[2]

    @property
    def urls(self) -> tuple[str, ...]:
        """Return all addresses, in the order in which they are tried."""
        return (self.url, *self.mirrors)


class Pins(Table):
    """The whole file."""

    schema_: Literal[1] = Field(1, alias="schema")
    """The version of this format."""
    resources: tuple[Pin, ...] = ()
    """The files."""


def path_of(paths: Workspace) -> Path:
    """Return the project's file, or frostline's own where the project has none."""
    own = paths.root / "resources" / "resources.toml"
    return own if own.is_file() else resources.data("resources", "resources.toml")


def load(paths: Workspace) -> tuple[Pin, ...]:
    """Return all pins. Raises ProfileError with every mistake at once."""
    path = path_of(paths)
    shown = path.relative_to(paths.root).as_posix() if path.is_relative_to(paths.root) else path
    text = path.read_text(encoding="utf-8")
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ProfileError([mistakes.syntax_problem(str(shown), text, error)]) from None
    found = [*_field_mistakes(raw), *_other_mistakes(raw)]
    if found:
        lines = toml_lines.index(text)
        raise ProfileError([
            Problem(str(shown), toml_lines.find(lines, key), ".".join(map(str, key)), reason)
            for key, reason in dict.fromkeys(found)
        ])  # fmt: skip
    return Pins.model_validate_json(json.dumps(raw)).resources


def chosen(pins: Sequence[Pin], names: Sequence[str], platform: Platform) -> tuple[Pin, ...]:
    """Return the pins called *names* for *platform*, all for it if no name is given.

    Raises UsageError for a name that there is not, or not for this platform.
    """
    here = {pin.name: pin for pin in pins if not pin.platforms or platform.name in pin.platforms}
    known = tuple(dict.fromkeys(pin.name for pin in pins))
    for name in names:
        if name not in known:
            message = f'no resource is called "{name}".{did_you_mean(name, known)}'
            raise UsageError(message, hint=f"resources: {', '.join(known)}")
        if name not in here:
            message = f"{name} has no file for {platform.name}."
            raise UsageError(message, hint="add one to resources/resources.toml")
    return tuple(here[name] for name in (names or here))


def require_places(profile: Profile, fetched: Sequence[Pin]) -> None:
    """Raise UsageError if the model server needs a file that nothing fetches."""
    server = profile.model_server
    places = {pin.destination for pin in fetched if pin.when != "build"}
    for key in ("executable", "model"):
        named = getattr(server, key) if server else ""
        place = named.removeprefix("{storage}/")
        if place != named and place not in places:
            message = f"model_server.{key} is {named}, and nothing that is fetched goes there."
            raise UsageError(message, hint="name it in `resources`, with that destination")


def replaced(text: str, name: str, url: str, *, size: int, sha256: str) -> str:
    """Return the TOML *text* with the figures of *name* at *url*; everything else as it was.

    Raises UsageError if there is no such entry, or more than one that could be meant.
    """
    blocks = re.split(r"(?m)^(?=\[\[resources\]\])", text)
    mine = [at for at, block in enumerate(blocks) if _value(block, "name") == name]
    exact = [at for at in mine if _value(blocks[at], "url") == url]
    found = exact or mine
    if len(found) != 1:
        what = "no entry" if not found else f"{len(found)} entries, none of them with this url,"
        message = f"resources.toml has {what} called {name}."
        hint = f'add one with url = "{url}", size = {size}, sha256 = "{sha256}"'
        raise UsageError(message, hint=hint)
    block = re.sub(r"(?m)^(url|size|sha256|unverified|confirm)\s*=.*\n", "", blocks[found[0]])
    figures = f'url = "{url}"\nsize = {size}\nsha256 = "{sha256}"\n'
    blocks[found[0]] = re.sub(r"(?m)^(name\s*=.*\n)", lambda at: at[1] + figures, block, count=1)
    return "".join(blocks)


def _value(block: str, key: str) -> str:
    found = re.search(rf'(?m)^{key}\s*=\s*"([^"]*)"', block)
    return found[1] if found else ""


def _field_mistakes(raw: Mapping[str, object]) -> Iterator[Mistake]:
    try:
        Pins.model_validate_json(json.dumps(raw, default=str))
    except ValidationError as error:
        yield from mistakes.of_fields(error, tuple(Pin.model_fields))


def _other_mistakes(raw: Mapping[str, object]) -> Iterator[Mistake]:
    seen: set[tuple[object, str]] = set()
    for number, pin in enumerate(tables(raw.get("resources"))):
        place = ("resources", number)
        for key in ("size", "sha256"):
            if not pin.get(key) and not pin.get("unverified"):
                reason = "is required: measure it, or say in `unverified` why it is not known"
                yield (*place, key), reason
        if pin.get("unpack") and pin.get("when", "build") != "build":
            yield (*place, "unpack"), "only what the build fetches is unpacked"
        destination = str(pin.get("destination", ""))
        if destination.startswith("/") or ".." in destination.split("/"):
            yield (*place, "destination"), "must be relative, without `..`"
        platforms = mistakes.strings(pin.get("platforms")) or tuple(PLATFORMS)
        for platform in platforms:
            if platform not in PLATFORMS:
                hint = did_you_mean(platform, tuple(PLATFORMS))
                yield (*place, "platforms"), f'unknown platform "{platform}".{hint}'
            elif (pin.get("name"), platform) in seen:
                reason = f"{pin.get('name')} has a file for {platform} already"
                yield (*place, "platforms"), reason
            seen.add((pin.get("name"), platform))
