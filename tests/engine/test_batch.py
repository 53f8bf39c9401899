"""Many lines through one command: order, bad lines, kills, and what the readers and writers of pipes do."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests import synthetic
from tests.contract import schemas
from tests.contract.answers import check_lines
from tests.world import ENDLESS_STEPS, QUICK, SLOW, Hal, identity, pixels

if TYPE_CHECKING:
    from collections.abc import Iterator

OUT = ("-o", "out/{index}.png")
MANY = 24


@pytest.fixture(scope="module")
def sdxl(models_dir: Path) -> Iterator[None]:
    """A second model."""
    file = models_dir / "checkpoints" / "sd_xl_base_1.0.safetensors"
    synthetic.write_sdxl(file)
    yield
    file.unlink()  # it is the default, which would change what other tests get


def results(out: bytes) -> list[dict[str, Any]]:
    """The lines of a batch's standard output, each held to its schema."""
    found = [json.loads(line) for line in out.splitlines()]
    for line in found:
        schemas.strict("result", "batch_result").validate(line)
    return found


def lines(*values: str | dict[str, Any]) -> bytes:
    return "".join(f"{value if isinstance(value, str) else json.dumps(value)}\n" for value in values).encode()


def prompts(count: int) -> bytes:
    return lines(*(f"cube number {number}" for number in range(1, count + 1)))


def pictures(hal: Hal, folder: str = "out") -> list[str]:
    """What is in a folder; nothing half-written is."""
    return sorted((entry.name for entry in (hal.cwd / folder).glob("*")), key=lambda name: (len(name), name))


def error_codes(found: list[dict[str, Any]]) -> list[str | None]:
    return [line["error"] and line["error"]["code"] for line in found]


@pytest.mark.usefixtures("sdxl")
def test_lines_of_every_kind_come_out_in_their_order(hal: Hal) -> None:
    (hal.cwd / "in").write_bytes(
        b"\xef\xbb\xbfa red cube\r\n\r\n"
        + lines(
            {"prompt": "a blue ball", "id": "blue", "seed": 7, "steps": "2", "output": "own.png"},
            "{no JSON",
            {"prompt": "xl", "model": "sdxl", "count": 2, "negative_prompt": "ugly"},
            {"prompt": "x", "steps": 0, "id": 6},
            {"prompt": "x", "keep_alive": 0},
            "# no comment",
        )
        + b"gr\xfcn\n"
        + b"x" * 1_000_001
        + b"\n"
        + lines({"prompt": "x", "output": "own.png"}, {"prompt": "x", "size": 100}, {"prompt": "x", "output": "-"})
        + b"the last"
    )
    run = hal("batch", "in", *QUICK, *OUT, code=6)
    found = results(run.out)
    assert [line["line"] for line in found] == [1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14]
    assert error_codes(found) == [
        None, None, "line_invalid", None, "line_invalid", "line_invalid", None, "line_invalid", "line_invalid",
        "output_taken", "size_invalid", "output_invalid", None,
    ]  # fmt: skip
    assert found[9]["error"]["code"] == "output_taken"
    assert [line["id"] for line in found if line["id"] is not None] == ["blue", 6]
    made = [image["path"] for line in found for image in line["images"]]
    names = ["out/1.png", "own.png", "out/5-1.png", "out/5-2.png", "out/8.png", "out/14.png"]
    assert made == [str(hal.cwd / name) for name in names]
    requests = [hal("info", path, "--json").json["data"]["hal8000"]["request"] for path in made]
    assert [request["prompt"] for request in requests] == [
        "a red cube",
        "a blue ball",
        "xl",
        "xl",
        "# no comment",
        "the last",
    ]
    assert [requests[1][name] for name in ("seed", "steps")] == [7, 2]
    assert [requests[2][name] for name in ("model", "negative_prompt")] == ["sdxl", "ugly"]
    assert requests[3]["seed"] == requests[2]["seed"] + 1
    assert "line 4: " in run.err
    assert "8 of 13 lines failed" in run.err


def test_a_batch_makes_the_pictures_that_single_calls_make(hal: Hal) -> None:
    (hal.cwd / "in").write_bytes(lines({"prompt": "a red cube", "seed": 3}, {"prompt": "a blue ball", "seed": 4}))
    hal("batch", "in", *QUICK, *OUT)
    for number, (prompt, seed) in enumerate((("a red cube", "3"), ("a blue ball", "4")), start=1):
        hal("-p", prompt, *QUICK, "--seed", seed, "-o", "alone.png")
        assert pixels(hal.cwd / "alone.png") == pixels(hal.cwd / "out" / f"{number}.png")


