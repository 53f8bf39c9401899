"""Animals of pond and sea."""

from __future__ import annotations

from typing import TYPE_CHECKING

from training.drawing.kinds import kind
from training.drawing.kinds.anatomy import eye

if TYPE_CHECKING:
    from training.drawing.pen import Pen


@kind("fish, goldfish", "fish, fishes, goldfishes", natural="orange, blue, red", where="water", height=0.66, size=0.8)
def fish(pen: Pen) -> None:
    """A fish that swims to the right."""
    pen.blob([(-0.4, 0.34), (-0.86, -0.08), (-0.98, 0.0), (-0.86, 0.34), (-0.98, 0.68), (-0.86, 0.76)], "dark")
    pen.blob([(-0.3, 0.06), (-0.12, -0.24), (0.34, -0.3), (0.36, 0.0)], "dark")
    pen.blob([(-0.14, 0.62), (-0.2, 0.94), (0.04, 0.98), (0.3, 0.7)], "dark")
    pen.blob(
        [(1, 0.36), (0.72, 0.0), (0.3, -0.14), (-0.16, 0.02), (-0.6, 0.34), (-0.16, 0.68), (0.3, 0.82), (0.72, 0.7)]
    )
    pen.curve([(0.32, -0.04), (0.42, 0.34), (0.32, 0.7)], 0.07, "dark")
    for x, y in ((-0.2, 0.34), (0.08, 0.16), (0.08, 0.52)):
        pen.ellipse(x, y, 0.12, 0.1, "light")
    eye(pen, 0.64, 0.2, 0.1)
    pen.mouth(0.76, 0.5, 0.22, line=0.06)


@kind("penguin", "penguins", natural="black, navy, blue", width=0.74, hand=(0.66, 0.0), size=0.85)
def penguin(pen: Pen) -> None:
    """A penguin with a wing out."""
    for side in (-1, 1):
        pen.ellipse(side * 0.24, 0.92, 0.24, 0.08, "orange")
    pen.blob([(-0.36, -0.06), (-0.66, 0.22), (-0.73, 0.6), (-0.5, 0.56), (-0.3, 0.36)], "dark")
    pen.blob([(0.3, -0.14), (0.52, -0.1), (0.74, -0.12), (0.66, 0.14), (0.36, 0.36)], "dark")
    pen.blob(
        [
            (0, -1),
            (0.42, -0.8),
            (0.46, -0.4),
            (0.5, 0.2),
            (0.46, 0.72),
            (0, 0.94),
            (-0.46, 0.72),
            (-0.5, 0.2),
            (-0.46, -0.4),
            (-0.42, -0.8),
        ]
    )
    pen.ellipse(0, 0.42, 0.31, 0.42, "cream")
    for side in (-1, 1):
        pen.ellipse(side * 0.15, -0.5, 0.19, 0.21, "cream")
    for side in (-1, 1):
        eye(pen, side * 0.17, -0.52, 0.08, -side)
    pen.polygon([(-0.14, -0.4), (0.14, -0.4), (0, -0.2)], "orange")


@kind(
    "duck, duckling, rubber duck",
    "ducks, ducklings, rubber ducks",
    natural="yellow, white",
    where="water",
    height=0.9,
    size=0.75,
)
def duck(pen: Pen) -> None:
    """A swimming duck."""
    pen.blob([(0.68, -0.32), (0.94, -0.3), (0.98, -0.18), (0.74, -0.06), (0.6, -0.1)], "orange")
    pen.blob(
        [
            (-0.98, 0.02),
            (-0.62, 0.22),
            (-0.1, 0.2),
            (0.4, 0.14),
            (0.74, 0.4),
            (0.6, 0.84),
            (0.2, 1),
            (-0.4, 0.98),
            (-0.82, 0.64),
        ]
    )
    pen.line([(0.36, -0.2), (0.34, 0.4)], 0.5)
    pen.circle(0.36, -0.34, 0.45)
    pen.curve([(0.24, 0.46), (0.1, 0.7), (-0.22, 0.74), (-0.6, 0.46)], 0.08, "dark")
    eye(pen, 0.5, -0.4, 0.1)


