"""A Python index on this machine that may demand a password, with wheels made for a test."""

import base64
import hashlib
import re
import ssl
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

USER, PASSWORD = "reader", "s3cret-Pa55"
_EXTRA = re.compile(r"extra == '(\w+)'")
_EXPECTED = f"Basic {base64.b64encode(f'{USER}:{PASSWORD}'.encode()).decode()}"


def wheel(folder: Path, name: str, version: str, *needs: str) -> Path:
    """Make and return a wheel of *name* with one module, which requires *needs*."""
    file = folder / f"{name}-{version}-py3-none-any.whl"
    about = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    named = sorted({found for need in needs for found in _EXTRA.findall(need)})
    extras = "".join(f"Provides-Extra: {extra}\n" for extra in named)
    content = {
        f"{name}.py": f"VERSION = '{version}'\n",
        f"{about}/METADATA": metadata + extras + "".join(f"Requires-Dist: {n}\n" for n in needs),
        f"{about}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    listed = "".join(f"{path},,\n" for path in content) + f"{about}/RECORD,,\n"
    with zipfile.ZipFile(file, "w") as packed:
        for path, text in (*content.items(), (f"{about}/RECORD", listed)):
            packed.writestr(path, text)
    return file


@contextmanager
def serve(
    folder: Path, certificate: Path | None = None, *, anonymous: bool = False
) -> Iterator[str]:
    """Serve the wheels in *folder*; yield the index's address without scheme and password.

    *anonymous* needs no password. With *certificate*, a file that holds its key, too, it is served
    over TLS.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if not anonymous and self.headers.get("Authorization") != _EXPECTED:
                self._answer(401, b"", ("WWW-Authenticate", 'Basic realm="index"'))
                return
            name = self.path.strip("/").rpartition("/")[2]
            files = sorted(folder.glob(f"{name}-*.whl"))
            if name.endswith(".whl"):
                self._answer(200, (folder / name).read_bytes())
            elif files:
                links = (f'<a href="/files/{f.name}#sha256={_sum(f)}">{f.name}</a>' for f in files)
                self._answer(200, "".join(links).encode(), ("Content-Type", "text/html"))
            else:
                self._answer(404, b"")

        def _answer(self, code: int, body: bytes, *headers: tuple[str, str]) -> None:
            self.send_response(code)
            for name, value in (*headers, ("Content-Length", str(len(body)))):
                self.send_header(name, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        do_HEAD = do_GET  # noqa: N815  # the base class names it

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}/simple/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _sum(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
