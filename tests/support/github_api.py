"""A server for tests that checks each request and response against GitHub's API description.

The description is the npm package `@octokit/openapi`. Tests register the responses they need.
"""

import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from jsonschema import Draft202012Validator
from npm import npm_file
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

PACKAGE = "@octokit/openapi@23.0.2"
TOKEN = "a token of a test"  # noqa: S105  # not a real token
URN = "urn:github"
Answer = tuple[int, Any]


def description(folder: Path) -> dict[str, Any]:
    """Return GitHub's description of its API; skip the test if it cannot be fetched."""
    content = npm_file(PACKAGE, "package/generated/api.github.com.json", folder)
    found: dict[str, Any] = _nullable(json.loads(content))
    return found


def _nullable(value: Any) -> Any:
    """Return *value* with OpenAPI 3.0's `nullable` replaced by JSON Schema types."""
    if isinstance(value, list):
        return [_nullable(item) for item in value]
    if not isinstance(value, dict):
        return value
    found = {key: _nullable(item) for key, item in value.items()}
    if found.pop("nullable", False):
        return {"anyOf": [found, {"type": "null"}]}
    return found


@dataclass
class GitHub:
    """A server that answers with *handlers* and records in *wrong* what GitHub would refuse."""

    document: dict[str, Any]
    url: str = ""
    handlers: dict[tuple[str, str], Callable[..., Answer]] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def on(self, method: str, template: str, answer: Callable[..., Answer] | Answer) -> None:
        """Register *handler* for *template*, a path of the description."""
        assert method.lower() in self.document["paths"][template], (method, template)
        told = answer if callable(answer) else lambda **_: answer
        self.handlers[method, template] = told

    def example(self, name: str, /, **changed: Any) -> dict[str, Any]:
        """Return the description's example *name* with the fields *changed*."""
        value = json.loads(json.dumps(self.document["components"]["examples"][name]["value"]))
        return {**value, **changed}

    def answer(self, method: str, target: str, headers: Any, body: bytes) -> Answer:
        """Return the response to a request, after checking both against the description."""
        split = urlsplit(target)
        query = dict(parse_qsl(split.query))
        self.asked.append(f"{method} {split.path}")
        # Several templates may match; the one with the longest fixed part is right.
        found = sorted(self._matching(method, split.path), key=lambda item: -len(item[0]))
        known = [item for item in found if (method, item[0]) in self.handlers]
        if not found:
            self.wrong.append(f"{method} {split.path} is no operation")
            return 404, {"message": "Not Found"}
        if headers["Authorization"] != f"Bearer {TOKEN}":
            return 401, {"message": "Bad credentials"}
        template, values = (known or found)[0]
        operation = self.document["paths"][template][method.lower()]
        self._check_parameters(operation, values, query, f"{method} {template}")
        content = operation.get("requestBody", {}).get("content", {})
        data = None
        if "application/json" in content:
            data = json.loads(body)
            self._check(content["application/json"]["schema"], data, f"{method} {template}: body")
        elif body and "application/octet-stream" not in content:
            self.wrong.append(f"{method} {template} takes no body")
        if not known:
            return 404, {"message": "Not Found"}
        status, answer = self.handlers[method, template](**values, query=query, data=data or body)
        self._check_answer(operation, status, answer, f"{method} {template}: {status}")
        return status, answer

    def _matching(self, method: str, path: str) -> Iterator[tuple[str, dict[str, str]]]:
        for template, operations in self.document["paths"].items():
            # `ref` is the only value that may contain slashes.
            pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(template))
            pattern = pattern.replace("(?P<ref>[^/]+)", "(?P<ref>.+)")
            match = re.fullmatch(pattern, path)
            if match and method.lower() in operations:
                yield template, match.groupdict()

    def _check_parameters(
        self, operation: dict[str, Any], values: dict[str, str], query: dict[str, str], where: str
    ) -> None:
        given = {"path": values, "query": query}
        known = {"path": set[str](), "query": set[str]()}
        for parameter in map(self._resolved, operation.get("parameters", [])):
            place, name = parameter["in"], parameter["name"]
            if place not in given:
                continue
            known[place].add(name)
            if name not in given[place]:
                if parameter.get("required"):
                    self.wrong.append(f"{where}: {name} is missing")
                continue
            schema = self._resolved(parameter["schema"])
            text = given[place][name]
            whole = schema.get("type") == "integer" and text.isdigit()
            self._check(schema, int(text) if whole else text, f"{where}: {name}")
        for place, names in known.items():
            self.wrong += [f"{where}: no {place} {name}" for name in set(given[place]) - names]

    def _check_answer(
        self, operation: dict[str, Any], status: int, answer: Any, where: str
    ) -> None:
        told = operation["responses"].get(str(status))
        if not told:
            # Errors that every operation may return.
            assert status in {401, 403, 404, 422, 429}, where
            return
        content = self._resolved(told).get("content", {}).get("application/json")
        if content and status < 300:
            before = len(self.wrong)
            self._check(content["schema"], answer, where)
            assert self.wrong[before:] == [], "the test's own answer is not GitHub's"

    def _resolved(self, value: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in value:
            found: Any = self.document
            for part in value["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            value = found
        return value

    def _check(self, schema: dict[str, Any], value: Any, where: str) -> None:
        if not hasattr(self, "_registry"):
            resource = Resource.from_contents(self.document, default_specification=DRAFT202012)
            self._registry = Registry().with_resource(URN, resource)
        named = json.loads(json.dumps(schema).replace('"#/', f'"{URN}#/'))
        validator = Draft202012Validator(named, registry=self._registry)
        self.wrong += [f"{where}: {error.message[:300]}" for error in validator.iter_errors(value)]


def releases(github: GitHub) -> list[dict[str, Any]]:
    """Let *github* create, fill and publish releases; return the list that holds them."""
    shown: list[dict[str, Any]] = []
    base = "/repos/{owner}/{repo}/releases"

    def make(data: dict[str, Any], **_: Any) -> Answer:
        number = len(shown) + 1
        place = f"{github.url}/repos/acme/frostline/releases/{number}/assets{{?name,label}}"
        made = github.example("release", id=number, assets=[], upload_url=place) | data
        shown.append(made)
        return 201, made

    def fill(release_id: str, query: dict[str, str], data: bytes, **_: Any) -> Answer:
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        asset = github.example("release-asset", name=query["name"], digest=digest)
        asset |= {"size": len(data), "state": "uploaded", "id": len(github.asked)}
        shown[int(release_id) - 1]["assets"].append(asset)
        return 201, asset

    def change(release_id: str, data: dict[str, Any], **_: Any) -> Answer:
        shown[int(release_id) - 1] |= data
        return 200, shown[int(release_id) - 1]

    def remove(asset_id: str, **_: Any) -> Answer:
        for release in shown:
            kept = [asset for asset in release["assets"] if asset["id"] != int(asset_id)]
            release["assets"] = kept
        return 204, None

    def page(query: dict[str, str], **_: Any) -> Answer:
        return 200, shown if query["page"] == "1" else []

    github.on("GET", base, page)
    github.on("POST", base, make)
    github.on("PATCH", base + "/{release_id}", change)
    assets = base + "/{release_id}/assets"
    github.on("GET", assets, lambda release_id, **_: (200, shown[int(release_id) - 1]["assets"]))
    github.on("POST", assets, fill)
    github.on("DELETE", base + "/assets/{asset_id}", remove)
    return shown


@contextmanager
def serving(document: dict[str, Any]) -> Iterator[GitHub]:
    """Serve what *document* describes on a free loopback port."""
    github = GitHub(document)

    class Handler(BaseHTTPRequestHandler):
        """Passes requests to the server."""

        def log_message(self, *_: Any) -> None:
            """Log nothing."""

        def _do(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length)
            path = urlsplit(self.path).path
            if path in github.blobs:
                # Another host, which must not get the token.
                if self.headers["Authorization"]:
                    github.wrong.append(f"the token was sent to {path}")
                self._send(200, github.blobs[path], {})
                return
            try:
                status, answer = github.answer(self.command, self.path, self.headers, body)
            except Exception as error:
                github.wrong.append(f"{self.command} {path}: {error!r}")
                raise
            if status == 302:
                self._send(302, b"", {"Location": answer})
            else:
                self._send(status, b"" if answer is None else json.dumps(answer).encode(), {})

        do_GET = do_POST = do_PATCH = do_DELETE = _do  # noqa: N815

        def _send(self, status: int, data: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    github.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield github
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
