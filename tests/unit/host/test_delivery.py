from __future__ import annotations

import hashlib
import shlex
from typing import TYPE_CHECKING

import pytest

from hal_image import about
from hal_image.errors import HalError
from hal_image.host import arguments, delivery
from hal_image.host.delivery import command_again, deliver, remove_kept
from hal_image.host.render import Output
from hal_image.request import Control, InputPicture, Lora
from tests.unit.host.job_examples import done, record

if TYPE_CHECKING:
    from pathlib import Path

    from hal_image.host.job_records import JobRecord, JobRecords

OUTPUT = Output("wait", quiet=True)


def left(job: JobRecord) -> list[str]:
    return [path.name for path in job.engine_folder.rglob("*") if path.is_file()]


def test_a_picture_is_brought_to_its_place_and_the_engine_keeps_nothing(job: JobRecord, records: JobRecords) -> None:
    saved = deliver(job, done(job), records, OUTPUT)
    assert job.picture.file is not None
    assert hashlib.sha256(job.picture.file.read_bytes()).hexdigest() == saved.image["sha256"]
    assert left(job) == []
    assert list(job.origin.output_dir.iterdir()) == []
    assert (records.open(), records.ended()[0].verdict) == ([], "done")


def test_the_second_of_two_finds_it_done(job: JobRecord, records: JobRecords) -> None:
    first = deliver(job, done(job), records, OUTPUT)
    assert deliver(job, done(job), records, OUTPUT) == first


def test_the_second_of_two_still_fills_its_own_file(job: JobRecord, records: JobRecords, tmp_path: Path) -> None:
    deliver(job._replace(picture=job.picture._replace(file=tmp_path / "other.png")), done(job), records, OUTPUT)
    assert deliver(job, done(job), records, OUTPUT).image["path"] == str(job.picture.file)
    assert job.picture.file is not None
    assert job.picture.file.read_bytes() == (tmp_path / "other.png").read_bytes()


def test_a_file_that_cannot_be_written_leaves_the_picture_with_the_engine(job: JobRecord, records: JobRecords) -> None:
    assert job.picture.file is not None
    job.picture.file.write_text("mine")
    careful = job._replace(picture=job.picture._replace(no_clobber=True))
    with pytest.raises(HalError) as caught:
        deliver(careful, done(job), records, OUTPUT)
    assert (caught.value.code, caught.value.details["jobs"]) == ("output_exists", [job.id])
    assert f"wait {job.id} --output" in caught.value.hint
    assert len(left(job)) == 2
    assert job.picture.file.read_text() == "mine"
    assert records.open() == [job]
    elsewhere = job._replace(picture=job.picture._replace(file=job.picture.file.with_name("y.png")))
    assert deliver(elsewhere, done(job), records, OUTPUT).image["path"] == str(elsewhere.picture.file)


def test_a_picture_that_is_gone_is_lost(job: JobRecord, records: JobRecords) -> None:
    remove_kept(job)
    with pytest.raises(HalError) as caught:
        deliver(job, done(job), records, OUTPUT)
    assert caught.value.code == "engine_lost"
    assert "jobs" not in caught.value.details
    assert records.ended()[0].verdict == "lost"


def test_a_link_in_place_of_a_jobs_folder_is_not_followed(job: JobRecord, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    (job.origin.output_dir / job.id).rename(precious)
    (job.origin.output_dir / job.id).symlink_to(precious)
    remove_kept(job)
    assert [path.name for path in precious.iterdir()] == ["image_00001_.png"]


@pytest.mark.parametrize(
    "prompt", ["a red cube", "-x", 'it\'s $(rm -rf ~) `id` "quoted" \\', "\N{ROBOT FACE} 立方体", "two\nlines", ""]
)
def test_the_command_that_makes_it_anew_says_the_same_to_a_shell(tmp_path: Path, prompt: str) -> None:
    job = record(tmp_path, prompt=prompt, negative_prompt=prompt, file=tmp_path / "a b {seed}.png", guidance=3.5)
    program, *words = shlex.split(command_again(job))
    options = arguments.parse(words, program)
    assert program == about.SCRIPT
    request = job.picture.request
    assert (options.prompt, options.negative_prompt or "") == (prompt, prompt)
    assert (options.model, options.size, options.steps, options.cfg) == ("sd15", (64, 64), 1, 7.0)
    assert (options.sampler, options.scheduler, options.seed) == (request.sampler, request.scheduler, request.seed)
    assert options.guidance == 3.5
    assert options.models_dir == job.models_dir
    assert options.output.format() == str(job.picture.file).replace("{", "{{").replace("}", "}}").format()


def test_it_names_loras_and_controlnets_too(tmp_path: Path) -> None:
    lora = Lora("styles/ink:2", "styles/ink:2.safetensors", "a" * 64, 0.8, -1.0)
    picture = InputPicture("/a b/photo: 1.png", "c" * 64)
    controls = (
        Control("canny", "my-edges", "e.safetensors", "b" * 64, picture, 0.5, 0.25, 1.0),
        Control("my-depth", "my-depth", "d.safetensors", "d" * 64, picture),
    )
    _, *words = shlex.split(command_again(record(tmp_path, loras=(lora,), controls=controls)))
    options = arguments.parse(words, about.SCRIPT)
    assert options.lora == [("styles/ink:2", 0.8, -1.0)]
    assert options.control == [
        ("canny", "my-edges", picture.path, 0.5, 0.25, 1.0),
        ("my-depth", None, picture.path, 1.0, 0.0, 1.0),
    ]


def test_a_prompt_like_a_book_is_not_repeated_in_a_hint(tmp_path: Path) -> None:
    assert len(command_again(record(tmp_path, prompt="x" * (delivery.MAX_PROMPT + 1)))) < 100
