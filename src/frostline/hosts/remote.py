"""Builds a bundle on GitHub Actions: starts the workflow, waits, downloads and verifies."""

import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from frostline.core import archive, command, log, workspace
from frostline.core.errors import BuildError, FetchError, HostError, UsageError
from frostline.core.log import Json
from frostline.freeze.bundle import Bundle, describe_files, forget_reports, read_bundle
from frostline.profile.build import Build
from frostline.release import listing
from frostline.release.github import ApiError, Repository, items, number, text
from frostline.source import fetch
from frostline_runtime.download.transfer import Wanted

WORKFLOW = "freeze.yml"
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 15.0
_GONE, _NOT_FOUND, _NOT_PROCESSED = 410, 404, 422


@dataclass(frozen=True)
class Checkout:
    """The *commit* of the *branch* to build, the same here and on GitHub."""

    branch: str
    commit: str


def build_remotely(build: Build, repository: Repository, run: int) -> Bundle:
    """Build *build* on GitHub, put the bundle in its place here, and return it.

    *run* is the number of a run to resume; 0 starts a new one. Raises UsageError if the commit is
    not on GitHub, HostError if the workflow cannot be started, BuildError for a failed run,
    FetchError for a failed download or a wrong artifact.
    """
    commit = ""
    if not run:
        checkout = _checkout(build)
        commit = checkout.commit
        _require_pushed(repository, checkout)
        run = _dispatch(build, repository, checkout)
    log.note(f"run {run} of {repository.name}; to resume after an interrupt, use --run {run}")
    _wait(build, repository, run, commit)
    with workspace.temporary() as folder:
        packed = _download(build, repository, run, folder / "artifact.zip")
        return _accept(build, repository, packed)


def _checkout(build: Build) -> Checkout:
    logged = build.workspace.build / "log" / "git.log"
    git = partial(command.output, log=logged, env=build.environ, cwd=build.root)
    changed = git(["git", "status", "--porcelain"])
    if changed:
        message = f"{len(changed)} files here are not committed: GitHub would build without them."
        raise UsageError(message, hint="commit and push them, or build elsewhere")
    branch = "".join(git(["git", "branch", "--show-current"]))
    if not branch:
        message = "this checkout is on no branch; GitHub runs workflows on branches."
        raise UsageError(message, hint="`git switch` to a branch that is pushed")
    return Checkout(branch, git(["git", "rev-parse", "HEAD"])[0])


def _require_pushed(repository: Repository, checkout: Checkout) -> None:
    hint = f"run `git push origin {checkout.branch}`"
    try:
        found = repository.get(f"git/ref/heads/{checkout.branch}")
    except ApiError as error:
        if error.status != _NOT_FOUND:
            raise
        message = f"{repository.name} has no branch {checkout.branch}, or the token has no access."
        raise UsageError(message, hint=hint) from None
    there = text(found, "object", "sha")
    if there != checkout.commit:
        message = (
            f"{checkout.branch} is at {checkout.commit[:10]} here and at {there[:10]} on GitHub."
        )
        raise UsageError(message, hint=hint)


def _dispatch(build: Build, repository: Repository, checkout: Checkout) -> int:
    """Start the workflow and return the number of its run."""
    inputs = {"product": build.product, "platform": build.platform.name}
    body: Json = {"ref": checkout.branch, "inputs": inputs, "return_run_details": True}
    try:
        answer = repository.ask("POST", f"actions/workflows/{WORKFLOW}/dispatches", body)
    except ApiError as error:
        if error.status == _NOT_FOUND:
            message = f"{repository.name} has no workflow {WORKFLOW} on its default branch."
            hint = "push the workflow (docs/github.md), and enable Actions in the settings"
            raise HostError(message, hint=hint) from None
        if error.status == _NOT_PROCESSED:
            message = f"{WORKFLOW} cannot be started with these inputs: {error.message}"
            raise HostError(message, hint="it needs workflow_dispatch with these inputs") from None
        raise
    return number(answer, "workflow_run_id")


def _wait(build: Build, repository: Repository, run: int, commit: str) -> None:
    """Wait for the end of *run* and show its jobs; its commit must be *commit*, if given."""
    with log.step(f"building {build.name} on GitHub") as step:
        wait, shown = _FIRST_WAIT, dict[str, str]()
        while True:
            state = repository.get(f"actions/runs/{run}")
            if commit and text(state, "head_sha") != commit:
                message = f"run {run} is of commit {text(state, 'head_sha')[:10]}: a newer push."
                raise UsageError(message, hint="run `git pull`, then build again")
            jobs = items(repository.get(f"actions/runs/{run}/jobs", per_page=100), "jobs")
            for job in jobs:
                name, now = text(job, "name"), _state(job)
                if shown.get(name) != now:
                    step.update(f"{name}: {now}")
                    shown[name] = now
            if text(state, "status") == "completed":
                break
            time.sleep(wait)
            wait = min(wait * 1.5, _LONGEST_WAIT)
        if text(state, "conclusion") != "success":
            failed = [
                text(job, "name") for job in jobs if _state(job) not in {"success", "skipped"}
            ]
            message = f"the run ended with {text(state, 'conclusion')}: {', '.join(failed)}."
            raise BuildError(message, hint=f"its logs: {text(state, 'html_url')}")


