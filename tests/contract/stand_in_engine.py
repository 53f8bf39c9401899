"""An engine with nothing behind it: the real server, queue and wire, and a function in the place of ComfyUI.

For what a real ComfyUI cannot be made to do. That the two speak alike is held by ``tests/engine``, which runs the same
host with the same engine and a real one.
"""

from __future__ import annotations

import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from hal_image import wire
from hal_image.engine import worker as worker_module
from hal_image.engine.comfyui_process import ComfyProcess
from hal_image.engine.server import EngineServer
from hal_image.engine.worker import Worker
from hal_image.host.engines import Connection, local
from hal_image.host.engines.link import to_socket
from tests.contract.small_files import picture

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import pytest

    from hal_image.engine.job import Job

    Runs = Callable[[Job, Path], list[str]]
    """Does a job, given the output folder; returns the pictures' names in it."""

FACTS = {"comfyui_version": "0.3.75", "comfyui_commit": None, "comfyui_source": "external"}
TIMINGS = {"load_s": 0.0, "execution_s": 0.1}


class NoComfy(ComfyProcess):
    """Is ready at once."""

    _up = False

    @property
    def alive(self) -> bool:
        return self._up

    @property
    def pid(self) -> None:
        return None

    def boot(self, tick: Callable[[float], bool], *, offload: bool = False) -> None:
        tick(0.0)
        self.boots += 1
        self._up = True
        self.stats = {"devices": [{"name": "cpu"}], "system": {"pytorch_version": "2.4.1"}}
        self.output_dir.mkdir(parents=True, exist_ok=True)

    def refresh_stats(self) -> None:
        return

    def end(self, grace_s: float = 0.0) -> None:
        self._up = False


def drawing(width: int, height: int) -> Runs:
    """A job that ends with a picture of that size."""

    def run(job: Job, output: Path) -> list[str]:
        name = f"a{job.place.get('picture', '')}.png"
        (output / job.id).mkdir(exist_ok=True)
        (output / job.id / name).write_bytes(picture(width, height))
        return [f"{job.id}/{name}"]

    return run


@contextmanager
def engine(runs: Runs, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The engine that the local one's place is taken by, for as long as the block lasts."""

    def run(job: Job, comfy: ComfyProcess, others_wait: Callable[[], bool], *, graph: object) -> dict[str, Any]:
        del others_wait, graph
        return {"images": runs(job, comfy.output_dir), "warnings": [], "timings": dict(TIMINGS)}

    settings = wire.EngineSettings("0", str(folder), sys.executable, str(folder), cpu=True)
    worker = Worker(settings, folder, keep_alive_s=300.0)
    worker.comfy = NoComfy(settings, folder)
    info = {
        "settings": settings._asdict(),
        "output_dir": str(worker.comfy.output_dir),
        "log": str(folder / "comfyui.log"),
        "comfyui": FACTS,
        "tool_version": "0",
    }
    socket = folder / "engine.sock"

    def connect(*_: object) -> Connection:
        link = to_socket(socket)
        return Connection("local", link, worker.comfy.output_dir, FACTS, 0.0, reused=True)

    monkeypatch.setattr(worker_module, "run", run)
    monkeypatch.setattr(local.LocalEngine, "connect", connect)
    with EngineServer(socket, worker, info) as server:
        threads = [
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}),
            threading.Thread(target=worker.work),
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            worker.abort()
            server.shutdown()
            for thread in threads:
                thread.join()
