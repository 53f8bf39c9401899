"""A clock that is set back or forward between calls: what has to last is measured with another."""

from __future__ import annotations

import os
import shutil
import time
import uuid
from typing import TYPE_CHECKING

import pytest

from hal_image.engine.kept_jobs import KeptJobs
from hal_image.job_files import LIFETIME_S
from tests.faults.calls import names, picture
from tests.world import Hal, identity

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.local_only("a container's clock is the machine's")
def test_calls_from_the_past_and_from_the_future(hal: Hal) -> None:
    faketime = shutil.which("faketime")
    if faketime is None:
        pytest.skip("there is no faketime here")
    first = picture(hal, "now.png")["engine"]
    for days in ("-3650d", "+3650d"):
        other = Hal(hal.environment, hal.cwd, hal.script, prefix=(faketime, "-f", days))
        made = picture(other, f"clock{days}.png")
        assert (identity(made["engine"]), made["timings"]["boot_s"]) == (identity(first), 0)
        assert 0 <= made["timings"]["total_s"] < 60
    picture(hal)


def test_pictures_from_the_future_are_not_old(tmp_path: Path) -> None:
    written = {age: tmp_path / str(uuid.uuid4()) for age in (-86400.0, 0.0, LIFETIME_S + 60)}
    for age, folder in written.items():
        folder.mkdir()
        os.utime(folder, (time.time() - age,) * 2)
    KeptJobs(tmp_path / "engine", tmp_path).sweep()
    assert names(tmp_path) == sorted(folder.name for age, folder in written.items() if age <= 0)
