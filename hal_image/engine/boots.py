"""Whether ComfyUI is booting, and how it went the last time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hal_image.errors import HalError, JsonObject


class Boots:
    """What is known of the boots of an engine, the first of which has begun.

    Attributes:
        wanted: whether somebody asked for one without a job.
        error: why the last one failed; ``None`` when it did not.
        ended: when the last one that went well did, by the monotonic clock; 0 before it.
    """

    def __init__(self) -> None:
        self.wanted = False
        self.error: HalError | None = None
        self.ended = 0.0
        self._since: float | None = time.monotonic()
        self._told = 0

    @property
    def now(self) -> bool:
        """Whether it boots."""
        return self._since is not None

    def event(self) -> JsonObject | None:
        """What is told of a boot that goes on; ``None`` when there is none."""
        since = self._since
        return None if since is None else {"event": "booting", "seconds": round(time.monotonic() - since, 1)}

    def begin(self) -> None:
        """One begins."""
        self._since = time.monotonic()
        self.error = None

    def is_news(self, seconds: float) -> bool:
        """Whether it is worth telling how long it has taken so far: once a second is news enough."""
        told, self._told = self._told, int(seconds)
        return told != self._told

    def end(self, error: HalError | None) -> None:
        """It is over, and nobody waits for one any more."""
        self.error = error
        self._since = None
        self.wanted = False
        if error is None:
            self.ended = time.monotonic()
