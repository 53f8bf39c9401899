"""A hub on loopback that can be told to misbehave in every way that hubs, mirrors and networks do.

Protocol as of the Hugging Face hub: ``/OWNER/REPO/resolve/REVISION/PATH`` answers with a redirection that carries
``X-Linked-Size``, ``X-Linked-Etag`` and ``X-Repo-Commit``; the bytes are elsewhere, and ranges of them can be had. A
file that is kept in Xet says so in ``X-Xet-Hash``, and where access to that is had in ``X-Xet-Refresh-Route``.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.store.xet_storage import XetStorage

ACCESS = f"/api/models/who/what/xet-read-token/{'0123456789abcdef' * 2}"
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
    xet: XetStorage | None = None
    """Where they are, too; access to it is had here."""
    access: str | None = None
    """Where that is had, if not here."""
    access_redirect: str | None = None
    """Where asking for that is sent on to."""
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
        begin = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and self.ranges else 0
        short = self._without_body(request.path, token, begin)
        if short is not None:
            self._short(request, *short)
            return
        if self.xet is not None and request.path == ACCESS:
            self._admit(request, self.xet)
            return
        request.send_response(206 if begin else 200)
        if begin:
            request.send_header("Content-Range", f"bytes {begin}-{len(self.data) - 1}/{len(self.data)}")
        if "/resolve/" in request.path:
            request.send_header("X-Repo-Commit", COMMIT)
            request.send_header("ETag", f'"{self.sha256}"')
            for name, value in self._offer().items():
                request.send_header(name, value)
        if self.length:
            request.send_header("Content-Length", str(len(self.data) - begin))
        else:
            request.send_header("Connection", "close")
        request.end_headers()
        if body:
            self._body(request, begin)

    def _without_body(self, path: str, token: str | None, begin: int) -> tuple[int, dict[str, str]] | None:
        """Status and headers of an answer that has nothing else, if it is one."""
        if self.token is not None and token != f"Bearer {self.token}":
            return 401 if token is None else 403, {"X-Error-Code": "GatedRepo"}
        if self.statuses:
            return self.statuses.pop(0), self.headers
        if self.access_redirect is not None and path == ACCESS:
            return 302, {"Location": self.access_redirect}
        if self.cdn is not None and "/resolve/" in path:
            linked = {"X-Linked-Size": str(len(self.data)), "X-Linked-Etag": f'"{self.sha256}"'}
            place = {"Location": f"{self.cdn}/bytes?signature=secret", "X-Repo-Commit": COMMIT}
            return 302, {**linked, **place, **self._offer()}
        if begin >= len(self.data) and begin:
            return 416, {"Content-Range": f"bytes */{len(self.data)}"}
        return None

    def _offer(self) -> dict[str, str]:
        """What says that the file is in Xet."""
        if self.xet is None:
            return {}
        return {"X-Xet-Hash": self.xet.hash, "X-Xet-Refresh-Route": self.access or f"{self.url}{ACCESS}"}

    def _admit(self, request: BaseHTTPRequestHandler, xet: XetStorage) -> None:
        """Both ways in which the hub says it: hf_xet reads the body, huggingface_hub the headers."""
        expires = int(time.time()) + 3600
        body = json.dumps({"casUrl": xet.url, "accessToken": xet.token, "exp": expires}).encode()
        request.send_response(200)
        request.send_header("X-Xet-Cas-Url", xet.url)
        request.send_header("X-Xet-Access-Token", xet.token)
        request.send_header("X-Xet-Token-Expiration", str(expires))
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

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
