"""A line to an engine: requests out, events in (``hal_image.wire``), over its socket or over a process's pipes."""

from __future__ import annotations

import select
import socket
import time
from typing import TYPE_CHECKING, Any, Protocol

from hal_image import wire
from hal_image.errors import InternalError

if TYPE_CHECKING:
    from pathlib import Path

HELLO_LIMIT_S = 10.0
"""Seconds for the greeting of an engine that accepts connections; a stopped process accepts and never greets."""
SEND_LIMIT_S = 30.0
"""Seconds in which an engine must read what it is sent. It reads at once, unless it was stopped; then a long prompt
does not fit into what lies between us."""
PATH_FIELDS = ("log", "output_dir", "error", "boot_error")
"""Fields in which an engine names files of its own."""


class LinkClosed(Exception):
    """The engine hung up or cannot be reached."""


class NoGreeting(LinkClosed):
    """Somebody accepted the connection and said nothing for ``HELLO_LIMIT_S``."""


class Carrier(Protocol):
    """What carries the bytes both ways."""

    def fileno(self) -> int:
        """What becomes readable when there is something to ``receive``."""
        ...

    def send(self, data: bytes) -> None:
        """Sends all of ``data``, or raises ``OSError``: ``TimeoutError`` when nobody reads it."""
        ...

    def receive(self) -> bytes:
        """What has come; nothing at the end. May raise ``OSError``."""
        ...

    def epitaph(self) -> str:
        """Why it ended, in words; asked for after the end."""
        ...

    def close(self) -> None:
        """Hangs up; a second call does nothing."""
        ...


class SocketCarrier:
    """A connection to a unix socket.

    Raises:
        LinkClosed: nobody listens there.
    """

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.settimeout(HELLO_LIMIT_S)
            self._socket.connect(str(path))
            self._socket.settimeout(SEND_LIMIT_S)
        except OSError as error:
            self._socket.close()
            raise LinkClosed(str(error)) from error

    def fileno(self) -> int:
        """As in ``Carrier``."""
        return self._socket.fileno()

    def send(self, data: bytes) -> None:
        """As in ``Carrier``."""
        self._socket.sendall(data)

    def receive(self) -> bytes:
        """As in ``Carrier``."""
        return self._socket.recv(65536)

    def epitaph(self) -> str:
        """As in ``Carrier``."""
        return "the engine closed the connection"

    def close(self) -> None:
        """As in ``Carrier``."""
        self._socket.close()


class Link:
    """One connection. Closing it cancels what was submitted over it, has not ended, and was not to be kept.

    Args:
        carrier: what carries it; closed when the engine does not greet.
        paths: a folder as the engine names it and as it is called here, where the two differ.

    Raises:
        NoGreeting: the engine does not greet.
        LinkClosed: it hung up.
    """

    def __init__(self, carrier: Carrier, paths: tuple[str, str] | None = None) -> None:
        self._carrier = carrier
        self._paths = paths
        self._buffer = b""
        try:
            hello = self.next(HELLO_LIMIT_S)
        except BaseException:
            self.close()
            raise
        if hello is None or hello.get("event") != "hello":
            self.close()
            raise NoGreeting("no greeting")
        self.hello = hello

    def send(self, **request: object) -> None:
        """Sends one request.

        Raises:
            LinkClosed: the engine is gone.
        """
        self.send_raw(wire.encode(request))

    def send_raw(self, data: bytes) -> None:
        """Sends what is taken for a request.

        Raises:
            LinkClosed: the engine is gone.
        """
        try:
            self._carrier.send(data)
        except TimeoutError as error:
            raise LinkClosed("it does not read what it is sent any more") from error
        except OSError as error:
            raise LinkClosed(self._carrier.epitaph()) from error

    def next(self, timeout_s: float, wake: int | None = None) -> wire.Line | None:
        """The next event, or ``None`` when none came within ``timeout_s``, or before the descriptor ``wake`` could be
        read.

        Raises:
            LinkClosed: the engine hung up.
            InternalError: it said something that is no event.
        """
        end = time.monotonic() + timeout_s
        while b"\n" not in self._buffer:
            awaited: list[Carrier | int] = [self._carrier] if wake is None else [self._carrier, wake]
            ready, _, _ = select.select(awaited, [], [], max(0.0, end - time.monotonic()))
            if self._carrier not in ready:
                return None
            try:
                received = self._carrier.receive()
            except OSError:
                received = b""
            if not received:
                raise LinkClosed(self._carrier.epitaph())
            self._buffer += received
            if len(self._buffer) > wire.MAX_LINE_BYTES and b"\n" not in self._buffer:
                raise InternalError("the engine's line does not end", code="wire_invalid", hint=wire.WIRE_HINT)
        raw, _, self._buffer = self._buffer.partition(b"\n")
        event = wire.check_event(wire.decode(raw))
        return event if self._paths is None else as_called_here(event, *self._paths)

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
        self._carrier.close()


def to_socket(path: Path) -> Link:
    """A link to the engine that listens at ``path``.

    Raises:
        LinkClosed: nobody answers there.
    """
    return Link(SocketCarrier(path))


def as_called_here(event: wire.Line, there: str, here: str) -> wire.Line:
    """An event with the engine's files as they are called here; its folder is ``there`` to it and ``here`` to us."""
    return {**event, **{name: _moved(event[name], there, here) for name in PATH_FIELDS if name in event}}


def _moved(value: Any, there: str, here: str) -> Any:
    """``value`` with every path below ``there`` as one below ``here``."""
    if isinstance(value, str):
        return value.replace(f"{there}/", f"{here}/")
    if isinstance(value, dict):
        return {key: _moved(item, there, here) for key, item in value.items()}
    return value
