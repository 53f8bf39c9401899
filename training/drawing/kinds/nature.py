"""Plants, the sky and the land."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from training.drawing.kinds import kind
from training.drawing.kinds.solids import rounded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from training.drawing.pen import Pen, Point


def scalloped(points: Sequence[Point], bulge: float = 0.56) -> str:
    """SVG path data of a closed figure with a bow outwards from each point to the next, clockwise.

    The radius of a bow is ``bulge`` times the distance: half a circle at 0.5, flatter above.
    """
    parts = [f"M{points[0][0]:.3f} {points[0][1]:.3f}"]
    for i, (x, y) in enumerate(points):
        nx, ny = points[(i + 1) % len(points)]
        r = bulge * math.hypot(nx - x, ny - y)
        parts.append(f"A{r:.3f} {r:.3f} 0 0 1 {nx:.3f} {ny:.3f}")
    return "".join(parts) + "Z"


@kind("tree, oak, oak tree", "trees, oaks, oak trees", natural="green", width=0.82, top=-0.9, size=1.4)
def tree(pen: Pen) -> None:
    """A tree with a round crown."""
    pen.path("M-0.14 0.2L-0.15 0.74Q-0.17 0.93 -0.32 1L0.32 1Q0.17 0.93 0.15 0.74L0.14 0.2Z", "bark")
    left = [(-0.42, 0.3), (-0.7, 0.02), (-0.66, -0.42), (-0.3, -0.8)]
    crown = scalloped(left + [(-x, y) for x, y in reversed(left)])
    pen.path(crown, "dark")
    with pen.moved(-0.05, -0.12, scale=0.88):
        pen.path(crown)


@kind(
    "pine, pine tree, fir, fir tree, christmas tree, conifer",
    "pines, pine trees, firs, fir trees, christmas trees, conifers",
    natural="green",
    width=0.74,
    size=1.4,
)
def pine(pen: Pen) -> None:
    """A pine of three tiers."""
    pen.rect(-0.14, 0.6, 0.14, 1, "bark", corner=0.04)
    for half, tip, foot in ((0.78, -0.3, 0.76), (0.62, -0.66, 0.3), (0.46, -1.04, -0.18)):
        if foot < 0.7:
            pen.path(rounded([(0, tip + 0.1), (half * 0.9, foot + 0.09), (-half * 0.9, foot + 0.09)], 0.1), "dark")
        pen.path(rounded([(0, tip), (half, foot), (-half, foot)], 0.1))


@kind("palm, palm tree, coconut tree", "palms, palm trees, coconut trees", natural="green", width=0.92, size=1.4)
def palm(pen: Pen) -> None:
    """A palm with a bent trunk and coconuts."""
    pen.path("M-0.08 -0.46C0.06 0.1 0.02 0.6 -0.2 1L0.24 1C0.3 0.6 0.26 0.1 0.12 -0.48Z", "bark")
    for angle, long in ((32, 0.86), (-6, 0.9), (-50, 0.7)):
        tip = f"{long * 0.7:.3f} -0.4 {long:.3f} 0.2C{long * 0.66:.3f} -0.04 0.3 0 -0.06 0.06Z"
        for mirror in (False, True):
            with pen.moved(0, -0.52, angle=-angle if mirror else angle, mirror=mirror):
                pen.path(f"M-0.06 0.06C0.1 -0.36 {tip}")
    for x, y in ((-0.12, -0.4), (0.16, -0.4), (0.02, -0.3)):
        pen.circle(x, y, 0.11, "wood")


@kind("flower, blossom, daisy", "flowers, blossoms, daisies", natural="pink, red, yellow", width=0.65, size=0.8)
def flower(pen: Pen) -> None:
    """A flower with six petals on a stem with two leaves."""
    pen.line([(0, -0.2), (0, 0.94)], 0.12, "leaf")
    for mirror in (False, True):
        with pen.moved(mirror=mirror):
            pen.path("M0 0.9C0.1 0.5 0.36 0.42 0.58 0.46C0.56 0.72 0.36 0.92 0 0.9Z", "leaf")
    for i in range(6):
        with pen.moved(0, -0.3, angle=60 * i):
            pen.ellipse(0, -0.43, 0.25, 0.28)
    pen.circle(0, -0.3, 0.28, "dark")
    pen.circle(0, -0.3, 0.22, "gold")


@kind("cactus", "cacti, cactuses", natural="green", width=0.74)
def cactus(pen: Pen) -> None:
    """A cactus with two arms and a flower."""
    pen.curve([(0, 0.52), (-0.36, 0.5), (-0.56, 0.34), (-0.58, 0.0), (-0.58, -0.12)], 0.3)
    pen.curve([(0, 0.26), (0.36, 0.24), (0.56, 0.08), (0.58, -0.26), (0.58, -0.36)], 0.3)
    pen.path("M-0.28 1L-0.28 -0.58A0.28 0.28 0 0 1 0.28 -0.58L0.28 1Z")
    for x in (-0.1, 0.1):
        pen.line([(x, -0.5), (x, 0.9)], 0.045, "light")
    pen.circle(-0.1, -0.86, 0.12, "pink")
    pen.circle(0.1, -0.86, 0.12, "pink")
    pen.circle(0, -0.9, 0.1, "red")


@kind(
    "mountain, peak, mountain peak",
    "mountains, peaks, mountain peaks",
    natural="grey, brown, blue",
    height=0.76,
    top=-0.46,
    size=1.4,
)
def mountain(pen: Pen) -> None:
    """A high mountain with snow on it, and a lower one beside."""
    pen.path(rounded([(0.5, -0.1), (1.04, 1), (-0.2, 1)], 0.12), "dark")
    pen.path(rounded([(-0.2, -0.58), (0.72, 1), (-1.05, 1)], 0.12))
    snow = "L0.16 0.06L0 -0.04L-0.1 0.16L-0.24 0L-0.36 0.18L-0.47 0.02L-0.565 0.1Z"
    pen.path(f"M-0.26 -0.475Q-0.2 -0.58 -0.14 -0.475{snow}", "snow")


@kind("cloud", "clouds", natural="white", where="sky", height=0.58, top=0.02)
def cloud(pen: Pen) -> None:
    """A cloud with a flat underside."""
    pen.path(
        "M-0.66 1A0.36 0.36 0 0 1 -0.72 0.29A0.4 0.4 0 0 1 -0.36 0.06"
        "A0.5 0.5 0 0 1 0.48 0.14A0.3 0.3 0 0 1 0.7 0.32A0.34 0.34 0 0 1 0.64 1Z"
    )


@kind("sun", "suns", natural="yellow, orange", where="sky")
def sun(pen: Pen) -> None:
    """The sun with twelve rays."""
    for i in range(12):
        with pen.moved(angle=30 * i):
            pen.path(rounded([(0, -1.05), (0.17, -0.68), (-0.17, -0.68)], 0.07))
    pen.circle(0, 0, 0.62)
    pen.ellipse(-0.22, -0.26, 0.16, 0.12, "light")


@kind(
    "moon, crescent, crescent moon",
    "moons, crescents, crescent moons",
    natural="yellow, white, grey",
    where="sky",
    width=0.88,
)
def moon(pen: Pen) -> None:
    """A crescent moon with craters."""
    pen.path("M0.462 -0.94A1 1 0 1 0 0.886 0.643A0.86 0.86 0 0 1 0.462 -0.94Z")
    for x, y, r in ((-0.46, -0.06, 0.14), (-0.16, 0.54, 0.17), (-0.22, -0.56, 0.1)):
        pen.circle(x, y, r, "dark")


@kind("rainbow", "rainbows", natural="red", where="sky", height=0.5)
def rainbow(pen: Pen) -> None:
    """A rainbow whose outer band is the widest."""
    bands = ((1.0, 0.77, "main"), (0.77, 0.675, "yellow"), (0.675, 0.58, "green"), (0.58, 0.485, "blue"))
    for outer, inner, fill in (*bands, (0.485, 0.39, "purple")):
        bow = f"A{outer} {outer} 0 0 1 {outer} 1L{inner} 1A{inner} {inner} 0 0 0 {-inner} 1Z"
        pen.path(f"M{-outer} 1{bow}", fill)


@kind("leaf", "leaves", natural="green, orange, red", where="any", width=0.9, size=0.7)
def leaf(pen: Pen) -> None:
    """A leaf with its veins."""
    pen.line([(-0.5, 0.5), (-0.84, 0.94)], 0.12, "dark")
    pen.path("M-0.62 0.72C-1.1 -0.1 -0.5 -0.86 0.88 -1C1.0 0.3 0.36 1.06 -0.62 0.72Z")
    pen.line([(-0.58, 0.64), (0.54, -0.62)], 0.045, "light")
    for x, y in ((-0.3, 0.32), (0.04, -0.06)):
        pen.line([(x - 0.1, y - 0.42), (x, y), (x + 0.44, y + 0.08)], 0.045, "light")


@kind("rock, stone, boulder", "rocks, stones, boulders", natural="grey, brown", height=0.7, top=-0.26)
def rock(pen: Pen) -> None:
    """A rock with three faces."""
    outside = [(-1.02, 0.66), (-0.78, 0.0), (-0.3, -0.4), (0.4, -0.4), (0.84, 0.06), (1.02, 0.7), (0.84, 1), (-0.9, 1)]
    pen.path(rounded(outside, 0.1), "dark")
    pen.path(rounded([*outside[:4], (0.3, 0.1), (0.5, 1), (-0.9, 1)], 0.1))
    pen.path(rounded([(-0.78, 0.0), (-0.3, -0.4), (0.4, -0.4), (0.3, 0.1), (-0.3, 0.2)], 0.1), "light")
