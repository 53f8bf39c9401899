"""Contact sheets: many pictures on one, with text below each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import Image, ImageDraw

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

LINE = 14
"""Pixels of a line of text."""
LETTER = 6
"""Pixels of a letter of Pillow's own font."""


def arrange(images: Sequence[np.ndarray], texts: Sequence[Sequence[str]], columns: int) -> Image.Image:
    """The pictures (uint8 [height, width, 3], all of one size) in rows, each with its lines of text below it."""
    height, width, _ = images[0].shape
    cell = height + LINE * max(len(lines) for lines in texts)
    rows = -(-len(images) // columns)
    page = Image.new("RGB", (columns * width, rows * cell), "white")
    pen = ImageDraw.Draw(page)
    for number, (image, lines) in enumerate(zip(images, texts, strict=True)):
        x, y = number % columns * width, number // columns * cell
        page.paste(Image.fromarray(image), (x, y))
        for row, text in enumerate(lines):
            pen.text((x + 3, y + height + 1 + LINE * row), text[: width // LETTER], fill="black")
    return page
