"""What a home has: furniture, and what stands on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from training.drawing.kinds import kind

if TYPE_CHECKING:
    from training.drawing.pen import Pen


@kind("table, desk", "tables, desks", natural="brown, beige, white", height=0.7, top=-0.27, size=1.1)
def table(pen: Pen) -> None:
    """A table seen a little from above."""
    for side in (-1, 1):
        pen.rect(side * 0.58 - 0.07, 0, side * 0.58 + 0.07, 0.8, "dark", 0.04)
        pen.rect(side * 0.84 - 0.11, 0, side * 0.84 + 0.11, 1, "main", 0.05)
    pen.polygon([(-0.8, -0.4), (0.8, -0.4), (1, -0.14), (-1, -0.14)], "light")
    pen.rect(-1, -0.18, 1, 0.08, "main", 0.05)
    pen.rect(-0.76, 0.06, 0.76, 0.22, "dark")


@kind("chair, seat", "chairs, seats", natural="brown, red, beige", width=0.64, size=0.9)
def chair(pen: Pen) -> None:
    """A chair, turned a little to the right."""
    for x in (-0.54, 0.24):
        pen.rect(x - 0.06, 0, x + 0.06, 0.78, "dark", 0.04)
    for y in (-0.86, -0.5):
        pen.rect(-0.6, y, 0.3, y + 0.24, "main", 0.06)
    for x in (-0.56, 0.26):
        pen.rect(x - 0.08, -1, x + 0.08, 0.16, "main", 0.07)
    for x in (-0.22, 0.55):
        pen.rect(x - 0.08, 0.3, x + 0.08, 1, "main", 0.05)
    pen.polygon([(-0.62, 0.02), (0.32, 0.02), (0.64, 0.34), (-0.31, 0.34)], "light")
    pen.polygon([(-0.62, 0.02), (-0.31, 0.34), (-0.31, 0.5), (-0.62, 0.18)], "dark")
    pen.rect(-0.31, 0.33, 0.64, 0.5)


@kind("bed", "beds", natural="blue, red, pink", height=0.6, top=0.14, size=1.2)
def bed(pen: Pen) -> None:
    """A bed with a pillow and a blanket."""
    pen.rect(-0.92, 0.5, 0.92, 0.84, "wood")
    pen.rect(-0.86, 0.3, 0.8, 0.62, "paper", 0.08)
    pen.blob([(-0.8, 0.2), (-0.6, 0.02), (-0.34, 0.06), (-0.26, 0.24), (-0.4, 0.36), (-0.7, 0.36)], "snow")
    pen.path("M-0.4 0.78L-0.4 0.28Q-0.38 0.08 -0.16 0.08L0.68 0.08Q0.86 0.1 0.86 0.3L0.86 0.78Z")
    pen.path("M-0.4 0.78L-0.4 0.28Q-0.38 0.08 -0.16 0.08L-0.1 0.08Q-0.2 0.16 -0.2 0.3L-0.2 0.78Z", "light")
    pen.rect(-1, -0.2, -0.82, 1, "wood", 0.07)
    pen.rect(0.82, 0.1, 1, 1, "wood", 0.07)


@kind(
    "lamp, table lamp, desk lamp",
    "lamps, table lamps, desk lamps",
    natural="yellow, red, turquoise",
    width=0.72,
    size=0.8,
)
def lamp(pen: Pen) -> None:
    """A table lamp with a shade."""
    pen.rect(-0.08, 0, 0.08, 0.86, "steel")
    pen.rect(-0.42, 0.82, 0.42, 1, "steel", 0.09)
    pen.circle(0, 0.54, 0.23)
    pen.ellipse(0, 0.02, 0.24, 0.14, "lamp")
    pen.path(
        "M-0.36 -1L0.36 -1Q0.4 -1 0.42 -0.94L0.72 -0.06Q0.72 0.02 0.66 0.02"
        "L-0.66 0.02Q-0.72 0.02 -0.72 -0.06L-0.42 -0.94Q-0.4 -1 -0.36 -1Z"
    )
    pen.path("M-0.68 -0.18L0.68 -0.18L0.72 -0.06Q0.72 0.02 0.66 0.02L-0.66 0.02Q-0.72 0.02 -0.72 -0.06Z", "dark")


@kind("clock, alarm clock", "clocks, alarm clocks", natural="red, blue, turquoise", width=0.84, size=0.7)
def clock(pen: Pen) -> None:
    """An alarm clock."""
    pen.line([(0, -0.66), (0, -0.92)], 0.12, "steel")
    for side in (-1, 1):
        pen.line([(side * 0.5, 0.74), (side * 0.64, 0.92)], 0.16, "dark")
        with pen.moved(side * 0.54, -0.68, angle=side * 38):
            pen.path("M-0.34 0.12Q-0.34 -0.26 0 -0.26Q0.34 -0.26 0.34 0.12Z", "dark")
    pen.circle(0, 0.14, 0.84)
    pen.circle(0, 0.14, 0.56, "paper")
    pen.line([(0, 0.14), (0, -0.22)], 0.09, "ink")
    pen.line([(0, 0.14), (0.24, 0.28)], 0.09, "ink")
    pen.circle(0, 0.14, 0.08, "ink")


@kind("bottle, flask", "bottles, flasks", natural="green, blue, brown", width=0.38, size=0.7)
def bottle(pen: Pen) -> None:
    """A bottle with a cork."""
    pen.rect(-0.12, -1, 0.12, -0.74, "wood", 0.05)
    pen.path(
        "M-0.15 -0.8L0.15 -0.8L0.16 -0.4C0.18 -0.2 0.38 -0.16 0.38 0.1L0.38 0.88Q0.38 1 0.26 1L-0.26 1"
        "Q-0.38 1 -0.38 0.88L-0.38 0.1C-0.38 -0.16 -0.18 -0.2 -0.16 -0.4Z"
    )
    pen.rect(-0.2, -0.84, 0.2, -0.7, "dark", 0.05)
    pen.rect(-0.38, 0.24, 0.38, 0.68, "paper")
    pen.rect(-0.28, -0.06, -0.18, 0.18, "light", 0.05)


@kind("door", "doors", natural="brown, red, green", width=0.56, size=1.1)
def door(pen: Pen) -> None:
    """A closed door in its frame."""
    pen.rect(-0.56, -1, 0.56, 1, "stone", 0.05)
    pen.rect(-0.43, -0.87, 0.43, 0.92)
    for y0, y1 in ((-0.72, -0.04), (0.3, 0.78)):
        for x in (-0.2, 0.2):
            pen.rect(x - 0.13, y0, x + 0.13, y1, "dark", 0.04)
    pen.circle(0.31, 0.13, 0.08, "gold")
    pen.rect(-0.56, 0.9, 0.56, 1, "stone", 0.03)


@kind("candle", "candles", natural="red, beige, white", width=0.5, size=0.7)
def candle(pen: Pen) -> None:
    """A burning candle in its holder."""
    pen.line([(0, -0.46), (0, -0.28)], 0.042, "ink")
    pen.blob([(0, -1), (0.17, -0.62), (0.12, -0.42), (-0.12, -0.42), (-0.17, -0.62)], "flame")
    pen.blob([(0, -0.74), (0.08, -0.54), (0, -0.44), (-0.08, -0.54)], "lamp")
    pen.rect(-0.3, -0.32, 0.3, 0.88, "main", 0.08)
    pen.path(
        "M-0.3 -0.2Q-0.3 -0.32 -0.2 -0.32L0.2 -0.32Q0.3 -0.32 0.3 -0.2L0.3 0.2Q0.24 0.28 0.18 0.2"
        "Q0.16 0 0.06 0Q-0.02 0 -0.04 0.1Q-0.1 0.16 -0.16 0.06Q-0.2 -0.1 -0.3 -0.08Z",
        "light",
    )
    pen.path("M-0.5 0.74L0.5 0.74Q0.48 1 0.26 1L-0.26 1Q-0.48 1 -0.5 0.74Z", "gold")


@kind("vase", "vases", natural="blue, turquoise, white", width=0.6, size=0.8)
def vase(pen: Pen) -> None:
    """An empty vase."""
    pen.path(
        "M-0.36 -0.92C-0.3 -0.7 -0.2 -0.64 -0.22 -0.5C-0.3 -0.3 -0.6 -0.2 -0.6 0.16"
        "C-0.6 0.52 -0.34 0.74 -0.34 1L0.34 1C0.34 0.74 0.6 0.52 0.6 0.16"
        "C0.6 -0.2 0.3 -0.3 0.22 -0.5C0.2 -0.64 0.3 -0.7 0.36 -0.92Z"
    )
    pen.ellipse(0, -0.9, 0.38, 0.1, "dark")
    pen.path("M-0.58 0.02L0.58 0.02Q0.62 0.18 0.57 0.32L-0.57 0.32Q-0.62 0.18 -0.58 0.02Z", "light")
    for x in (-0.36, 0, 0.36):
        pen.circle(x, 0.17, 0.09, "dark")


@kind("teapot, tea pot", "teapots, tea pots", natural="white, blue, red", height=0.76, size=0.7)
def teapot(pen: Pen) -> None:
    """A round teapot."""
    pen.curve([(-0.5, 0.02), (-0.82, -0.02), (-0.92, 0.28), (-0.76, 0.56), (-0.46, 0.68)], 0.14, "dark")
    pen.path("M0.4 0.2C0.66 0.2 0.6 -0.2 0.78 -0.22L1 -0.22C0.86 0 0.88 0.6 0.4 0.76Z")
    pen.rect(-0.34, 0.84, 0.34, 1, "dark", 0.06)
    pen.ellipse(0, 0.4, 0.64, 0.54)
    pen.path("M-0.4 -0.06C-0.34 -0.4 0.34 -0.4 0.4 -0.06Q0 0.06 -0.4 -0.06Z", "dark")
    pen.circle(0, -0.4, 0.12, "dark")
    pen.ellipse(-0.28, 0.26, 0.12, 0.16, "light")
