"""The options that make a picture larger, and what they ask for."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, NamedTuple

from hal_image.host import argument_values as values
from hal_image.request import Hires

if TYPE_CHECKING:
    from hal_image.host.argument_parser import Parser

SCALES = (2, 4)
"""What the sides of a finished picture can be multiplied by."""
LARGEST_HIRES = 4.0
LEAST_DENOISE = 0.01
LANCZOS = "lanczos"
"""Stands for resampling in the place of a model's name."""


class AskedUpscale(NamedTuple):
    """The value of ``--upscale``: the scale, and the name of a model, if one was given."""

    scale: int
    model: str | None

    def __str__(self) -> str:
        return str(self.scale) if self.model is None else f"{self.scale}:{self.model}"


def scale(text: str) -> int:
    """By what the sides are multiplied: 2 or 4."""
    if text not in {str(one) for one in SCALES}:
        raise argparse.ArgumentTypeError(f"{text!r} is no scale; give 2 or 4")
    return int(text)


def upscaler(text: str) -> str:
    """The name or path of an upscale model."""
    if not text:
        raise argparse.ArgumentTypeError("the name of the upscale model is missing")
    return values.path(text)


def upscale(text: str) -> AskedUpscale:
    """``2`` or ``4``, with a model ``2:NAME``."""
    number, colon, name = text.partition(":")
    return AskedUpscale(scale(number), upscaler(name) if colon else None)


def hires(text: str) -> Hires:
    """``1.5``, with the denoise ``1.5:0.4``."""
    number, colon, denoise = text.partition(":")
    larger = values.number(1, LARGEST_HIRES)(number)
    if larger == 1:
        raise argparse.ArgumentTypeError(f"{number} is no larger size; give more than 1, up to {LARGEST_HIRES:g}")
    return Hires(larger, values.number(LEAST_DENOISE, 1)(denoise)) if colon else Hires(larger)


def add_enlarging_options(parser: argparse.ArgumentParser) -> None:
    """How it is made larger."""
    group = parser.add_argument_group("how to make it larger")
    group.add_argument(
        "--hires",
        type=hires,
        metavar="SCALE[:DENOISE]",
        help="sample it a second time this much larger, e.g. 1.5 or 2:0.4 (default denoise: 0.5)",
    )
    group.add_argument(
        "--upscale",
        type=upscale,
        metavar="N[:MODEL]",
        help="enlarge the picture 2 or 4 times, with an upscale model if there is one, or with that MODEL",
    )


def add_upscale_options(parser: Parser) -> None:
    """Those of the command ``upscale``, which enlarges a picture that is there already."""
    parser.add_argument("image", type=values.path, metavar="IMAGE", help="a picture: PNG, JPEG, WebP and others")
    parser.add_argument("--scale", type=scale, default=2, metavar="N", help="2 or 4 times (default: 2)")
    parser.add_argument(
        "--upscaler",
        type=upscaler,
        metavar="MODEL",
        help=f"upscale model, see `models list`; {LANCZOS} for none (default: one that is there)",
    )
