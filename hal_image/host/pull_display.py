"""What the user sees while models are downloaded: two bars on a terminal, lines in a log, events in ``--jsonl``."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

from hal_image.host.progress import LINE_EVERY_S
from hal_image.host.render import printable
from hal_image.models import pull_events

if TYPE_CHECKING:
    from hal_image.errors import JsonObject
    from hal_image.host.deadline import Deadline
    from hal_image.host.render import Output


class PullDisplay:
    """Shows events of ``pull_events``.

    Args:
        output: where it goes.
        deadline: when the command is to give up.
    """

    def __init__(self, output: Output, deadline: Deadline) -> None:
        self._output = output
        self._deadline = deadline
        self._draws = not output.quiet and sys.stderr is not None and sys.stderr.isatty()
        self._bars: list[Any] = []
        self._began: tuple[float, int] | None = None
        self._last_line = time.monotonic()

    def show(self, event: JsonObject) -> None:
        """Shows one event.

        Raises:
            TimeoutError_: the deadline has come.
        """
        self._deadline.check("downloading the model")
        if event["event"] == "pull_progress":
            self._progress(event)
            return
        self.close()
        self._output.event(event)
        line = pull_events.as_line(event)
        if line is not None:
            self._output.note(line)

    def close(self) -> None:
        """Takes the bars away."""
        while self._bars:
            self._bars.pop().close()

    def _progress(self, event: JsonObject) -> None:
        now = time.monotonic()
        self._output.event(event)
        if self._began is None:
            self._began = (now, event["all_value"])
        if self._draws:
            self._draw(event)
        elif now - self._last_line >= LINE_EVERY_S:
            self._last_line = now
            self._output.note(self._line(event, now, *self._began))

    def _draw(self, event: JsonObject) -> None:
        several = event["max"] != event["all_max"]
        if not self._bars:
            from tqdm import tqdm  # noqa: PLC0415 - costs 30 ms, and only a terminal needs it

            wanted = [(event["file"], "value", "max"), *([("all", "all_value", "all_max")] if several else [])]
            self._bars = [
                tqdm(
                    total=event[most], initial=event[value], desc=printable(name), unit="B", unit_scale=True,
                    leave=False, position=place, file=sys.stderr, mininterval=0.2,
                )
                for place, (name, value, most) in enumerate(wanted)
            ]  # fmt: skip
        for bar, value in zip(self._bars, ("value", "all_value"), strict=False):
            bar.update(event[value] - bar.n)

    @staticmethod
    def _line(event: JsonObject, now: float, since: float, had: int) -> str:
        rate = (event["all_value"] - had) / max(now - since, 1e-3)
        left = (event["all_max"] - event["all_value"]) / rate if rate > 0 else 0.0
        here, whole = pull_events.size(event["all_value"]), pull_events.size(event["all_max"])
        return f"{event['file']}: {here} of {whole}, {rate / 1e6:.1f} MB/s, about {left / 60:.0f} min left"
