"""The progress of a batch: one bar over all lines on a terminal, a line now and then in a log."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from hal_image.host.durations import show_duration
from hal_image.host.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable

    from hal_image.errors import JsonObject
    from hal_image.host.render import Output


DRAW_EVERY_S = 0.1
"""Seconds between two looks of the bar, which also moves while a picture that takes long is made."""


class BatchProgress(Progress):
    """Counts lines.

    Args:
        output: where it goes.
        total: how many lines there are; ``None`` while nobody knows.
        place_of: of which line a picture, from 1, is, and which one of that line.
    """

    def __init__(self, output: Output, total: int | None, place_of: Callable[[int], tuple[int, int]]) -> None:
        super().__init__(output, 1)
        self._total = total
        self._place_of = place_of
        self._over = 0
        self._failed = 0
        self._resumed = 0
        self._began = time.monotonic()
        self._first = True
        self._drawn = 0.0

    def show(self, event: JsonObject, index: int) -> None:
        """Shows one event of the picture ``index`` (from 0)."""
        kind = event["event"]
        line, number = self._place_of(index + 1)
        self._stream(event, {"line": line, "index": number})
        if kind == "queued" and self._first:
            self._say_queued(event)
            self._first = False
        elif kind == "booting":
            self._say_booting(event)
        elif kind == "running":
            self._once("running", "drawing")
            self._draw()
        elif kind == "progress":
            step = f"line {line} at step {event.get('value')} of {event.get('max')}"
            self._draw(step)

    def count(self, *, failed: bool, resumed: bool) -> None:
        """Counts a line that is over."""
        self._over += 1
        self._failed += failed
        self._resumed += resumed
        self._draw()

    def close(self) -> None:
        """Takes the bar away."""
        super().close()
        self._output.before_message = None

    def _draw(self, step: str = "") -> None:
        """Shows how far it is: now and then, where there is no terminal to draw on."""
        if not self._draws:
            self._now_and_then(f"{self._text()}; {step}" if step else self._text())
            return
        if self._bar is None:
            from tqdm import tqdm  # noqa: PLC0415 - costs 30 ms, and only a terminal needs it

            # all pictures count alike for the time that is left: the first ones are slow, which a mean forgets
            self._bar = tqdm(total=self._total, unit="line", leave=False, file=sys.stderr, smoothing=0)
            self._output.before_message = self._make_room
        if time.monotonic() - self._drawn < DRAW_EVERY_S:
            return
        self._drawn = time.monotonic()
        self._bar.initial = self._resumed  # what an earlier run did says nothing of the time that is left
        self._bar.n = self._over
        self._bar.set_postfix_str(f"{self._failed} failed" if self._failed else "", refresh=False)
        self._bar.refresh()

    def _text(self) -> str:
        done = f"lines done: {self._over}" + (f" of {self._total}" if self._total is not None else "")
        failed = f", {self._failed} failed" if self._failed else ""
        made = self._over - self._resumed
        if self._total is None or not made:
            return f"{done}{failed}"
        left = (time.monotonic() - self._began) / made * (self._total - self._over)
        return f"{done}{failed}, about {show_duration(left)} left"
