from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hal_image.engine import bridge

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def listening(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind(str(tmp_path / "s"))
        server.listen()
        yield server


def run_in_thread(path: Path, source: int, sink: int) -> threading.Thread:
    thread = threading.Thread(target=bridge.run, args=(str(path), source, sink))
    thread.start()
    return thread


def test_lines_go_both_ways_and_the_engines_last_word_is_heard(listening: socket.socket, tmp_path: Path) -> None:
    source, requests = os.pipe()
    events, sink = os.pipe()
    thread = run_in_thread(tmp_path / "s", source, sink)
    engine, _ = listening.accept()
    engine.sendall(b"hello\n")
    assert os.read(events, 100) == b"hello\n"
    big = b"x" * 300_000 + b"\n"

    def ask() -> None:
        os.write(requests, big)
        os.close(requests)

    writer = threading.Thread(target=ask)
    writer.start()
    received = b""
    while chunk := engine.recv(65536):
        received += chunk
    assert received == big  # and then the end: the caller's end of file came through
    engine.sendall(b"last word\n")
    assert os.read(events, 100) == b"last word\n"
    assert thread.is_alive()
    engine.close()
    thread.join(10)
    assert not thread.is_alive()
    writer.join()
    for descriptor in (source, events, sink):
        os.close(descriptor)


def test_the_engines_end_is_the_end(listening: socket.socket, tmp_path: Path) -> None:
    source, requests = os.pipe()
    events, sink = os.pipe()
    thread = run_in_thread(tmp_path / "s", source, sink)
    engine, _ = listening.accept()
    engine.close()
    thread.join(10)
    assert not thread.is_alive()
    for descriptor in (source, requests, events, sink):
        os.close(descriptor)


def test_an_engine_that_is_just_starting_is_waited_for(tmp_path: Path) -> None:
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)

    def start() -> None:
        time.sleep(0.3)
        server.bind(str(tmp_path / "s"))
        server.listen()
        server.accept()[0].close()

    starting = threading.Thread(target=start)
    starting.start()
    with open(os.devnull, "rb") as nothing:  # noqa: PTH123
        bridge.run(str(tmp_path / "s"), nothing.fileno(), wait_s=20)
    starting.join()
    server.close()


def test_nobody_listens(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(bridge.NoEngine, match="No such file"):
        bridge.run(str(tmp_path / "s"))
    assert bridge.main(str(tmp_path / "s")) == bridge.NOT_RUNNING
    assert capfd.readouterr().err.startswith("engine_not_running: no engine listens at ")


def test_it_imports_next_to_nothing() -> None:
    # Every call through docker exec pays for what is imported here.
    code = "import hal_image.engine.bridge, sys; print(*sys.modules)"
    command = [sys.executable, "-ISc", f"import sys; sys.path.insert(0, {str(ROOT)!r}); {code}"]
    modules = set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())
    assert "hal_image.container" in modules
    assert not modules & {"socket", "threading", "argparse", "json", "pathlib", "typing", "re", "enum", "subprocess"}
