"""Turns the engine's PNG into the file that was asked for, by Pillow. Loaded only for what is no PNG."""

from __future__ import annotations

import io
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from PIL import Image

from hal_image.errors import EnvironmentError_
from hal_image.host import exif, formats
from hal_image.png import NotAPng

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hal_image.host.formats import Encoding

JPEG_EXIF_BYTES = 65533
"""Most of an APP1 segment, whose length field of 16 bits counts itself (ITU-T T.81, B.1.1.4)."""


class Encoded(NamedTuple):
    """A file, and the keywords of texts that had no room in it."""

    raw: bytes
    left_out: tuple[str, ...]


def encode(made: bytes, texts: Mapping[str, str], encoding: Encoding) -> Encoded:
    """The picture in another format.

    Args:
        made: a PNG; what it carries besides its pixels is not taken over.
        texts: what it is to carry, by keyword.
        encoding: no PNG.

    Raises:
        NotAPng: ``made`` is none, or damaged.
        UsageError: ``picture_too_large``.
        EnvironmentError_: ``format_unavailable``: the encoder gave up.
    """
    packed = exif.pack(texts, JPEG_EXIF_BYTES if encoding.format == "jpeg" else None)
    stream = io.BytesIO()
    with opened(made) as picture:
        formats.check_size(encoding.format, *picture.size)
        try:
            pixels = picture.convert("RGB") if encoding.format == "jpeg" or picture.mode == "P" else picture
            pixels.load()
        except (OSError, SyntaxError, ValueError) as error:
            raise NotAPng(f"the PNG is damaged: {error}", hint="make the picture again") from error
        try:
            pixels.save(stream, encoding.format.upper(), exif=packed.raw, **_settings(encoding))
        except (OSError, ValueError, KeyError) as error:
            raise EnvironmentError_(
                f"this machine's Pillow cannot write the picture as {formats.NAMES[encoding.format]}: {error}",
                code="format_unavailable",
                hint="write it as PNG",
            ) from error
    return Encoded(stream.getvalue(), packed.left_out)


def _settings(encoding: Encoding) -> dict[str, Any]:
    """What Pillow's encoder takes. For a lossless WebP ``quality`` is effort, and stays as it is."""
    if encoding.lossless:
        return {"lossless": True, "exact": True}
    quality = encoding.quality or formats.DEFAULT_QUALITY
    return {"quality": quality, "optimize": True} if encoding.format == "jpeg" else {"quality": quality}


@contextmanager
def opened(raw: bytes) -> Iterator[Image.Image]:
    """A picture whose header is read, and nothing more.

    Raises:
        NotAPng: it is none of those that are read, or damaged.
    """
    limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None  # ours may be larger than what Pillow is afraid of
    try:
        picture = Image.open(io.BytesIO(raw), formats=[name.upper() for name in formats.FORMATS])
    except Exception as error:  # Pillow raises whatever a damaged structure leads it to
        raise NotAPng("no PNG, WebP, JPEG or AVIF, or a damaged one", hint="give a whole picture") from error
    finally:
        Image.MAX_IMAGE_PIXELS = limit
    with picture:
        yield picture
