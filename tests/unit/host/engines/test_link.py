"""A line to an engine over a socket, with a listener of the test's own in the engine's place."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING

import pytest

from hal_image import wire
from hal_image.host.engines import link as links
from hal_image.host.engines.link import LinkClosed, to_socket

if TYPE_CHECKING:
    from pathlib import Path


def test_an_engine_that_does_not_read_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # As one does that was stopped: a long prompt does not fit into the socket, and the call must not stand still in it.
    monkeypatch.setattr(links, "SEND_LIMIT_S", 0.5)
    path = tmp_path / "s"
    over = threading.Event()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def greet() -> None:
            with listener.accept()[0] as line:
                line.sendall(wire.encode({"event": "hello", "log": "x", "output_dir": "x", "settings": {}}))
                over.wait(60)

        engine = threading.Thread(target=greet)
        engine.start()
        link = to_socket(path)
        with pytest.raises(LinkClosed, match="does not read"):
            link.send(op="submit", graph="x" * 4_000_000)
        link.close()
        over.set()
        engine.join()
