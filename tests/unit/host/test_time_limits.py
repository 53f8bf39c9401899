from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hal_image.host.time_limits import default_timeout, limit_s
from tests.unit.host.job_examples import MODEL, record

if TYPE_CHECKING:
    from pathlib import Path


def test_a_large_model_may_be_read_from_a_slow_drive() -> None:
    # FLUX in fp16 at 60 MB/s is 400 s before the first step
    assert limit_s(20, 24_000_000_000, on_cpu=False) > 24e9 / 60e6 + 20 * 2 + 100


@pytest.mark.parametrize(("device", "limit"), [("cuda:0 NVIDIA", 220.0), (None, 220.0), ("cpu", 1040.0)])
def test_the_limit_of_a_picture(tmp_path: Path, device: str | None, limit: float) -> None:
    files = [{**MODEL["files"][0], "bytes": 1_900_000_000}, {**MODEL["files"][0], "bytes": None}]
    picture = record(tmp_path, steps=1).picture._replace(model={**MODEL, "files": files})
    assert default_timeout(picture, device) == pytest.approx(limit + (18 if device == "cpu" else 0))
