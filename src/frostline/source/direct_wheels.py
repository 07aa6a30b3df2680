"""Builds what is in no index (folders, repositories, archives) into wheels, kept in the cache."""

import re
import shutil
import sys
import sysconfig
from collections.abc import Collection, Iterator
from pathlib import Path

from packaging.markers import Marker
from packaging.utils import canonicalize_name, parse_wheel_filename

from frostline.core import archive, cache, command, digest, log, workspace
from frostline.core.errors import BuildError, LockError
from frostline.source import direct, environment, index_access
from frostline.source.environment import Wheel
from frostline.source.pins import Direct, ProjectLock
from frostline.source.resolver import Task, copy_source

_COMMIT = re.compile(r"@[0-9a-f]{40}(#|$)")


def build(lock: ProjectLock, task: Task, without: Collection[str] = ()) -> tuple[Wheel, ...]:
    """Return a wheel for each distribution of *lock* that is in no index and is needed here.

    Those *without* come from elsewhere. Raises LockError for one that its lock does not pin,
    BuildError if one cannot be built.
    """
    wanted = [
        item
        for item in lock.direct
        if item.name not in without and (not item.marker or Marker(item.marker).evaluate())
    ]
    return tuple(_wheel(item, task, lock.origin) for item in wanted)


def _wheel(item: Direct, task: Task, origin: str) -> Wheel:
    key = digest.of_values({
        **dict(_content(item, origin)), "name": item.name, "python": sys.version,
        "platform": sysconfig.get_platform(),
    })  # fmt: skip

    def fill(folder: Path) -> None:
        with log.step(f"building a wheel of {item.name}"):
            _fill(item, folder, task)

    place = cache.find(task.environ)
    (file,) = cache.provide(place, "wheel", key[:16], fill, label=item.name).iterdir()
    name = canonicalize_name(parse_wheel_filename(file.name)[0])
    return Wheel(name, file, digest.of_file(file))


def _content(item: Direct, origin: str) -> Iterator[tuple[str, str]]:
    """Yield what the wheel of *item* is made of. Raises LockError if nothing pins it."""
    if item.kind == "folder":
        yield from digest.of_tree(Path(item.place)).items()
        return
    if item.kind == "file":
        yield "file", digest.of_file(Path(item.place))
    elif not item.hashes and not _COMMIT.search(item.place):
        what = "full commit" if item.kind == "git" else "hash"
        message = f"{origin} has no {what} for {item.name}, which comes from {item.place}."
        raise LockError(message, hint="lock again with the tool that wrote it")
    yield "place", item.place
    yield "hashes", " ".join(item.hashes)


def _fill(item: Direct, folder: Path, task: Task) -> None:
    folder.mkdir()
    env = index_access.variables(environment.child_environment(task.environ))
    env["SOURCE_DATE_EPOCH"] = str(archive.EPOCH)
    argv = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-input"]
    argv += ["--require-hashes"] if item.hashes else []
    with workspace.temporary() as work:
        if item.kind == "folder":
            place = copy_source(Path(item.place), work)
            line = f"{place.as_uri()}\n"
        elif item.kind == "file":
            place = Path(shutil.copy(item.place, work))
            line = f"{place.as_uri()}{''.join(f' --hash={one}' for one in item.hashes)}\n"
        else:
            line = direct.line(item, work)
        listed = work / "requirements.txt"
        workspace.write(listed, line)
        argv += ["--wheel-dir", str(folder), "-r", str(listed)]
        try:
            command.run(argv, log=task.log_file, env=env, cwd=work)
        except command.CommandError as error:
            message = f"{item.name}, from {item.place}, cannot be built into a wheel."
            raise BuildError(message, hint=error.hint, tail=error.tail[-8:]) from error
