"""Uploads artifacts to a draft release on GitHub, and publishes the draft."""

from urllib.parse import quote

from frostline.core import digest, log
from frostline.core.errors import FetchError, UsageError
from frostline.core.log import Json
from frostline.core.workspace import Workspace
from frostline.release import listing
from frostline.release.github import Repository, items, number, text


def draft(project: Workspace, repository: Repository, tag: str, notes: str) -> str:
    """Upload every file of the release folder to the draft of release *tag*; return its address.

    An existing draft is resumed; identical files are skipped. Raises UsageError if there is nothing
    to publish or *tag* is already public, FetchError.
    """
    files = sorted(project.release.glob("*"))
    if not (project.release / listing.SUMS).is_file():
        message = f"there is nothing to publish in {project.release}."
        raise UsageError(message, hint="run `frostline package` or `frostline gather` first")
    found = _find(repository, tag)
    if found and not found.get("draft"):
        message = f"{tag} of {repository.name} is already public; public releases are not changed."
        raise UsageError(message, hint="use a new tag for the next version")
    body: Json = {"tag_name": tag, "name": tag, "body": notes, "draft": True}
    release = found or repository.ask("POST", "releases", body)
    place = text(release, "upload_url").partition("{")[0]
    there = {text(asset, "name"): asset for asset in _assets(repository, release)}
    with log.step(f"uploading {len(files)} files for {tag}") as step:
        for file in files:
            sum_ = f"sha256:{digest.of_file(file)}"
            asset = there.get(file.name)
            if text(asset, "state") == "uploaded" and text(asset, "digest") == sum_:
                continue
            if asset:  # a partial upload, or another file of the same name
                repository.ask("DELETE", f"releases/assets/{number(asset, 'id')}")
            step.update(file.name)
            sent = repository.upload(f"{place}?name={quote(file.name)}", file)
            if text(sent, "digest") not in {"", sum_}:
                message = f"GitHub received {file.name} damaged."
                raise FetchError(message, hint="try again: files that were uploaded are kept")
    return text(release, "html_url")


def publish(repository: Repository, tag: str) -> str:
    """Make the draft of release *tag* public; return its address.

    Raises UsageError unless *tag* is a complete draft, with its SHA256SUMS.
    """
    found = _find(repository, tag)
    if not found or not found.get("draft"):
        message = f"{repository.name} has no draft of {tag}."
        raise UsageError(message, hint=f"run `frostline publish --tag {tag}`, without --final")
    if listing.SUMS not in {text(asset, "name") for asset in _assets(repository, found)}:
        message = f"the draft of {tag} has no {listing.SUMS}: its upload is incomplete."
        raise UsageError(message, hint=f"run `frostline publish --tag {tag}`, without --final")
    published = repository.ask("PATCH", f"releases/{number(found, 'id')}", {"draft": False})
    return text(published, "html_url")


def _find(repository: Repository, tag: str) -> dict[str, Json] | None:
    """Return the release *tag*, or None; GitHub finds drafts only in the list of all releases."""
    page, found = 1, repository.get("releases", per_page=100, page=1)
    while items(found):
        for release in items(found):
            if text(release, "tag_name") == tag and isinstance(release, dict):
                return release
        page += 1
        found = repository.get("releases", per_page=100, page=page)
    return None


def _assets(repository: Repository, release: Json) -> list[Json]:
    path = f"releases/{number(release, 'id')}/assets"
    return items(repository.get(path, per_page=100))
