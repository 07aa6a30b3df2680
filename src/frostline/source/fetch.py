"""Fetches pinned files into the cache, several at once, and unpacks archives."""

import fnmatch
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from queue import SimpleQueue

from frostline.core import archive, log, workspace
from frostline.core.errors import BuildError, FetchError, UsageError
from frostline.core.workspace import Workspace
from frostline.profile.resources import Resource, file_name_of, load, with_figures
from frostline_runtime.download import fetch as download
from frostline_runtime.download import parts, transfer
from frostline_runtime.download.transfer import DownloadError, Progress, Wanted

_AT_ONCE = 4


@dataclass(frozen=True)
class ResourceState:
    """Whether the file of a resource is `there`, `missing`, `partly there` or `wrong`."""

    resource: Resource
    place: Path
    state: str


def place(project: Workspace, resource: Resource) -> Path:
    """Return the path of *resource*'s file in the cache; `clean` keeps it."""
    return (
        project.build
        / "cache"
        / "resources"
        / resource.name
        / resource.version
        / resource.file_name
    )


def wanted(resource: Resource) -> Wanted:
    """Return *resource* as a request for the downloader."""
    return Wanted(
        name=f"{resource.name} {resource.version}", urls=resource.urls, size=resource.size,
        sha256=resource.sha256, executable=resource.executable,
    )  # fmt: skip


def look(
    project: Workspace, resources: Sequence[Resource], *, whole: bool = False
) -> tuple[ResourceState, ...]:
    """Return the states of *resources*; with *whole*, every file is hashed again."""
    return tuple(
        ResourceState(resource, place(project, resource), _state(project, resource, whole=whole))
        for resource in resources
    )


def _state(project: Workspace, resource: Resource, *, whole: bool) -> str:
    file = place(project, resource)
    if download.is_there(wanted(resource), file, whole=whole):
        return "there"
    if file.exists():
        return "wrong"
    return "partly there" if parts.kept(file) else "missing"


def fetch(
    project: Workspace, resources: Sequence[Resource], *, offline: bool = False
) -> Mapping[str, Path]:
    """Return the files of *resources* by name; fetch those that are missing, several at once.

    Raises FetchError that lists all failures. An interrupt keeps the partial files.
    """
    missing = [state.resource for state in look(project, resources) if state.state != "there"]
    if missing and offline:
        lines = "\n".join(
            f"  {resource.name} {resource.version}  {resource.url}" for resource in missing
        )
        message = f"nothing may be fetched, but these resources are missing:\n{lines}"
        raise FetchError(message, hint="run `frostline resources --fetch` with a network, once")
    for resource in missing:
        if not resource.sha256:
            log.warning(
                f"{resource.name} {resource.version} is not verified: {resource.unverified}"
            )
    if missing:
        _fetch_together(project, missing)
    for resource in missing:
        if resource.confirm:
            name = f"{resource.name} {resource.version}"
            log.note(f"{name}: size and sha256 are confirmed; remove `confirm` from its entry")
    return {resource.name: place(project, resource) for resource in resources}


def pin(project: Workspace, name: str, url: str) -> Resource:
    """Fetch *url*, write its size and SHA-256 into the resource *name*, and return that resource.

    Raises FetchError, UsageError.
    """
    file = project.root / "resources" / "resources.toml"
    if not file.is_file():
        message = f"{file} does not exist: nothing can be pinned."
        raise UsageError(message, hint="write it first, with an entry that has `unverified`")
    file_name = file_name_of(url)
    if not file_name:
        message = f"{url} is not the address of a file."
        raise UsageError(message, hint="give the address of the file itself")
    kept = project.build / "cache" / "pin" / file_name
    parts.forget(kept)
    download_file(Wanted(name=name, urls=(url,)), kept, hint="check the address")
    size, sha256 = kept.stat().st_size, transfer.hash_of(kept)
    text = file.read_text(encoding="utf-8")
    workspace.write(file, with_figures(text, name, url, size=size, sha256=sha256))
    pinned = next(item for item in load(project) if (item.name, item.url) == (name, url))
    place(project, pinned).parent.mkdir(parents=True, exist_ok=True)
    kept.replace(place(project, pinned))
    return pinned


def download_file(wanted: Wanted, place: Path, *, hint: str, offline: bool = False) -> None:
    """Fetch *wanted* to *place* and show the progress. Raises FetchError with *hint*."""
    with log.downloads() as bars:
        progress = Progress(update=partial(bars.show, wanted.name), note=log.note)
        try:
            download.fetch(wanted, place, progress=progress, offline=offline)
        except DownloadError as error:
            raise FetchError(str(error), hint=hint) from error


def _fetch_together(project: Workspace, resources: Sequence[Resource]) -> None:
    waiting: SimpleQueue[Resource] = SimpleQueue()
    ended: SimpleQueue[BaseException | None] = SimpleQueue()
    for resource in resources:
        waiting.put(resource)
    with log.downloads() as bars:

        def work() -> None:
            while not waiting.empty():
                ended.put(_fetch_one(project, waiting.get(), bars))

        # Daemon threads: an interrupt must not wait for a silent server.
        for _ in range(min(_AT_ONCE, len(resources))):
            threading.Thread(target=work, daemon=True).start()
        errors = [error for error in [ended.get() for _ in resources] if error]
    for error in errors:
        if not isinstance(error, DownloadError):
            raise error
        if isinstance(error.__cause__, OSError) and error.__cause__.filename:
            raise error.__cause__  # of a local file
    if errors:
        raise FetchError("\n".join(map(str, errors)), hint="try again: partial files are kept")


def _fetch_one(project: Workspace, resource: Resource, bars: log.Downloads) -> BaseException | None:
    name = f"{resource.name} {resource.version}"
    progress = Progress(update=partial(bars.show, name), note=log.note)
    try:
        download.fetch(wanted(resource), place(project, resource), progress=progress)
    except BaseException as error:  # noqa: BLE001  # raised again in the main thread
        return error
    return None


def bundled(project: Workspace, resources: Sequence[Resource], work: Path) -> dict[str, Path]:
    """Return the files of *resources* for the bundle by their path in it, fetched and unpacked.

    Raises FetchError, BuildError.
    """
    for_build = [resource for resource in resources if resource.when == "build"]
    files = fetch(project, for_build)
    result: dict[str, Path] = {}
    for resource in for_build:
        if not resource.unpack:
            result[resource.destination] = files[resource.name]
            continue
        folder = work / "unpacked" / resource.name
        workspace.remove(folder)
        try:
            archive.unpack(files[resource.name], folder, partial(_selected, resource))
        except FetchError as error:
            raise BuildError(error.message, hint="check its entry in resources.toml") from error
        unpacked = {
            str(PurePosixPath(resource.destination, path.relative_to(folder).as_posix())): path
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }
        if not unpacked:
            message = f"{resource.name}: `members` matches nothing in its archive."
            raise BuildError(message, hint="correct `strip` and `members` in resources.toml")
        if resource.executable:
            for path in unpacked.values():
                path.chmod(path.stat().st_mode | 0o111)
        result |= unpacked
    return result


def _selected(resource: Resource, name: str) -> str:
    """Return the path to unpack the member *name* to, or "" to skip it."""
    left = "/".join(PurePosixPath(name).parts[resource.strip :])
    chosen = resource.members
    taken = not chosen or any(fnmatch.fnmatchcase(left, pattern) for pattern in chosen)
    return left if taken else ""
