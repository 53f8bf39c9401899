"""What ``generate`` tells of ends that a real ComfyUI cannot be brought to: through the real host, wire and queue."""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hal_image.host import gpu_presence
from hal_image.host.main import main
from hal_image.host.pace import EVENTS_PER_SECOND, PROGRESS
from tests.contract import stand_in_engine
from tests.contract.answers import check_lines
from tests.contract.small_files import write_checkpoint
from tests.contract.stand_in_engine import drawing

if TYPE_CHECKING:
    from collections.abc import Callable

    from hal_image.engine.job import Job

    Make = Callable[..., tuple[int, list[dict[str, Any]]]]

SIZE = ("-m", "sd15", "--size", "64", "--steps", "1", "--engine", "local")


@pytest.fixture(autouse=True)
def _with_a_model(own_machine: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu_presence, "gpu_present", lambda: True)
    write_checkpoint(tmp_path / "models" / "checkpoints" / "v1-5-pruned-emaonly-fp16.safetensors")


@pytest.fixture
def make(capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch) -> Make:
    """Makes a picture with an engine that does as told; returns the exit code and the lines of standard output."""

    def run(runs: stand_in_engine.Runs, *argv: str, form: str = "--json") -> tuple[int, list[dict[str, Any]]]:
        # a socket's path has a limit of its own, which pytest's folders may exceed
        with tempfile.TemporaryDirectory() as folder, stand_in_engine.engine(runs, Path(folder), monkeypatch):
            code = main(["-p", "a red cube", *SIZE, *argv, form])
        lines = [json.loads(line) for line in capfdbinary.readouterr().out.splitlines()]
        check_lines(lines)
        return code, lines

    return run


def test_a_picture_of_another_size_is_told_of(make: Make, tmp_path: Path) -> None:
    code, (answer,) = make(drawing(64, 56), "-o", str(tmp_path / "x.png"))
    assert code == 0
    assert {warning["code"] for warning in answer["warnings"]} == {
        "model_size_differs", "running_on_cpu", "size_differs",
    }  # fmt: skip
    assert answer["data"]["images"][0]["height"] == 56


def test_a_job_without_a_picture_is_a_bug(make: Make, tmp_path: Path) -> None:
    code, (answer,) = make(lambda *_: [], "-o", str(tmp_path / "x.png"))
    assert (code, answer["error"]["code"]) == (1, "no_image")
    assert "a bug" in answer["error"]["message"]
    assert answer["error"]["details"]["log"] in answer["error"]["hint"]
    assert not (tmp_path / "x.png").exists()


def test_a_picture_that_is_gone_is_a_lost_engine(make: Make, tmp_path: Path) -> None:
    def run(job: Job, _output: Path) -> list[str]:
        return [f"{job.id}/gone.png"]

    code, (answer,) = make(run, "-o", str(tmp_path / "x.png"))
    assert (code, answer["error"]["code"], answer["error"]["retryable"]) == (1, "engine_lost", True)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # it belongs into the engine's log
def test_a_bug_in_the_engine_is_told_as_one(make: Make, tmp_path: Path) -> None:
    def run(job: Job, _output: Path) -> list[str]:
        raise KeyError("a bug")

    code, (answer,) = make(run, "-o", str(tmp_path / "x.png"))
    assert (code, answer["error"]["code"]) == (1, "internal")
    assert "a bug in the engine: KeyError" in answer["error"]["message"]
    assert answer["error"]["details"]["log"] in answer["error"]["hint"]


def test_a_flood_of_events_is_held_to_ten_a_second(make: Make, tmp_path: Path) -> None:
    def run(job: Job, output: Path) -> list[str]:
        for step in range(1, 501):
            job.emit({"event": "node", "class_type": "KSampler"})
            job.emit({"event": "progress", "value": step, "max": 500})
        return drawing(64, 64)(job, output)

    began = time.monotonic()
    code, lines = make(run, "-o", str(tmp_path / "x.png"), form="--jsonl")
    seconds = time.monotonic() - began
    kinds = [line["event"] for line in lines[:-1]]
    assert code == 0
    assert sum(kind in PROGRESS for kind in kinds) <= EVENTS_PER_SECOND * (int(seconds) + 1)
    assert [kind for kind in kinds if kind not in PROGRESS] == ["queued", "running", "done", "saved"]


def test_a_failure_is_the_last_line_of_jsonl(make: Make, tmp_path: Path) -> None:
    code, lines = make(lambda *_: [], "-o", str(tmp_path / "x.png"), form="--jsonl")
    assert code == 1
    assert lines[-2]["event"] == "done"
    assert lines[-1]["error"]["code"] == "no_image"


def test_the_answer_for_a_prompt_like_a_book_is_small(make: Make, tmp_path: Path) -> None:
    _, (answer,) = make(drawing(64, 64), "-n", "blurry, " * 10_000, "-o", str(tmp_path / "x.png"))
    assert len(json.dumps(answer)) < 3000
    assert answer["data"]["request"]["cut"] == {"negative_prompt": 80_000}
