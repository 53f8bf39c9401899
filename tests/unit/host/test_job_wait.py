"""What ``wait`` and ``jobs`` say where no engine runs: what is left on the disk decides."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from hal_image import job_files
from hal_image.errors import HalError, TimeoutError_
from hal_image.host import job_standing, job_wait
from hal_image.host.delivery import deliver
from hal_image.host.job_standing import Standing, may_be_submitted_yet, standings
from hal_image.host.job_wait import Wait
from hal_image.host.progress import Progress
from hal_image.host.render import Output
from hal_image.host.timings import Timings
from tests.unit.host.job_examples import done, record, write

if TYPE_CHECKING:
    from pathlib import Path

    from hal_image.host.job_records import JobRecord, JobRecords

OUTPUT = Output("wait", quiet=True)


def wait(job: JobRecord, records: JobRecords, limit_s: float | None = None) -> Any:
    saved = Wait(
        job, records, output=OUTPUT, progress=Progress(OUTPUT, 1), timings=Timings(), limit_s=limit_s
    ).until_delivered()
    return saved.image


def error_of(job: JobRecord, records: JobRecords) -> HalError:
    with pytest.raises(HalError) as caught:
        wait(job, records)
    return caught.value


def test_what_an_engine_has_left_is_delivered(job: JobRecord, records: JobRecords) -> None:
    assert standings([job]) == {job.id: Standing("ended", "done", done(job))}
    assert wait(job, records)["path"] == str(job.picture.file)
    assert wait(job, records)["path"] == str(job.picture.file)


def test_a_job_that_was_delivered_can_be_had_elsewhere_too(
    job: JobRecord,
    records: JobRecords,
    tmp_path: Path,
) -> None:
    deliver(job, done(job), records, OUTPUT)
    other = job._replace(picture=job.picture._replace(file=tmp_path / "other.png"))
    assert wait(other, records)["path"] == str(tmp_path / "other.png")
    assert job.picture.file is not None
    assert (tmp_path / "other.png").read_bytes() == job.picture.file.read_bytes()


@pytest.mark.parametrize("now", [None, b"another picture"])
def test_a_delivered_picture_that_is_no_longer_there_is_no_success(
    job: JobRecord,
    records: JobRecords,
    now: bytes | None,
) -> None:
    deliver(job, done(job), records, OUTPUT)
    assert job.picture.file is not None
    job.picture.file.unlink() if now is None else job.picture.file.write_bytes(now)
    error = error_of(job, records)
    assert (error.code, error.retryable) == ("job_lost", False)
    assert "--prompt=a red cube" in error.hint


def test_a_job_without_a_trace_is_lost_and_stays_so(records: JobRecords, tmp_path: Path) -> None:
    lost = write(records, record(tmp_path))
    assert standings([lost]) == {lost.id: Standing("ended", "lost")}
    for _ in range(2):
        error = error_of(lost, records)
        assert (error.code, error.exit_code, error.retryable) == ("job_lost", 1, True)
        assert error.details == {"verdict": "lost", "jobs": [lost.id]}
        assert "--seed 7" in error.hint
    assert [job.verdict for job in records.ended()] == ["lost"]


def test_a_job_that_failed_says_how_and_leaves_nothing(records: JobRecords, tmp_path: Path) -> None:
    failed = write(records, record(tmp_path))
    folder = failed.engine_folder / "jobs"
    folder.mkdir(parents=True)
    error = HalError("ComfyUI was killed", code="comfyui_crashed", retryable=True).to_json()
    job_files.write(folder, failed.id, {"last": {"event": "failed", "error": error}})
    assert standings([failed])[failed.id].verdict == "crashed"
    for _ in range(2):
        told = error_of(failed, records)
        assert (told.code, told.details["verdict"]) == ("comfyui_crashed", "crashed")
    assert job_files.jobs_in(folder) == []


def test_a_failure_that_a_list_took_over_has_its_verdict(records: JobRecords, tmp_path: Path) -> None:
    failed = write(records, record(tmp_path))
    records.finish(failed, "crashed", error=HalError("x", code="comfyui_crashed").to_json())
    assert error_of(failed, records).details["verdict"] == "crashed"


def test_a_job_that_was_taken_back_says_so(records: JobRecords, tmp_path: Path) -> None:
    taken = write(records, record(tmp_path))
    records.finish(taken, "interrupted")
    error = error_of(taken, records)
    assert (error.code, error.details["verdict"]) == ("cancelled", "interrupted")


def test_paths_that_a_container_names_are_told_as_ours(records: JobRecords, tmp_path: Path) -> None:
    failed = record(tmp_path)
    failed = write(records, failed._replace(origin=failed.origin._replace(kind="docker")))
    folder = failed.engine_folder / "jobs"
    folder.mkdir(parents=True)
    error = HalError("x", details={"log": "/spool/comfyui.log"}).to_json()
    job_files.write(folder, failed.id, {"last": {"event": "failed", "error": error}})
    assert error_of(failed, records).details["log"] == str(failed.engine_folder / "comfyui.log")


def test_an_engine_that_does_not_answer_is_not_waited_for_for_ever(
    records: JobRecords,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # A process that holds the engine's lock, has a card, and does not listen: one that was stopped in its start.
    silent = write(records, record(records.folder.parent / "engines", file=tmp_path / "x.png"))
    silent.engine_folder.mkdir(parents=True)
    settings = {"models_dir": "/m"}
    card = {"pid": os.getpid(), "socket": str(silent.engine_folder / "engine.sock"), "settings": settings}
    (silent.engine_folder / "engine.json").write_text(json.dumps(card))
    code = (
        "import pathlib, sys, time; from hal_image.locking import try_lock; "
        "lock = try_lock(pathlib.Path(sys.argv[1])); print(); sys.stdout.flush(); time.sleep(60)"
    )
    command = [sys.executable, "-c", code, str(silent.engine_folder / "engine.lock")]
    monkeypatch.setattr(job_wait, "SILENCE_LIMIT_S", 0.3)
    with subprocess.Popen(command, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        assert standings([silent]) == {silent.id: Standing("unknown")}
        with pytest.raises(TimeoutError_) as caught:
            wait(silent, records)
        holder.kill()
    assert caught.value.details["jobs"] == [silent.id]
    assert records.open() == [silent]


def test_a_call_that_is_about_to_submit_is_given_time(tmp_path: Path) -> None:
    job = record(tmp_path)
    assert may_be_submitted_yet(job)
    assert not may_be_submitted_yet(job._replace(created=time.time() - 2 * job_standing.SUBMIT_LIMIT_S))
    assert not may_be_submitted_yet(job._replace(created=time.time() + 3600)), "the clock was set back"
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait()
    assert not may_be_submitted_yet(job._replace(pid=gone.pid))
