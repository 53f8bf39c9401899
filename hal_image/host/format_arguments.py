"""The options that say which kind of file a picture becomes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hal_image.host import argument_values as values
from hal_image.host.formats import DEFAULT_QUALITY, FORMATS

if TYPE_CHECKING:
    import argparse


def add_format_options(group: argparse._ArgumentGroup) -> None:
    """How it is written."""
    group.add_argument(
        "--format",
        type=values.OneOf(FORMATS),
        metavar="NAME",
        help="png, webp, jpeg or avif (default: by the suffix of --output, or png)",
    )
    group.add_argument(
        "--quality",
        type=values.integer(1, 100),
        metavar="N",
        help=f"of webp, jpeg and avif, 1 to 100 (default: {DEFAULT_QUALITY})",
    )
    group.add_argument("--lossless", action="store_true", help="webp: keep every pixel, as png does")
