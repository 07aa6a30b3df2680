"""A release on GitHub: what is uploaded, what is left as it is, and what is refused."""

import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from frostline.core.errors import FetchError, UsageError
from frostline.core.workspace import Workspace
from frostline.release.github import Repository
from frostline.release.publish import draft, publish


@dataclass
class Asset:
    """A file of a release."""

    id: int
    name: str
    digest: str | None
    state: str = "uploaded"


@dataclass(kw_only=True)
class Release:
    """A release."""

    id: int
    tag_name: str
    upload_url: str
    html_url: str
    draft: bool = True
    name: str = ""
    body: str = ""
    assets: list[Asset] = field(default_factory=list)


class GitHub(ThreadingHTTPServer):
    """The part of GitHub's API that drafts and publishes releases."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.releases: list[Release] = []
        self.asked: list[str] = []
        self.damages = False
        self.digests = True

    def release(self, tag_name: str, **facts: str | bool) -> Release:
        """Add a release and return it."""
        number = 100 + len(self.releases)
        made = Release(
            id=number, tag_name=tag_name, html_url=f"page of {tag_name}",
            upload_url=f"{self.url}/repos/a/b/releases/{number}/assets{{?name,label}}",
            **facts,  # type: ignore[arg-type]  # as they came
        )  # fmt: skip
        self.releases.append(made)
        return made

    def upload(self, release: Release, name: str, data: bytes) -> Asset:
        """Add a file to *release*."""
        sum_ = hashlib.sha256(data + b"x" * self.damages).hexdigest()
        made = Asset(1000 + len(self.asked), name, f"sha256:{sum_}" if self.digests else None)
        release.assets.append(made)
        return made

    def found(self, method: str, words: list[str], query: dict[str, str], data: bytes) -> object:
        """Return the answer to a request."""
        numbers = {str(item.id): item for item in self.releases}
        answer: object = None
        match (method, words):
            case "GET", ["releases"]:
                size, page = int(query["per_page"]), int(query["page"])
                answer = [asdict(item) for item in self.releases[size * (page - 1) : size * page]]
            case "POST", ["releases"]:
                answer = asdict(self.release(**json.loads(data)))
            case "PATCH", ["releases", number]:
                numbers[number].draft = json.loads(data)["draft"]
                answer = asdict(numbers[number])
            case "GET", ["releases", number, "assets"] if query == {"per_page": "100"}:
                answer = [asdict(item) for item in numbers[number].assets]
            case "POST", ["releases", number, "assets"]:
                answer = asdict(self.upload(numbers[number], query["name"], data))
            case "DELETE", ["releases", "assets", number]:
                for item in self.releases:
                    item.assets[:] = [one for one in item.assets if str(one.id) != number]
            case _:
                pytest.fail(f"no such request: {method} {words}")
        return answer


class Handler(BaseHTTPRequestHandler):
    """Answers the requests."""

    def log_message(self, *_: object) -> None:
        """Log nothing."""

    def answer(self) -> None:
        """Record and answer a request."""
        github, parts = self.server, urlsplit(self.path)
        assert isinstance(github, GitHub)
        github.asked.append(f"{self.command} {self.path}")
        data = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        words, query = parts.path.split("/")[4:], dict(parse_qsl(parts.query))
        body = json.dumps(github.found(self.command, words, query, data)).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PATCH = do_DELETE = answer  # noqa: N815  # http.server's names


@pytest.fixture
def github() -> Iterator[GitHub]:
    """Run GitHub on this machine."""
    with GitHub() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def project(tmp_path: Path) -> Workspace:
    """Return a project with three files to publish."""
    paths = Workspace(tmp_path)
    paths.release.mkdir(parents=True)
    for name in ("SHA256SUMS", "a b.zip", "release.json"):
        (paths.release / name).write_text(name, encoding="utf-8")
    return paths


def repository(github: GitHub) -> Repository:
    """Return the client."""
    return Repository("a/b", "token", github.url)


def changes(github: GitHub) -> list[str]:
    """Return the requests that change something, without numbers that are chosen freely."""
    return [line for line in github.asked if not line.startswith("GET")]


def test_a_draft_is_made(github: GitHub, project: Workspace) -> None:
    """All files of the release folder are in a new draft; its address is returned."""
    assert draft(project, repository(github), "v1", "What is new.") == "page of v1"
    (release,) = github.releases
    assert (release.tag_name, release.name, release.draft) == ("v1", "v1", True)
    assert release.body == "What is new."
    assert [item.name for item in release.assets] == ["SHA256SUMS", "a b.zip", "release.json"]
    assert changes(github)[2] == "POST /repos/a/b/releases/100/assets?name=a%20b.zip"


def test_a_draft_is_resumed(github: GitHub, project: Workspace) -> None:
    """What is there stays; what is missing, partial or different is uploaded again."""
    for tag in ("v0", "v1"):
        github.release(tag)
    assert draft(project, repository(github), "v1", "") == "page of v1"
    release = github.releases[1]
    assert len(github.releases) == 2
    assert not github.releases[0].assets
    before = len(github.asked)
    draft(project, repository(github), "v1", "")
    assert [line.split()[0] for line in github.asked[before:]] == ["GET", "GET"]
    for key, value in (("state", "open"), ("digest", "sha256:0")):
        asset = release.assets[1]
        setattr(asset, key, value)
        before = len(github.asked)
        draft(project, repository(github), "v1", "")
        assert github.asked[before + 2 :] == [
            f"DELETE /repos/a/b/releases/assets/{asset.id}",
            f"POST /repos/a/b/releases/101/assets?name={asset.name.replace(' ', '%20')}",
        ]
        assert len(release.assets) == 3


def test_a_damaged_upload_is_noticed(github: GitHub, project: Workspace) -> None:
    """The digest that GitHub reports must be right, if it reports one."""
    github.digests = False
    draft(project, repository(github), "v1", "")
    github.damages, github.digests = True, True
    with pytest.raises(FetchError, match="received SHA256SUMS damaged"):
        draft(project, repository(github), "v2", "")


def test_what_is_not_drafted(github: GitHub, project: Workspace) -> None:
    """A public release is not changed, and nothing is published without its sums."""
    github.release("v1", draft=False)
    with pytest.raises(UsageError, match="v1 of a/b is already public"):
        draft(project, repository(github), "v1", "")
    (project.release / "SHA256SUMS").unlink()
    with pytest.raises(UsageError, match="nothing to publish"):
        draft(project, repository(github), "v2", "")
    assert changes(github) == []


def test_a_draft_is_published(github: GitHub, project: Workspace) -> None:
    """Only the draft becomes public; its address is returned."""
    draft(project, repository(github), "v1", "")
    assert publish(repository(github), "v1") == "page of v1"
    assert github.releases[0].draft is False
    assert changes(github)[-1] == "PATCH /repos/a/b/releases/100"


def test_what_is_not_published(github: GitHub, project: Workspace) -> None:
    """There must be a draft, and it must be complete."""
    github.release("v1", draft=False)
    for tag in ("v1", "v2"):
        with pytest.raises(UsageError, match=f"a/b has no draft of {tag}"):
            publish(repository(github), tag)
    draft(project, repository(github), "v3", "")
    assets = github.releases[1].assets
    assets[:] = [item for item in assets if item.name != "SHA256SUMS"]
    with pytest.raises(UsageError, match="the draft of v3 has no SHA256SUMS"):
        publish(repository(github), "v3")
    assert github.releases[1].draft is True


def test_a_release_on_a_later_page(github: GitHub, project: Workspace) -> None:
    """GitHub lists a hundred releases at once; the search ends after the last page."""
    for number in range(101):
        github.release(f"v{number}")
    draft(project, repository(github), "v100", "")
    assert len(github.releases[100].assets) == 3
    pages = [
        line.partition("?")[2]
        for line in github.asked
        if line.startswith("GET /repos/a/b/releases?")
    ]
    assert pages == ["per_page=100&page=1", "per_page=100&page=2"]
