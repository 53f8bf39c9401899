"""Carries the wire between standard input and output and the engine's socket: the engine for whoever has only a pipe.

What runs in a container is reached that way, on every call: ``docker exec -i NAME /opt/hal/submit``. So nothing is
imported here that takes time. The lines are passed on as they are; the end of either side ends both, so to the engine a
caller that goes away is one that hangs up.
"""

from __future__ import annotations

import os
import select
import sys
import time
from _socket import AF_UNIX, SHUT_WR, SOCK_STREAM  # socket itself imports for longer than all of this runs
from _socket import socket as Socket  # noqa: N812

from hal_image import container

CHUNK_BYTES = 65536
POLL_S = 0.02
NOT_RUNNING = 3
"""Exit code without an engine, that of ``EnvironmentError_``."""


class NoEngine(Exception):
    """Nobody listens at the socket; the argument says why, in words."""


def run(path: str, source: int = 0, sink: int = 1, wait_s: float = 0.0) -> None:
    """Bridges until the engine hangs up, or the source ends and the engine has said its last word.

    Args:
        path: the engine's unix socket.
        source: file descriptor to read requests from.
        sink: file descriptor to write events to.
        wait_s: seconds for which an engine that does not listen yet is waited for.

    Raises:
        NoEngine: nobody listened in time.
        BrokenPipeError: the sink was closed.
    """
    line = _connect(path, wait_s)
    try:
        _bridge(line, source, sink)
    finally:
        line.close()


def _bridge(line: Socket, source: int, sink: int) -> None:
    sources = [line.fileno(), source]
    while True:
        ready, _, _ = select.select(sources, [], [])
        if line.fileno() in ready:
            received = line.recv(CHUNK_BYTES)
            if not received:
                return
            _write_all(sink, received)
        elif source in ready:
            try:
                if data := os.read(source, CHUNK_BYTES):
                    line.sendall(data)
                    continue
                line.shutdown(SHUT_WR)
            except OSError:
                pass  # the engine hung up: the other direction notices
            sources.remove(source)


def _connect(path: str, wait_s: float) -> Socket:
    end = time.monotonic() + wait_s
    while True:
        line = Socket(AF_UNIX, SOCK_STREAM)
        try:
            line.connect(path)
        except OSError as error:
            line.close()
            if time.monotonic() >= end:
                raise NoEngine(f"no engine listens at {path}: {error.strerror}") from error
            time.sleep(POLL_S)
        else:
            return line


def _write_all(sink: int, data: bytes) -> None:
    while data:
        data = data[os.write(sink, data) :]


def main(path: str = container.SOCKET, wait_s: float = 0.0) -> int:
    """Bridges standard input and output.

    Returns:
        0 when the engine has hung up, 1 when the caller went away, 3 when there is no engine.
    """
    try:
        run(path, wait_s=wait_s)
    except NoEngine as error:
        sys.stderr.write(f"engine_not_running: {error}\nhint: start one with: entrypoint.py serve\n")
        return NOT_RUNNING
    except (OSError, KeyboardInterrupt):  # the caller went away, and our connection with it
        return 1
    return 0
