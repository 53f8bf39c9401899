"""A contact sheet: pictures side by side with labels, as large as they are, or smaller where there are many."""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from PIL import ImageDraw, ImageFont

MAX_SIDE = 8192
"""Pixels of a sheet: what viewers and browsers still open at once."""
MAX_FONT = 40
MIN_FONT = 14
"""Pixels; a sheet with hundreds of rows may have less."""
LEAST_FONT = 6
ROW_OF_ONE_KEY = 8
"""Pictures beyond which those of one key are wrapped."""
BACKGROUND = (255, 255, 255)
INK = (20, 20, 20)


class Labels(NamedTuple):
    """What stands beside the pictures.

    Attributes:
        columns: how many.
        above: one a column; or, where ``left`` is empty, one a picture.
        left: one a row.
    """

    columns: int
    above: Sequence[str]
    left: Sequence[str]

    @property
    def rows(self) -> int:
        """How many."""
        return len(self.left) or math.ceil(len(self.above) / self.columns)


class Place(NamedTuple):
    """Where a picture is on the sheet, in pixels from its upper left corner."""

    x: int
    y: int
    width: int
    height: int


class Layout(NamedTuple):
    """Where everything is, in pixels.

    Attributes:
        width, height: of the sheet.
        scale: by which every picture is made smaller; 1.0 if it is not.
        font: height of the letters.
        gap: between two cells.
        left: width of the labels on the left with their gap; 0 without any.
        cell: width and height of the room for a picture.
        places: one a picture.
    """

    width: int
    height: int
    scale: float
    font: int
    gap: int
    left: int
    cell: tuple[int, int]
    places: list[Place]

    @property
    def line(self) -> int:
        """Height of a line of text."""
        return line_height(self.font)


def line_height(font: int) -> int:
    """Pixels of a line of letters of that height."""
    return math.ceil(font * 1.4)


def labels(above: Sequence[str], left: Sequence[str]) -> Labels:
    """The labels of a grid; a long single row is wrapped into one that is about as wide as high.

    Args:
        above: one a column.
        left: one a row; empty where there is only one row.
    """
    if left or len(above) <= ROW_OF_ONE_KEY:
        return Labels(len(above), above, left)
    return Labels(math.ceil(math.sqrt(len(above))), above, left)


def layout(
    sizes: Sequence[tuple[int, int]],
    said: Labels,
    text_width: Callable[[str, int], float],
    *,
    most: int = MAX_SIDE,
) -> Layout:
    """Where everything goes. Pictures of several sizes keep their proportions to each other, centred in equal cells.

    Args:
        sizes: width and height of every picture in pixels, row by row.
        said: the labels.
        text_width: pixels of a text in letters of that height.
        most: no side of the sheet has more pixels.
    """
    columns, rows = said.columns, said.rows
    widest, highest = (max(size[axis] for size in sizes) for axis in (0, 1))
    rough = min(1.0, most / (columns * widest), most / (rows * highest))
    font = min(max(MIN_FONT, int(highest * rough / 16)), MAX_FONT)
    font = max(LEAST_FONT, min(font, int(most / rows / 2)))
    line, gap = line_height(font), max(1, min(font // 2, most // (8 * max(rows, columns))))
    left = min(math.ceil(max((text_width(text, font) for text in said.left), default=0)), most // 4)
    left += gap if left else 0
    heads = 1 if said.left else rows
    room_x = (most - left - gap * (columns + 1)) / columns
    room_y = (most - heads * line - gap * (rows + 1)) / rows
    scale = max(min(1.0, room_x / widest, room_y / highest), 1 / max(widest, highest))
    labels_x = math.ceil(max(text_width(text, font) for text in said.above))
    cell_x = max(_scaled(widest, scale), min(labels_x, int(room_x)))
    cell_y = max(_scaled(highest, scale), min(line, int(room_y)) if said.left else 0)
    places = []
    for index, (width, height) in enumerate(sizes):
        row, column = divmod(index, columns)
        w, h = _scaled(width, scale), _scaled(height, scale)
        x = left + gap + column * (cell_x + gap) + (cell_x - w) // 2
        y = gap + row * (cell_y + gap) + (1 if said.left else row + 1) * line + (cell_y - h) // 2
        places.append(Place(x, y, w, h))
    return Layout(
        width=left + gap + columns * (cell_x + gap),
        height=gap + heads * line + rows * (cell_y + gap),
        scale=scale,
        font=font,
        gap=gap,
        left=left,
        cell=(cell_x, cell_y),
        places=places,
    )


def _scaled(side: int, scale: float) -> int:
    return max(1, math.floor(side * scale))


def draw(files: Sequence[Path], said: Labels, *, most: int = MAX_SIDE) -> tuple[bytes, Layout]:
    """The sheet as PNG, and where everything is on it.

    Args:
        files: the pictures, row by row.
        said: the labels.
        most: no side of the sheet has more pixels.

    Raises:
        OSError: a picture cannot be read any more.
    """
    from PIL import Image, ImageDraw  # noqa: PLC0415 - costs 40 ms, and few calls make a sheet

    limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None  # pictures of ours, however large they were asked for
    try:
        sizes = []
        for file in files:
            with Image.open(file) as image:
                sizes.append(image.size)
        plan = layout(sizes, said, _text_width, most=most)
        sheet = Image.new("RGB", (plan.width, plan.height), BACKGROUND)
        for file, place in zip(files, plan.places, strict=True):
            with Image.open(file) as image:
                picture = image.convert("RGB")
            if picture.size != (place.width, place.height):
                picture = picture.resize((place.width, place.height), Image.Resampling.LANCZOS)
            sheet.paste(picture, (place.x, place.y))
    finally:
        Image.MAX_IMAGE_PIXELS = limit
    _write_labels(ImageDraw.Draw(sheet), plan, said)
    raw = io.BytesIO()
    sheet.save(raw, "PNG", compress_level=4)  # a third of the time of the usual 6, for a few per cent of the bytes
    return raw.getvalue(), plan


def _write_labels(drawing: ImageDraw.ImageDraw, plan: Layout, said: Labels) -> None:
    font = _font(plan.font)
    cell_x, cell_y = plan.cell
    for index, text in enumerate(said.above):
        row, column = divmod(index, said.columns)
        x = plan.left + plan.gap + column * (cell_x + plan.gap) + cell_x // 2
        y = plan.gap + row * (cell_y + plan.gap + plan.line) + plan.line // 2
        drawing.text((x, y), _fitted(text, plan.font, cell_x), INK, font, anchor="mm")
    for row, text in enumerate(said.left):
        y = plan.gap + plan.line + row * (cell_y + plan.gap) + cell_y // 2
        drawing.text((plan.left, y), _fitted(text, plan.font, plan.left), INK, font, anchor="rm")


def _fitted(text: str, font: int, room: int) -> str:
    """The text, or as much of its beginning as there is room for."""
    while _text_width(text, font) > room and len(text) > 1:
        text = text.removesuffix("…")[:-1] + "…"
    return text


def _text_width(text: str, font: int) -> float:
    return float(_font(font).getlength(text))


def _font(height: int) -> ImageFont.FreeTypeFont:
    from PIL import ImageFont  # noqa: PLC0415 - as above

    font = ImageFont.load_default(height)
    assert isinstance(font, ImageFont.FreeTypeFont), "Pillow's wheels have FreeType"
    return font
