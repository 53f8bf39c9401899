"""Jobs whose call gave up or died: waited for, listed, taken back, lost."""

from __future__ import annotations

import itertools
import json
import shlex
import signal
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.world import LIMIT_S, QUICK, SLOW, Hal, pixels

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

SEEDS = itertools.count(1000)


def some_seconds(steps: int = 25) -> tuple[str, ...]:
    """A picture that can be left while it is made, and come for; never the same, which ComfyUI would not make again."""
    seed = str(next(SEEDS))
    return ("-p", "a red cube", "--model", "sd15", "--size", "128", "--steps", str(steps), "--seed", seed)


def undisturbed(hal: Hal, call: tuple[str, ...]) -> Path:
    """What a call makes that nobody disturbs, and that ComfyUI does not remember."""
    hal("-p", "to forget", *QUICK, "-o", "forget.png")
    hal(*call, "-o", "undisturbed.png")
    return hal.cwd / "undisturbed.png"


@pytest.fixture
def hal(hal: Hal) -> Iterator[Hal]:
    yield hal
    hal("jobs", "cancel", "--all", code=None)


def engine_folder(hal: Hal) -> Path:
    (folder,) = [path for path in (Path(hal.environment["HAL_STATE_DIR"]) / "engines").iterdir() if path.is_dir()]
    return folder


def left_behind(hal: Hal) -> list[str]:
    """What is in the engine's folder of any job."""
    folder = engine_folder(hal)
    return [path.name for name in ("jobs", "output") for path in (folder / name).rglob("*") if path.is_file()]


def listed(hal: Hal, job: str) -> dict[str, Any]:
    """A job as ``jobs list`` has it."""
    (found,) = [one for one in hal("jobs", "--all", "--json").json["data"]["jobs"] if one["job"] == job]
    return dict(found)


def open_jobs(hal: Hal) -> list[str]:
    jobs = hal("jobs", "--json").json["data"]["jobs"]
    return [job["job"] for job in jobs if not job["delivered"] and job["verdict"] in {None, "done"}]


def started(hal: Hal, *arguments: str) -> tuple[subprocess.Popen[bytes], str]:
    """A call whose job runs, with ``--jsonl``, and the job."""
    process = hal.start(*arguments, "--jsonl")
    assert process.stdout is not None
    job = None
    for raw in process.stdout:
        event = json.loads(raw)
        job = event.get("job", job)
        if event["event"] == "running":
            return process, str(job)
    raise AssertionError("it ended")


def left_running(hal: Hal, *arguments: str) -> str:
    """Starts a call, kills it once its job runs, and returns the job."""
    process, job = started(hal, *arguments)
    process.kill()
    process.communicate()
    return job


@contextmanager
def standing_still(hal: Hal, engine: dict[str, Any]) -> Iterator[None]:
    """No job gets on, however fast the machine is; not for so long that ComfyUI is taken for dead."""
    hal.signal_comfyui(engine, signal.SIGSTOP)
    try:
        yield
    finally:
        hal.signal_comfyui(engine, signal.SIGCONT)


@contextmanager
def held_up(hal: Hal) -> Iterator[None]:
    """No job begins for a while: another one runs."""
    blocker = hal.start("-p", "x", *SLOW, "-o", "blocker.png")
    hal.wait_until_busy()
    yield
    blocker.send_signal(signal.SIGINT)
    blocker.communicate(timeout=LIMIT_S)


def kept(hal: Hal, job: str) -> bool:
    return (engine_folder(hal) / "jobs" / f"{job}.json").exists()


