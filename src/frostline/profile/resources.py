"""Reads `resources/resources.toml`: the URL, size and SHA-256 of each download."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Literal

import tomlkit
from pydantic import Field, ValidationError

from frostline.core import own_files
from frostline.core.errors import UsageError, did_you_mean
from frostline.core.platforms import PLATFORMS, Platform
from frostline.core.workspace import Workspace
from frostline.profile import mistakes, toml_file
from frostline.profile.build import Build
from frostline.profile.mistakes import tables
from frostline.profile.profile import Profile
from frostline.profile.table import Name, Strings, Table, from_toml
from frostline.profile.toml_file import Mistake

Sha256 = Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")]


class Resource(Table):
    """A pinned file that is fetched, for some platforms or for all."""

    name: Name
    """Its name in profiles and reports; unique for each platform."""
    version: str
    """The publisher's version."""
    url: Annotated[str, Field(pattern=r"^(https?|file)://")]
    """The address it is fetched from."""
    mirrors: Strings = ()
    """Further addresses, tried in order when *url* fails."""
    size: Annotated[int, Field(ge=0)] = 0
    """Its size in bytes; 0: unknown, which *unverified* must explain."""
    sha256: Sha256 = ""
    """Its SHA-256, checked before use; empty: unknown, which *unverified* must explain."""
    licence: str
    """Its licence, an SPDX expression."""
    executable: bool = False
    """Whether to set the executable bit."""
    unpack: Literal["", "zip", "tar"] = ""
    """The kind of archive to unpack; only with `when = "build"`."""
    strip: Annotated[int, Field(ge=0)] = 0
    """How many leading folders to remove from the paths in the archive."""
    members: Strings = ()
    """Patterns of the files to take from the archive, applied after *strip*; empty: all."""
    destination: str
    """Its path in the bundle (a folder if unpacked), or below the storage folder."""
    when: Literal["build", "first-run", "asked"] = "build"
    """Who fetches it: the build, the artifact when its model server needs it, or `model pull`."""
    platforms: Strings = ()
    """The platforms it is for; empty: all."""
    unverified: str = ""
    """Why *size* or *sha256* is unknown; every report shows it."""
    confirm: str = ""
    """The source of *size* and *sha256*, until the first fetch confirms them."""

    @property
    def file_name(self) -> str:
        """Return the name of the downloaded file."""
        return file_name_of(self.url) or self.name

    @property
    def urls(self) -> tuple[str, ...]:
        """Return all addresses in the order they are tried."""
        return (self.url, *self.mirrors)


class ResourceFile(Table):
    """The whole file."""

    schema_: Literal[1] = Field(1, alias="schema")
    """The version of this format."""
    resources: tuple[Resource, ...] = ()
    """The files."""


def file_name_of(url: str) -> str:
    """Return the name of the file at the address *url*, "" if its path ends with `/`."""
    return url.partition("?")[0].rpartition("/")[2]


def load(workspace: Workspace) -> tuple[Resource, ...]:
    """Return all resources of the project, or frostline's if it has no `resources.toml`.

    Raises TomlError with every mistake at once.
    """
    path = own_files.resource(workspace.root, "resources.toml")
    file = toml_file.read(path, workspace.root, "docs/model-server.md")
    try:
        found, wrong = from_toml(ResourceFile, file.table).resources, []
    except ValidationError as error:
        found, wrong = (), [*mistakes.of_fields(error, ResourceFile)]
    wrong += _other_mistakes(file.table)
    if wrong:
        raise file.error(wrong)
    return found


def chosen(
    resources: Sequence[Resource], names: Sequence[str], platform: Platform
) -> tuple[Resource, ...]:
    """Return the resources called *names* for *platform*; without *names*, all for *platform*.

    Raises UsageError for a name that is unknown or has no file for *platform*.
    """
    here = {
        resource.name: resource
        for resource in resources
        if not resource.platforms or platform.name in resource.platforms
    }
    known = tuple(dict.fromkeys(resource.name for resource in resources))
    for name in names:
        if name not in known:
            message = f'no resource is called "{name}".{did_you_mean(name, known)}'
            raise UsageError(message, hint=f"resources: {', '.join(known)}")
        if name not in here:
            message = f"{name} has no file for {platform.name}."
            raise UsageError(message, hint="add one to resources/resources.toml")
    return tuple(here[name] for name in (names or here))


def wanted(build: Build) -> tuple[Resource, ...]:
    """Return the resources of the product of *build*. Raises TomlError, UsageError."""
    if not build.profile.resources:
        return ()
    found = chosen(load(build.workspace), build.profile.resources, build.platform)
    require_places(build.profile, found)
    return found


def require_places(profile: Profile, fetched: Sequence[Resource]) -> None:
    """Raise UsageError if the model server needs a file that nothing fetches."""
    server = profile.model_server
    places = {resource.destination for resource in fetched if resource.when != "build"}
    for key in ("executable", "model"):
        named = getattr(server, key) if server else ""
        place = named.removeprefix("{storage}/")
        if place != named and place not in places:
            message = f"model_server.{key} is {named}, but no resource of the product goes there."
            raise UsageError(message, hint="add a resource with that destination to `resources`")


def with_figures(text: str, name: str, url: str, *, size: int, sha256: str) -> str:
    """Return the TOML *text* with *url*, *size* and *sha256* set in the entry *name*.

    Raises UsageError if no entry, or more than one, matches.
    """
    document = tomlkit.parse(text)
    named = [entry for entry in document["resources"] if entry.get("name") == name]
    exact = [entry for entry in named if entry.get("url") == url]
    matching = exact or named
    if len(matching) != 1:
        count = len(matching)
        what = "no entry" if not matching else f"{count} entries, none of them with this url,"
        message = f"resources.toml has {what} called {name}."
        hint = f'add one with url = "{url}", size = {size}, sha256 = "{sha256}"'
        raise UsageError(message, hint=hint)
    entry = matching[0]
    entry.update({"url": url, "size": size, "sha256": sha256})
    for key in ("unverified", "confirm"):
        entry.pop(key, None)
    return tomlkit.dumps(document)


def _other_mistakes(raw: Mapping[str, object]) -> Iterator[Mistake]:
    seen: set[tuple[object, str]] = set()
    for number, resource in enumerate(tables(raw.get("resources"))):
        place = ("resources", number)
        for key in ("size", "sha256"):
            if not resource.get(key) and not resource.get("unverified"):
                reason = "is required: set it, or say in `unverified` why it is unknown"
                yield (*place, key), reason
        if resource.get("unpack") and resource.get("when", "build") != "build":
            yield (*place, "unpack"), 'works only with when = "build"'
        destination = str(resource.get("destination", ""))
        if destination.startswith("/") or ".." in destination.split("/"):
            yield (*place, "destination"), "must be relative, without `..`"
        platforms = mistakes.strings(resource.get("platforms")) or tuple(PLATFORMS)
        for platform in platforms:
            if platform not in PLATFORMS:
                hint = did_you_mean(platform, tuple(PLATFORMS))
                yield (*place, "platforms"), f'unknown platform "{platform}".{hint}'
            elif (resource.get("name"), platform) in seen:
                reason = f"{resource.get('name')} already has a file for {platform}"
                yield (*place, "platforms"), reason
            seen.add((resource.get("name"), platform))
