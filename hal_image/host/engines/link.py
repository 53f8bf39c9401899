"""A line to an engine: requests out, events in (``hal_image.wire``)."""

from __future__ import annotations

import select
import socket
import time
from typing import TYPE_CHECKING

from hal_image import wire

if TYPE_CHECKING:
    from pathlib import Path

HELLO_LIMIT_S = 10.0
"""Seconds for the greeting of an engine that accepts connections; a stopped process accepts and never greets."""


class LinkClosed(Exception):
    """The engine hung up or cannot be reached."""


class Link:
    """One connection. Closing it cancels what was submitted over it and has not ended.

    Args:
        path: the engine's unix socket.

    Raises:
        LinkClosed: nobody answers there.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._buffer = b""
        try:
            self._socket.settimeout(HELLO_LIMIT_S)
            self._socket.connect(str(path))
            self._socket.settimeout(None)
        except OSError as error:
            self._socket.close()
            raise LinkClosed(str(error)) from error
        try:
            hello = self.next(HELLO_LIMIT_S)
        except BaseException:
            self.close()
            raise
        if hello is None or hello.get("event") != "hello":
            self.close()
            raise LinkClosed("no greeting")
        self.hello = hello

    def send(self, **request: object) -> None:
        """Sends one request.

        Raises:
            LinkClosed: the engine is gone.
        """
        try:
            self._socket.sendall(wire.encode(request))
        except OSError as error:
            raise LinkClosed(str(error)) from error

    def next(self, timeout_s: float) -> wire.Line | None:
        """The next event, or ``None`` when none came within ``timeout_s``.

        Raises:
            LinkClosed: the engine hung up.
            InternalError: it said something that is no event.
        """
        end = time.monotonic() + timeout_s
        while b"\n" not in self._buffer:
            ready, _, _ = select.select([self._socket], [], [], max(0.0, end - time.monotonic()))
            if not ready:
                return None
            try:
                received = self._socket.recv(65536)
            except OSError as error:
                raise LinkClosed(str(error)) from error
            if not received:
                raise LinkClosed("the engine closed the connection")
            self._buffer += received
        raw, _, self._buffer = self._buffer.partition(b"\n")
        return wire.decode(raw)

    def ask(self, timeout_s: float, **request: object) -> wire.Line | None:
        """Sends a request that is answered with ``status`` and waits for that answer, skipping other events."""
        self.send(**request)
        end = time.monotonic() + timeout_s
        while (event := self.next(max(0.0, end - time.monotonic()))) is not None:
            if event["event"] == "status":
                return event
        return None

    def close(self) -> None:
        """Hangs up; a second call does nothing."""
        self._socket.close()
