"""Which pictures are one job, and how its pictures become single ones again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from hal_image.host import together
from hal_image.host.job_records import JobRecords, from_json
from hal_image.host.picture import Batch, More, Picture
from hal_image.host.time_limits import default_timeout, pictures_of
from hal_image.request import WorkflowUse
from hal_image.workflow import Graph
from tests.unit.host.job_examples import record

if TYPE_CHECKING:
    from pathlib import Path


def sampled(seed: int) -> Graph:
    nodes: Any = {
        "8": {"class_type": "KSampler", "inputs": {"seed": seed, "steps": 3}, "_meta": {"title": "x"}},
        "10": {"class_type": "SaveImage", "inputs": {"images": ["8", 0]}, "_meta": {"title": "x"}},
    }
    return Graph(nodes, "10")


@pytest.fixture
def picture(tmp_path: Path) -> Picture:
    return record(tmp_path).picture._replace(graph=sampled(7))


def counted(picture: Picture, *seeds: int, **changes: Any) -> list[Picture]:
    """Pictures with these seeds, numbered from 1."""
    assert picture.file is not None
    return [
        picture._replace(
            number=number,
            file=picture.file.with_name(f"x-{number}.png"),
            request=picture.request._replace(seed=seed),
            graph=sampled(seed),
            **changes,
        )
        for number, seed in enumerate(seeds, start=1)
    ]


def test_eight_are_a_job_and_come_apart_as_they_were(picture: Picture) -> None:
    pictures = counted(picture, *range(20))
    jobs = [*together.jobs(pictures)]
    assert [len(job.numbers) for job in jobs] == [8, 8, 4]
    assert [one for job in jobs for one in job.each] == pictures
    assert together.asked(jobs[2]) == {"seeds": [16, 17, 18, 19]}
    assert [len(job.numbers) for job in together.jobs(counted(picture, *range(20), batch_size=12))] == [12, 8]
    assert [*together.jobs(pictures[:1])] == pictures[:1]
    assert together.asked(pictures[0]) == {}


def test_what_differs_in_more_than_the_seed_is_a_job_of_its_own(picture: Picture) -> None:
    first, second = counted(picture, 1, 2)
    use = WorkflowUse("f.json", "/f.json", "0" * 64)
    others = [
        second._replace(request=second.request._replace(steps=9)),
        second._replace(model={**second.model, "files": []}),
        second._replace(inputs={"init.png": b"1"}),
        second._replace(no_clobber=True),
        second._replace(batch_size=2),
        second._replace(file=None),
        second._replace(request=second.request._replace(workflow=use)),
        second._replace(batch=Batch((2, 3), 1)),
    ]
    assert together.fits(first, second)
    for other in others:
        assert not together.fits(first, other)
        assert [*together.jobs([first, other])] == [first, other]


def test_pictures_of_a_grid_find_each_other(picture: Picture) -> None:
    pictures = counted(picture, 1, 1, 2, 2)
    mixed = [
        one._replace(request=one.request._replace(steps=1 + index % 2)) for index, one in enumerate(pictures)
    ]  # fmt: skip
    assert [job.numbers for job in together.jobs(mixed)] == [(1, 3), (2, 4)]


def test_an_event_with_pictures_is_taken_apart(picture: Picture) -> None:
    (job,) = together.jobs(counted(picture, 4, 5, 6))
    timings = {"load_s": 1.0, "execution_s": 6.0, "boot_s": 0.0, "queue_s": 0.0}
    done = {"event": "done", "images": ["a", "b", "c"], "batches": [2, 1], "timings": timings}
    pieces = [*together.pieces(job, done)]
    assert [piece["images"] for _, piece in pieces] == [["a"], ["b"], ["c"]]
    assert [one.batch for one, _ in pieces] == [Batch((4, 5), 1), Batch((4, 5), 2), None]
    assert [one.request.seed for one, _ in pieces] == [4, 5, 6]
    assert [one.graph.nodes["8"]["inputs"]["seed"] for one, _ in pieces] == [4, 5, 6]
    assert pieces[0][1]["timings"] == {**timings, "execution_s": 2.0}
    ((last, piece),) = together.pieces(job, {**done, "event": "pictures", "first": 3, "images": ["c"], "batches": [1]})
    assert (last.number, piece["images"], last.batch) == (3, ["c"], None)
    assert [*together.pieces(picture, done)] == [(picture, done)]


def test_of_a_batch_that_is_made_again_one_is_kept(picture: Picture) -> None:
    again = picture._replace(request=picture.request._replace(seed=5), batch=Batch((4, 5, 6), 2))
    assert together.asked(again) == {"seeds": [4, 5, 6], "batch_size": 3}
    done = {"event": "done", "images": ["a", "b", "c"], "batches": [3], "timings": {"execution_s": 3.0}}
    ((one, piece),) = together.pieces(again, done)
    assert (one, piece["images"]) == (again, ["b"])
    ((one, _),) = together.pieces(again, {**done, "batches": [1, 2]})
    assert one.batch == Batch((5, 6), 1), "for want of memory it was not what it was"
    assert pictures_of(again) == 3
    assert [*together.pieces(again, {**done, "event": "pictures", "first": 1, "images": ["a"], "batches": [1]})] == []


def test_which_picture_an_event_is_about(picture: Picture) -> None:
    (job,) = together.jobs(counted(picture, 4, 5, 6))
    assert together.number_of(job, {"event": "progress", "picture": 2}, {}) == 2
    assert together.number_of(job, {"event": "booting"}, {}) == 1
    assert together.number_of(job, {"event": "booting"}, {"1": {}}) == 2
    assert together.number_of(job, {"event": "failed"}, {"1": {}, "2": {}, "3": {}}) == 3
    assert together.number_of(job, {"event": "progress", "picture": 99}, {}) == 1


def test_what_is_left(picture: Picture) -> None:
    (job,) = together.jobs(counted(picture, 4, 5, 6))
    left = together.rest(job, {"1": {}})
    assert (left.numbers, left.request.seed, left.file) == ((2, 3), 5, job.each[1].file)
    assert together.rest(job, {}) is job
    assert together.rest(job, {"1": {}, "2": {}, "3": {}}) is job


def test_steps_are_shown_of_one_after_the_other(picture: Picture) -> None:
    (job,) = together.jobs(counted(picture, 4, 5, stepwise="steps", batch_size=8))
    assert together.asked(job) == {"seeds": [4, 5], "batch_size": 1}


def test_the_time_is_that_of_all(picture: Picture) -> None:
    (job,) = together.jobs(counted(picture, 4, 5, 6))
    alone = default_timeout(picture, "cuda:0")
    assert default_timeout(job, "cuda:0") == pytest.approx(alone + 2 * picture.request.steps * 2.0)


def test_a_record_knows_what_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, picture: Picture) -> None:
    monkeypatch.setenv("HAL_STATE_DIR", str(tmp_path / "state"))
    (job,) = together.jobs(counted(picture, 4, 5))
    records = JobRecords()
    (records.folder / "ended").mkdir(parents=True)
    noted = records.note(record(tmp_path)._replace(picture=job), 1, {"image": {"seed": 4}, "engine": {}})
    read = records.read(noted.id)
    assert read is not None
    assert read.delivered == {"1": {"image": {"seed": 4}, "engine": {}}}
    assert read.picture.more == (More(2, 5, job.each[1].file),)
    batched = noted._replace(picture=picture._replace(batch=Batch((1, 2), 2)))
    assert from_json(batched.to_json()).picture.batch == Batch((1, 2), 2)
