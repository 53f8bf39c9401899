"""What an enlarged picture says of itself: all that it said before, and how it was enlarged."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from hal_image import about
from hal_image.host.metadata import KEYWORD
from hal_image.host.upscale import a1111_pairs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hal_image.errors import JsonObject
    from hal_image.host.picture_to_enlarge import PictureToEnlarge
    from hal_image.request import Upscale

POSTPROCESSING = "postprocessing"
"""Keyword under which A1111 says what became of a picture after it was made; ``parameters`` stays as it was."""
HASH_LENGTH = 10


def texts(picture: PictureToEnlarge, upscale: Upscale, width: int, height: int, engine: JsonObject) -> dict[str, str]:
    """The text chunks, by keyword.

    Args:
        picture: what was enlarged.
        upscale: how.
        width: of the result, in pixels.
        height: likewise.
        engine: what of it a picture carries.
    """
    pairs = a1111_pairs(upscale)
    if upscale.sha256 is not None:
        pairs["Postprocess upscaler hash"] = upscale.sha256[:HASH_LENGTH]
    pairs |= {"Size": f"{width}x{height}", "Version": f"{about.PROGRAM} {about.version()}"}
    line = ", ".join(f"{key}: {value}" for key, value in pairs.items())
    before = picture.texts.get(POSTPROCESSING)
    told = {**picture.texts, POSTPROCESSING: line if before is None else f"{before}\n{line}"}
    own = _own(picture.texts)
    if own is not None:
        step = {
            "scale": upscale.scale,
            "method": upscale.method,
            "model": upscale.model,
            "sha256": upscale.sha256,
            "from_sha256": picture.file.sha256,
            "width": width,
            "height": height,
            "tool": {"name": about.PROGRAM, "version": about.version()},
            "engine": engine,
        }
        earlier = own.get("upscaled")
        own["upscaled"] = [*(earlier if isinstance(earlier, list) else []), step]
        told[KEYWORD] = json.dumps(own)
    return told


def _own(known: Mapping[str, str]) -> JsonObject | None:
    """Our own JSON of the picture, if it is one of ours."""
    try:
        own = json.loads(known.get(KEYWORD, ""))
    except (ValueError, RecursionError):
        return None
    return own if isinstance(own, dict) else None
