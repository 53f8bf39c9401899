"""Amounts of disk space as people write them: ``40GB``, ``500MB``, ``1.5TB``, or ``0``."""

from __future__ import annotations

import math

BYTES = {"MB": 1e6, "GB": 1e9, "TB": 1e12}


def parse_size(text: str) -> int:
    """Bytes.

    Raises:
        ValueError: it is no size.
    """
    plain = text.strip()
    if plain == "0":
        return 0
    unit = plain[-2:].upper()
    if unit not in BYTES:
        raise ValueError(f"{text!r} is no size")
    size = float(plain[:-2]) * BYTES[unit]
    if not (math.isfinite(size) and size >= 0):
        raise ValueError(f"{text!r} is no size")
    return int(size)
