"""How many events a second ``--jsonl`` tells: as many as a person can follow, and not as many as there are."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from hal_image.errors import JsonObject

EVENTS_PER_SECOND = 10
"""Most events of progress in any second, all kinds of them together."""
PAUSE_S = 0.125
"""Seconds between two events that come again and again: they alone do not fill a second, so that what else happens is
told, too."""

REPEATED = frozenset({"booting", "progress", "pull_progress", "verify_progress"})
"""Events of which one stands for those before it. Where they have a ``value`` of ``max``, the last one is kept if that
can be done."""
PROGRESS = REPEATED | {"node", "preparing"}
"""Events that may be left out. All others are told, whatever happens: there are only a few for each picture or file."""


class Pace:
    """Decides which events are told.

    Args:
        clock: seconds that never go back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._told: deque[float] = deque(maxlen=EVENTS_PER_SECOND)
        self._repeated: float | None = None

    def lets(self, event: JsonObject) -> bool:
        """Whether ``event`` is told; if so, it counts."""
        now = self._clock()
        if event["event"] in PROGRESS:
            full = len(self._told) == EVENTS_PER_SECOND and now - self._told[0] < 1.0
            last = "max" in event and event.get("value") == event.get("max")
            soon = self._repeated is not None and now - self._repeated < PAUSE_S
            if full or (soon and not last and event["event"] in REPEATED):
                return False
            if event["event"] in REPEATED:
                self._repeated = now
        self._told.append(now)
        return True
