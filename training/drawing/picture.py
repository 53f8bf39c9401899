"""A picture described in words of our own, and its pixels."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Literal, NamedTuple

from training.drawing import scenes, styles
from training.drawing.layout import layout
from training.drawing.palette import rgb
from training.drawing.pen import Defs, Mood, Pen, Style
from training.drawing.raster import pixels

if TYPE_CHECKING:
    import numpy as np

    from training.drawing.layout import Placed

Size = Literal["small", "big"]
Place = Literal["left", "right", "top", "bottom", "top left", "top right", "bottom left", "bottom right", "middle"]
Relation = Literal[
    "and", "left of", "right of", "above", "below", "on", "under", "behind", "in front of", "holding", "wearing"
]


class Thing(NamedTuple):
    """What is to be seen: ``count`` of a kind. None: the prompt does not say it."""

    kind: str
    colour: str | None = None
    size: Size | None = None
    count: int = 1  # type: ignore[assignment]  # hides the method of tuples, which nobody calls here
    mood: Mood | None = None


class Picture(NamedTuple):
    """Everything that a caption can say.

    Attributes:
        things: none (an abstract picture, or only a place), one, two with a relation, or three in a row.
        relation: of the first thing to the second.
        place: where a single thing is.
        background: a colour; excludes ``scene``.
        scene: a place; None with ``background`` None is a soft pastel.
        style: None is ``shaded``, and the caption does not say it.
    """

    things: tuple[Thing, ...] = ()
    relation: Relation = "and"
    place: Place | None = None
    background: str | None = None
    scene: scenes.Scene | None = None
    style: Style | None = None


def draw(picture: Picture, width: int, height: int, seed: int) -> np.ndarray:
    """The pixels of ``picture``.

    Returns:
        uint8 [height, width, 3], the same for the same arguments.
    """
    rng = random.Random(seed)
    svg = to_svg(picture, width, height, rng)
    if picture.style == "pixel":
        return styles.pixel_art(svg, width, height)
    image = pixels(svg, width, height)[:, :, :3]
    return styles.watercolour(image, rng) if picture.style == "watercolour" else image


def to_svg(picture: Picture, width: int, height: int, rng: random.Random) -> str:
    """The SVG of ``picture``: the middle is (0, 0), the short side is 2 long."""
    short = min(width, height)
    canvas = scenes.Canvas(width / short, height / short)
    style = picture.style or "shaded"
    horizon: float | None = None
    if picture.background is not None:
        scenes.plain(canvas, rgb(picture.background))
    elif picture.scene is not None:
        horizon = scenes.scene(canvas, picture.scene, rng)
    elif not picture.things:
        scenes.abstract(canvas, rng)
    elif style == "outline":
        scenes.plain(canvas, (252, 252, 250))
    else:
        scenes.soft(canvas, rng)
    defs = Defs()
    shadows = picture.background is None and style in ("shaded", "flat")
    for placed in layout(picture, canvas.hx, canvas.hy, horizon, rng):
        _put(canvas, placed, style, defs, rng, shadow=shadows)
    view = f'viewBox="{-canvas.hx:.4f} {-canvas.hy:.4f} {2 * canvas.hx:.4f} {2 * canvas.hy:.4f}"'
    start = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" {view}>'
    return f"{start}{defs}{''.join(canvas.parts)}</svg>"


def _put(canvas: scenes.Canvas, placed: Placed, style: Style, defs: Defs, rng: random.Random, *, shadow: bool) -> None:
    kind, s = placed.kind, placed.scale
    if shadow and kind.where in ("ground", "any"):
        canvas.ellipse(placed.x + 0.04 * s, placed.y + 0.97 * s, kind.width * s * 0.92, 0.085 * s, "#1c2430", 0.22)
    pen = Pen(placed.colour, style, defs, rng, mood=placed.mood, scale=s)
    kind.draw(pen)
    canvas.add(f'<g transform="translate({placed.x:.4f} {placed.y:.4f}) scale({s:.4f})">{pen.svg}</g>')
