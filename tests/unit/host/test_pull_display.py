"""What is shown while a model is downloaded: bars on a terminal, lines elsewhere, events in ``--jsonl``."""

from __future__ import annotations

import io
import json
import sys

import pytest

from hal_image.errors import TimeoutError_
from hal_image.host import pull_display
from hal_image.host.deadline import Deadline
from hal_image.host.pull_display import PullDisplay
from hal_image.host.render import Output
from hal_image.models import pull_events

NEVER = Deadline.after(None)


def progress(value: int, *, several: bool = False) -> dict[str, object]:
    whole = 4_000_000_000
    return {
        "event": "pull_progress",
        "file": "a.safetensors",
        "value": value,
        "max": whole,
        "all_value": value,
        "all_max": whole * (2 if several else 1),
    }


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("several", [False, True])
def test_a_terminal_gets_a_bar_a_file_and_one_for_all(monkeypatch: pytest.MonkeyPatch, several: bool) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    display = PullDisplay(Output("models"), NEVER)
    for value in (1_000_000_000, 2_000_000_000):
        display.show(progress(value, several=several))
    assert len(display._bars) == 1 + several
    display._bars[0].refresh()
    drawn = terminal.getvalue()
    assert "a.safetensors:  50%" in drawn
    assert "B/s" in drawn, "a rate"
    assert ("all:" in drawn) is several
    display.show({"event": "pull_retry", "file": "a.safetensors", "reason": "it stalled", "seconds": 2.0})
    assert display._bars == [], "a line never stands in a bar"
    assert terminal.getvalue().splitlines()[-1].endswith("a.safetensors: it stalled; going on in 2 s")


def test_elsewhere_it_is_a_line_now_and_then(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    display = PullDisplay(Output("models"), NEVER)
    display.show(progress(1_000_000))
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(pull_display, "LINE_EVERY_S", -1)
    display.show(progress(2_000_000_000))
    line = capsys.readouterr().err
    assert line.startswith("a.safetensors: 2.00 GB of 4.00 GB, ")
    assert "MB/s, about 0 min left" in line


def test_events_are_at_most_ten_a_second_and_the_last(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    display = PullDisplay(Output("models", as_jsonl=True, quiet=True), NEVER)
    for value in (*range(1, 100), 4_000_000_000):
        display.show(progress(value))
    lines = [json.loads(line) for line in capfdbinary.readouterr().out.splitlines()]
    assert len(lines) <= 4
    assert lines[-1] == progress(4_000_000_000)


def test_a_deadline_ends_it() -> None:
    display = PullDisplay(Output("models", quiet=True), Deadline(0.0, 1.0))
    with pytest.raises(TimeoutError_):
        display.show(progress(1))


def test_lines_for_people() -> None:
    event = {"event": "pull_waiting", "pid": None}
    assert pull_events.as_line(event) == "waiting for another process, which is downloading"
    assert pull_events.as_line(progress(1)) is None
