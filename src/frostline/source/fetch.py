"""Brings pinned files into the cache, several at once, and unpacks archives."""

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
from frostline.profile.resources import Resource, with_figures
from frostline_runtime.download import fetch as download
from frostline_runtime.download import parts, transfer
from frostline_runtime.download.transfer import DownloadError, Progress, Wanted

_AT_ONCE = 4


@dataclass(frozen=True)
class ResourceState:
    """What is there of a pin: `there`, `missing`, `partly there` or `wrong`."""

    resource: Resource
    place: Path
    state: str


def place(paths: Workspace, resource: Resource) -> Path:
    """Return where the file of *resource* is kept; builds never remove it."""
    return (
        paths.build / "cache" / "resources" / resource.name / resource.version / resource.file_name
    )


def wanted(resource: Resource) -> Wanted:
    """Return *resource* as a download knows it."""
    return Wanted(
        name=f"{resource.name} {resource.version}", urls=resource.urls, size=resource.size,
        sha256=resource.sha256, executable=resource.executable,
    )  # fmt: skip


def look(
    paths: Workspace, resources: Sequence[Resource], *, whole: bool = False
) -> tuple[ResourceState, ...]:
    """Return what is there of *resources*; *whole*: every file is hashed again."""
    return tuple(
        ResourceState(resource, place(paths, resource), _state(paths, resource, whole=whole))
        for resource in resources
    )


def _state(paths: Workspace, resource: Resource, *, whole: bool) -> str:
    file = place(paths, resource)
    if download.is_there(wanted(resource), file, whole=whole):
        return "there"
    if file.exists():
        return "wrong"
    return "partly there" if parts.kept(file) else "missing"


def fetch(
    paths: Workspace, resources: Sequence[Resource], *, offline: bool = False
) -> Mapping[str, Path]:
    """Return the files of *resources* by name, fetched if need be, some at the same time.

    Raises FetchError with everything that could not be had. An interrupt keeps what has arrived.
    """
    missing = [state.resource for state in look(paths, resources) if state.state != "there"]
    if missing and offline:
        lines = "\n".join(
            f"  {resource.name} {resource.version}  {resource.url}" for resource in missing
        )
        message = f"nothing may be fetched, and this is missing:\n{lines}"
        raise FetchError(message, hint="run `frostline resources --fetch` with a network, once")
    for resource in missing:
        if not resource.sha256:
            log.warning(
                f"{resource.name} {resource.version} is not verified: {resource.unverified}"
            )
    if missing:
        _fetch_together(paths, missing)
    for resource in missing:
        if resource.confirm:
            name = f"{resource.name} {resource.version}"
            log.note(f"{name}: the figures are confirmed; remove its `confirm`")
    return {resource.name: place(paths, resource) for resource in resources}


def measure(paths: Workspace, name: str, url: str) -> Wanted:
    """Fetch *url*, write its figures into the project's entry *name*, and return them.

    Raises FetchError, UsageError.
    """
    file = paths.root / "resources" / "resources.toml"
    if not file.is_file():
        message = f"{file} is not there: nothing can be pinned."
        raise UsageError(message, hint="write its entry first, with `unverified`")
    kept = paths.build / "cache" / "pin" / url.rpartition("/")[2]
    parts.forget(kept)
    with log.downloads() as bars:
        progress = Progress(update=partial(bars.show, name), note=log.note)
        try:
            download.fetch(Wanted(name=name, urls=(url,)), kept, progress=progress)
        except DownloadError as error:
            raise FetchError(str(error), hint="check the address") from error
    found = Wanted(name=name, urls=(url,), size=kept.stat().st_size, sha256=transfer.hash_of(kept))
    text = file.read_text(encoding="utf-8")
    changed = with_figures(text, name, url, size=found.size, sha256=found.sha256)
    workspace.write(file, changed)
    kept.unlink()
    return found


def _fetch_together(paths: Workspace, resources: Sequence[Resource]) -> None:
    waiting: SimpleQueue[Resource] = SimpleQueue()
    ended: SimpleQueue[BaseException | None] = SimpleQueue()
    for resource in resources:
        waiting.put(resource)
    with log.downloads() as bars:

        def work() -> None:
            while not waiting.empty():
                ended.put(_fetch_one(paths, waiting.get(), bars))

        # Daemons: an interrupt ends the program without waiting for a server that is silent.
        for _ in range(min(_AT_ONCE, len(resources))):
            threading.Thread(target=work, daemon=True).start()
        errors = [error for error in [ended.get() for _ in resources] if error]
    for error in errors:
        if not isinstance(error, DownloadError):
            raise error
    if errors:
        raise FetchError("\n".join(map(str, errors)), hint="try again: what has arrived is kept")


def _fetch_one(paths: Workspace, resource: Resource, bars: log.Downloads) -> BaseException | None:
    name = f"{resource.name} {resource.version}"
    progress = Progress(update=partial(bars.show, name), note=log.note)
    try:
        download.fetch(wanted(resource), place(paths, resource), progress=progress)
    except BaseException as error:  # noqa: BLE001  # raised where somebody waits
        return error
    return None


def bundled(paths: Workspace, resources: Sequence[Resource], work: Path) -> dict[str, Path]:
    """Return the files that *resources* put into a bundle, by place in it; fetched and unpacked.

    Raises FetchError, BuildError.
    """
    mine = [resource for resource in resources if resource.when == "build"]
    files = fetch(paths, mine)
    result: dict[str, Path] = {}
    for resource in mine:
        if not resource.unpack:
            result[resource.destination] = files[resource.name]
            continue
        folder = work / "unpacked" / resource.name
        workspace.remove(folder)
        try:
            archive.unpack(files[resource.name], folder, partial(_selected, resource))
        except FetchError as error:
            raise BuildError(error.message, hint="look at what the resource names") from error
        found = {
            str(PurePosixPath(resource.destination, path.relative_to(folder).as_posix())): path
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }
        if not found:
            message = f"{resource.name}: its archive has nothing that `members` names."
            raise BuildError(message, hint="correct `strip` and `members` in resources.toml")
        if resource.executable:
            for path in found.values():
                path.chmod(path.stat().st_mode | 0o111)
        result |= found
    return result


def _selected(resource: Resource, name: str) -> str:
    """Return where member *name* of the archive goes, "" if it is left out."""
    left = "/".join(PurePosixPath(name).parts[resource.strip :])
    chosen = resource.members
    taken = not chosen or any(fnmatch.fnmatchcase(left, pattern) for pattern in chosen)
    return left if taken else ""
