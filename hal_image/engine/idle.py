"""An engine with nothing to do: how long it has been that, how long it may be, and what it tidies up then."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hal_image.engine.comfyui_process import ComfyProcess
    from hal_image.engine.kept_jobs import KeptJobs

STOP_AFTER_S = 1800.0
"""Seconds that an idle engine lives on after it has unloaded its models: booting again is what costs most."""
WITNESS_S = 10.0
"""Seconds that an engine whose ComfyUI does not boot stays, so that those who started it hear why."""
SWEEP_EVERY_S = 3600.0
"""Seconds between two looks for pictures that nobody has come for, by an engine that has no jobs."""


class Idle:
    """The clock of an engine's rest, which has begun.

    Args:
        keep_alive_s: seconds until models are unloaded; ``-1`` never, ``0`` ends the engine when its queue is empty.
        stop_after_s: further seconds until the engine ends.

    Attributes:
        keep_alive_s: the same; each job says it anew.
        untidy: whether there is something to tidy up: once after every job, and what an engine before us left behind.
    """

    def __init__(self, keep_alive_s: float, stop_after_s: float) -> None:
        self.keep_alive_s = keep_alive_s
        self.untidy = True
        self._stop_after_s = stop_after_s
        self._since = self._swept = time.monotonic()

    @property
    def seconds(self) -> float:
        """Since the last thing to do."""
        return time.monotonic() - self._since

    @property
    def outlasts_models(self) -> bool:
        """Whether models are to be unloaded."""
        return 0 <= self.keep_alive_s < self.seconds

    def begin(self) -> None:
        """Something was done just now."""
        self._since = time.monotonic()

    def is_enough(self, *, worked: bool, useless: bool) -> bool:
        """Whether the engine is to end.

        Args:
            worked: it has done a job.
            useless: its ComfyUI does not boot.
        """
        asked = self.keep_alive_s == 0 and worked
        too_long = self.keep_alive_s >= 0 and self.seconds > self.keep_alive_s + self._stop_after_s
        return asked or too_long or (useless and self.seconds > WITNESS_S)

    def tidy(self, comfy: ComfyProcess, kept: KeptJobs) -> None:
        """Looks at ComfyUI's memory anew, and removes pictures that nobody has come for, where it is time for that."""
        if self.untidy:
            self.untidy = False
            comfy.refresh_stats()
            kept.sweep()
        if time.monotonic() - self._swept > SWEEP_EVERY_S:
            self._swept = time.monotonic()
            kept.sweep()