@kind("turtle, tortoise", "turtles, tortoises", natural="green", height=0.68, size=0.75)
def turtle(pen: Pen) -> None:
    """A turtle with a domed shell."""
    for x in (-0.5, 0.3):
        pen.rect(x - 0.15, 0.6, x + 0.15, 1, "light", corner=0.12)
    pen.polygon([(-0.98, 0.76), (-0.7, 0.56), (-0.66, 0.76)], "light")
    pen.blob([(0.4, 0.7), (0.56, 0.3), (0.7, 0.06), (0.94, 0.08), (0.98, 0.34), (0.8, 0.5), (0.7, 0.76)], "light")
    pen.path("M-0.84 0.66C-0.84 0.04 -0.52 -0.36 -0.1 -0.36C0.32 -0.36 0.64 0.04 0.64 0.66Z")
    for x in (-0.46, -0.1, 0.26):
        pen.ellipse(x, 0.3 if x != -0.1 else 0.04, 0.15, 0.17, "dark")
    pen.rect(-0.9, 0.6, 0.7, 0.78, "dark", corner=0.09)
    eye(pen, 0.8, 0.2, 0.08)
    pen.mouth(0.86, 0.38, 0.16, line=0.05)


@kind("frog, toad", "frogs, toads", natural="green", height=0.86, size=0.7)
def frog(pen: Pen) -> None:
    """A sitting frog, seen from the front."""
    for side in (-1, 1):
        pen.ellipse(side * 0.64, 0.62, 0.34, 0.34)
        pen.ellipse(side * 0.72, 0.92, 0.27, 0.08, "dark")
    pen.ellipse(0, 0.5, 0.58, 0.46)
    pen.ellipse(0, 0.56, 0.36, 0.34, "light")
    for side in (-1, 1):
        pen.rect(side * 0.32 - 0.12, 0.46, side * 0.32 + 0.12, 0.98, corner=0.11)
        pen.ellipse(side * 0.36, 0.93, 0.2, 0.07, "dark")
        pen.circle(side * 0.4, -0.44, 0.28)
    pen.ellipse(0, -0.04, 0.74, 0.44)
    for side in (-1, 1):
        pen.circle(side * 0.4, -0.46, 0.19, "white")
        eye(pen, side * 0.4, -0.46, 0.11, -side)
        pen.ellipse(side * 0.52, 0.06, 0.12, 0.08, "blush")
    pen.mouth(0, 0.08, 0.62, line=0.065)


@kind("whale", "whales", natural="blue, grey, navy", where="water", height=0.82, size=1.3)
def whale(pen: Pen) -> None:
    """A whale that blows water."""
    pen.curve([(0.3, -0.06), (0.28, -0.4), (0.06, -0.56), (-0.08, -0.38)], 0.1, "water")
    pen.curve([(0.3, -0.06), (0.32, -0.4), (0.54, -0.56), (0.68, -0.38)], 0.1, "water")
    pen.blob(
        [(-0.72, 0.3), (-0.98, 0.08), (-0.94, -0.2), (-0.72, -0.06), (-0.54, -0.26), (-0.44, -0.02), (-0.54, 0.24)],
        "dark",
    )
    pen.blob(
        [
            (-0.72, 0.18),
            (-0.5, 0.16),
            (-0.24, 0.3),
            (0.1, 0.0),
            (0.6, -0.06),
            (0.96, 0.26),
            (0.94, 0.7),
            (0.6, 0.96),
            (0.0, 0.98),
            (-0.5, 0.78),
        ]
    )
    pen.path("M0.99 0.56C0.6 0.7 0.1 0.66 -0.3 0.92C0.0 1.02 0.5 1.02 0.7 0.93C0.88 0.84 0.98 0.72 0.99 0.56Z", "light")
    pen.blob([(0.1, 0.64), (0.26, 0.74), (0.16, 0.96), (-0.1, 0.99), (-0.04, 0.84)], "dark")
    eye(pen, 0.58, 0.34, 0.09)
    pen.mouth(0.8, 0.54, 0.26, line=0.06)
