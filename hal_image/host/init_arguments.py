"""The options of a picture to begin with."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from hal_image.host import argument_values as values
from hal_image.request import MAX_SIDE, MIN_STRENGTH

if TYPE_CHECKING:
    from hal_image.host.picture_size import Margins

MAX_FEATHER = 512


def add_init_options(parser: argparse.ArgumentParser) -> None:
    """What it begins with."""
    init = parser.add_argument_group("what to begin with (the size is the picture's, unless one is given)")
    init.add_argument("--init-image", type=values.path, metavar="FILE", help="draw on this picture")
    init.add_argument(
        "--strength",
        type=strength,
        metavar="X",
        help="how much of it is made anew, 0 to 1 (default: 0.75; 1 with --mask or --outpaint)",
    )
    init.add_argument(
        "--mask",
        type=values.path,
        metavar="FILE",
        help="change only what is white in this picture, or transparent if anything is",
    )
    init.add_argument(
        "--feather",
        type=values.integer(0, MAX_FEATHER),
        metavar="PX",
        help="pixels over which new and kept parts run into each other (default: 8)",
    )
    init.add_argument(
        "--outpaint",
        type=outpaint,
        metavar="LEFT,TOP,RIGHT,BOTTOM",
        help="pixels to add on these sides and draw on, e.g. 256,0,256,0",
    )


def strength(text: str) -> float:
    """A number from 0 to 1; between 0 and ``MIN_STRENGTH`` is none."""
    value = values.number(0, 1)(text)
    if 0 < value < MIN_STRENGTH:
        raise argparse.ArgumentTypeError(f"{text} is too little to see; give 0, or {MIN_STRENGTH:g} to 1")
    return value


def outpaint(text: str) -> Margins:
    """Four numbers of pixels, not all of them 0."""
    try:
        left, top, right, bottom = (values.integer(0, MAX_SIDE)(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no four numbers; write the pixels for left, top, right and bottom, as in 256,0,256,0"
        ) from None
    except argparse.ArgumentTypeError as error:
        raise argparse.ArgumentTypeError(f"{error}, as in 256,0,256,0") from None
    if not left + top + right + bottom:
        raise argparse.ArgumentTypeError("it adds nothing; give pixels for at least one side")
    return left, top, right, bottom
