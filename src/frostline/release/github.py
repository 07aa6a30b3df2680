"""A client of GitHub's API: repository, token, requests and errors."""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO, Literal
from urllib.parse import urlencode
from urllib.request import getproxies

import urllib3
from urllib3 import BaseHTTPResponse
from urllib3.exceptions import HTTPError

from frostline.core import command
from frostline.core.command import CommandError
from frostline.core.errors import BuildError, FetchError, HostError, UsageError
from frostline.core.log import Json

API = "https://api.github.com"
_VERSION = "2022-11-28"
_TIMEOUT = urllib3.Timeout(connect=15, read=60)
# Retries idempotent requests only (urllib3's default) and honours Retry-After.
_RETRIES = urllib3.Retry(
    4, redirect=False, status_forcelist=(500, 502, 503, 504), backoff_factor=0.3,
    raise_on_status=False, raise_on_redirect=False,
)  # fmt: skip
_REMOTE = re.compile(r"(?:[/:@]|^)(?P<name>[\w.-]+/[\w.-]+?)(?:\.git)?/?$")
Method = Literal["GET", "POST", "PATCH", "DELETE"]


class ApiError(FetchError):
    """GitHub answered with the error *status*."""

    def __init__(self, status: int, message: str, hint: str) -> None:
        super().__init__(message, hint=hint)
        self.status = status


@dataclass(frozen=True)
class Repository:
    """A repository, `owner/name`, and the *token* for it."""

    name: str
    token: str = field(repr=False)
    api: str = API

    def get(self, path: str, **query: str | int) -> Json:
        """Return the response to a GET of *path* in the repository. Raises ApiError, FetchError."""
        return self.ask("GET", path + (f"?{urlencode(query)}" if query else ""))

    def ask(self, method: Method, path: str, body: Json = None) -> Json:
        """Send a request about the repository; return the response. Raises ApiError, FetchError."""
        data = None if body is None else json.dumps(body).encode()
        answer = self.send(method, f"{self.api}/repos/{self.name}/{path}", data)
        found: Json = json.loads(answer.data) if answer.data else None
        return found

    def upload(self, url: str, file: Path) -> Json:
        """Upload *file* to *url*; return the response. Raises ApiError, FetchError."""
        with file.open("rb") as content:
            answer = self.send("POST", url, content, "application/octet-stream")
        found: Json = json.loads(answer.data)
        return found

    def location(self, path: str) -> str:
        """Return the address of a download; it needs no token and expires after minutes."""
        answer = self.send("GET", f"{self.api}/repos/{self.name}/{path}", None)
        return answer.headers["Location"]

    def send(
        self, method: Method, url: str, data: bytes | BinaryIO | None,
        kind: str = "application/json",
    ) -> BaseHTTPResponse:  # fmt: skip
        """Send a request and return the response.

        Redirects are not followed, so that the token goes to GitHub only. Raises ApiError,
        FetchError.
        """
        headers = {
            "Accept": "application/vnd.github+json", "Authorization": f"Bearer {self.token}",
            "X-GitHub-Api-Version": _VERSION, "User-Agent": "frostline",
        } | ({"Content-Type": kind} if data is not None else {})  # fmt: skip
        if data is not None and not isinstance(data, bytes):
            headers["Content-Length"] = str(os.fstat(data.fileno()).st_size)
        try:
            answer = _pool(url).request(
                method, url, body=data, headers=headers, timeout=_TIMEOUT, retries=_RETRIES,
                redirect=False,
            )  # fmt: skip
        except HTTPError as error:
            message = f"{self.api} cannot be reached: {error}."
            raise FetchError(message, hint="try again with a network") from None
        if answer.status >= HTTPStatus.BAD_REQUEST:
            raise _explain(answer, method, url.removeprefix(self.api))
        return answer


def _pool(url: str) -> urllib3.PoolManager:
    proxy = getproxies().get(url.partition(":")[0])
    return urllib3.ProxyManager(proxy) if proxy else urllib3.PoolManager()


def _explain(answer: BaseHTTPResponse, method: str, path: str) -> ApiError:
    try:
        reason = str(json.loads(answer.data)["message"])
    except (ValueError, LookupError, TypeError):
        reason = answer.reason or "no reason given"
    hints = {
        401: "the token is not valid: make a new one, or run `gh auth login`",
        403: "the token needs `actions: write` and `contents: read`; to publish `contents: write`",
        404: "check the name, and whether the token has access",
    }
    hint = hints.get(answer.status, "the message above is GitHub's")
    left, reset = (
        answer.headers.get("x-ratelimit-remaining"),
        answer.headers.get("x-ratelimit-reset"),
    )
    if answer.status in {403, 429} and (left == "0" or answer.headers.get("retry-after")):
        until = datetime.fromtimestamp(int(reset), UTC).isoformat() if reset else "a while later"
        hint = f"the rate limit is used up until {until}"
    return ApiError(answer.status, f"{method} {path}: {answer.status} {reason}.", hint)


def find(root: Path, environ: Mapping[str, str], log: Path) -> Repository:
    """Return the GitHub repository of the checkout *root*.

    Raises UsageError if it has none, HostError without a token.
    """
    name = environ.get("GITHUB_REPOSITORY", "")
    if not name:
        try:
            (url,) = command.output(["git", "remote", "get-url", "origin"], log, environ, root)
        except BuildError as error:
            message = "this checkout has no remote called origin."
            raise UsageError(message, hint="push it to GitHub first") from error
        found = _REMOTE.search(url)
        if not found:
            message = f"the remote origin is not a GitHub repository: {url}"
            raise UsageError(message, hint="set GITHUB_REPOSITORY=owner/name")
        name = found["name"]
    api = environ.get("GITHUB_API_URL", "") or API
    return Repository(name, _token(environ), api.rstrip("/"))


def _token(environ: Mapping[str, str]) -> str:
    given = environ.get("GH_TOKEN") or environ.get("GITHUB_TOKEN")
    if given:
        return given
    try:  # no log file: it would contain the token
        lines = command.output(["gh", "auth", "token"], Path(os.devnull), environ)
    except (BuildError, CommandError):
        lines = ()
    if lines and lines[0]:
        return lines[0]
    message = "there is no token for GitHub."
    rights = "actions: write, contents: read; to publish contents: write"
    hint = f"set GH_TOKEN ({rights}), or run `gh auth login`"
    raise HostError(message, hint=hint)


def items(answer: Json, key: str = "") -> list[Json]:
    """Return the list *answer*, or the list at its *key*; empty if it is not a list."""
    found = answer.get(key) if key and isinstance(answer, Mapping) else answer
    return list(found) if isinstance(found, list) else []


def text(answer: Json, *keys: str) -> str:
    """Return the text in *answer* at the path *keys*, "" if there is none."""
    for key in keys:
        answer = answer.get(key) if isinstance(answer, Mapping) else None
    return "" if answer is None else str(answer)


def number(answer: Json, key: str) -> int:
    """Return the integer in *answer* at *key*. Raises FetchError if there is none."""
    found = answer.get(key) if isinstance(answer, Mapping) else None
    if isinstance(found, int):
        return found
    message = f"GitHub's response has no {key}."
    raise FetchError(message, hint="is this an old GitHub Enterprise Server?")
