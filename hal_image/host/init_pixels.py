"""From the picture and the mask that were given to the pixels that the graph loads. Pure: pictures in, pictures out.

Masks are Pillow's mode L: 255 is new, 0 is kept, what lies between is mixed.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from PIL import Image, ImageChops, ImageFilter, ImageOps

from hal_image.workflow.init_image import LATENT_CELL

if TYPE_CHECKING:
    from hal_image.host.picture_size import Margins, Size

WHITE = (255, 255, 255)
ALMOST = 8
"""Values of a mask below it count as black, and those as near to 255 as white: JPEG leaves such traces around edges."""


def colours(image: Image.Image) -> Image.Image:
    """RGB of RGB or RGBA; what is transparent lies on white."""
    if image.mode == "RGB":
        return image
    return Image.alpha_composite(Image.new("RGBA", image.size, WHITE), image).convert("RGB")


def mask(image: Image.Image) -> Image.Image:
    """A mask of RGB or RGBA: by what is transparent if anything is, which is then new, else by how bright it is."""
    if image.mode == "RGBA":
        alpha = image.getchannel("A")
        if alpha.getextrema() != (255, 255):
            return _clean(ImageOps.invert(alpha))
    return _clean(image.convert("L"))


def stretched(mask_: Image.Image, size: Size) -> Image.Image:
    """A mask in its picture's size."""
    return mask_ if mask_.size == size else mask_.resize(size, Image.Resampling.BILINEAR)


def fitted(image: Image.Image, size: Size) -> Image.Image:
    """Scaled to cover ``size``, and what is too much cut off on both sides; untouched where it has that size."""
    if image.size == size:
        return image.copy()
    return ImageOps.fit(image, size, Image.Resampling.LANCZOS if image.mode == "RGB" else Image.Resampling.BILINEAR)


def extended(image: Image.Image, margins: Margins) -> Image.Image:
    """With room at its sides, filled with the pixels of its edge."""
    left, top, right, bottom = margins
    width, height = image.size
    canvas = Image.new(image.mode, (left + width + right, top + height + bottom))
    canvas.paste(image, (left, top))
    for column, x, across in ((0, 0, left), (width - 1, left + width, right)):
        if across:
            canvas.paste(image.crop((column, 0, column + 1, height)).resize((across, height)), (x, top))
    for row, y, down in ((top, 0, top), (top + height - 1, top + height, bottom)):  # of the canvas: corners too
        if down:
            canvas.paste(canvas.crop((0, row, canvas.width, row + 1)).resize((canvas.width, down)), (0, y))
    return canvas


def begun(picture: Image.Image, margins: Margins) -> Image.Image:
    """The picture, and where something is added its edge's colours, blurred, as a start for what is drawn there."""
    if not any(margins):
        return picture
    canvas = extended(picture, margins)
    soft = canvas.filter(ImageFilter.GaussianBlur(max(margins) / 8))
    soft.paste(picture, margins[:2])
    return soft


def changes(size: Size, given: Image.Image | None, margins: Margins, feather: int) -> Image.Image:
    """How much of what is new is seen at each pixel of the whole.

    Args:
        size: of the picture without the margins.
        given: the mask of that size; ``None`` for none.
        margins: all that is added is new, but within ``feather`` of the picture, where it runs into its edge. The
            picture itself, where the mask keeps it, stays.
        feather: pixels; the edge of the mask is blurred that far to both sides.
    """
    left, top, right, bottom = margins
    width, height = size
    result = Image.new("L", (left + width + right, top + height + bottom), 0)
    if given is not None:
        result = _blurred(extended(given, margins), feather)
    if any(margins):
        across, down = Image.new("L", (result.width, 1)), Image.new("L", (1, result.height))
        across.putdata([*_ramp(left, feather)[::-1], *[0] * width, *_ramp(right, feather)])
        down.putdata([*_ramp(top, feather)[::-1], *[0] * height, *_ramp(bottom, feather)])
        added = ImageChops.lighter(across.resize(result.size), down.resize(result.size))
        result = ImageChops.lighter(result, added)
    return result


def _ramp(margin: int, feather: int) -> list[int]:
    """How new the added pixels of one side are, from the picture outwards; the last of them entirely."""
    soft = min(feather, margin - 1)
    return [min(255, 255 * (distance + 1) // (soft + 1)) for distance in range(margin)]


def cells(changed: Image.Image) -> Image.Image:
    """The cells of the latent in which anything changes, each a pixel of 255; the others are 0."""
    return _any(_any(changed).reduce(LATENT_CELL))


def png(image: Image.Image) -> bytes:
    """The picture as a PNG with nothing in it but its pixels."""
    file = io.BytesIO()
    Image.Image.save(image, file, "PNG", compress_level=1)  # it is read once, on this machine
    return file.getvalue()


def is_black(mask_: Image.Image) -> bool:
    """Whether a mask keeps everything."""
    return mask_.getextrema() == (0, 0)


def _any(image: Image.Image) -> Image.Image:
    return image.point([0] + [255] * 255)


def _blurred(image: Image.Image, reach: int) -> Image.Image:
    """Blurred so that nothing is seen of an edge farther from it than ``reach`` pixels."""
    return image.filter(ImageFilter.GaussianBlur(reach / 3)) if reach else image


def _clean(image: Image.Image) -> Image.Image:
    return image.point([0 if value < ALMOST else 255 if value > 255 - ALMOST else value for value in range(256)])
