"""Progress: a number that grows, and what it means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hal_image.host.mcp.doing import Doing

if TYPE_CHECKING:
    from hal_image.errors import JsonObject


def test_progress_counts_pictures_and_never_stands_still() -> None:
    doing = Doing(2)
    events: list[JsonObject] = [
        {"event": "preparing", "message": "preparing the engine"},
        {"event": "pull_progress", "file": "x", "value": 1, "max": 2, "all_value": 5e8, "all_max": 2e9},
        {"event": "queued", "index": 1, "position": 3, "job": "x"},
        {"event": "queued", "index": 1, "position": 0, "job": "x"},
        {"event": "booting", "index": 1, "seconds": 2.4},
        {"event": "node", "index": 1, "class_type": "CheckpointLoaderSimple"},
        {"event": "progress", "index": 1, "value": 1, "max": 4},
        {"event": "progress", "index": 1, "value": 4, "max": 4},
        {"event": "saved", "index": 1, "path": "/a.png"},
        {"event": "progress", "index": 2, "value": 2, "max": 4},
    ]
    told = [doing.hear(event) for event in events]
    assert all(told)
    values = [progress.value for progress in told if progress]
    assert values == sorted(set(values))
    assert [round(value, 3) for value in values] == [0, 0, 0, 0, 0, 0, 0.25, 1, 1, 1.5]
    assert {progress.total for progress in told if progress} == {2}
    assert [progress.message for progress in told if progress] == [
        "preparing the engine",
        "downloading, 0.50 of 2.00 GB",
        "waiting, jobs before it: 3",
        "in the queue",
        "starting ComfyUI, 2 s",
        "loading the model",
        "picture 1 of 2: step 1 of 4",
        "picture 1 of 2: step 4 of 4",
        "saved /a.png",
        "picture 2 of 2: step 2 of 4",
    ]
    assert doing.message == "picture 2 of 2: step 2 of 4"


def test_what_tells_nothing_is_left_out() -> None:
    doing = Doing(1)
    quiet: list[JsonObject] = [
        {"event": "running", "index": 1, "device": "cpu"},
        {"event": "node", "index": 1, "class_type": "KSampler"},
        {"event": "done", "index": 1, "timings": {}},
    ]
    assert [doing.hear(event) for event in quiet] == [None, None, None]
    assert doing.message == "starting"
    assert doing.hear({"event": "progress", "index": 1, "value": 0, "max": 0})
