"""Durations as people write them: ``90``, ``90s``, ``10m``, ``1h30m``, ``-1`` for ever."""

from __future__ import annotations

import re

FOR_EVER = -1.0
SECONDS = {"h": 3600, "m": 60, "s": 1}


def parse_duration(text: str) -> float:
    """Seconds; ``-1.0`` for any negative number.

    Raises:
        ValueError: it is no duration.
    """
    plain = text.strip().lower()
    if re.fullmatch(r"-?\d+(\.\d+)?", plain):
        value = float(plain)
        return FOR_EVER if value < 0 else value
    if re.fullmatch(r"(\d+(\.\d+)?[hms])+", plain):
        return sum(float(number) * SECONDS[unit] for number, unit in re.findall(r"([\d.]+)([hms])", plain))
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
