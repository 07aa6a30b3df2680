"""Makes the job matrix for GitHub Actions, and warns of runners that GitHub retires."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta

from frostline.core.errors import UsageError
from frostline.core.platforms import Platform
from frostline.core.workspace import Target

# GitHub's limit on the jobs of a matrix ("Running variations of jobs in a workflow").
MOST = 256
_NOTICE = timedelta(days=120)


@dataclass(frozen=True)
class Job:
    """One job of the matrix."""

    product: str
    platform: str
    runner: str
    python: str


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
