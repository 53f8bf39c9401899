"""What the user sees while a picture is made: a bar on a terminal, a few lines in a log, events in ``--jsonl``."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

from hal_image.host.durations import show_duration

if TYPE_CHECKING:
    from hal_image.errors import JsonObject
    from hal_image.host.render import Output
    from hal_image.host.terminal_preview import TerminalPreview

LINE_EVERY_S = 15.0
"""Seconds between two lines of progress where there is no terminal to draw a bar on."""


class Progress:
    """Turns wire events into what is shown.

    Args:
        output: where it goes.
        count: how many pictures are asked for.
    """

    def __init__(self, output: Output, count: int) -> None:
        self._output = output
        self._count = count
        self._index = 0
        self._bar: Any = None
        self._draws = not output.quiet and sys.stderr is not None and sys.stderr.isatty()
        self._preview: TerminalPreview | None = None
        self._said: set[str] = set()
        self._last_line = time.monotonic()

    def show(self, event: JsonObject, index: int) -> None:
        """Shows one event of the job ``index`` (from 0)."""
        kind = event["event"]
        self._stream(event, {"index": index + 1})
        if kind == "queued":
            self._say_queued(event, index)
        elif kind == "booting":
            self._say_booting(event)
        elif kind == "node" and "Loader" in event["class_type"]:
            self._once("load", "loading the model")
        elif kind == "progress":
            self._step(event, index)
        elif kind in {"done", "failed"}:
            self.close()

    def picture(self, jpeg: bytes) -> None:
        """Draws how a picture looks by now, above the bar."""
        from hal_image.host.terminal_preview import TerminalPreview  # noqa: PLC0415 - only for --preview

        if self._preview is None:
            self._preview = TerminalPreview()
            self._output.before_message = self._make_room
        if self._bar is not None:
            self._bar.clear()
        self._preview.draw(jpeg)
        if self._bar is not None:
            self._bar.refresh()

    def _make_room(self) -> None:
        """A message comes."""
        if self._bar is not None:
            self._bar.clear()
        if self._preview is not None:
            self._preview.leave()

    def close(self) -> None:
        """Takes the bar away."""
        if self._preview is not None:
            self._preview.leave()
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def _say_queued(self, event: JsonObject, index: int = 0) -> None:
        if event["position"]:
            jobs = "job" if event["position"] == 1 else "jobs"
            self._once(f"queued-{index}", f"waiting for {event['position']} {jobs} before this one")

    def _say_booting(self, event: JsonObject) -> None:
        self._once("boot", "starting ComfyUI")
        self._now_and_then(f"still starting ComfyUI ({show_duration(event['seconds'])})")

    def _step(self, event: JsonObject, index: int) -> None:
        value, total = event.get("value") or 0, event.get("max") or 0
        at_once = event.get("pictures") or 1
        if not self._draws:
            which = f"picture {index + 1}" if at_once == 1 else f"pictures {index + 1} to {index + at_once}"
            self._now_and_then(f"{which} of {self._count}: step {value} of {total}")
            return
        if self._bar is None or self._index != index:
            from tqdm import tqdm  # noqa: PLC0415 - costs 30 ms, and only a terminal needs it

            self.close()
            self._index = index
            which = f"{index + 1}" if at_once == 1 else f"{index + 1}-{index + at_once}"
            label = f"picture {which}/{self._count}" if self._count > 1 else "sampling"
            self._bar = tqdm(total=total, desc=label, unit="step", leave=False, file=sys.stderr)
        self._bar.total = total  # a second sampling, and enlarging, have other steps
        self._bar.update(value - self._bar.n)

    def _once(self, key: str, text: str) -> None:
        if key not in self._said:
            self._said.add(key)
            self._last_line = time.monotonic()
            self._output.note(text)

    def _now_and_then(self, text: str) -> None:
        now = time.monotonic()
        if now - self._last_line >= LINE_EVERY_S:
            self._last_line = now
            self._output.note(text)

    def _stream(self, event: JsonObject, place: JsonObject) -> None:
        """Passes an event on to ``--jsonl``, with the picture that it is of."""
        # A caller that may not live to see the end learns early what it would have to wait for.
        hidden = {"v", "engine", "images", "batches", "picture", "warnings", "error"}
        hidden |= set() if event["event"] == "queued" else {"job"}
        hidden |= {"timings"} if event["event"] == "failed" else set()  # of what was made before
        self._output.event({**place, **{key: value for key, value in event.items() if key not in hidden}})
