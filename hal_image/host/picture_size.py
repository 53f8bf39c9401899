"""How large the picture becomes: as asked for, as the model has it, or as the picture that it begins with."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from hal_image.errors import UsageError
from hal_image.models.types import SIZE_MULTIPLE
from hal_image.request import MAX_SIDE, MIN_SIDE

if TYPE_CHECKING:
    import argparse

    from hal_image.models.types import Model

Size = tuple[int, int]
"""Width and height in pixels."""
Margins = tuple[int, int, int, int]
"""Pixels to add: left, top, right, bottom."""

LARGE = 1.5
"""A given picture with more pixels than the model's own size has, times this, is made smaller. A model draws poorly far
beyond what it was trained with; 768x512 from a model for 512x512 is usual, and stays."""


def asked(options: argparse.Namespace, model: Model) -> Size:
    """The size without a picture to begin with: the model's own where none is asked for.

    Raises:
        UsageError: ``size_invalid`` when the family cannot make it, ``size_twice``.
    """
    width, height = given(options)
    size = (width or model.defaults.width, height or model.defaults.height)
    _check(size, model)
    return size


def is_given(options: argparse.Namespace) -> bool:
    """Whether a size is asked for."""
    return any(value is not None for value in (options.size, options.width, options.height))


def following(options: argparse.Namespace, model: Model, picture: Size, margins: Margins) -> Size:
    """The size that a given picture is brought to, without what is added to it.

    Args:
        options: a size that is asked for is that of the whole, with ``margins``; of one side, the other follows.
        model: decides of what the sides are multiples, and what is large.
        picture: the picture's size as it was given.
        margins: what is added.

    Raises:
        UsageError: ``size_invalid``, ``size_twice``, ``outpaint_invalid``.
    """
    multiple = SIZE_MULTIPLE[model.family]
    across, down = margins[0] + margins[2], margins[1] + margins[3]
    for pixels in margins:
        if pixels % multiple:
            raise UsageError(
                f"--outpaint {pixels} is not a multiple of {multiple}, which model {model.name!r} needs",
                code="outpaint_invalid",
                hint=f"use {pixels - pixels % multiple} or {pixels - pixels % multiple + multiple}",
            )
    width, height = given(options)
    if not is_given(options):
        inner_width, inner_height = _near(picture, model)
    else:
        aspect = picture[0] / picture[1]
        inner_width = width - across if width else _side(((height or 0) - down) * aspect, multiple)
        inner_height = height - down if height else _side(inner_width / aspect, multiple)
    size = (inner_width + across, inner_height + down)
    if inner_width < multiple or inner_height < multiple:
        raise UsageError(
            f"nothing is left of the picture in {size[0]}x{size[1]} when {across}x{down} of it is added",
            code="outpaint_invalid",
            hint="the size is that of the whole: give a larger one, or none",
        )
    if max(size) > MAX_SIDE:
        raise UsageError(
            f"with --outpaint the picture becomes {size[0]}x{size[1]}, and {MAX_SIDE} is the longest side",
            code="outpaint_invalid",
            hint="add less",
        )
    _check(size, model)
    return inner_width, inner_height


def given(options: argparse.Namespace) -> tuple[int | None, int | None]:
    """Width and height as they are asked for, ``None`` where not.

    Raises:
        UsageError: ``size_twice``.
    """
    if options.size is None:
        return options.width, options.height
    if options.width is not None or options.height is not None:
        raise UsageError("--size and --width/--height exclude each other", code="size_twice", hint="give one of them")
    width, height = options.size
    return width, height


def _near(picture: Size, model: Model) -> Size:
    """The picture's own size, or a smaller one like it, in the family's multiples."""
    multiple = SIZE_MULTIPLE[model.family]
    area, own = picture[0] * picture[1], model.defaults.width * model.defaults.height
    scale = math.sqrt(own / area) if area > own * LARGE else 1.0
    return _side(picture[0] * scale, multiple), _side(picture[1] * scale, multiple)


def _side(pixels: float, multiple: int) -> int:
    """The nearest side that the family can make."""
    least, most = -(-MIN_SIDE // multiple), MAX_SIDE // multiple
    return min(max(round(pixels / multiple), least), most) * multiple


def _check(size: Size, model: Model) -> None:
    multiple = SIZE_MULTIPLE[model.family]
    for name, side in zip(("width", "height"), size, strict=True):
        if side % multiple or side < multiple:
            below = max(side - side % multiple, -(-MIN_SIDE // multiple) * multiple)
            raise UsageError(
                f"{name} {side} is not a multiple of {multiple}, which model {model.name!r} needs",
                code="size_invalid",
                hint=f"use {below} or {below + multiple}",
            )
