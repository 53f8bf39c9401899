"""The picture that the command ``upscale`` is given, as ComfyUI takes it: a PNG of eight bits a colour, in sRGB."""

from __future__ import annotations

import io
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from PIL import ImageCms

from hal_image.errors import HalError
from hal_image.host import given_picture, picture_file

if TYPE_CHECKING:
    from PIL import Image

    from hal_image.host.render import Output
    from hal_image.request import InputPicture

QUICK = 1
"""Compression of the PNG, which only goes to the engine."""


class PictureToEnlarge(NamedTuple):
    """A picture.

    Attributes:
        file: which one.
        width, height: in pixels, turned as its EXIF says.
        alpha: whether it can be transparent.
        raw: as PNG, RGB or RGBA.
        texts: what it says of itself, by keyword.
    """

    file: InputPicture
    width: int
    height: int
    alpha: bool
    raw: bytes
    texts: dict[str, str]


def read(name: str, output: Output) -> PictureToEnlarge:
    """Reads the picture that ``name`` is the path of; ``output`` is warned.

    Raises:
        UsageError: as for ``given_picture.read``.
    """
    given = given_picture.read(name, "IMAGE", output)
    image = _in_srgb(given.image)
    packed = io.BytesIO()
    image.save(packed, "PNG", compress_level=QUICK)
    return PictureToEnlarge(
        given.file, image.width, image.height, image.mode == "RGBA", packed.getvalue(), _texts(given.raw)
    )


def _texts(raw: bytes) -> dict[str, str]:
    with suppress(HalError):
        return dict(picture_file.read(raw).texts)
    return {}


def _in_srgb(image: Image.Image) -> Image.Image:
    """The same without a profile, which ComfyUI does not know and which what is saved does not have."""
    profile = image.info.get("icc_profile")
    plain = image.convert("RGB")
    if profile:
        # one that is damaged, or is for other colours than these: for CMYK, or for grey
        with suppress(ImageCms.PyCMSError, OSError, ValueError):
            given = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            plain = ImageCms.profileToProfile(plain, given, ImageCms.createProfile("sRGB"), outputMode="RGB") or plain
    if image.mode == "RGBA":
        plain.putalpha(image.getchannel("A"))
    plain.info.clear()
    return plain
