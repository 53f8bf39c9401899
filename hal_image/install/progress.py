"""Tells from pip's output how far it is."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hal_image.install.process import Report

_COLLECTING = re.compile(r"Collecting (?P<name>[A-Za-z0-9._-]+)|Processing (?:\S*/)?(?P<local>[A-Za-z0-9._]+)")
_FILE = re.compile(r"\s+(?:Downloading|Using cached) (?P<file>\S+)(?: \((?P<size>[^)]+)\))?")
_LARGE = re.compile(r"\d{2,}(?:\.\d+)? MB|.* GB")  # worth a line of its own
_BETWEEN = 2.0  # seconds between two lines about small packages
_SILENCE = 15.0  # seconds after which a step that says nothing is named again


class PipProgress:
    """Turns lines of ``pip install -r`` into ``report`` calls: few enough to read, none of them a guess.

    Args:
        label: what is being prepared, e.g. ``"the engine"``.
        requirements: how many the lock file has, for all platforms together.
        report: takes a line for the user.
    """

    def __init__(self, label: str, requirements: int, report: Report) -> None:
        self._label = label
        self._total = requirements
        self._report = report
        self.packages = 0
        """How many pip has come to; in the end, how many it installs."""
        self._name = ""
        self._step = ""
        self._step_since = time.monotonic()
        self._spoke_at = 0.0

    def line(self, line: str) -> None:
        """Take in one line of pip's output."""
        if line.startswith("Ignoring "):
            self._total -= 1  # its marker does not fit this machine
            return
        collecting = _COLLECTING.match(line)
        if collecting is not None:
            self.packages += 1
            self._name = collecting["name"] or collecting["local"]
            return
        file = _FILE.match(line)
        if file is not None and not file["file"].endswith(".metadata"):
            size = file["size"] or ""
            step = f"package {self.packages} of {self._total} ({self._name}{size and f', {size}'})"
            self._start(step, always=_LARGE.fullmatch(size) is not None)
        elif line.startswith("Installing collected packages"):
            self.packages = line.count(",") + 1
            self._start(f"installing {self.packages} packages", always=True)

    def step(self, step: str) -> None:
        """A step of ours, not pip's, begins."""
        self._start(step, always=True)

    def second(self) -> None:
        """Called about once a second; speaks up during a long silence."""
        now = time.monotonic()
        if self._step and now - self._spoke_at >= _SILENCE:
            self._say(f"{self._step}, {now - self._step_since:.0f} s", now)

    def _start(self, step: str, *, always: bool) -> None:
        now = time.monotonic()
        self._step, self._step_since = step, now
        if always or now - self._spoke_at >= _BETWEEN:
            self._say(step, now)

    def _say(self, text: str, now: float) -> None:
        self._spoke_at = now
        self._report(f"preparing {self._label}: {text}")
