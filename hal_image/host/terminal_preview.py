"""``--preview``: the picture on the terminal while it comes about, drawn with half-block characters.

Each character is two pixels, one above the other: the upper one in its foreground, the lower one in its background.
Every terminal with colours can show that.
"""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse

    from hal_image.host.render import Output

HALF_BLOCK = "▀"
MAX_COLUMNS = 64
MAX_ROWS = 24
LINES_LEFT = 3
"""Of the terminal, for the bar below and the command above."""
PLAIN = "\x1b[0m"
TO_END_OF_LINE = "\x1b[K"


def is_shown(options: argparse.Namespace, output: Output) -> bool:
    """Whether pictures are drawn; warns where they were asked for and cannot be."""
    if not options.preview:
        return False
    reason = _obstacle(output)
    if reason:
        output.warn("parameter_without_effect", f"preview: {reason}")
    return not reason


def _obstacle(output: Output) -> str:
    if output.machine:
        return "a program reads the output"
    if output.quiet:
        return "--quiet shows nothing"
    if sys.stderr is None or not sys.stderr.isatty():
        return "standard error is no terminal"
    if os.environ.get("TERM") == "dumb" or not (sys.stderr.encoding or "").lower().startswith("utf"):
        return "the terminal cannot draw it"
    return ""


class TerminalPreview:
    """One picture on standard error, drawn again in its place with each step. The cursor stays below it."""

    def __init__(self) -> None:
        self._rows = 0

    def draw(self, jpeg: bytes) -> None:
        """Draws over what was drawn before; what is no picture is left out."""
        with suppress(OSError, ValueError, SyntaxError):
            columns, lines = os.get_terminal_size(sys.stderr.fileno())
            rows = half_blocks(jpeg, min(columns, MAX_COLUMNS), min(lines - LINES_LEFT, MAX_ROWS), deep=_has_deep())
            up = f"\x1b[{self._rows}A\r" if self._rows else "\r"
            sys.stderr.write(up + "".join(f"{row}{PLAIN}{TO_END_OF_LINE}\n" for row in rows))
            sys.stderr.flush()
            self._rows = len(rows)

    def leave(self) -> None:
        """Other text follows: what is drawn stays, and the next picture comes below."""
        self._rows = 0


def _has_deep() -> bool:
    return os.environ.get("COLORTERM") in {"truecolor", "24bit"}


def half_blocks(jpeg: bytes, columns: int, rows: int, *, deep: bool) -> list[str]:
    """Lines of a terminal that show a picture, as large as fits.

    Args:
        jpeg: the picture.
        columns: most characters of a line.
        rows: most lines.
        deep: colours of 24 bits; else the 216 of xterm's cube.

    Raises:
        OSError, SyntaxError, ValueError: it is no picture, or there is no room.
    """
    from PIL import Image  # noqa: PLC0415 - only for --preview

    with Image.open(io.BytesIO(jpeg), formats=["JPEG"]) as image:
        scale = min(columns / image.width, 2 * rows / image.height)
        width, height = max(1, int(image.width * scale)), max(1, int(image.height * scale) // 2)
        if scale <= 0:
            raise ValueError("no room")
        pixels: Any = image.convert("RGB").resize((width, 2 * height), Image.Resampling.BOX).load()
    colour = _deep if deep else _of_cube
    return [
        "".join(f"\x1b[38;{colour(pixels[x, y])};48;{colour(pixels[x, y + 1])}m{HALF_BLOCK}" for x in range(width))
        for y in range(0, 2 * height, 2)
    ]


def _deep(pixel: tuple[int, int, int]) -> str:
    red, green, blue = pixel
    return f"2;{red};{green};{blue}"


def _of_cube(pixel: tuple[int, int, int]) -> str:
    red, green, blue = (round(channel / 255 * 5) for channel in pixel)
    return f"5;{16 + 36 * red + 6 * green + blue}"
