"""No second of ``--jsonl`` has more than ten events of progress, of whatever kinds they are."""

from __future__ import annotations

from typing import Any

import pytest

from hal_image.host.pace import EVENTS_PER_SECOND, PROGRESS, Pace


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def flood(kinds: list[dict[str, Any]], seconds: float, every: float) -> list[tuple[float, dict[str, Any]]]:
    """What is told, and when, of events that come one after the other."""
    clock = Clock()
    pace = Pace(clock)
    told = []
    for number in range(int(seconds / every)):
        event = kinds[number % len(kinds)]
        if pace.lets(event):
            told.append((clock.now, event))
        clock.now += every
    return told


def most_in_a_second(times: list[float]) -> int:
    return max(sum(start <= time < start + 1.0 for time in times) for start in times)


STEP = {"event": "progress", "value": 1, "max": 50}
LAST = {"event": "progress", "value": 50, "max": 50}
NODE = {"event": "node", "class_type": "KSampler"}
BYTES = {"event": "pull_progress", "value": 1, "max": 9}
DONE = {"event": "done"}


@pytest.mark.parametrize(
    "kinds",
    [[STEP], [NODE], [LAST], [STEP, NODE, BYTES, {"event": "booting", "seconds": 1.0}, LAST], [STEP, NODE, LAST]],
)
@pytest.mark.parametrize("every", [0.001, 0.013, 0.09, 0.11])
def test_a_flood_is_held_to_ten_a_second(kinds: list[dict[str, Any]], every: float) -> None:
    told = flood(kinds, 5.0, every)
    times = [time for time, _ in told]
    assert most_in_a_second(times) <= EVENTS_PER_SECOND
    assert times[-1] > 104.0, "it goes on"
    assert len(told) > 20, "as many as may be are told"


def test_what_is_no_progress_is_always_told_and_counts() -> None:
    told = flood([DONE, STEP, NODE, BYTES], 2.0, 0.01)
    assert sum(event is DONE for _, event in told) == 50
    assert sum(event is not DONE for _, event in told) <= EVENTS_PER_SECOND, "there is no room beside so many"


def test_the_last_step_is_told_where_there_is_room() -> None:
    clock = Clock()
    pace = Pace(clock)
    assert [pace.lets(event) for event in (STEP, STEP, LAST)] == [True, False, True]


def test_a_node_is_told_beside_steps() -> None:
    told = [event["event"] for _, event in flood([STEP] * 99 + [NODE], 5.0, 0.01)]
    assert told.count("node") == 5
    assert "saved" not in PROGRESS
