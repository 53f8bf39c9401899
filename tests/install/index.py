"""A package index on this machine, with packages made on the spot, that can be told to stall."""

from __future__ import annotations

import base64
import hashlib
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def make_wheel(folder: Path, name: str, files: Mapping[str, str]) -> str:
    """Write ``name`` 1.0 with ``files`` as a wheel into ``folder``; returns the SHA-256 in hex."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-1.0-py3-none-any.whl"
    info = f"{name}-1.0.dist-info"
    content = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{file},{_digest(text)},{len(text)}\n" for file, text in content.items())
    content[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n"
    with zipfile.ZipFile(path, "w") as archive:
        for file, text in content.items():
            archive.writestr(file, text)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _digest(text: str) -> str:
    raw = hashlib.sha256(text.encode()).digest()
    return "sha256=" + base64.urlsafe_b64encode(raw).decode().rstrip("=")


class Index:
    """Serves the wheels of ``folder``.

    ``going`` is cleared to make downloads stall after their first half; ``asked`` is set when one has come that far.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.going = threading.Event()
        self.going.set()
        self.asked = threading.Event()
        self.downloads: list[str] = []
        index = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                index.answer(self)

            def log_message(self, *_: object) -> None:
                """Keep quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/simple"

    def close(self) -> None:
        self.going.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        name = request.path.rstrip("/").rpartition("/")[2]
        if request.path.startswith("/simple/"):
            links = "".join(
                f'<a href="/files/{path.name}">{path.name}</a>' for path in self.folder.glob(f"{name}-*.whl")
            )
            self._send(request, f"<!DOCTYPE html><html><body>{links}</body></html>".encode(), "text/html")
            return
        data = (self.folder / name).read_bytes()
        self.downloads.append(name)
        self._send(request, data, "application/octet-stream")

    def _send(self, request: BaseHTTPRequestHandler, data: bytes, kind: str) -> None:
        request.send_response(200)
        request.send_header("Content-Type", kind)
        request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        half = len(data) // 2 if kind != "text/html" else 0
        try:
            request.wfile.write(data[:half])
            request.wfile.flush()
            if half:
                self.asked.set()
                self.going.wait(60)
            request.wfile.write(data[half:])
        except OSError:
            return  # pip was ended
