"""Reads what a picture of any format that is written here says about itself. Its pixels are not decoded."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, NamedTuple

from hal_image import paths, png
from hal_image.errors import JsonObject, UsageError
from hal_image.host import given_file

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hal_image.host.formats import Format


class PictureFile(NamedTuple):
    """A picture that was read.

    Attributes:
        format: what it is, whatever its name says.
        width, height: pixels.
        texts: what it carries, by keyword as in ``hal_image.host.metadata``.
    """

    format: Format
    width: int
    height: int
    texts: Mapping[str, str]

    def json(self, keyword: str) -> JsonObject | None:
        """A JSON object out of the picture; anything else counts as absent: pictures come from anywhere."""
        try:
            value = json.loads(self.texts[keyword], parse_constant=lambda _name: None, parse_float=_finite)
        except (KeyError, ValueError, RecursionError):
            return None
        return value if isinstance(value, dict) else None


def _finite(digits: str) -> float | None:
    """A number that JSON can tell, else ``None``: ComfyUI writes NaN into its graphs, and others 1e999."""
    number = float(digits)
    return number if math.isfinite(number) else None


def load(name: str) -> tuple[Path, bytes]:
    """The absolute path and the bytes of a file that is to be a picture.

    Raises:
        UsageError: ``image_unreadable``.
    """
    path = paths.typed(name).absolute()
    try:
        return path, given_file.read(path, given_file.PICTURE_BYTES)
    except given_file.Unreadable as error:
        raise UsageError(
            f"cannot read {path}: {error}", code="image_unreadable", hint="give the path of a picture"
        ) from error


def read(raw: bytes) -> PictureFile:
    """What is known of a picture.

    Raises:
        NotAPng: it is none, or cut off.
    """
    if raw.startswith(png.SIGNATURE):
        texts = png.read_texts(raw)
        return PictureFile("png", *png.size(raw), texts)
    from hal_image.host import encoding, exif  # noqa: PLC0415 - a PNG needs no Pillow

    with encoding.opened(raw) as picture:
        found: Format = {"WEBP": "webp", "AVIF": "avif", "JPEG": "jpeg", "MPO": "jpeg"}[picture.format or ""]  # type: ignore[assignment]
        try:
            texts = exif.unpack(picture.getexif())
        except Exception:  # noqa: BLE001 - Pillow raises whatever a damaged structure leads it to
            texts = {}
        return PictureFile(found, *picture.size, texts)


def check_pixels(picture: PictureFile, raw: bytes) -> None:
    """Holds the size that a PNG tells of itself against its pixels; the others are not asked for that much.

    Raises:
        NotAPng: it has others.
    """
    if picture.format == "png":
        png.check_pixels(raw)
