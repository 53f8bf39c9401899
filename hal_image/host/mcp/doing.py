"""What a call of the command line is doing, as MCP tells progress: a number that grows, and a line of text."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from hal_image.errors import JsonObject

LEAST = 1e-6
"""What progress grows by where there is nothing to count: a client may take one that stands still for an error."""


class Progress(NamedTuple):
    """How far a call is.

    Attributes:
        value: pictures that are done, with the fraction of the next one. Greater than before.
        total: pictures in all.
        message: what it is doing.
    """

    value: float
    total: float
    message: str


class Doing:
    """Reads the events of one call.

    Args:
        count: pictures that are asked for.
    """

    def __init__(self, count: int) -> None:
        self.message = "starting"
        self._count = count
        self._value = 0.0
        self._saved = 0

    def hear(self, event: JsonObject) -> Progress | None:
        """How far the call is after ``event``; ``None`` where that tells nothing new."""
        value, message = self._saved + self._fraction(event), self._told(event)
        if message is None:
            return None
        self.message = message
        self._value = max(value, self._value + LEAST)
        return Progress(self._value, self._count, message)

    def _fraction(self, event: JsonObject) -> float:
        if event["event"] == "saved":
            self._saved += 1
        return event["value"] / event["max"] if event["event"] == "progress" and event["max"] else 0.0

    def _told(self, event: JsonObject) -> str | None:
        text = _TEXTS.get(event["event"])
        told = None if text is None else text(event)
        several = event["event"] == "progress" and self._count > 1
        return f"picture {event['index']} of {self._count}: {told}" if several else told


_TEXTS: dict[str, Callable[[JsonObject], str | None]] = {
    "preparing": lambda event: str(event["message"]),
    "queued": lambda event: f"waiting, jobs before it: {event['position']}" if event["position"] else "in the queue",
    "booting": lambda event: f"starting ComfyUI, {event['seconds']:.0f} s",
    "node": lambda event: "loading the model" if "Loader" in event["class_type"] else None,
    "progress": lambda event: f"step {event['value']} of {event['max']}",
    "pull_progress": lambda event: f"downloading, {event['all_value'] / 1e9:.2f} of {event['all_max'] / 1e9:.2f} GB",
    "saved": lambda event: f"saved {event['path']}",
}
"""What the events that tell something mean."""
