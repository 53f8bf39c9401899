"""A point in time after which a command gives up."""

from __future__ import annotations

import time
from typing import NamedTuple

from hal_image.errors import TimeoutError_


class Deadline(NamedTuple):
    """``end`` is on the clock of ``time.monotonic``; ``None`` never comes.

    Attributes:
        end: when it comes.
        limit_s: the limit that it was made from, for the message.
    """

    end: float | None
    limit_s: float | None

    @classmethod
    def after(cls, seconds: float | None) -> Deadline:
        """The deadline ``seconds`` from now; ``None`` for one that never comes."""
        return cls(None if seconds is None else time.monotonic() + seconds, seconds)

    def remaining(self, at_most: float) -> float:
        """Seconds left, at least 0 and at most ``at_most``: how long the next wait may be."""
        return at_most if self.end is None else max(0.0, min(at_most, self.end - time.monotonic()))

    def check(self, doing: str) -> None:
        """Raises once the deadline has come.

        Raises:
            TimeoutError_: ``timeout``; ``doing`` says what was going on.
        """
        if self.end is not None and time.monotonic() >= self.end:
            raise TimeoutError_(
                f"not done within {self.limit_s:g} s ({doing})",
                hint="give it more time with --timeout, or less to do: fewer --steps, a smaller --size",
                retryable=True,
                details={"timeout_s": self.limit_s, "doing": doing},
            )
