from __future__ import annotations

import os
import stat
import time
from typing import TYPE_CHECKING, Any

import pytest

from hal_image import job_files
from hal_image.engine.kept_jobs import KeptJobs
from hal_image.errors import HalError

if TYPE_CHECKING:
    from pathlib import Path

JOB = "1226e942-af53-4b51-a838-023fcc1f6482"
DONE: dict[str, Any] = {
    "event": "done",
    "images": [f"{JOB}/a.png"],
    "timings": {"boot_s": 0.0, "queue_s": 0.0, "load_s": 0.0, "execution_s": 1.0},
    "engine": {},
    "warnings": [{"code": "x", "message": "y"}],
}


@pytest.fixture
def kept(tmp_path: Path) -> KeptJobs:
    (tmp_path / "output").mkdir()
    return KeptJobs(tmp_path, tmp_path / "output")


def test_the_last_event_is_kept_whole(kept: KeptJobs, tmp_path: Path) -> None:
    kept.write(JOB, DONE)
    assert kept.end_of(JOB) == DONE
    record = job_files.read(tmp_path / "jobs", JOB)
    assert record is not None
    assert record["verdict"] == "done"
    assert stat.S_IMODE((tmp_path / "jobs").stat().st_mode) == 0o700


def test_a_failure_is_kept_with_its_verdict(kept: KeptJobs, tmp_path: Path) -> None:
    kept.write(JOB, {"event": "failed", "error": HalError("x", code="comfyui_crashed").to_json()})
    assert (job_files.read(tmp_path / "jobs", JOB) or {})["verdict"] == "crashed"
    assert kept.end_of(JOB)["error"]["code"] == "comfyui_crashed"


@pytest.mark.parametrize("content", [None, b"{", b'{"last": {"event": "done"}}', b'{"last": 3}'])
def test_what_is_not_known_or_damaged_is_said_to_be_unknown(
    kept: KeptJobs, tmp_path: Path, content: bytes | None
) -> None:
    if content is not None:
        kept.write(JOB, DONE)
        job_files.path_of(tmp_path / "jobs", JOB).write_bytes(content)
    error = kept.end_of(JOB)["error"]
    assert (error["code"], error["details"]) == ("job_lost", {"known": False})


def test_pictures_and_records_go_after_a_day(kept: KeptJobs, tmp_path: Path) -> None:
    young, foreign = JOB.replace("1226", "ffff"), "mine"
    for name in (JOB, young, foreign):
        folder = tmp_path / "output" / name
        folder.mkdir()
        (folder / "a.png").touch()
    kept.write(JOB, DONE)
    kept.write(young, DONE)
    before = time.time() - job_files.LIFETIME_S - 60
    for path in (tmp_path / "output" / JOB, tmp_path / "output" / foreign, tmp_path / "jobs" / f"{JOB}.json"):
        os.utime(path, (before, before))
    kept.sweep()
    assert {path.name for path in (tmp_path / "output").iterdir()} == {young, foreign}
    assert job_files.jobs_in(tmp_path / "jobs") == [young]