def test_after_a_timeout_wait_brings_the_picture_that_the_call_would_have_made(hal: Hal) -> None:
    call = some_seconds()
    hal("serve")
    engine = hal.engine()
    process, job = started(hal, *call, "-o", "x.png", "--timeout", "4s")
    with standing_still(hal, engine):
        out, _ = process.communicate(timeout=LIMIT_S)
        error = json.loads(out.splitlines()[-1])["error"]
        assert (process.returncode, error["details"]["jobs"]) == (5, [job])
        assert (error["code"], error["retryable"], error["details"]["verdict"]) == ("timeout", False, "timed_out")
        assert f"wait {job}" in error["hint"]
        assert listed(hal, job)["state"] == "running"
    waited = hal("wait", job, "--json").json["data"]
    assert waited["images"][0]["path"] == str(hal.cwd / "x.png")
    assert (waited["verdict"], waited["delivered_before"]) == ("done", False)
    assert pixels(hal.cwd / "x.png") == pixels(undisturbed(hal, call))
    infos = [hal("info", name, "--json").json["data"] for name in ("undisturbed.png", "x.png")]
    assert {key: value for key, value in infos[0].items() if key != "path"} == {
        key: value for key, value in infos[1].items() if key != "path"
    }
    again = hal("wait", job)
    assert (again.lines, listed(hal, job)["delivered"]) == ([str(hal.cwd / "x.png")], True)
    assert left_behind(hal) == []


def test_what_was_not_begun_when_time_was_up_is_counted(hal: Hal) -> None:
    run = hal(*SLOW, "-p", "x", "--count", "19", "-o", "x.png", "--timeout", "6s", "--json", code=5)
    details = run.json["error"]["details"]
    assert (len(details["jobs"]), details["to_come"], details["not_begun"]) == (2, 16, 3)
    assert "3 more pictures were not begun" in run.json["error"]["message"]
    cancelled = hal("jobs", "cancel", "--all", "--json").json["data"]["jobs"]
    assert {job["job"] for job in cancelled} == set(details["jobs"])
    hal.wait_until_idle()
    assert {listed(hal, job)["verdict"] for job in details["jobs"]} == {"interrupted"}
    assert list(hal.cwd.iterdir()) == []
    assert left_behind(hal) == []


def test_a_call_killed_while_its_job_runs(hal: Hal) -> None:
    call = some_seconds()
    job = left_running(hal, *call, "-o", "x.png")
    assert hal("wait").lines == [str(hal.cwd / "x.png")]
    assert pixels(hal.cwd / "x.png") == pixels(undisturbed(hal, call))
    assert listed(hal, job)["verdict"] == "done"


def test_a_call_killed_while_its_job_waits_for_others(hal: Hal) -> None:
    blocker = hal.start("-p", "x", *SLOW, "-o", "blocker.png")
    hal.wait_until_busy()
    process = hal.start("-p", "a red cube", *QUICK, "-o", "x.png")
    hal.wait_until_queued(1)
    process.kill()
    process.communicate()
    (job,) = [one["job"] for one in hal("jobs", "--json").json["data"]["jobs"] if one["state"] == "queued"]
    waiting = hal.start("wait", job)
    blocker.send_signal(signal.SIGINT)
    blocker.communicate(timeout=LIMIT_S)
    out, err = waiting.communicate(timeout=LIMIT_S)
    assert out.decode().splitlines() == [str(hal.cwd / "x.png")], err
    assert not (hal.cwd / "blocker.png").exists()


def test_a_call_killed_is_found_done_by_whoever_comes_later(hal: Hal) -> None:
    job = left_running(hal, *some_seconds(), "-o", "sub/x.png")
    hal.wait_for(lambda: kept(hal, job))
    assert (listed(hal, job)["verdict"], listed(hal, job)["delivered"]) == ("done", False)
    assert "done, not fetched" in hal("jobs").out.decode()
    assert hal("wait", job[:8]).lines == [str(hal.cwd / "sub" / "x.png")]


def test_what_was_to_go_to_standard_output_goes_where_wait_says(hal: Hal) -> None:
    with held_up(hal):
        process = hal.start(*some_seconds(), "-o", "-")
        hal.wait_until_queued(1)
        process.kill()
        process.communicate()
    (job,) = open_jobs(hal)
    assert hal("wait", job, "--json", code=2).json["error"]["code"] == "output_invalid"
    raw = hal("wait", job, "-o", "-").out
    assert raw.startswith(b"\x89PNG")
    assert hal("wait", job, "-o", "later.png", "--json", code=1).json["error"]["code"] == "job_lost"


