"""Turns the text of an option into its value, or says what would be one.

Each is an argparse ``type``: it raises ``argparse.ArgumentTypeError``, whose text is shown after the option.
"""

from __future__ import annotations

import argparse
import math
import os
from typing import TYPE_CHECKING

from hal_image.host.durations import parse_duration
from hal_image.host.sizes import parse_size
from hal_image.request import MAX_SIDE, MIN_SIDE
from hal_image.wire import MAX_PICTURES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def _bad(message: str) -> argparse.ArgumentTypeError:
    return argparse.ArgumentTypeError(message)


def integer(low: int, high: int) -> Callable[[str], int]:
    """A whole number from ``low`` to ``high``."""

    def convert(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise _bad(f"{text!r} is no whole number; give {low} to {high}") from None
        if not low <= value <= high:
            raise _bad(f"{value} is out of range; give {low} to {high}")
        return value

    return convert


AUTO = "auto"


def batch_size(text: str) -> int | str:
    """How many pictures are sampled at once: a number, or ``auto``."""
    return AUTO if text.lower() == AUTO else integer(1, MAX_PICTURES)(text)


def number(low: float, high: float) -> Callable[[str], float]:
    """A finite number from ``low`` to ``high``."""

    def convert(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            raise _bad(f"{text!r} is no number; give {low:g} to {high:g}") from None
        if not math.isfinite(value) or not low <= value <= high:
            raise _bad(f"{text} is out of range; give {low:g} to {high:g}")
        return value

    return convert


side = integer(MIN_SIDE, MAX_SIDE)
"""A width or height in pixels."""


def size(text: str) -> tuple[int, int]:
    """Width and height in pixels, ``768x512``, or ``512`` for a square."""
    width, cross, height = text.lower().replace("×", "x").partition("x")
    try:
        return (side(width), side(height)) if cross else (side(width), side(width))
    except argparse.ArgumentTypeError as error:
        raise _bad(f"{text!r} is no size ({error}); write for example 768x512") from None


class OneOf:
    """One of ``names``, spelled as they are."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = names

    def __call__(self, text: str) -> str:
        """The name itself."""
        if text not in self.names:
            raise _bad(f"{text!r} is not known; give one of {', '.join(self.names)}")
        return text


def duration(text: str) -> float:
    """A duration in seconds; ``-1.0`` is for ever."""
    try:
        return parse_duration(text)
    except ValueError:
        raise _bad(f"{text!r} is no duration; write for example 90, 10m, 1h30m, or -1 for ever") from None


def path(text: str) -> str:
    """A path as it was typed, if a file can have that name."""
    try:
        fit = b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:  # as may stand in JSON
        fit = False
    if not fit:
        raise _bad(f"{text!r} can be the name of no file; write the path of one")
    return text


def gpu(text: str) -> str:
    """A GPU's number, or ``all``."""
    if text == "all" or (text.isascii() and text.isdigit()):
        return text if text == "all" else str(int(text))
    raise _bad(f"{text!r} is no GPU; give its number in `nvidia-smi`, as in 0, or all")


def byte_count(text: str) -> int:
    """A size in bytes, written as ``40GB``."""
    try:
        return parse_size(text)
    except ValueError:
        raise _bad(f"{text!r} is no size; write for example 40GB or 500MB") from None


def timeout(text: str) -> float:
    """A duration in seconds that ends and is not nothing."""
    seconds = duration(text)
    if seconds <= 0:
        raise _bad(f"{text!r} is no time limit; write for example 90 or 10m")
    return seconds
