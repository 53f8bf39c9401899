"""Where the time of a command went: the ``timings`` object of the JSON output."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hal_image.errors import JsonObject


class Timings:
    """Seconds. Sums over all pictures, except ``prepare_s`` and ``boot_s``, which happen once."""

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.prepare_s = 0.0
        self.boot_s = 0.0
        self.load_s = 0.0
        self.queue_s = 0.0
        self.execution_s = 0.0
        self.save_s = 0.0

    def add(self, timings: JsonObject) -> None:
        """Adds what the engine measured for one picture."""
        self.boot_s = max(self.boot_s, timings["boot_s"])
        self.load_s += timings["load_s"]
        self.execution_s += timings["execution_s"]

    def to_json(self) -> JsonObject:
        """The ``timings`` object of the JSON output."""
        names = ("prepare_s", "boot_s", "load_s", "queue_s", "execution_s", "save_s")
        timings = {name: round(getattr(self, name), 3) for name in names}
        return {**timings, "total_s": round(time.monotonic() - self.started, 3)}
