"""Parts that several animals share."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from training.drawing.pen import Pen


def eye(pen: Pen, x: float, y: float, r: float, side: int = 1) -> None:
    """One eye of an animal that has no face from the front; ``side`` is 1 when it looks to the right."""
    pen.eye(x, y, r)
    if pen.mood != "happy":
        inner, outer = (-1.5, -2.5) if pen.mood == "angry" else (-2.6, -1.7)
        pen.line([(x - side * 1.5 * r, y + outer * r), (x + side * 1.5 * r, y + inner * r)], 0.6 * r, "ink")


def legs(pen: Pen, xs: tuple[float, ...], y: float, width: float, fill: str, foot: str = "") -> None:
    """Straight legs from ``y`` to the ground, with feet of another colour when ``foot`` is given."""
    for x in xs:
        pen.rect(x - width / 2, y, x + width / 2, 1, fill, corner=width * 0.35)
        if foot:
            pen.rect(x - width / 2, 0.86, x + width / 2, 1, foot, corner=width * 0.2)
