"""Carries the wire between standard input and output and the engine's socket: the engine for whoever has only a pipe.

What runs in a container is reached that way. The lines are passed on as they are; the end of either side ends both,
so a caller that goes away cancels its jobs here too.
"""

from __future__ import annotations

import os
import socket
import threading
from typing import TYPE_CHECKING

from hal_image.errors import EnvironmentError_

if TYPE_CHECKING:
    from pathlib import Path

CHUNK_BYTES = 65536


def run(path: Path, source: int = 0, sink: int = 1) -> None:
    """Bridges until the engine hangs up, or the source ends and the engine has said its last word.

    Args:
        path: the engine's unix socket.
        source: file descriptor to read requests from.
        sink: file descriptor to write events to.

    Raises:
        EnvironmentError_: ``engine_not_running``.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        try:
            line.connect(str(path))
        except OSError as error:
            raise EnvironmentError_(
                f"no engine listens at {path}: {error.strerror}",
                code="engine_not_running",
                hint="start one with: entrypoint.py serve",
                retryable=True,
            ) from error
        threading.Thread(target=_send, args=(line, source), daemon=True).start()
        while received := line.recv(CHUNK_BYTES):
            _write_all(sink, received)


def _send(line: socket.socket, source: int) -> None:
    try:
        while data := os.read(source, CHUNK_BYTES):
            line.sendall(data)
        line.shutdown(socket.SHUT_WR)
    except OSError:
        return  # the engine hung up: the other direction notices


def _write_all(sink: int, data: bytes) -> None:
    while data:
        data = data[os.write(sink, data) :]
