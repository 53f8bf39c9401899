"""A hub on loopback that can be told to misbehave in every way that hubs, mirrors and networks do.

Protocol as of the Hugging Face hub: ``/OWNER/REPO/resolve/REVISION/PATH`` answers with a redirection that carries
``X-Linked-Size``, ``X-Linked-Etag`` and ``X-Repo-Commit``; the bytes are elsewhere, and ranges of them can be had.
"""

from __future__ import annotations

import hashlib
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Asked(NamedTuple):
    """A request as the server saw it."""

    path: str
    range: str | None
    authorization: str | None


@dataclass
class Hub:
    """See the module. What is not set is as on a hub that works."""

    data: bytes
    cut_after: int | None = None
    """Bytes after which every answer ends early."""
    cuts: int | None = None
    """How many answers do; ``None`` for all."""
    statuses: list[int] = field(default_factory=list)
    """Instead of the next answers."""
    headers: dict[str, str] = field(default_factory=dict)
    """Of those."""
    token: str | None = None
    """What must be sent to be let in."""
    ranges: bool = True
    cdn: str | None = None
    """Where the bytes are: another server's address."""
    silent_after: int | None = None
    """Bytes after which nothing comes any more, with the connection open."""
    silences: int | None = None
    """How many answers fall silent; ``None`` for all."""
    pause_s: float = 0.0
    """Between pieces."""
    piece: int = 1 << 16
    length: bool = True
    """Whether it says how much comes."""
    asked: list[Asked] = field(default_factory=list)
    sent: int = 0
    on_bytes: Callable[[int], None] | None = None
    """Called with the bytes sent so far."""

    def __post_init__(self) -> None:
        hub = self
        self._closing = threading.Event()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                try:
                    hub._answer(self, body=True)
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True

            def do_HEAD(self) -> None:
                hub._answer(self, body=False)

            def log_message(self, *_: object) -> None:
                """Keep quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()

    def close(self) -> None:
        self._closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _answer(self, request: BaseHTTPRequestHandler, *, body: bool) -> None:
        wanted, token = request.headers.get("Range"), request.headers.get("Authorization")
        self.asked.append(Asked(request.path, wanted, token))
        if self.token is not None and token != f"Bearer {self.token}":
            return self._short(request, 401 if token is None else 403, {"X-Error-Code": "GatedRepo"})
        if self.statuses:
            return self._short(request, self.statuses.pop(0), self.headers)
        if self.cdn is not None and "/resolve/" in request.path:
            linked = {"X-Linked-Size": str(len(self.data)), "X-Linked-Etag": f'"{self.sha256}"'}
            place = {"Location": f"{self.cdn}/bytes?signature=secret", "X-Repo-Commit": COMMIT}
            return self._short(request, 302, {**linked, **place})
        begin = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and self.ranges else 0
        if begin >= len(self.data) and begin:
            return self._short(request, 416, {"Content-Range": f"bytes */{len(self.data)}"})
        request.send_response(206 if begin else 200)
        if begin:
            request.send_header("Content-Range", f"bytes {begin}-{len(self.data) - 1}/{len(self.data)}")
        if "/resolve/" in request.path:
            request.send_header("X-Repo-Commit", COMMIT)
            request.send_header("ETag", f'"{self.sha256}"')
        if self.length:
            request.send_header("Content-Length", str(len(self.data) - begin))
        else:
            request.send_header("Connection", "close")
        request.end_headers()
        if body:
            self._body(request, begin)
        return None

    def _short(self, request: BaseHTTPRequestHandler, status: int, headers: dict[str, str]) -> None:
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name, value)
        request.send_header("Content-Length", "0")
        request.end_headers()

    def _body(self, request: BaseHTTPRequestHandler, begin: int) -> None:
        end = len(self.data)
        if self.cut_after is not None and self.cuts != 0:
            end = min(end, begin + self.cut_after)
            self.cuts = None if self.cuts is None else self.cuts - 1
        silent = None
        if self.silent_after is not None and self.silences != 0:
            silent = begin + self.silent_after
            self.silences = None if self.silences is None else self.silences - 1
        place = begin
        data = memoryview(self.data)
        while place < end:
            if silent is not None and place >= silent:
                self._closing.wait(30)
                break
            count = request.connection.send(data[place : min(place + self.piece, end)])
            place += count
            self.sent += count
            if self.on_bytes is not None:
                self.on_bytes(self.sent)
            if self.pause_s:
                time.sleep(self.pause_s)
        if place < len(self.data) or not self.length:
            request.close_connection = True
