"""The hub's storage of chunks, Xet, on loopback: what the real client library downloads from, and faults to show it.

Protocol as of https://huggingface.co/docs/xet and the sources of ``xet-core``: ``GET /v2/reconstructions/HASH`` with a
range of the file answers with the terms that it is put together from, ranges of chunks in blocks (*xorbs*), and with
the addresses and byte ranges of those. A chunk is a header of 8 bytes and, here, its plain bytes. The hashes are Merkle
trees in truth; the client does not look at them when it downloads, so here they are names.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from dataclasses import dataclass, field
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

CHUNK = 1 << 16
"""Bytes of a chunk: what the real ones have on average."""
CHUNKS = 64
"""In a block; real ones have about a thousand."""
HEADER = 8


class Asked(NamedTuple):
    """A request as the storage saw it."""

    method: str
    path: str
    range: str | None
    authorization: str | None


@dataclass
class XetStorage:
    """See the module. What is not set is as on one that works."""

    data: bytes
    token: str = "xet_for_an_hour"
    """What must be sent to be let in; blocks are fetched with addresses that are signed."""
    refuses: bool = False
    status: int | None = None
    """Instead of every answer."""
    cut_after: int | None = None
    """Bytes of blocks after which every answer ends early."""
    silent_after: int | None = None
    """Bytes of blocks after which nothing comes any more, with the connections open."""
    damages: bool = False
    """Sends other bytes than it should, as many."""
    pause_s: float = 0.0
    """Before every chunk."""
    size: int | None = None
    """What it says that there is, if that is not all."""
    asked: list[Asked] = field(default_factory=list)
    sent: int = 0
    on_bytes: Callable[[int], None] | None = None
    """Called with the bytes sent so far."""

    def __post_init__(self) -> None:
        storage = self
        self._closing = threading.Event()
        self._counting = threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                try:
                    storage._answer(self)
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True

            def do_POST(self) -> None:
                storage._answer(self)

            def log_message(self, *_: object) -> None:
                """Keep quiet."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, *_: object) -> None:
                """A client that is killed is no news."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @cached_property
    def hash(self) -> str:
        return hashlib.sha256(b"xet" + self.data[:CHUNK]).hexdigest()

    def close(self) -> None:
        self._closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        wanted, token = request.headers.get("Range"), request.headers.get("Authorization")
        self.asked.append(Asked(request.command, request.path, wanted, token))
        if self.status is not None:
            return _send(request, self.status, b"")
        kind, _, name = request.path.removeprefix("/").partition("?")[0].rpartition("/")
        if kind == "blocks" and request.path.endswith("?signature=secret") and wanted:
            return self._block(request, int(name, 16), *_ends(wanted))
        if kind != "v2/reconstructions" or name != self.hash:
            return _send(request, 404, b"")
        if self.refuses or token != f"Bearer {self.token}":
            return _send(request, 401, b"")
        size = len(self.data) if self.size is None else self.size
        first, last = _ends(wanted) if wanted else (0, size - 1)
        if first >= size:
            return _send(request, 416, b"")
        return _send(request, 200, json.dumps(self._terms(first, min(last + 1, size))).encode())

    def _terms(self, begin: int, end: int) -> dict[str, object]:
        """What the bytes from ``begin`` to before ``end`` are put together from."""
        chunks = range(begin // CHUNK, -(-end // CHUNK))
        terms, blocks = [], {}
        for block in range(chunks.start // CHUNKS, (chunks.stop - 1) // CHUNKS + 1):
            start = max(chunks.start, block * CHUNKS)
            stop = min(chunks.stop, (block + 1) * CHUNKS)
            length = min(stop * CHUNK, len(self.data)) - start * CHUNK
            within = {"start": start - block * CHUNKS, "end": stop - block * CHUNKS}
            place = within["start"] * (CHUNK + HEADER)
            bytes_ = {"start": place, "end": place + length + HEADER * (stop - start) - 1}
            name = f"{block:064x}"
            terms.append({"hash": name, "unpacked_length": length, "range": within})
            address = f"{self.url}/blocks/{name}?signature=secret"
            blocks[name] = [{"url": address, "ranges": [{"chunks": within, "bytes": bytes_}]}]
        return {"offset_into_first_range": begin - chunks.start * CHUNK, "terms": terms, "xorbs": blocks}

    def _block(self, request: BaseHTTPRequestHandler, block: int, first: int, last: int) -> None:
        request.send_response(206)
        request.send_header("Content-Length", str(last + 1 - first))
        request.send_header("Content-Range", f"bytes {first}-{last}/*")
        request.end_headers()
        left = last + 1 - first
        number = block * CHUNKS + first // (CHUNK + HEADER)
        cut = None if self.cut_after is None else left - self.cut_after
        while left:
            plain = self.data[number * CHUNK : (number + 1) * CHUNK]
            if self.damages:
                plain = bytes(len(plain))
            size = len(plain).to_bytes(3, "little")
            chunk = b"\0" + size + b"\0" + size + plain  # version, size as sent, kind of compression, size
            if self.pause_s:
                time.sleep(self.pause_s)
            with self._counting:
                self.sent += len(plain)
                sent = self.sent
            if self.on_bytes is not None:
                self.on_bytes(sent)
            if self.silent_after is not None and sent > self.silent_after:
                self._closing.wait(30)
                request.close_connection = True
                return
            if cut is not None and left <= cut:
                request.close_connection = True
                return
            request.wfile.write(chunk)
            left -= len(chunk)
            number += 1


def _ends(header: str) -> tuple[int, int]:
    first, last = header.removeprefix("bytes=").split("-")
    return int(first), int(last)


def _send(request: BaseHTTPRequestHandler, status: int, body: bytes) -> None:
    request.send_response(status)
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    request.wfile.write(body)
