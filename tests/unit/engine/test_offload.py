"""A GPU without enough memory. ComfyUI is a stand-in: tests need no GPU, so there is none to be filled."""

from __future__ import annotations

import sys
import uuid
from typing import TYPE_CHECKING, Any

from hal_image import wire
from hal_image.engine import worker as worker_module
from hal_image.engine.failures import node_failure
from hal_image.engine.job import Job
from hal_image.engine.worker import Worker
from hal_image.error_catalogue import WARNINGS

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from hal_image.errors import JsonObject

FULL = {
    "exception_type": "torch.OutOfMemoryError",
    "exception_message": "Allocation on device would exceed allowed memory.",
    "node_type": "KSampler",
    "node_id": "8",
}


class Comfy:
    """A ComfyUI whose GPU is full, unless it offloads, or ``always``."""

    def __init__(self, folder: Path, device: str, *, always: bool) -> None:
        self.folder, self.output_dir, self.log = folder, folder / "output", folder / "comfyui.log"
        self.stats = {"devices": [{"name": device}]}
        self.offloads, self.alive, self.pid, self.boots = False, True, 1, 1
        self.booted: list[bool] = []
        self.always = always

    def boot(self, tick: object, *, offload: bool) -> None:
        self.offloads, self.alive = offload, True
        self.booted.append(offload)

    def end(self, grace_s: float = 0) -> None:
        self.alive = False

    def refresh_stats(self) -> None:
        pass


def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, device: str, *, always: bool = False) -> tuple[Any, Any, Any]:
    settings = wire.EngineSettings("0", str(tmp_path), sys.executable, str(tmp_path), cpu=True)
    worker = Worker(settings, tmp_path, keep_alive_s=300.0)
    comfy = Comfy(tmp_path, device, always=always)
    worker.comfy = comfy  # type: ignore[assignment]

    def run(job: Job, comfy: Comfy, others_wait: object, *, graph: JsonObject | None) -> JsonObject:
        if comfy.always or not comfy.offloads:
            raise node_failure(FULL)
        return {"images": ["x.png"], "warnings": [], "timings": {"load_s": 0.0, "execution_s": 0.0}}

    monkeypatch.setattr(worker_module, "run", run)
    heard: list[JsonObject] = []
    job = Job(str(uuid.uuid4()), {}, 300.0)
    job.hear(heard.append)
    worker._work_on(job)
    return worker, comfy, heard[-1]


def test_a_full_gpu_is_tried_again_with_the_model_in_main_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker, comfy, last = work(tmp_path, monkeypatch, "cuda:0 NVIDIA GeForce RTX 3090")
    assert (last["event"], comfy.booted) == ("done", [True])
    (warning,) = last["warnings"]
    assert warning["code"] == "model_offloaded"
    assert "out of memory in KSampler" in warning["message"]
    assert set(warning["details"]) == set(WARNINGS["model_offloaded"].details)
    worker._idle.keep_alive_s = 0.0
    monkeypatch.setattr(worker, "free", lambda: setattr(worker, "_models_loaded", False))
    worker._rest()
    assert not comfy.alive, "the next picture is tried at full speed"


def test_a_gpu_that_is_too_small_for_that_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, comfy, last = work(tmp_path, monkeypatch, "cuda:0 NVIDIA GeForce RTX 3090", always=True)
    assert (last["event"], last["error"]["code"], comfy.booted) == ("failed", "out_of_memory", [True])


def test_a_processor_has_nothing_to_offload_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, comfy, last = work(tmp_path, monkeypatch, "cpu")
    assert (last["event"], last["error"]["code"], comfy.booted) == ("failed", "out_of_memory", [])