def test_a_file_that_could_not_be_written_is_written_elsewhere(hal: Hal) -> None:
    with held_up(hal):
        process = hal.start(*some_seconds(), "-o", "x.png", "--no-clobber", "--json")
        hal.wait_until_queued(1)
        (hal.cwd / "x.png").write_text("mine")
    out, _ = process.communicate(timeout=LIMIT_S)
    error = json.loads(out)["error"]
    (job,) = error["details"]["jobs"]
    assert (process.returncode, error["code"]) == (2, "output_exists")
    assert hal("wait", job, "--json", code=2).json["error"]["code"] == "output_exists"
    assert hal("wait", job, "-o", "y.png").lines == [str(hal.cwd / "y.png")]
    assert (hal.cwd / "x.png").read_text() == "mine"


def test_two_who_wait_both_get_it(hal: Hal) -> None:
    job = left_running(hal, *some_seconds(), "-o", "x.png")
    waiting = [hal.start("wait", job) for _ in range(3)]
    for process in waiting:
        out, err = process.communicate(timeout=LIMIT_S)
        assert (process.returncode, out.decode().splitlines()) == (0, [str(hal.cwd / "x.png")]), err
    assert [path.name for path in hal.cwd.iterdir()] == ["x.png"]
    assert left_behind(hal) == []


def test_who_waits_and_is_interrupted_leaves_the_job_alone(hal: Hal) -> None:
    hal("serve")
    engine = hal.engine()
    job = left_running(hal, *some_seconds(), "-o", "x.png")
    with standing_still(hal, engine):
        assert hal("wait", job, "--timeout", "0.1s", "--json", code=5).json["error"]["details"]["jobs"] == [job]
        waiting = hal.start("wait", job, "--jsonl")
        assert waiting.stdout is not None
        assert json.loads(waiting.stdout.readline())["event"] in {"running", "node", "progress"}
        waiting.send_signal(signal.SIGINT)
        waiting.communicate(timeout=LIMIT_S)
        assert waiting.returncode == 130
    assert hal("wait", job).lines == [str(hal.cwd / "x.png")]


def test_another_call_takes_back_a_job_that_is_waited_for(hal: Hal) -> None:
    process = hal.start("-p", "x", *SLOW, "-o", "x.png", "--json")
    hal.wait_until_busy()
    (job,) = open_jobs(hal)
    (told,) = hal("jobs", "cancel", job[:8], "--json").json["data"]["jobs"]
    assert told["verdict"] == "interrupted", "whoever of the two is the first to write it down"
    out, _ = process.communicate(timeout=LIMIT_S)  # ComfyUI lets go between two steps
    error = json.loads(out)["error"]
    assert (process.returncode, error["code"], error["details"]["verdict"]) == (1, "cancelled", "interrupted")
    assert hal("wait", job, "--json", code=1).json["error"]["code"] == "cancelled"
    hal.wait_until_idle()
    assert left_behind(hal) == []


def test_a_signal_leaves_no_job(hal: Hal) -> None:
    process = hal.start("-p", "x", *SLOW, "-b", "2", "-o", "x.png")
    hal.wait_until_busy()
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=LIMIT_S)
    hal.wait_until_idle()
    jobs = hal("jobs", "--json").json["data"]["jobs"]
    assert [job["verdict"] for job in jobs[-2:]] == ["interrupted"] * 2
    assert open_jobs(hal) == []
    assert left_behind(hal) == []


def test_a_reader_that_goes_away_leaves_no_job(hal: Hal) -> None:
    process = hal.start("-p", "x", *QUICK, "-b", "3", "-o", "x.png")
    assert process.stdout is not None
    process.stdout.close()
    process.communicate(timeout=LIMIT_S)
    assert process.returncode == 141
    hal.wait_until_idle()
    assert open_jobs(hal) == []
    assert left_behind(hal) == []


def test_other_users_do_not_see_it(hal: Hal, tmp_path: Path) -> None:
    job = left_running(hal, *some_seconds(), "-o", "x.png")
    other = Hal({**hal.environment, "HAL_STATE_DIR": str(tmp_path / "other")}, hal.cwd)
    assert other("jobs", "--json").json["data"]["jobs"] == []
    assert other("wait", job, "--json", code=2).json["error"]["code"] == "job_unknown"
    hal("wait", job)


