"""Durations as people write them: ``90``, ``90s``, ``10m``, ``1h30m``, ``-1`` for ever."""

from __future__ import annotations

import math
import re

FOR_EVER = -1.0
MAX_SECONDS = 1e9
"""Thirty years; more is a mistake, and beyond what clocks and JSON take."""
SECONDS = {"h": 3600, "m": 60, "s": 1}


def parse_duration(text: str) -> float:
    """Seconds; ``-1.0`` for any negative number.

    Raises:
        ValueError: it is no duration, or longer than ``MAX_SECONDS``.
    """
    plain = text.strip().lower()
    if re.fullmatch(r"-?\d+(\.\d+)?", plain):
        value = float(plain)
    elif re.fullmatch(r"(\d+(\.\d+)?[hms])+", plain):
        value = sum(float(number) * SECONDS[unit] for number, unit in re.findall(r"([\d.]+)([hms])", plain))
    else:
        value = math.inf
    if value <= MAX_SECONDS:
        return FOR_EVER if value < 0 else value
    raise ValueError(f"{text!r} is no duration")


def show_duration(seconds: float) -> str:
    """The short form for people, e.g. ``"4m05s"``."""
    if seconds < 0:
        return "for ever"
    if seconds < 60:
        return f"{seconds:.0f}s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02d}m" if hours else f"{minutes}m{rest:02d}s"
