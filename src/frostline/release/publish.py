"""Puts what is shipped into a release on GitHub: a draft first, public when somebody says so."""

from urllib.parse import quote

from frostline.core import digest, log
from frostline.core.errors import FetchError, UsageError
from frostline.core.log import Json
from frostline.core.workspace import Workspace
from frostline.release import listing
from frostline.release.github import Repository, items, number, text


def draft(paths: Workspace, repository: Repository, tag: str, notes: str) -> str:
    """Return the address of the draft of release *tag*, with every file of the release folder.

    A draft that is there is gone on with: what it has already is compared, and not sent again.
    Raises UsageError if there is nothing to publish or *tag* is public already, FetchError.
    """
    files = sorted(paths.release.glob("*"))
    if not (paths.release / listing.SUMS).is_file():
        message = f"there is nothing to publish in {paths.release}."
        raise UsageError(message, hint="`frostline package`, or `frostline gather`")
    found = _find(repository, tag)
    if found and not found.get("draft"):
        message = f"{tag} of {repository.name} is public already; what is public stays as it is."
        raise UsageError(message, hint="give the next version a tag of its own")
    body: Json = {"tag_name": tag, "name": tag, "body": notes, "draft": True}
    release = found or repository.ask("POST", "releases", body)
    place = text(release, "upload_url").partition("{")[0]
    there = {text(asset, "name"): asset for asset in _assets(repository, release)}
    with log.step(f"uploading {len(files)} files for {tag}") as step:
        for file in files:
            sum_ = f"sha256:{digest.of_file(file)}"
            asset = there.get(file.name)
            if asset and text(asset, "state") == "uploaded" and text(asset, "digest") == sum_:
                continue
            if asset:  # half of it, or of an earlier try
                repository.ask("DELETE", f"releases/assets/{number(asset, 'id')}")
            step.update(file.name)
            sent = repository.upload(f"{place}?name={quote(file.name)}", file)
            if text(sent, "digest") not in {"", sum_}:
                message = f"{file.name} did not arrive as it is here."
                raise FetchError(message, hint="try again: what has arrived is kept")
    return text(release, "html_url")


def publish(repository: Repository, tag: str) -> str:
    """Return the address of the release *tag*, which everybody sees from now on.

    Raises UsageError unless it is a draft that has its sums.
    """
    found = _find(repository, tag)
    if not found or not found.get("draft"):
        message = f"{repository.name} has no draft of {tag}."
        raise UsageError(message, hint=f"run `frostline publish --tag {tag}`, without --final")
    if listing.SUMS not in {text(asset, "name") for asset in _assets(repository, found)}:
        message = f"the draft of {tag} has no {listing.SUMS}: its upload did not end well."
        raise UsageError(message, hint=f"run `frostline publish --tag {tag}`, without --final")
    told = repository.ask("PATCH", f"releases/{number(found, 'id')}", {"draft": False})
    return text(told, "html_url")


def _find(repository: Repository, tag: str) -> dict[str, Json] | None:
    """Return the release *tag*; drafts are only in the list of all."""
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
