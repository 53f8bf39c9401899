"""A job as the host remembers it, for tests."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from hal_image import job_files
from hal_image.host.job_records import JobRecord, JobRecords
from hal_image.host.picture import Origin, Picture
from hal_image.request import ImageRequest
from hal_image.workflow import Graph
from tests.contract import small_files

if TYPE_CHECKING:
    from pathlib import Path

REQUEST = ImageRequest(
    prompt="a red cube",
    negative_prompt="",
    model="sd15",
    width=64,
    height=64,
    steps=1,
    cfg=7.0,
    guidance=None,
    sampler="euler",
    scheduler="normal",
    seed=7,
)
FACTS = {"comfyui_version": "0.3.75", "comfyui_commit": None, "comfyui_source": "external"}
STATUS = {"device": "cpu", "torch": "2.4.1", "pid": 1}
"""Of an engine: as much of it as a picture needs."""
MODEL: dict[str, Any] = {
    "name": "sd15",
    "family": "sd15",
    "files": [{"role": "checkpoint", "name": "a.safetensors", "bytes": 1, "sha256": None, "verified": False}],
}


def job_id(number: int) -> str:
    return f"{number:08x}-0000-4000-8000-000000000000"


def record(folder: Path, number: int = 1, *, file: Path | None = None, **request: Any) -> JobRecord:
    """A job of an engine in ``folder``, which need not be there."""
    graph = Graph({"1": {"class_type": "A", "inputs": {"text": "a red cube"}, "_meta": {"title": "x"}}}, "1")
    picture = Picture(1, REQUEST._replace(**request), graph, MODEL, file or folder / "x.png", False, 300.0)
    origin = Origin("local", folder / "engine" / "output", FACTS, reused=True, place={}, log="/engine.log")
    return JobRecord(job_id(number), time.time(), os.getpid(), picture, origin, str(folder / "models"))


def write(records: JobRecords, job: JobRecord) -> JobRecord:
    """Writes it down as one that has been submitted."""
    (records.folder / "ended").mkdir(parents=True, exist_ok=True)
    job_files.write(records.folder, job.id, job.to_json())
    return job


def picture() -> bytes:
    """A PNG as ``REQUEST`` asks for it."""
    return small_files.picture(REQUEST.width, REQUEST.height)


def done(job: JobRecord) -> dict[str, Any]:
    timings = {"boot_s": 0.0, "queue_s": 0.0, "load_s": 0.0, "execution_s": 1.0}
    images = [f"{job.id}/image_00001_.png"]
    return {"event": "done", "images": images, "timings": timings, "engine": STATUS}
