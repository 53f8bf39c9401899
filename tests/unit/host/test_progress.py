from __future__ import annotations

import json
from typing import TYPE_CHECKING

from hal_image.host import progress as progress_module
from hal_image.host.progress import Progress
from hal_image.host.render import Output

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pytest


def shown(capsys: pytest.CaptureFixture[str], output: Output, *events: Mapping[str, object]) -> str:
    progress = Progress(output, 1)
    for event in events:
        progress.show(dict(event), 0)
    progress.close()
    return capsys.readouterr().err


def step(value: int) -> dict[str, object]:
    return {"event": "progress", "value": value, "max": 50}


def test_without_a_terminal_stages_are_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    booting = {"event": "booting", "seconds": 1.0}
    loading = {"event": "node", "class_type": "CheckpointLoaderSimple"}
    text = shown(capsys, Output("generate"), booting, booting, loading, loading, step(1), step(2))
    assert text.splitlines() == ["starting ComfyUI", "loading the model"]


def test_without_a_terminal_steps_are_said_now_and_then(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress_module, "LINE_EVERY_S", -1)
    assert shown(capsys, Output("generate"), step(3)) == "picture 1 of 1: step 3 of 50\n"


def test_a_queue_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        shown(capsys, Output("generate"), {"event": "queued", "position": 2}) == "waiting for 2 jobs before this one\n"
    )
    assert shown(capsys, Output("generate"), {"event": "queued", "position": 0}) == ""


def test_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(capsys, Output("generate", quiet=True), {"event": "booting", "seconds": 9.0}, step(1)) == ""


def test_jsonl_has_at_most_ten_steps_a_second_and_always_the_last(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    progress = Progress(Output("generate", as_jsonl=True, quiet=True), 1)
    for value in range(1, 51):
        progress.show({**step(value), "v": 1, "job": "x"}, 0)
    lines = [json.loads(line) for line in capfdbinary.readouterr().out.splitlines()]
    assert len(lines) <= 4
    assert lines[-1] == {"index": 1, "event": "progress", "value": 50, "max": 50}
