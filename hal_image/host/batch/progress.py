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


class BatchProgress(Progress):
    """Counts lines.

    Args:
        output: where it goes.
        total: how many lines there are; ``None`` while nobody knows.
        line_of: the number of the line that a picture, from 1, is of.
    """

    def __init__(self, output: Output, total: int | None, line_of: Callable[[int], int]) -> None:
        super().__init__(output, 1)
        self._total = total
        self._line_of = line_of
        self._over = 0
        self._failed = 0
        self._resumed = 0
        self._began = time.monotonic()
        self._first = True

    def show(self, event: JsonObject, index: int) -> None:
        """Shows one event of the picture ``index`` (from 0)."""
        kind = event["event"]
        self._stream(event, {"line": self._line_of(index + 1)})
        if kind == "queued" and self._first:
            self._say_queued(event)
            self._first = False
        elif kind == "booting":
            self._say_booting(event)
        elif kind == "running":
            self._once("running", "drawing")
            self._draw()
        elif kind == "progress":
            self._draw()
            self._now_and_then(self._text())

    def count(self, *, failed: bool, resumed: bool) -> None:
        """Counts a line that is over."""
        self._over += 1
        self._failed += failed
        self._resumed += resumed
        self._draw()
        self._now_and_then(self._text())

    def close(self) -> None:
        """Takes the bar away."""
        super().close()
        self._output.before_message = None

    def _draw(self) -> None:
        if not self._draws:
            return
        if self._bar is None:
            from tqdm import tqdm  # noqa: PLC0415 - costs 30 ms, and only a terminal needs it

            # all pictures count alike for the time that is left: the first ones are slow, which a mean forgets
            self._bar = tqdm(total=self._total, unit="line", leave=False, file=sys.stderr, smoothing=0)
            self._output.before_message = self._bar.clear
        self._bar.initial = self._resumed  # what an earlier run did says nothing of the time that is left
        if self._failed:
            self._bar.set_postfix_str(f"{self._failed} failed", refresh=False)
        self._bar.update(self._over - self._bar.n)

    def _text(self) -> str:
        done = f"{self._over}" if self._total is None else f"{self._over} of {self._total}"
        failed = f", {self._failed} failed" if self._failed else ""
        made = self._over - self._resumed
        if self._total is None or not made:
            return f"{done} lines{failed}"
        left = (time.monotonic() - self._began) / made * (self._total - self._over)
        return f"{done} lines{failed}, about {show_duration(left)} left"
