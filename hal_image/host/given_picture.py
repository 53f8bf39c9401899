"""Reads a picture that somebody gives, whatever it is, upright.

Pillow reads it, in a set of formats whose readers run no other program. Colour profiles are not applied: the numbers in
the file are what is drawn on.
"""

from __future__ import annotations

import hashlib
import io
import warnings
from typing import TYPE_CHECKING, NamedTuple

from PIL import Image, ImageOps, UnidentifiedImageError

from hal_image import paths
from hal_image.errors import UsageError
from hal_image.host import given_file
from hal_image.request import InputPicture

if TYPE_CHECKING:
    from pathlib import Path

    from hal_image.host.render import Output

FORMATS = ("PNG", "JPEG", "WEBP", "AVIF", "GIF", "BMP", "TIFF", "PPM")
"""As Pillow calls them."""
SPOKEN = "PNG, JPEG, WebP, AVIF, GIF, BMP, TIFF or PPM"


class Given(NamedTuple):
    """A picture that was given.

    Attributes:
        file: which one.
        image: what it shows, as RGB, or as RGBA where it can be transparent.
        raw: the file.
    """

    file: InputPicture
    image: Image.Image
    raw: bytes


def read(name: str, option: str, output: Output) -> Given:
    """Reads a picture and turns it as its EXIF data say.

    Args:
        name: its path as it was typed.
        option: that named it, for messages.
        output: is warned of pictures after the first one.

    Raises:
        UsageError: ``input_unreadable``, ``input_not_a_picture``, ``input_too_large``.
    """
    path = paths.typed(name).absolute()
    raw = _bytes_of(path, option)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what Pillow finds odd in metadata, and large: only what it refuses counts
        try:
            with Image.open(io.BytesIO(raw), formats=FORMATS) as opened:
                # MPO is what phones write as .jpg: a JPEG with another one, smaller or of depths, behind it.
                frames = 1 if opened.format == "MPO" else getattr(opened, "n_frames", 1)
                opened.load()
                image = in_colour(ImageOps.exif_transpose(opened))
        except Image.DecompressionBombError as error:
            raise UsageError(
                f"{option}: {path} has too many pixels",
                code="input_too_large",
                hint="make it smaller than 178 megapixels",
            ) from error
        except UnidentifiedImageError as error:
            raise UsageError(
                f"{option}: {path} is no picture in a format that can be read here",
                code="input_not_a_picture",
                hint=f"convert it to {SPOKEN}",
            ) from error
        except Exception as error:  # Pillow's readers raise whatever a damaged file makes them stumble over
            raise UsageError(
                f"{option}: {path} is damaged: {error}", code="input_not_a_picture", hint="save or download it again"
            ) from error
    if frames > 1:
        output.warn(
            "input_has_frames",
            f"{option}: {path} holds {frames} pictures; the first one is used",
            {"path": str(path), "frames": frames},
        )
    return Given(InputPicture(str(path), hashlib.sha256(raw).hexdigest()), image, raw)


def in_colour(image: Image.Image) -> Image.Image:
    """Any mode as RGB, or as RGBA where it can be transparent, with 8 bits.

    Raises:
        ValueError: Pillow cannot turn that mode into colours.
    """
    if image.mode == "F":  # Pillow would cut these off at 255
        most = 1.0 if image.getextrema()[1] <= 1.0 else 255.0  # type: ignore[operator]
        image = image.point(lambda value: value * (255.0 / most) + 0.5).convert("L")
    elif image.mode.startswith("I"):
        wide = image.convert("I")
        if wide.getextrema()[1] > 255:  # type: ignore[operator]
            wide = wide.point(lambda value: value * (1 / 257) + 0.5)
        image = wide.convert("L")
    return image.convert("RGBA" if image.has_transparency_data else "RGB")


def _bytes_of(path: Path, option: str) -> bytes:
    try:
        return given_file.read(path, given_file.PICTURE_BYTES)
    except given_file.TooLarge as error:
        raise UsageError(
            f"{option}: cannot read {path}: {error}", code="input_too_large", hint="make it smaller"
        ) from error
    except given_file.Unreadable as error:
        raise UsageError(
            f"{option}: cannot read {path}: {error}",
            code="input_unreadable",
            hint="give the path of a picture that exists",
        ) from error
