"""A job whose workflow has made several pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hal_image.host.delivery import command_again, deliver
from hal_image.host.job_wait import delivered_before
from hal_image.host.picture import names_of
from hal_image.host.render import Output
from hal_image.request import WorkflowUse
from tests.unit.host.job_examples import done, picture

if TYPE_CHECKING:
    from pathlib import Path

    from hal_image.host.job_records import JobRecord, JobRecords

USE = WorkflowUse("f.json", "/w/f.json", "0" * 64, {"3.steps": 4}, ("prompt", "seed"))


def made(job: JobRecord) -> dict[str, Any]:
    event = done(job)
    event["images"] = [f"{job.id}/image-000{number}_00001_.png" for number in (1, 2)]
    for name in event["images"]:
        (job.origin.output_dir / name).write_bytes(picture())
    return event


def test_each_is_a_file_and_the_record_knows_them_all(job: JobRecord, records: JobRecords, tmp_path: Path) -> None:
    saved = deliver(job, made(job), records, Output("wait", quiet=True))
    assert job.picture.file is not None
    files = names_of(job.picture.file, 2)
    assert [file.name for file in files] == ["x-1.png", "x-2.png"]
    assert [image["path"] for image in (saved.image, *saved.others)] == [str(file) for file in files]
    assert all(file.is_file() for file in files)
    assert not job.picture.file.exists()
    known = records.read(job.id)
    assert known is not None
    assert delivered_before(known, job, Output("wait", quiet=True))[0] == saved
    wanted = job._replace(picture=job.picture._replace(file=tmp_path / "y.png"))
    moved = delivered_before(known, wanted, Output("wait", quiet=True))[0]
    assert [image["path"] for image in (moved.image, *moved.others)] == [str(tmp_path / f"y-{n}.png") for n in (1, 2)]


def test_standard_output_takes_the_first(job: JobRecord, records: JobRecords) -> None:
    output = Output("wait", quiet=True)
    piped = job._replace(picture=job.picture._replace(file=None))
    saved = deliver(piped, made(job), records, output)
    assert saved.others == ()
    assert [warning.code for warning in output.warnings] == ["pictures_left_out"]


def test_the_command_that_makes_it_anew_names_the_workflow(job: JobRecord) -> None:
    request = job.picture.request._replace(workflow=USE)
    again = command_again(job._replace(picture=job.picture._replace(request=request)))
    assert "--workflow=/w/f.json --set=3.steps=4 '--prompt=a red cube' --seed=7 " in again
    counted = request._replace(workflow=USE._replace(further=1))
    assert command_again(job._replace(picture=job.picture._replace(request=counted))) == "the command that it came from"
