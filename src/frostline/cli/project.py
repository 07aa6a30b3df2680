"""The verbs about the project and this machine: products, platforms, matrix, resources, doctor."""

import os
import sysconfig
from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

from frostline.cli import results
from frostline.cli.flags import here, refuse_beside
from frostline.cli.verb import verb
from frostline.core import log
from frostline.core.errors import FetchError, HostError, UsageError
from frostline.core.platforms import PLATFORMS, Platform, host

if TYPE_CHECKING:
    from frostline.cli.doctor import Diagnosis
    from frostline.cli.init import Change
    from frostline.cli.matrix import Job
    from frostline.infer.opening import ProductSummary
    from frostline.source.fetch import ResourceState


@verb("Project", show=results.products)
def products() -> "tuple[ProductSummary, ...]":
    """List the products of this project.

    Example: frostline products --json
    """
    from frostline.infer import opening

    return opening.summaries(here())


@verb("Project", show=results.changes)
def init(
    *, dry_run: bool = False, github: bool = False, nox: bool = False, invoke: bool = False
) -> "tuple[Change, ...]":
    """Write down what is inferred, lock the dependencies, and make files for CI.

    Nothing is overwritten: what is there stays and is named. --github makes a workflow that freezes
    and proves the product on every platform, --nox a noxfile.py, --invoke a tasks.py.

    Examples: frostline init
              frostline init --dry-run
              frostline init --github --nox --invoke
    """
    from frostline.cli import init

    wanted = [name for name, on in (("github", github), ("nox", nox), ("invoke", invoke)) if on]
    plan = init.plan(here(), wanted, os.environ, dry_run=dry_run)
    for note in plan.notes:
        log.note(note)
    if not dry_run:
        init.write(plan.changes)
    return plan.changes


@verb("Project", show=results.platforms, as_json=results.platforms_json, project=False)
def platforms() -> tuple[Platform, ...]:
    """List the platforms, with the GitHub runner of each.

    Example: frostline platforms --json
    """
    return tuple(PLATFORMS.values())


@verb("Project", show=results.matrix)
def matrix(
    product: str = "",
    platform: Platform | None = None,
    python: str = "",
    *,
    check: bool = False,
    github: bool = False,
    record: bool = False,
) -> "tuple[Job, ...] | str":
    """List the jobs of a workflow; with --github, as an output of a step of GitHub Actions.

    A platform for which a lock lacks a wheel is left out, with a warning. --record asks the index
    for that, through uv, and writes a file beside each lock; run it after each change of a lock.

    Examples: frostline matrix --github >> "$GITHUB_OUTPUT"
              frostline matrix --check
              frostline matrix --record --python 3.11
              frostline matrix --json
    """
    from frostline.cli import matrix
    from frostline.profile import configuration

    project = here()
    known = configuration.products(project)
    names = (configuration.require_product(project, product),) if product else known
    rows = [platform] if platform else [*PLATFORMS.values()]
    version = matrix.require_version(python or sysconfig.get_python_version())
    if record:
        refuse_beside("--record", platform=platform)
        matrix.record(project, names, version, os.environ)
    targets, reasons = matrix.plan(project, names, rows, version)
    warnings = [*reasons]
    if check:
        warnings += matrix.unrecorded(project, names, rows, version)
        warnings += matrix.retiring(rows, date.today())  # noqa: DTZ011  # days only
    for warning in warnings:
        log.warning(warning)
    jobs = matrix.jobs(targets, version)
    return matrix.step_output(jobs) if github else jobs


def _code(states: "Sequence[ResourceState]") -> int:
    wrong = any(state.state == "wrong" for state in states)
    return FetchError.exit_code if wrong else 0


@verb("Project", show=results.resources, as_json=results.resources_json, code=_code)
def resources(
    platform: Platform | None = None,
    pin: str = "",
    url: str = "",
    *,
    check: bool = False,
    fetch: bool = False,
    offline: bool = False,
) -> "tuple[ResourceState, ...]":
    """List the resources (pinned downloads) and whether each is downloaded.

    Examples: frostline resources
              frostline resources --fetch --platform darwin_arm64
              frostline resources --pin llamafile --url https://example.org/llamafile-0.10.6-thin
    """
    from frostline.profile import resources
    from frostline.source import fetch as fetching

    project = here()
    if bool(pin) != bool(url):
        message = "--pin and --url must be given together."
        raise UsageError(message, hint="run `frostline resources --pin NAME --url ADDRESS`")
    if pin:
        refuse_beside("--pin", platform=platform, check=check, fetch=fetch, offline=offline)
        return fetching.look(project, [fetching.pin(project, pin, url)])
    chosen = resources.chosen(resources.load(project), (), platform or host())
    if fetch or offline:
        fetching.fetch(project, chosen, offline=offline)
    return fetching.look(project, chosen, whole=check)


def _unfit(found: "Sequence[Diagnosis]") -> int:
    return HostError.exit_code if any(item.state == "missing" for item in found) else 0


@verb("Project", show=results.doctor, code=_unfit)
def doctor() -> "tuple[Diagnosis, ...]":
    """Check whether this machine can build; exit code 3 if it cannot.

    Example: frostline doctor
    """
    from frostline.cli import doctor

    return doctor.examine(here(), os.environ)
