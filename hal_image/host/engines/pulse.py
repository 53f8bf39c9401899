"""Whether an engine still answers. It may have nothing to say for long, but a question it answers at once."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from hal_image.host.engines.link import LinkClosed

if TYPE_CHECKING:
    from hal_image import wire
    from hal_image.host.engines.link import Link

QUIET_S = 30.0
"""Seconds without an event after which the engine is asked for its status."""
ANSWER_LIMIT_S = 30.0
"""Seconds in which it must say anything then. It has a thread for each connection, which does nothing else: who does
not answer in that time was stopped (SIGSTOP, ``docker pause``) or hangs."""


class Pulse:
    """Watches one link, on which somebody else reads.

    Args:
        link: the line to the engine.
    """

    def __init__(self, link: Link) -> None:
        self._link = link
        self._heard = time.monotonic()
        self._asked: float | None = None

    def feel(self, event: wire.Line | None) -> None:
        """Called with whatever ``link.next`` gave.

        Raises:
            LinkClosed: it does not answer.
        """
        now = time.monotonic()
        if event is not None:
            self._heard, self._asked = now, None
        elif self._asked is None:
            if now - self._heard >= QUIET_S:
                self._link.send(op="status")
                self._asked = now
        elif now - self._asked >= ANSWER_LIMIT_S:
            raise LinkClosed("it does not answer any more")
