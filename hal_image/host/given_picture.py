"""A picture that the user has, read for ComfyUI: whatever its format, it becomes a PNG of eight bits, in sRGB."""

from __future__ import annotations

import hashlib
import io
import warnings
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from PIL import Image, ImageCms, ImageOps

from hal_image import paths, png
from hal_image.errors import HalError, UsageError
from hal_image.request import MAX_SIDE

if TYPE_CHECKING:
    from pathlib import Path

MAX_BYTES = 512 * 1024 * 1024
"""Largest file that is read. What is no file, as ``/dev/zero``, may never end."""
QUICK = 1
"""Compression of the PNG, which only goes to the engine."""
FIX = "give the path of a picture: PNG, JPEG, WebP, TIFF, BMP or GIF"


class GivenPicture(NamedTuple):
    """A picture.

    Attributes:
        path: its absolute path.
        sha256: digest of the file.
        width, height: in pixels, turned as its EXIF says.
        alpha: whether it has transparency.
        raw: as PNG, RGB or RGBA.
        texts: what it says of itself, by keyword; only of a PNG.
    """

    path: Path
    sha256: str
    width: int
    height: int
    alpha: bool
    raw: bytes
    texts: dict[str, str]


def read(name: str) -> GivenPicture:
    """Reads a picture; of one with several frames the first.

    Raises:
        UsageError: ``image_unreadable``.
    """
    path = paths.typed(name).absolute()
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:  # the latter for names that no file can have
        raise _unreadable(path, f"cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if len(data) > MAX_BYTES:
        raise _unreadable(path, f"is larger than {MAX_BYTES} bytes")
    image = _opened(path, data)
    texts: dict[str, str] = {}
    with suppress(HalError):
        texts = png.read_texts(data)
    packed = io.BytesIO()
    image.save(packed, "PNG", compress_level=QUICK)
    width, height = image.size
    digest = hashlib.sha256(data).hexdigest()
    return GivenPicture(path, digest, width, height, image.mode == "RGBA", packed.getvalue(), texts)


def _opened(path: Path, data: bytes) -> Image.Image:
    """The picture as RGB or RGBA, with nothing else to it."""
    try:
        with warnings.catch_warnings(), Image.open(io.BytesIO(data)) as image:
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # its size is looked at here
            if max(image.size) > MAX_SIDE:
                raise _unreadable(path, f"is {image.width}x{image.height}; no side may be longer than {MAX_SIDE}")
            image.load()
            return _plain(ImageOps.exif_transpose(image))
    except HalError:
        raise
    except Exception as error:  # Pillow's readers raise what they like for damaged files
        raise _unreadable(path, f"is no picture that can be read ({type(error).__name__})") from error


def _plain(image: Image.Image) -> Image.Image:
    transparent = image.has_transparency_data
    profile = image.info.get("icc_profile")
    if image.mode.startswith("I"):  # 16 bits, which Pillow would cut off above 255 instead of scaling them
        image = image.convert("I").point(lambda value: value / 257).convert("L")
    alpha = image.convert("RGBA").getchannel("A") if transparent else None
    plain = _in_srgb(image, profile) if profile and not transparent else image.convert("RGB")
    if transparent and profile:
        plain = _in_srgb(plain, profile)
    if alpha is not None:
        plain.putalpha(alpha)
    plain.info.clear()
    return plain


def _in_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """ComfyUI knows no profiles, and what is saved has none."""
    try:
        given = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        turned = ImageCms.profileToProfile(image, given, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):  # one that is damaged, or is for other colours than it has
        turned = None
    return turned if turned is not None else image.convert("RGB")


def _unreadable(path: Path, why: str) -> UsageError:
    return UsageError(f"{path} {why}", code="image_unreadable", hint=FIX)
