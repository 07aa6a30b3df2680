"""The matrix of a product whose lock lacks wheels, with the real uv and an index of the test."""

import json
import os
import shutil
import sys
import sysconfig
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from verbs import output, run

PRODUCT = Path(__file__).resolve().parents[1] / "products" / "echo"
PYTHON = sysconfig.get_python_version()
CPYTHON = f"cp{PYTHON.replace('.', '')}"
FILES = {
    f"some-1.0-{CPYTHON}-{CPYTHON}-manylinux_2_17_x86_64.whl": "11" * 32,
    f"some-1.0-{CPYTHON}-{CPYTHON}-win_arm64.whl": "22" * 32,
    f"some-1.0-{CPYTHON}-{CPYTHON}-win_amd64.whl": "33" * 32,
    "some-1.0.tar.gz": "44" * 32,
}
PAGE = {
    "meta": {"api-version": "1.1"},
    "name": "some",
    "versions": ["1.0"],
    "files": [
        {"filename": name, "url": name, "hashes": {"sha256": sha256}, "core-metadata": True}
        for name, sha256 in FILES.items()
    ],
}


class Index(BaseHTTPRequestHandler):
    """A Python index with one package."""

    def do_GET(self) -> None:
        """Answer with the page of the package, or with the metadata of a wheel."""
        text, kind = "Metadata-Version: 2.1\nName: some\nVersion: 1.0\n", "text/plain"
        if not self.path.endswith(".metadata"):
            text, kind = json.dumps(PAGE), "application/vnd.pypi.simple.v1+json"
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002  # its name there
        """Write nothing."""


@pytest.fixture
def environ(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Return variables with which uv asks an index of the test."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Index)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "UV_DEFAULT_INDEX": f"http://127.0.0.1:{server.server_port}/simple/",
        "UV_CACHE_DIR": str(tmp_path / "uv"),
        "NO_PROXY": "127.0.0.1",
    }
    server.shutdown()
    thread.join()
    server.server_close()


def test_platforms_without_wheels(tmp_path: Path, environ: dict[str, str]) -> None:
    """They are left out with a reason, by a record that needs no network later."""
    project = Path(shutil.copytree(PRODUCT, tmp_path / "project"))
    hashes = [sha256 for name, sha256 in FILES.items() if "win_amd64" not in name]
    lock = "some==1.0 \\\n" + " \\\n".join(f"    --hash=sha256:{each}" for each in hashes) + "\n"
    (project / "lock.txt").write_text(lock, encoding="utf-8")
    unknown = run(project, "matrix", "--check", "--json")
    assert len(json.loads(unknown.stdout)) == 6
    assert "lock.txt: for which platforms it has wheels is not recorded" in unknown.stderr
    output(project, "matrix", "--record", environ=environ)
    done = run(project, "matrix", "--check", "--json")
    planned = {job["platform"] for job in json.loads(done.stdout)}
    assert planned == {"linux_x86_64", "windows_arm64"}
    assert "echo is not built for darwin_arm64: its locks have no wheel of some==1.0" in done.stderr
    assert "recorded" not in done.stderr
    for verb in ("matrix", "build"):
        refused = run(project, verb, "--product", "echo", "--platform", "windows_x86_64")
        assert refused.returncode == 2
        assert "echo is not built for windows_x86_64" in refused.stderr
        assert "[[wheels]]" in refused.stderr
    assert (
        json.loads(output(project, "matrix", "--json", "--python", "3.99"))[0]["python"] == "3.99"
    )
    done = run(project, "matrix", "--record", "--platform", "linux_arm64")
    assert (done.returncode, "has no effect beside --record" in done.stderr) == (2, True)
