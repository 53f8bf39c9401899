from __future__ import annotations

import os
import stat
import time
from typing import TYPE_CHECKING

import pytest

from hal_image import job_files

if TYPE_CHECKING:
    from pathlib import Path

JOB = "1226e942-af53-4b51-a838-023fcc1f6482"
DAY = job_files.LIFETIME_S


def test_what_is_written_is_read_and_nobody_elses(tmp_path: Path) -> None:
    job_files.write(tmp_path, JOB, {"prompt": "a\nb \udcff"})
    assert job_files.read(tmp_path, JOB) == {"prompt": "a\nb \udcff"}
    assert stat.S_IMODE(job_files.path_of(tmp_path, JOB).stat().st_mode) == 0o600
    assert job_files.jobs_in(tmp_path) == [JOB]
    job_files.remove(tmp_path, JOB)
    job_files.remove(tmp_path, JOB)
    assert job_files.read(tmp_path, JOB) is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("job", ["", "../x", "..", JOB.upper(), f"{JOB}\n", f"../{JOB}", f"{JOB}/x", JOB[:-1]])
def test_what_is_no_id_becomes_no_path(tmp_path: Path, job: str) -> None:
    with pytest.raises(ValueError, match="no job's id"):
        job_files.path_of(tmp_path, job)
    with pytest.raises(ValueError, match="no job's id"):
        job_files.write(tmp_path, job, {})
    assert job_files.read(tmp_path, job) is None


@pytest.mark.parametrize("content", [b"", b'{"a": ', b"[]", b"\xff\xfe", b"null"])
def test_a_damaged_file_is_none(tmp_path: Path, content: bytes) -> None:
    job_files.path_of(tmp_path, JOB).write_bytes(content)
    assert job_files.read(tmp_path, JOB) is None


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    job_files.write(tmp_path, JOB, {"a": 1})
    with pytest.raises(TypeError):
        job_files.write(tmp_path, JOB, {"a": object()})
    assert job_files.read(tmp_path, JOB) == {"a": 1}
    assert len(list(tmp_path.iterdir())) == 1


def aged(path: Path, seconds: float) -> None:
    moment = time.time() - seconds
    os.utime(path, (moment, moment))


def test_only_what_is_old_and_ours_is_swept(tmp_path: Path) -> None:
    other = JOB.replace("1226", "ffff")
    for job, age in ((JOB, DAY + 60), (other, DAY - 60)):
        job_files.write(tmp_path, job, {})
        aged(job_files.path_of(tmp_path, job), age)
    torn, foreign = tmp_path / f".{JOB}.00.tmp", tmp_path / "notes.txt"
    for path in (torn, foreign):
        path.touch()
        aged(path, DAY + 60)
    job_files.sweep(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {f"{other}.json", foreign.name}


def test_a_clock_that_was_set_back_removes_nothing_early_and_keeps_nothing_for_ever(tmp_path: Path) -> None:
    job_files.write(tmp_path, JOB, {})
    path = job_files.path_of(tmp_path, JOB)
    aged(path, -365 * DAY)
    job_files.sweep(tmp_path)
    assert path.exists()
    assert abs(path.stat().st_mtime - time.time()) < 60  # a day from now it goes


def test_what_is_not_there_is_not_old(tmp_path: Path) -> None:
    assert not job_files.is_old(tmp_path / "none")
    job_files.sweep(tmp_path / "none")
    assert job_files.jobs_in(tmp_path / "none") == []
