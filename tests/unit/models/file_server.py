"""A server of model files on loopback that can be told to misbehave, and a registry that names its file."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

NAME = "m.safetensors"


def registry_with(data: bytes) -> str:
    """A registry with the gated model ``mine``, whose one file is ``data``."""
    return f"""\
models:
  mine:
    description: x
    family: sd15
    min_vram_gb: 1
    files:
      - role: checkpoint
        folder: checkpoints
        name: {NAME}
        bytes: {len(data)}
        sha256: "{hashlib.sha256(data).hexdigest()}"
        licence: MIT
        sources:
          - repo: who/what
            path: {NAME}
            gated: true
    defaults: {{width: 64, height: 64, steps: 1, cfg: 1, sampler: euler, scheduler: normal}}
"""


@dataclass
class Server:
    """See the module."""

    data: bytes
    cut_after: list[int] = field(default_factory=list)
    """Bytes after which each of the next answers ends early."""
    statuses: list[int] = field(default_factory=list)
    """Instead of the next answers."""
    redirect: str = ""
    ranges: bool = True
    asked: list[tuple[str, str | None, str | None]] = field(default_factory=list)
    """Path, Range and Authorization of every request."""

    def __post_init__(self) -> None:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.answer(self)

            def log_message(self, *_: object) -> None:
                """Keep quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        wanted = request.headers.get("Range")
        self.asked.append((request.path, wanted, request.headers.get("Authorization")))
        if self.statuses or self.redirect:
            request.send_response(self.statuses.pop(0) if self.statuses else 302)
            if self.redirect:
                request.send_header("Location", self.redirect)
            request.send_header("Content-Length", "0")
            request.end_headers()
            return
        begin = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and self.ranges else 0
        body = self.data[begin:]
        request.send_response(206 if begin else 200)
        if begin:
            request.send_header("Content-Range", f"bytes {begin}-{len(self.data) - 1}/{len(self.data)}")
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body[: self.cut_after.pop(0)] if self.cut_after else body)
