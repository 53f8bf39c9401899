from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hal_image.host.time_limits import LEAST_STEPS, default_timeout, limit_s
from hal_image.request import Hires, WorkflowUse
from hal_image.workflow import Graph
from tests.contract.upscale_cases import LANCZOS, by
from tests.unit.host.job_examples import MODEL, record

if TYPE_CHECKING:
    from pathlib import Path

    from hal_image.workflow.graph import Node


def test_a_large_model_may_be_read_from_a_slow_drive() -> None:
    # FLUX in fp16 at 60 MB/s is 400 s before the first step
    assert limit_s(20, 24_000_000_000, on_cpu=False) > 24e9 / 60e6 + 20 * 2 + 100


@pytest.mark.parametrize(("device", "limit"), [("cuda:0 NVIDIA", 220.0), (None, 220.0), ("cpu", 1040.0)])
def test_the_limit_of_a_picture(tmp_path: Path, device: str | None, limit: float) -> None:
    files = [{**MODEL["files"][0], "bytes": 1_900_000_000}, {**MODEL["files"][0], "bytes": None}]
    picture = record(tmp_path, steps=1).picture._replace(model={**MODEL, "files": files})
    assert default_timeout(picture, device) == pytest.approx(limit + (18 if device == "cpu" else 0))


def test_a_second_sampling_and_enlarging_take_their_time(tmp_path: Path) -> None:
    plain = record(tmp_path, steps=20).picture
    limit = default_timeout(plain, None)
    larger = plain._replace(request=plain.request._replace(hires=Hires(2.0)))
    assert default_timeout(larger, None) == pytest.approx(limit + 20 * 4 * 2.0)
    enlarged = plain._replace(request=plain.request._replace(width=1000, height=1000, upscale=by(4, 4)))
    assert default_timeout(enlarged, "cuda:0") == pytest.approx(limit + 60 + 30)
    twice = plain._replace(request=plain.request._replace(width=1000, height=1000, upscale=by(4, 2)))
    assert default_timeout(twice, "cuda:0") == pytest.approx(limit + 60 + 30 * 5)
    assert default_timeout(enlarged, "cpu") - default_timeout(plain, "cpu") == pytest.approx(60 + 1800)
    resampled = plain._replace(request=plain.request._replace(upscale=LANCZOS))
    assert default_timeout(resampled, None) == pytest.approx(limit + 60)


@pytest.mark.parametrize(("steps", "at_once", "counted"), [(30, 4, 240), (20, 1, LEAST_STEPS), (None, 1, LEAST_STEPS)])
def test_a_workflow_has_time_for_all_its_steps(tmp_path: Path, steps: int | None, at_once: int, counted: int) -> None:
    sampler: Node = {"class_type": "S", "inputs": {"steps": steps}, "_meta": {"title": "S"}}
    latent: Node = {"class_type": "E", "inputs": {"batch_size": at_once}, "_meta": {"title": "E"}}
    use = WorkflowUse("f.json", "/f.json", "0" * 64)
    picture = record(tmp_path, workflow=use).picture._replace(
        graph=Graph({"1": sampler, "2": sampler, "3": latent}, "3"), model={**MODEL, "files": []}
    )
    assert default_timeout(picture, "cuda:0") == limit_s(counted, 0, on_cpu=False)
