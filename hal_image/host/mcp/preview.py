"""A small picture of a picture, for an agent that wants to look at what it made."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_BYTES = 256_000
"""What all previews of one answer may take in it, as base64."""
MOST_PICTURES = 4
"""Pictures of a call that are shown."""
SIDE = 512
"""Longest side, in pixels."""
QUALITIES = (85, 70, 50, 30)
"""Of JPEG, the first that is small enough is taken."""


def previews(files: Sequence[str]) -> list[str]:
    """JPEGs of the first of ``files``, in base64; together they stay below ``MOST_BYTES``.

    Raises:
        OSError: one of them cannot be read.
    """
    shown = files[:MOST_PICTURES]
    return [_preview(file, MOST_BYTES // len(shown)) for file in shown]


def _preview(file: str, most: int) -> str:
    side = SIDE
    with Image.open(file) as opened:
        picture = opened.convert("RGB")
    while True:
        picture.thumbnail((side, side))
        for quality in QUALITIES:
            jpeg = io.BytesIO()
            picture.save(jpeg, "JPEG", quality=quality)
            encoded = base64.b64encode(jpeg.getvalue()).decode()
            if len(encoded) <= most:
                return encoded
        side //= 2