def _state(job: Json) -> str:
    """Return the conclusion of *job*, else its current step or its status."""
    if not isinstance(job, Mapping):
        return ""
    done = job.get("conclusion")
    if done:
        return str(done)
    steps = [step for step in items(job, "steps") if text(step, "status") == "in_progress"]
    return text(steps[0], "name") if steps else str(job.get("status"))


def _download(build: Build, repository: Repository, run: int, place: Path) -> Path:
    """Download the artifact that *run* uploaded, check GitHub's digest, and return its path."""
    name = f"{build.product}-{build.platform.name}"
    answer = repository.get(f"actions/runs/{run}/artifacts", name=name, per_page=100)
    found = [item for item in items(answer, "artifacts") if text(item, "name") == name]
    if not found:
        message = f"run {run} uploaded no artifact {name}."
        raise FetchError(message, hint="check that the run is for this product and platform")
    artifact = found[0]
    expired = f"the artifact of run {run} has expired."
    again = "build it again, without --run"
    if isinstance(artifact, Mapping) and artifact.get("expired"):
        raise FetchError(expired, hint=again)
    digest = text(artifact, "digest")
    if not digest.startswith("sha256:"):
        message = f"GitHub reports no digest for the artifact of run {run}: it cannot be checked."
        raise FetchError(message, hint=again)
    try:
        url = repository.location(f"actions/artifacts/{number(artifact, 'id')}/zip")
    except ApiError as error:
        if error.status == _GONE:
            raise FetchError(expired, hint=again) from None
        raise
    wanted = Wanted(
        name=name, urls=(url,), size=number(artifact, "size_in_bytes"),
        sha256=digest.removeprefix("sha256:"),
    )  # fmt: skip
    fetch.download_file(wanted, place, hint="try again with --run")
    return place


def _accept(build: Build, repository: Repository, packed: Path) -> Bundle:
    """Check everything in *packed*, put the bundle and its reports in place, and return it."""
    folder = packed.parent / "artifact"
    try:
        archive.unpack(packed, folder)
    except FetchError as error:
        raise FetchError(error.message, hint="build it again, without --run") from None
    release = folder / "release"
    chosen = listing.choose(release, build.platform, build.product)
    made = listing.find(chosen)
    _require_attested(build, repository, chosen, made.sha256)
    reports = {
        name: folder / "output" / build.report(name).name
        for name in ("bundle", "audit", "smoke", "parity")
    }
    bundle = read_bundle(reports["bundle"])
    part, final = build.work / "fetched", build.bundle
    workspace.remove(part)
    try:
        archive.unpack(chosen, part)
        (top,) = part.iterdir()
        if bundle.platform != build.platform.name or describe_files(top) != bundle.files:
            message = f"{chosen.name} does not match its {reports['bundle'].name}."
            raise FetchError(message, hint="build it again, without --run")
        workspace.remove(final)
        final.parent.mkdir(parents=True, exist_ok=True)
        top.replace(final)
    finally:
        workspace.remove(part)
    forget_reports(build)
    for name, report in reports.items():
        if report.is_file():
            workspace.write(build.report(name), report.read_text(encoding="utf-8"))
    return bundle


def _require_attested(build: Build, repository: Repository, file: Path, digest: str) -> None:
    """Raise FetchError unless GitHub attests that *repository* made *file*."""
    missing = f"GitHub has no attestation for {file.name}."
    hint = "the workflow's attest job must run; private repositories need a plan with attestations"
    try:
        answer = repository.get(f"attestations/sha256:{digest}")
    except ApiError as error:
        if error.status != _NOT_FOUND:
            raise
        raise FetchError(missing, hint=hint) from None
    if not items(answer, "attestations"):
        raise FetchError(missing, hint=hint)
    program = shutil.which("gh", path=build.environ.get("PATH"))
    if not program:
        log.warning("GitHub has an attestation; its signature was not checked: gh is not installed")
        return
    argv = [program, "attestation", "verify", str(file), "--repo", repository.name]
    try:
        env = {**build.environ, "GH_TOKEN": repository.token}
        command.run(argv, log=build.workspace.build / "log" / "attestation.log", env=env)
    except command.CommandError as error:
        message = f"the attestation of {file.name} is not valid."
        raise FetchError(message, hint=error.hint, tail=error.tail) from error
