"""The websocket to ComfyUI cut, and silent: a relay of the test's own is between the engine and the real ComfyUI."""

from __future__ import annotations

import socket
import threading
import time
import uuid
from contextlib import suppress
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from hal_image import about
from hal_image.engine import comfyui_process
from hal_image.engine.comfyui_process import ComfyProcess
from hal_image.engine.job import Job, run
from hal_image.engine.watch import Cancelled
from hal_image.wire import EngineSettings
from tests.engine.test_wire import graph

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hal_image.install.engine_env import EnginePaths


class Relay:
    """Passes connections on to ``url``. What comes back over a websocket after the greeting it can hold back.

    Args:
        url: ComfyUI's address.
    """

    def __init__(self, url: str) -> None:
        self._there = urlsplit(url)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = []
        self._websockets: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()
        self.mute = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def cut(self) -> None:
        """Cuts every websocket."""
        for one in self._websockets:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        for one in (self._listener, *self._sockets):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for one in (self._listener, *self._sockets):
            one.close()

    def _accept(self) -> None:
        assert self._there.hostname is not None
        assert self._there.port is not None
        with suppress(OSError):  # the listener was closed
            while True:
                here, _ = self._listener.accept()
                there = socket.create_connection((self._there.hostname, self._there.port))
                self._sockets += here, there
                for ends in ((here, there, False), (there, here, True)):
                    thread = threading.Thread(target=self._pass_on, args=ends)
                    self._threads.append(thread)
                    thread.start()

    def _pass_on(self, source: socket.socket, sink: socket.socket, back: bool) -> None:
        greeted = False
        with suppress(OSError):
            while data := source.recv(65536):
                if not back and data.startswith(b"GET /ws"):
                    self._websockets.append(source)
                if not (back and self.mute and greeted and sink in self._websockets):
                    sink.sendall(data)
                greeted = True
        for one in (source, sink):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def relay(comfyui_url: str) -> Iterator[Relay]:
    relay = Relay(comfyui_url)
    yield relay
    relay.close()


def comfy(relay: Relay) -> Any:
    """A ComfyUI that lives, at the relay's address."""
    return SimpleNamespace(alive=True, pid=None, url=relay.url, output_dir=None, log=None)


def job(steps: int) -> tuple[Job, list[dict[str, Any]]]:
    events: list[dict[str, Any]] = []
    prompt = graph(int(time.monotonic() * 1000))  # a new one each time, or nothing would run
    prompt["8"]["inputs"]["steps"] = steps
    prompt["7"]["inputs"] |= {"width": 128, "height": 128}
    one = Job(str(uuid.uuid4()), prompt, 300.0)
    one.hear(events.append)
    return one, events


def wait_for_steps(events: list[dict[str, Any]]) -> None:
    end = time.monotonic() + 60
    while not any(event["event"] == "progress" for event in events):
        assert time.monotonic() < end, events
        time.sleep(0.01)


def test_a_websocket_that_is_cut_loses_nothing_but_progress(relay: Relay) -> None:
    one, events = job(steps=8)

    def cut() -> None:
        wait_for_steps(events)
        relay.cut()

    cutter = threading.Thread(target=cut)
    cutter.start()
    done = run(one, comfy(relay))
    cutter.join()
    assert isinstance(done, dict)
    assert [name.partition("/")[0] for name in done["images"]] == [one.id]


def test_a_websocket_that_says_nothing_loses_nothing_but_progress(relay: Relay) -> None:
    relay.mute = True
    one, events = job(steps=2)
    done = run(one, comfy(relay))
    assert isinstance(done, dict)
    assert [name.partition("/")[0] for name in done["images"]] == [one.id]
    assert not any(event["event"] == "progress" for event in events)


def test_a_job_is_taken_back_without_a_websocket(relay: Relay) -> None:
    one, events = job(steps=500)

    def cut_and_cancel() -> None:
        wait_for_steps(events)
        relay.cut()
        one.cancelled.set()

    thread = threading.Thread(target=cut_and_cancel)
    thread.start()
    began = time.monotonic()
    with pytest.raises(Cancelled):
        run(one, comfy(relay))
    thread.join()
    assert time.monotonic() - began < 30


def test_a_port_that_was_taken_meanwhile_is_not_the_end(
    installed: EnginePaths, models_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = EngineSettings(
        about.version(), str(models_dir), str(installed.python), str(installed.comfyui_dir), cpu=True
    )
    process = ComfyProcess(settings, tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ports = [taken.getsockname()[1], comfyui_process.free_port()]
        monkeypatch.setattr(comfyui_process, "free_port", lambda: ports.pop(0))
        try:
            process.boot(lambda _seconds: True)
            assert process.alive
            assert process.boots == 1
            assert ports == []
        finally:
            process.end()