def test_json_is_one_object_and_jsonl_ends_with_it(hal: Hal) -> None:
    (hal.cwd / "in").write_bytes(lines("one", {"prompt": "two", "steps": 0}, "three"))
    answer = hal("batch", "in", *QUICK, *OUT, "--json", code=6).json
    schemas.strict("result").validate(answer)
    data = answer["data"]
    assert [data[name] for name in ("done", "failed", "resumed", "not_tried", "pictures")] == [2, 1, 0, 0, 2]
    assert [(line["line"], line["code"]) for line in data["failures"]] == [(2, "line_invalid")]
    assert answer["error"]["code"] == "partial_batch"
    streamed = [json.loads(line) for line in hal("batch", "in", *QUICK, *OUT, "--jsonl", code=6).lines]
    check_lines(streamed)
    told = [line for line in streamed[:-1] if line["event"] == "result"]
    assert [line["line"] for line in told] == [1, 2, 3]
    assert {event["line"] for event in streamed[:-1]} == {1, 2, 3}


@pytest.mark.parametrize(
    ("data", "code", "exit_code"),
    [
        (b"", "batch_empty", 2),
        (b"\n\n", "batch_empty", 2),
        (b"{\n{\n", "line_invalid", 2),
        (lines({"prompt": "x", "model": "flux"}), "model_missing", 4),
        (lines({"prompt": "x", "model": "flux"}, "{"), "partial_batch", 6),
        ("a cube\n".encode("utf-16"), "batch_unreadable", 2),
    ],
)
def test_where_nothing_can_be_made_no_engine_is_started(lone_hal: Hal, data: bytes, code: str, exit_code: int) -> None:
    run = lone_hal("batch", "-", *QUICK, *OUT, "--no-download", "--json", stdin=data, code=exit_code)
    schemas.strict("result").validate(run.json)
    assert run.json["error"]["code"] == code
    assert lone_hal.engines() == []
    assert not (lone_hal.cwd / "out").exists()


def test_a_dry_run_says_of_every_line_what_it_would_make(lone_hal: Hal) -> None:
    data = lines({"prompt": "x", "seed": 5, "count": 2}, {"prompt": "x", "steps": 0})
    found = results(lone_hal("batch", "-", *QUICK, *OUT, "--dry-run", stdin=data, code=6).out)
    targets = [str(lone_hal.cwd / "out" / name) for name in ("1-1.png", "1-2.png")]
    assert found[0]["plan"] == {"targets": targets, "seeds": [5, 6]}
    assert error_codes(found) == [None, "line_invalid"]
    assert lone_hal.engines() == []


def test_a_name_for_all_is_numbered_and_none_says_when(hal: Hal) -> None:
    hal("batch", "-", *QUICK, "-o", "out/cube.png", stdin=prompts(2))
    assert pictures(hal) == ["cube-1.png", "cube-2.png"]
    (hal.cwd / "mine").mkdir()
    hal("batch", "-", *QUICK, "-o", "mine", "--seed", "5", stdin=prompts(2))
    first, second = pictures(hal, "mine")
    assert first.endswith("-1-5.png")
    assert second == first.replace("-1-5.png", "-2-5.png")


