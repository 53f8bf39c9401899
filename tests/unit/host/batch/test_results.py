from __future__ import annotations

import json
import sys
from typing import Any

import pytest

from hal_image.errors import EnvironmentError_, HalError, PartialBatchError, UsageError
from hal_image.host.batch import progress as progress_module
from hal_image.host.batch.lines import Line
from hal_image.host.batch.pictures import concerns_all
from hal_image.host.batch.progress import BatchProgress
from hal_image.host.batch.results import FAILURES_TOLD, MAX_OPEN, Results
from hal_image.host.render import Output
from hal_image.host.result import Warn


def of(number: int, error: UsageError | None = None) -> Line:
    return Line(number, "digest", f"id-{number}", None, "", error)


def bad(code: str = "line_invalid") -> UsageError:
    return UsageError("it is bad", code=code, hint="do this")


@pytest.fixture
def results() -> Results:
    output = Output("batch")
    return Results(output, BatchProgress(output, 3, lambda number: (number, 1)))


def told(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_line_is_told_when_all_before_it_are(results: Results, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = results.begin(of(1)), results.begin(of(2, bad()))
    first.count = 2
    results.settle()
    first.images[2] = {"seed": 2}
    results.settle()
    assert told(capsys) == []
    first.images[1] = {"seed": 1}
    results.settle()
    lines = told(capsys)
    assert [line["line"] for line in lines] == [1, 2]
    assert lines[0]["images"] == [{"seed": 1}, {"seed": 2}]
    assert (lines[1]["ok"], lines[1]["error"]["code"], lines[1]["id"]) == (False, "line_invalid", "id-2")
    assert second.over
    assert results.idle


def test_what_was_made_of_a_line_that_failed_is_told(results: Results, capsys: pytest.CaptureFixture[str]) -> None:
    line = results.begin(of(1))
    line.count, line.lost, line.error = 2, 1, HalError("x", code="out_of_memory")
    line.images[1] = {"seed": 1}
    line.warnings.append(Warn("w", "careful"))
    results.settle()
    (result,) = told(capsys)
    assert (result["ok"], result["images"], result["warnings"][0]["code"]) == (False, [{"seed": 1}], "w")


def test_bad_lines_behind_one_that_takes_its_time_are_bounded(results: Results) -> None:
    results.begin(of(1)).count = 1
    for number in range(2, MAX_OPEN + 1):
        assert not results.full
        results.begin(of(number, bad()))
        results.settle()
    assert results.full


def test_the_verdict(results: Results) -> None:
    assert results.verdict() is None
    results.begin(of(1, bad()))
    results.settle()
    one = results.verdict()
    assert (type(one), getattr(one, "message", "")) == (UsageError, "it is bad")
    results.begin(of(2))
    results.settle()
    some = results.verdict()
    assert isinstance(some, PartialBatchError)
    assert (some.message, some.exit_code) == ("1 of 2 lines failed", 6)


def test_failures_for_different_reasons_are_a_part_of_a_batch(results: Results) -> None:
    for number, code in enumerate(["a", "b"] * FAILURES_TOLD, start=1):
        results.begin(of(number, bad(code)))
        results.settle()
    assert isinstance(results.verdict(), PartialBatchError)
    assert len(results.failures) == FAILURES_TOLD


def test_failures_for_the_same_reason_are_that(results: Results) -> None:
    for number in (1, 2):
        results.begin(of(number, bad()))
        results.settle()
    verdict = results.verdict()
    assert verdict is not None
    assert (verdict.code, verdict.message) == ("line_invalid", "all 2 lines; the first: it is bad")


def test_a_hint_is_said_once_in_a_row(results: Results, capsys: pytest.CaptureFixture[str]) -> None:
    for number in (1, 2):
        results.begin(of(number, bad()))
        results.settle()
    assert capsys.readouterr().err.splitlines() == [
        "error: line 1: it is bad",
        "hint: do this",
        "error: line 2: it is bad",
    ]


@pytest.mark.parametrize(
    ("error", "all_of_them"),
    [
        (EnvironmentError_("x", code="disk_full"), True),
        (EnvironmentError_("x", code="comfyui_boot_failed"), True),
        (EnvironmentError_("x", code="output_unwritable"), False),
        (EnvironmentError_("x", code="gpu_memory_too_small"), False),
        (HalError("x", code="out_of_memory"), False),
        (bad(), False),
    ],
)
def test_what_stops_a_batch(error: HalError, all_of_them: bool) -> None:
    assert concerns_all(error) is all_of_them


def test_progress_in_a_log_counts_lines(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hal_image.host.progress.LINE_EVERY_S", -1)
    progress = BatchProgress(Output("batch"), 4, lambda number: (number + 10, 1))
    progress.count(failed=False, resumed=True)
    progress.count(failed=True, resumed=False)
    progress.show({"event": "progress", "value": 3, "max": 9}, 0)
    text = capsys.readouterr().err.splitlines()
    assert text[0] == "lines done: 1 of 4"
    assert text[1] == "lines done: 2 of 4, 1 failed, about 0s left"
    assert text[2] == "lines done: 2 of 4, 1 failed, about 0s left; line 11 at step 3 of 9"


def test_progress_of_a_pipe_knows_no_end(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hal_image.host.progress.LINE_EVERY_S", -1)
    BatchProgress(Output("batch"), None, lambda number: (number, 1)).count(failed=False, resumed=False)
    assert capsys.readouterr().err == "lines done: 1\n"


def test_a_terminal_has_one_bar_and_messages_do_not_run_into_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr(progress_module, "DRAW_EVERY_S", 0)
    output = Output("batch")
    progress = BatchProgress(output, 4, lambda number: (number, 1))
    for index in range(3):
        progress.show({"event": "running", "device": "cpu"}, index)
        progress.count(failed=False, resumed=False)
    output.note("a message")
    progress.close()
    shown = capsys.readouterr().err
    assert "3/4 [" in shown
    assert shown.split("a message\n")[0].endswith(" \r"), "the bar was not taken away before"
    assert output.before_message is None
