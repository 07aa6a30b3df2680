"""The GitHub client: repository, token, errors."""

import subprocess
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from frostline.core.errors import FetchError, HostError, UsageError
from frostline.core.log import Json
from frostline.release import github
from frostline.release.github import Repository


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("git@github.com:acme/argo.git", "acme/argo"),
        ("https://github.com/acme/argo", "acme/argo"),
        ("https://github.com/acme/argo.git", "acme/argo"),
        ("https://github.com/acme/argo.js/", "acme/argo.js"),
        ("ssh://git@github.example.org:2222/acme/argo.git", "acme/argo"),
    ],
)
def test_the_repository(tmp_path: Path, url: str, name: str) -> None:
    """The name is read from every form of origin's URL."""
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    subprocess.run(["git", "-C", str(tmp_path), "remote", "add", "origin", url], check=True)
    environ = {"GH_TOKEN": "x", "PATH": "/usr/bin:/bin"}
    found = github.find(tmp_path, environ, tmp_path / "log")
    assert (found.name, found.api) == (name, "https://api.github.com")


def test_the_environment_wins(tmp_path: Path) -> None:
    """GitHub Actions' variables override origin; without a token it is an error."""
    environ = {"GITHUB_REPOSITORY": "a/b", "GITHUB_API_URL": "https://ghe.org/api/v3/", "PATH": ""}
    with pytest.raises(HostError, match="there is no token"):
        github.find(tmp_path, environ, tmp_path / "log")
    found = github.find(tmp_path, environ | {"GITHUB_TOKEN": "secret"}, tmp_path / "log")
    assert (found.name, found.api) == ("a/b", "https://ghe.org/api/v3")
    assert "secret" not in repr(found)


def test_no_repository(tmp_path: Path) -> None:
    """A checkout without a GitHub repository is an error before any request."""
    environ = {"GH_TOKEN": "x", "PATH": "/usr/bin:/bin"}
    with pytest.raises(UsageError, match="no remote called origin"):
        github.find(tmp_path, environ, tmp_path / "log")


def test_a_server_that_is_not_there() -> None:
    """An unreachable server gives one message without a traceback."""
    with pytest.raises(FetchError, match="cannot be reached"):
        Repository("a/b", "x", "http://127.0.0.1:9").ask("POST", "releases", {})


def test_answers() -> None:
    """A missing value is empty; a missing number is an error."""
    answer: Json = {"a": {"b": "c"}, "n": 3, "l": [1]}
    assert (github.text(answer, "a", "b"), github.text(answer, "x", "y")) == ("c", "")
    assert (github.items(answer, "l"), github.items(answer, "x"), github.items([2])) == (
        [1],
        [],
        [2],
    )
    assert github.number(answer, "n") == 3
    with pytest.raises(FetchError, match="has no id"):
        github.number(answer, "id")


asked: dict[str, str] = {}


class Limiting(BaseHTTPRequestHandler):
    """A server that answers with GitHub's rate limit."""

    def log_message(self, *_: object) -> None:
        """Log nothing."""

    def do_GET(self) -> None:
        """Record the headers and refuse the request."""
        asked.update(self.headers)
        body = b'{"message": "API rate limit exceeded"}'
        self.send_response(403)
        self.send_header("x-ratelimit-remaining", "0")
        self.send_header("x-ratelimit-reset", "1800000000")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def test_the_rate_limit() -> None:
    """The message says when the limit ends."""
    with HTTPServer(("127.0.0.1", 0), Limiting) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        with pytest.raises(FetchError, match="403 API rate limit exceeded") as caught:
            Repository("a/b", "x", f"http://127.0.0.1:{server.server_port}").get("git/ref/heads/x")
        thread.join()
    assert asked["X-GitHub-Api-Version"] == "2022-11-28"
    assert asked["Accept"] == "application/vnd.github+json"
    assert asked["Authorization"] == "Bearer x"
    assert caught.value.hint == "the rate limit is used up until 2027-01-15T08:00:00+00:00"