def test_a_result_comes_before_the_next_line_is_written(hal: Hal) -> None:
    process = hal.start("batch", "-", *QUICK, *OUT, stdin=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    for number in (1, 2, 3):
        process.stdin.write(b"a cube\n")
        process.stdin.flush()
        (line,) = results(process.stdout.readline())
        assert (line["line"], line["ok"]) == (number, True)
        assert Path(line["images"][0]["path"]).is_file()
    process.communicate(timeout=30)
    assert process.returncode == 0


def test_a_failing_picture_does_not_stop_the_others(hal: Hal) -> None:
    (hal.cwd / "out").mkdir()
    (hal.cwd / "out" / "2.png").mkdir()
    (hal.cwd / "file").touch()
    data = lines("one", "two", {"prompt": "three", "output": "file/x.png"}, "four")
    found = results(hal("batch", "-", *QUICK, *OUT, stdin=data, code=6).out)
    assert error_codes(found) == [None, "output_invalid", "output_invalid", None]


def test_no_clobber_keeps_files_and_goes_on(hal: Hal) -> None:
    (hal.cwd / "out").mkdir()
    (hal.cwd / "out" / "1.png").write_text("mine")
    found = results(hal("batch", "-", *QUICK, *OUT, "--no-clobber", stdin=prompts(2), code=6).out)
    assert error_codes(found) == ["output_exists", None]
    assert (hal.cwd / "out" / "1.png").read_text() == "mine"


def test_a_picture_that_takes_too_long_is_given_up_alone(hal: Hal) -> None:
    hal("-p", "warm up", *QUICK, "-o", "x.png")
    data = lines("one", {"prompt": "two", "size": 256, "steps": ENDLESS_STEPS}, "three")
    found = results(hal("batch", "-", *QUICK, *OUT, "--timeout", "8s", stdin=data, code=6).out)
    assert error_codes(found) == [None, "timeout", None]
    assert pictures(hal) == ["1.png", "3.png"]
    hal.wait_until_idle()


# -- engines that end -------------------------------------------------------------------------------------------------


def test_an_engine_that_is_killed_costs_no_picture(lone_hal: Hal) -> None:
    (lone_hal.cwd / "in").write_bytes(lines("one", {"prompt": "two", "size": 256, "steps": 18}, "three"))
    process = lone_hal.start("batch", "in", *QUICK, *OUT)
    lone_hal.wait_for((lone_hal.cwd / "out" / "1.png").exists, 120)
    engine = lone_hal.wait_until_busy()
    lone_hal.end(engine)
    out, err = process.communicate(timeout=200)
    assert process.returncode == 0, err
    assert [line["ok"] for line in results(out)] == [True] * 3
    assert b"trying again" in err
    assert identity(lone_hal.engine()) != identity(engine)


def test_comfyui_that_is_killed_costs_no_picture(hal: Hal) -> None:
    (hal.cwd / "in").write_bytes(lines({"prompt": "one", "size": 256, "steps": 18}, "two"))
    process = hal.start("batch", "in", *QUICK, *OUT)
    hal.kill_comfyui(hal.wait_until_busy())
    out, err = process.communicate(timeout=200)
    assert process.returncode == 0, err
    assert [line["ok"] for line in results(out)] == [True, True]
    assert b"trying again" in err


def test_a_picture_that_ends_comfyui_twice_is_given_up(hal: Hal) -> None:
    (hal.cwd / "in").write_bytes(lines({"prompt": "one", "size": 256, "steps": ENDLESS_STEPS}, "two"))
    process = hal.start("batch", "in", *QUICK, *OUT)
    hal.kill_comfyui(hal.wait_until_busy())
    # what was queued behind it is made before it is tried again
    hal.wait_for((hal.cwd / "out" / "2.png").exists, 120)
    hal.kill_comfyui(hal.wait_until_busy())
    out, err = process.communicate(timeout=200)
    assert process.returncode == 6, err
    assert error_codes(results(out)) == ["comfyui_crashed", None]
    hal("serve")  # for the tests that come next


def test_without_an_engine_the_batch_ends_at_once(lone_hal: Hal) -> None:
    broken = lone_hal.cwd / "python"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    variables = {"HAL_ENGINE_PYTHON": str(broken)} if lone_hal.kind == "local" else {"HAL_DOCKER": str(broken)}
    mine = Hal({**lone_hal.environment, **variables}, lone_hal.cwd)
    (mine.cwd / "in").write_bytes(prompts(5))
    answer = mine("batch", "in", *QUICK, *OUT, "--json", code=3).json
    schemas.strict("result").validate(answer)
    assert answer["data"]["done"] == 0
    assert answer["data"]["not_tried"] >= 4


def test_stop_ends_the_engine_and_not_the_batch(lone_hal: Hal) -> None:
    (lone_hal.cwd / "in").write_bytes(prompts(6))
    process = lone_hal.start("batch", "in", *QUICK, *OUT)
    lone_hal.wait_for((lone_hal.cwd / "out" / "1.png").exists, 120)
    lone_hal("stop", code=None)
    out, err = process.communicate(timeout=200)
    assert process.returncode == 0, err
    assert [line["ok"] for line in results(out)] == [True] * 6


def test_keep_alive_zero_ends_the_engine_with_the_batch(lone_hal: Hal) -> None:
    answer = lone_hal("batch", "-", *QUICK, *OUT, "--keep-alive", "0", "--json", stdin=prompts(3)).json
    assert answer["data"]["done"] == 3
    lone_hal.wait_for(lambda: not lone_hal.is_running(answer["data"]["engine"]), 20)
    assert lone_hal.engines() == []


# -- readers, writers, signals ----------------------------------------------------------------------------------------


def test_a_reader_that_goes_away_ends_the_batch(hal: Hal) -> None:
    process = hal.start("batch", "-", *QUICK, *OUT, stdin=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(prompts(MANY))
    process.stdin.flush()
    process.stdout.readline()
    process.stdout.close()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGPIPE
    assert b"Traceback" not in err
    hal.wait_until_idle()
    assert len(pictures(hal)) < MANY


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
@pytest.mark.parametrize("stage", ["drawing", "waiting for a line", "waiting for another's picture"])
def test_a_signal_ends_a_batch_and_tells_what_was_done(hal: Hal, stage: str, number: signal.Signals, code: int) -> None:
    blocker = None
    if stage.endswith("picture"):
        blocker = hal.start("-p", "x", *SLOW, "-o", "blocker.png")
        hal.wait_until_busy()
    process = hal.start("batch", "-", *QUICK, *OUT, "--json", stdin=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write(
        lines("one", *([{"prompt": "two", "size": 256, "steps": ENDLESS_STEPS}] if stage == "drawing" else []))
    )
    process.stdin.flush()
    if blocker is not None:
        hal.wait_until_queued(1)
    else:
        hal.wait_for((hal.cwd / "out" / "1.png").exists, 60)
        time.sleep(0.3)
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    answer = json.loads(out)
    schemas.strict("result").validate(answer)
    assert process.returncode == answer["error"]["exit_code"] == code
    assert answer["data"]["done"] == (0 if blocker is not None else 1)
    assert b"Traceback" not in err
    if blocker is not None:
        blocker.send_signal(signal.SIGINT)
        blocker.communicate(timeout=30)
    hal.wait_until_idle()
    assert pictures(hal) == ([] if blocker is not None else ["1.png"])


@pytest.mark.local_only("an engine in a container is stopped by other means")
def test_a_second_ctrl_c_does_not_wait_for_the_engine(lone_hal: Hal) -> None:
    process = lone_hal.start("batch", "-", *SLOW, *OUT, "--json", stdin=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write(b"one\n")
    process.stdin.flush()
    engine = lone_hal.wait_until_busy()
    os.kill(engine["pid"], signal.SIGSTOP)  # it will not answer that it has taken the job back
    try:
        process.send_signal(signal.SIGINT)
        time.sleep(0.3)
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=1)
    finally:
        os.kill(engine["pid"], signal.SIGCONT)
    assert process.returncode == 130
    assert json.loads(out)["error"]["code"] == "interrupted"


# -- going on ---------------------------------------------------------------------------------------------------------


def test_a_batch_that_is_killed_again_and_again_makes_every_picture_once(hal: Hal) -> None:
    chance = random.Random(6)
    (hal.cwd / "in").write_bytes(prompts(MANY))
    call = ("batch", "in", *QUICK, "--no-clobber", *OUT, "--resume")
    hal("-p", "warm up", *QUICK, "-o", "x.png")
    before = hal.engine()["jobs_done"]
    written: dict[str, int] = {}
    killed = 0
    for _ in range(6):
        enough = len(pictures(hal)) + chance.randrange(1, 5)
        process = hal.start(*call)
        end = time.monotonic() + 60
        while len(pictures(hal)) < enough and process.poll() is None and time.monotonic() < end:
            time.sleep(chance.random() / 50)
        killed += process.poll() is None
        process.kill()
        process.communicate()
        there = {path.name: path.stat().st_mtime_ns for path in (hal.cwd / "out").glob("*.png")}
        assert {name: there[name] for name in written} == written, "a finished one was made anew"
        written = there
    assert killed >= 3
    found = results(hal(*call).out)
    assert [line["line"] for line in found] == list(range(1, MANY + 1))
    assert all(line["ok"] for line in found)
    assert sum(line["resumed"] for line in found) >= len(written)
    assert pictures(hal) == [f"{number}.png" for number in range(1, MANY + 1)]
    for line in found:
        assert line["images"][0]["bytes"] == Path(line["images"][0]["path"]).stat().st_size
    # a kill may cost those that were with the engine just then, and no other
    assert hal.engine()["jobs_done"] - before <= MANY + 2 * killed
    again = results(hal(*call).out)
    assert [line["images"] for line in again] == [line["images"] for line in found]
    assert all(line["resumed"] for line in again)


def test_a_killed_line_keeps_its_seed(hal: Hal) -> None:
    (hal.cwd / "in").write_bytes(lines({"prompt": "x", "size": 256, "steps": ENDLESS_STEPS}))
    process = hal.start("batch", "in", *QUICK, "-o", "out/{seed}.png")
    hal.wait_until_busy()
    process.kill()
    process.communicate()
    journal = newest(hal)
    before = journal.read_bytes()
    hal.wait_until_idle()
    again = hal.start("batch", "in", *QUICK, "-o", "out/{seed}.png", "--resume")
    hal.wait_until_busy()
    again.send_signal(signal.SIGINT)
    again.communicate(timeout=30)
    assert pictures(hal) == []
    assert b'"seed"' in before
    assert journal.read_bytes() == before, "another seed was chosen"


def newest(hal: Hal) -> Path:
    journals = (Path(hal.environment["HAL_STATE_DIR"]) / "batches").glob("*.jsonl")
    return max(journals, key=lambda path: path.stat().st_mtime_ns)


def test_only_what_is_missing_or_was_changed_is_made(hal: Hal) -> None:
    call = ("batch", "-", *QUICK, *OUT)
    first = results(hal(*call, stdin=lines("one", {"prompt": "two", "count": 3}, "three", "four")).out)
    (hal.cwd / "out" / "2-2.png").unlink()
    (hal.cwd / "out" / "4.png").write_bytes(b"cut off")
    second = results(hal(*call, "--resume", stdin=lines("one", {"prompt": "two", "count": 3}, "3", "four")).out)
    assert [line["resumed"] for line in second] == [True, False, False, False]
    assert second[0]["images"] == first[0]["images"]
    seeds = [[image["seed"] for image in line["images"]] for line in (first[1], second[1])]
    assert seeds[0] == seeds[1]
    assert pictures(hal) == ["1.png", "3.png", "4.png", "2-1.png", "2-2.png", "2-3.png"]
    assert hal("info", "out/3.png", "--json").json["data"]["hal8000"]["request"]["prompt"] == "3"
    assert second[3]["images"][0]["seed"] == first[3]["images"][0]["seed"]
    assert all(line["ok"] for line in second)


def test_a_picture_that_could_not_be_noted_any_more_is_known_by_what_it_says(hal: Hal) -> None:
    call = ("batch", "-", *QUICK, "--no-clobber", *OUT)
    first = results(hal(*call, stdin=prompts(2)).out)
    journal = newest(hal)
    records = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(record for record in records if b'"picture": 1' not in record))
    second = results(hal(*call, "--resume", stdin=prompts(2)).out)
    assert [line["images"] for line in second] == [line["images"] for line in first]
    assert all(line["resumed"] for line in second)


def test_a_file_of_somebody_else_is_not_taken_for_a_picture(hal: Hal) -> None:
    call = ("batch", "-", *QUICK, "--no-clobber", *OUT)
    hal(*call, stdin=prompts(2))
    journal = newest(hal)
    records = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(record for record in records if b'"picture": 1' not in record))
    hal("-p", "another", *QUICK, "-o", "out/1.png")
    (hal.cwd / "out" / "2.png").write_text("mine")
    found = results(hal(*call, "--resume", stdin=prompts(2), code=2).out)
    assert error_codes(found) == ["output_exists", "output_exists"]


def test_a_connection_is_renewed_after_many_pictures(hal: Hal) -> None:
    script = hal.cwd / "few.py"
    script.write_text(
        f"import sys; sys.path.insert(0, {str(hal.script.parent)!r})\n"
        "from hal_image.host.batch import session\n"
        "from hal_image.host.main import main\n"
        "session.RENEW_AFTER = 2\n"
        "raise SystemExit(main(sys.argv[1:]))\n"
    )
    few = Hal(hal.environment, hal.cwd, script)
    found = results(few("batch", "-", *QUICK, *OUT, stdin=lines("1", {"prompt": "2", "count": 2}, "3", "4")).out)
    assert [len(line["images"]) for line in found] == [1, 2, 1, 1]


def test_two_runs_of_the_same_batch_do_not_share_a_journal(hal: Hal) -> None:
    first = hal.start("batch", "-", *QUICK, *OUT, stdin=subprocess.PIPE)
    assert first.stdin is not None
    assert first.stdout is not None
    first.stdin.write(b"one\n")
    first.stdin.flush()
    first.stdout.readline()
    assert (
        hal("batch", "-", *QUICK, *OUT, "--resume", "--json", stdin=b"x\n", code=2).json["error"]["code"]
        == "batch_running"
    )
    second = hal("batch", "-", *QUICK, *OUT, "--json", stdin=b"two\n").json
    assert "batch_not_resumable" in [warning["code"] for warning in second["warnings"]]
    first.communicate(timeout=30)
    assert first.returncode == 0


def test_resume_with_nothing_to_go_on_with_begins(hal: Hal) -> None:
    run = hal("batch", "-", *QUICK, *OUT, "--resume", stdin=b"one\n")
    assert "nothing to go on with" in run.err
    assert results(run.out)[0]["resumed"] is False
