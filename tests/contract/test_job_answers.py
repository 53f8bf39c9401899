"""The JSON output of ``jobs`` and ``wait``."""

from __future__ import annotations

from pathlib import Path

import pytest

from hal_image import job_files
from hal_image.errors import HalError
from hal_image.host.job_records import JobRecords
from tests.contract.answers import Call, check, check_answer
from tests.unit.host import job_examples

pytestmark = pytest.mark.usefixtures("own_machine")


@pytest.fixture
def jobs(own_machine: None, tmp_path: Path) -> list[str]:
    """Three jobs whose engine is gone: one is done, one failed, one was in the middle of it."""
    records, ids = JobRecords(), []
    for number in (1, 2, 3):
        job = job_examples.write(records, job_examples.record(tmp_path, number, prompt="a\x1b[31mb" * 100))
        ids.append(job.id)
    kept = job.engine_folder / "jobs"
    kept.mkdir(parents=True)
    made = job.origin.output_dir / ids[0]
    made.mkdir(parents=True)
    (made / "image_00001_.png").write_bytes(job_examples.picture())
    job_files.write(kept, ids[0], {"last": job_examples.done(job._replace(id=ids[0]))})
    failed = {"event": "failed", "error": HalError("x", code="out_of_memory", hint="y", retryable=True).to_json()}
    job_files.write(kept, ids[1], {"last": failed})
    return ids


def test_jobs(call: Call, jobs: list[str]) -> None:
    listed = check(call("jobs")[1], "jobs")["jobs"]
    assert [(jobs.index(job["job"]), job["verdict"], job["error"]) for job in listed] == [
        (1, "failed", "out_of_memory"),  # over: what is done has not been fetched, and what is lost may be found
        (0, "done", None),
        (2, "lost", None),
    ]
    assert {len(job["prompt"]) for job in listed} == {100}
    assert "\x1b" not in "".join(job["prompt"] for job in listed)
    cancelled = check(call("jobs", "cancel", "--all")[1], "jobs")["jobs"]
    assert [job["verdict"] for job in cancelled] == ["interrupted", "lost"]
    assert [job["verdict"] for job in check(call("jobs")[1], "jobs")["jobs"]] == ["interrupted", "failed", "lost"]
    assert check(call("jobs", "cancel", jobs[1])[1], "jobs")["jobs"][0]["verdict"] == "failed"


def test_a_long_list_of_jobs_is_cut(call: Call, tmp_path: Path) -> None:
    records = JobRecords()
    assert check(call("jobs")[1], "jobs") == {"jobs": [], "left_out": 0}
    for number in range(1, 31):
        records.finish(job_examples.write(records, job_examples.record(tmp_path, number)), "done")
    data = check(call("jobs", "list")[1], "jobs")
    assert (len(data["jobs"]), data["left_out"]) == (20, 10)
    assert data["jobs"][-1]["job"] == job_examples.job_id(30)
    assert check(call("jobs", "--all")[1], "jobs")["left_out"] == 0


@pytest.mark.parametrize("verb", [("wait",), ("jobs", "wait")])
def test_wait(call: Call, jobs: list[str], verb: tuple[str, ...], tmp_path: Path) -> None:
    code, answer = call(*verb, jobs[0])
    data = check(answer, verb[0])
    assert (code, data["job"], data["verdict"], data["delivered_before"]) == (0, jobs[0], "done", False)
    assert Path(data["images"][0]["path"]).is_file()
    again = check(call(*verb, jobs[0][:8])[1], verb[0])
    assert (again["images"], again["delivered_before"]) == (data["images"], True)
    code, answer = call(*verb)  # both that are left came to nothing: neither is meant more than the other
    assert (code, answer["error"]["code"]) == (2, "job_ambiguous")
    code, answer = call(*verb, jobs[1])
    check(answer, verb[0], ok=False)
    assert (code, answer["error"]["code"], answer["error"]["details"]["verdict"]) == (1, "out_of_memory", "failed")
    code, answer = call(*verb)  # the only one that is left
    check(answer, verb[0], ok=False)
    assert (code, answer["error"]["code"], answer["data"]["job"]) == (1, "job_lost", jobs[2])
    code, answer = call(*verb)
    assert (code, answer["error"]["code"]) == (2, "job_unknown")


def test_wait_without_an_id_means_the_one_with_a_picture(call: Call, jobs: list[str]) -> None:
    assert check(call("wait")[1], "wait")["job"] == jobs[0]


@pytest.mark.parametrize(
    ("argv", "error"),
    [
        (("wait", "../x"), "job_id_invalid"),
        (("wait", "ffffffff"), "job_unknown"),
        (("wait", "00000001", "-o", "-"), "output_invalid"),
        (("jobs", "cancel"), "usage"),
        (("jobs", "cancel", "--all", "00000001"), "usage"),
        (("jobs", "cancel", "../x"), "job_id_invalid"),
        (("jobs", "list", "00000001"), "usage"),
        (("jobs", "list", "--timeout", "3"), "usage"),
        (("jobs", "wait", "00000001", "00000002"), "usage"),
        (("jobs", "paint"), "usage"),
    ],
)
@pytest.mark.usefixtures("jobs")
def test_jobs_that_cannot_be_had(call: Call, argv: tuple[str, ...], error: str) -> None:
    code, answer = call(*argv)
    assert (code, answer["error"]["code"]) == (2, error)
    check_answer(answer)
