"""What GitHub Actions is to build: products by platforms, and labels that will go away."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from frostline.core.errors import UsageError
from frostline.core.platforms import Platform
from frostline.core.workspace import Target

# GitHub refuses more ("Running variations of jobs in a workflow").
MOST = 256
_NOTICE = timedelta(days=120)


@dataclass(frozen=True)
class Job:
    """One entry of the matrix."""

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
        raise UsageError(message, hint="choose by --product and --platform")
    return made


def retiring(platforms: Sequence[Platform], today: date) -> Iterator[str]:
    """Yield a warning for each runner label that is retired, or will be soon."""
    for platform in platforms:
        end = platform.retires
        if end and end - today < _NOTICE:
            when = f"is retired since {end}" if end <= today else f"will be retired on {end}"
            yield f"{platform.name}: the runner {platform.runner} {when}; change platforms.py"