def test_a_picture_is_fetched_when_its_engine_has_ended(lone_hal: Hal) -> None:
    job = left_running(lone_hal, *some_seconds(), "-o", "x.png")
    lone_hal("stop")
    assert lone_hal.engines() == []
    assert listed(lone_hal, job)["verdict"] == "done"
    assert lone_hal("wait", job).lines == [str(lone_hal.cwd / "x.png")]
    assert left_behind(lone_hal) == []
    assert lone_hal.engines() == []


def test_a_picture_is_fetched_when_its_engine_was_started_again(lone_hal: Hal) -> None:
    job = left_running(lone_hal, *some_seconds(), "-o", "x.png", "--keep-alive", "0")
    lone_hal.wait_for(lambda: kept(lone_hal, job))
    lone_hal.wait_for(lambda: lone_hal.engines() == [], 30)
    lone_hal("serve")
    assert lone_hal("wait").lines == [str(lone_hal.cwd / "x.png")]
    assert lone_hal.engine()["jobs_done"] == 0


def test_a_job_whose_engine_was_killed_is_lost_and_the_hint_makes_it_anew(lone_hal: Hal) -> None:
    call = some_seconds(50)
    lone_hal("serve")
    engine = lone_hal.engine()
    job = left_running(lone_hal, *call, "-o", "it's.png")
    waiting = lone_hal.start("wait", job, "--json")
    lone_hal.end(engine)
    out, _ = waiting.communicate(timeout=LIMIT_S)
    error = json.loads(out)["error"]
    assert (waiting.returncode, error["code"], error["details"]["verdict"]) == (1, "job_lost", "lost")
    assert error["retryable"] is True
    assert listed(lone_hal, job)["verdict"] == "lost"
    _, *words = shlex.split(error["hint"].partition(": ")[2])
    lone_hal(*words)
    assert pixels(lone_hal.cwd / "it's.png") == pixels(undisturbed(lone_hal, call))


def test_a_job_during_which_comfyui_was_killed_has_crashed(hal: Hal) -> None:
    job = left_running(hal, "-p", "x", *SLOW, "-o", "x.png")
    hal.kill_comfyui(hal.engine())
    hal.wait_for(lambda: kept(hal, job))
    assert listed(hal, job)["verdict"] == "crashed"
    error = hal("wait", job, "--json", code=1).json["error"]
    assert (error["code"], error["details"]["verdict"]) == ("comfyui_crashed", "crashed")
    assert left_behind(hal) == []
    hal("serve")


def test_damaged_records_harm_nobody(lone_hal: Hal) -> None:
    job = left_running(lone_hal, *some_seconds(), "-o", "x.png")
    lone_hal.wait_for(lambda: kept(lone_hal, job))
    (engine_folder(lone_hal) / "jobs" / f"{job}.json").write_text('{"last": {"event": "do')
    assert lone_hal("wait", job, "--json", code=1).json["error"]["code"] == "job_lost"
    other = left_running(lone_hal, *some_seconds(), "-o", "x.png")
    record = Path(lone_hal.environment["HAL_STATE_DIR"]) / "jobs" / f"{other}.json"
    record.write_text("{")
    assert lone_hal("wait", other, "--json", code=2).json["error"]["code"] == "job_unknown"
    record.unlink()
    lone_hal("jobs")
    lone_hal("-p", "x", *QUICK, "-o", "next.png")


def test_where_jobs_cannot_be_written_down_they_are_made_and_end_with_their_call(lone_hal: Hal) -> None:
    lone_hal("serve")
    (Path(lone_hal.environment["HAL_STATE_DIR"]) / "jobs").write_text("in the way")
    assert lone_hal("-p", "x", *QUICK, "-o", "x.png").lines == [str(lone_hal.cwd / "x.png")]
    details = lone_hal("-p", "x", *SLOW, "-o", "y.png", "--timeout", "4s", "--json", code=5).json["error"]["details"]
    assert "jobs" not in details
    lone_hal.wait_until_idle()


@pytest.mark.parametrize("job", ["../x", "../../../etc/passwd", "%2e%2e%2f", "\x1b[31m" + "a" * 8])
def test_hostile_ids(hal: Hal, job: str) -> None:
    for command in (("wait", job), ("jobs", "wait", job), ("jobs", "cancel", job)):
        run = hal(*command, "--json", code=2)
        assert run.json["error"]["code"] == "job_id_invalid"
        assert "\x1b" not in run.err
