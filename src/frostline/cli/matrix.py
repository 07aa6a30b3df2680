"""Plans the job matrix for GitHub Actions, and warns of what would make its jobs fail."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from itertools import chain

from frostline.core import json_file, log, text_file, workspace
from frostline.core.command import Environ
from frostline.core.errors import LockError, UsageError
from frostline.core.platforms import PLATFORMS, Platform
from frostline.core.workspace import Target, Workspace
from frostline.infer import opening
from frostline.profile import reading
from frostline.source import availability, index, locks

# GitHub's limit on the jobs of a matrix ("Running variations of jobs in a workflow").
MOST = 256
_NOTICE = timedelta(days=120)
_VERSION = re.compile(r"3\.\d+")


@dataclass(frozen=True)
class Job:
    """One job of the matrix."""

    product: str
    platform: str
    runner: str
    python: str


def require_version(python: str) -> str:
    """Return *python*. Raises UsageError unless it is a version of Python such as `3.11`."""
    if not _VERSION.fullmatch(python):
        message = f'"{python}" is no version of Python.'
        raise UsageError(message, hint="write it with two numbers, such as 3.11")
    return python


def plan(
    project: Workspace, products: Sequence[str], platforms: Sequence[Platform], python: str
) -> tuple[tuple[Target, ...], tuple[str, ...]]:
    """Return what is built, and the reason for each target that is left out for lack of a wheel.

    Raises LockError if everything is left out.
    """
    targets, reasons = [], []
    for product in products:
        for platform in platforms:
            target, profile = opening.load(project, product, platform)
            if not reading.is_for(profile, target):
                continue
            lacking = availability.missing(project, profile, platform, python)
            if lacking:
                reasons.append(availability.reason(product, platform, lacking, python))
            else:
                targets.append(target)
    if reasons and not targets:
        raise LockError("\n".join(reasons), hint=availability.REMEDY)
    return tuple(targets), tuple(reasons)


def record(project: Workspace, products: Sequence[str], python: str, environ: Environ) -> None:
    """Ask the index which wheels the locks of *products* have; write a file beside each lock.

    Raises HostError, FetchError, LockError.
    """
    project.claim()
    texts: dict[str, str] = {}
    for product in products:
        for platform in PLATFORMS.values():
            build = opening.open_build(project, product, platform, environ)
            own = availability.own_lock(project, build.profile)
            for name in availability.locks(project, build.profile):
                if name == own:
                    texts[name] = locks.of_build(build).text
                else:
                    texts.setdefault(name, text_file.read(project.root / name))
    for name, text in sorted(texts.items()):
        file, log_file = project.root / name, project.build / "log" / "index.log"
        with log.step(f"asking the index about {name}"), workspace.temporary() as folder:
            lock = folder / f"{file.stem}.txt"  # uv goes by the name
            workspace.write(lock, text)
            files = index.wheels(lock, python, environ=environ, log_file=log_file)
        found = availability.survey(text, files, python)
        known = availability.text_digest(text_file.read(file))
        json_file.write(availability.record_file(file), replace(found, lock=known))


def unrecorded(
    project: Workspace, products: Sequence[str], platforms: Sequence[Platform], python: str
) -> tuple[str, ...]:
    """Return a warning for each lock of *products* whose wheels are not known."""
    profiles = [opening.load(project, name, row)[1] for name in products for row in platforms]
    found = (availability.unknown(project, profile, python) for profile in profiles)
    return tuple(dict.fromkeys(chain.from_iterable(found)))


def jobs(targets: Sequence[Target], python: str) -> tuple[Job, ...]:
    """Return a job for each of *targets*. Raises UsageError for none or too many."""
    made = tuple(
        Job(target.product, target.platform.name, target.platform.runner, python)
        for target in targets
    )
    if not 0 < len(made) <= MOST:
        message = f"{len(made)} jobs; GitHub takes 1 to {MOST}."
        raise UsageError(message, hint="select some with --product and --platform")
    return made


def step_output(jobs: Sequence[Job]) -> str:
    """Return *jobs* as a step of GitHub Actions writes its output called `matrix`: one line."""
    return "matrix=" + json.dumps({"include": [asdict(job) for job in jobs]})


def retiring(platforms: Sequence[Platform], today: date) -> Iterator[str]:
    """Yield a warning for each runner that is retired, or will be within 120 days."""
    for platform in platforms:
        end = platform.retires
        if end and end - today < _NOTICE:
            when = f"was retired on {end}" if end <= today else f"will be retired on {end}"
            yield f"{platform.name}: the runner {platform.runner} {when}; change platforms.py"
