"""The basic solids and plain figures."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from training.drawing.kinds import kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from training.drawing.pen import Pen, Point


def rounded(points: Sequence[Point], radius: float) -> str:
    """SVG path data of a polygon whose corners are cut ``radius`` before the corner and bent round."""
    parts = []
    for i, (x, y) in enumerate(points):
        ends = []
        for ox, oy in (points[i - 1], points[(i + 1) % len(points)]):
            length = math.hypot(ox - x, oy - y)
            share = min(radius, length / 2) / length
            ends.append(f"{x + (ox - x) * share:.3f} {y + (oy - y) * share:.3f}")
        parts.append(f"{'L' if i else 'M'}{ends[0]}Q{x:.3f} {y:.3f} {ends[1]}")
    return "".join(parts) + "Z"


def annulus(x: float, y: float, outer: float, inner: float) -> str:
    """SVG path data of a round ring."""
    rings = []
    for r, sweep in ((outer, 1), (inner, 0)):
        half = f"A{r:.3f} {r:.3f} 0 0 {sweep}"
        rings.append(f"M{x - r:.3f} {y:.3f}{half} {x + r:.3f} {y:.3f}{half} {x - r:.3f} {y:.3f}Z")
    return "".join(rings)


@kind("cube, box, block", "cubes, boxes, blocks", natural="blue, red, orange", width=0.95, top=-0.56, where="any")
def cube(pen: Pen) -> None:
    """A cube seen from above one edge."""
    pen.polygon([(0, -1), (0.95, -0.56), (0, -0.12), (-0.95, -0.56)], "light")
    pen.polygon([(-0.95, -0.56), (0, -0.12), (0, 1), (-0.95, 0.52)], "main")
    pen.polygon([(0.95, -0.56), (0, -0.12), (0, 1), (0.95, 0.52)], "dark")


@kind("ball, sphere, orb", "balls, spheres, orbs", natural="red, blue, green", where="any", top=-0.96)
def ball(pen: Pen) -> None:
    """A ball with a highlight."""
    pen.circle(0, 0, 1)
    with pen.moved(-0.4, -0.46, angle=-40):
        pen.ellipse(0, 0, 0.3, 0.2, "light")


@kind("star", "stars", natural="yellow", where="sky", height=0.96)
def star(pen: Pen) -> None:
    """A five-pointed star."""
    points = []
    for i in range(10):
        r, a = (1.12 if i % 2 == 0 else 0.54), math.pi * i / 5
        points.append((r * math.sin(a), 0.14 - r * math.cos(a)))
    pen.path(rounded(points, 0.14))


@kind("cylinder, tube", "cylinders, tubes", natural="green, blue, orange", width=0.72, top=-0.74, where="any")
def cylinder(pen: Pen) -> None:
    """A standing cylinder seen a little from above."""
    pen.path("M-0.72 -0.74L-0.72 0.74A0.72 0.26 0 0 0 0.72 0.74L0.72 -0.74Z")
    pen.path("M0.72 -0.74L0.72 0.74A0.72 0.26 0 0 1 0.44 0.946L0.44 -0.6Z", "dark")
    pen.ellipse(0, -0.74, 0.72, 0.26, "light")


@kind("cone", "cones", natural="orange, purple, turquoise", width=0.82, where="any")
def cone(pen: Pen) -> None:
    """A cone standing on its round base."""
    pen.path("M-0.06 -0.96Q0 -1.04 0.06 -0.96L0.82 0.72A0.82 0.28 0 0 1 -0.82 0.72Z")
    pen.path("M0.03 -0.99L0.06 -0.96L0.82 0.72A0.82 0.28 0 0 1 0.5 0.942Q0.36 0.1 0.03 -0.99Z", "dark")


@kind("pyramid", "pyramids", natural="yellow, orange, beige", height=0.88, where="any")
def pyramid(pen: Pen) -> None:
    """A pyramid with two of its sides in sight."""
    pen.polygon([(0.08, -0.76), (0.3, 1), (-1, 0.66)])
    pen.polygon([(0.08, -0.76), (1, 0.56), (0.3, 1)], "dark")


@kind("ring, torus, hoop", "rings, toruses, tori, hoops", natural="yellow, turquoise, pink", where="any")
def ring(pen: Pen) -> None:
    """A thick ring seen from the front."""
    pen.path(annulus(0, 0, 1, 0.5))
    pen.curve([(math.cos(a) * 0.77, math.sin(a) * 0.77) for a in (3.4, 3.8, 4.2, 4.6)], 0.13, "light")


@kind("circle, disc, disk, dot", "circles, discs, disks, dots", natural="red, blue, yellow", where="any")
def circle(pen: Pen) -> None:
    """A plain round figure."""
    pen.circle(0, 0, 1)


@kind("square", "squares", natural="green, blue, red", top=-0.97, where="any")
def square(pen: Pen) -> None:
    """A plain square."""
    pen.rect(-1, -1, 1, 1, corner=0.06)


@kind("triangle", "triangles", natural="orange, green, purple", height=0.89, where="any")
def triangle(pen: Pen) -> None:
    """A plain triangle that stands on one side."""
    pen.path(rounded([(0, -0.84), (1.05, 1), (-1.05, 1)], 0.14))


@kind("heart, love heart", "hearts, love hearts", natural="red, pink", height=0.92, where="any")
def heart(pen: Pen) -> None:
    """A heart with a highlight."""
    pen.path(
        "M0 1C-0.14 0.88 -1 0.32 -1 -0.28C-1 -0.64 -0.76 -0.84 -0.48 -0.84C-0.24 -0.84 -0.08 -0.7 0 -0.52"
        "C0.08 -0.7 0.24 -0.84 0.48 -0.84C0.76 -0.84 1 -0.64 1 -0.28C1 0.32 0.14 0.88 0 1Z"
    )
    with pen.moved(-0.54, -0.4, angle=-38):
        pen.ellipse(0, 0, 0.22, 0.13, "light")


@kind(
    "diamond, gem, gemstone, jewel",
    "diamonds, gems, gemstones, jewels",
    natural="turquoise, blue, pink",
    height=0.86,
    where="any",
)
def diamond(pen: Pen) -> None:
    """A cut gem."""
    pen.polygon([(-0.56, -0.72), (0.56, -0.72), (1, -0.16), (0, 1), (-1, -0.16)])
    pen.polygon([(-0.56, -0.72), (0.56, -0.72), (0.42, -0.16), (-0.42, -0.16)], "light")
    pen.polygon([(0.56, -0.72), (1, -0.16), (0.42, -0.16)])
    pen.polygon([(0.42, -0.16), (1, -0.16), (0, 1)], "dark")
    pen.polygon([(-0.42, -0.16), (0.42, -0.16), (0, 1)])


@kind("cross, plus sign", "crosses, plus signs", natural="red, green, white", where="any")
def cross(pen: Pen) -> None:
    """A cross with four arms of one length."""
    corner = [(-0.36, -1.0), (0.36, -1.0), (0.36, -0.36)]
    points: list[Point] = []
    for _ in range(4):
        points += corner
        corner = [(-y, x) for x, y in corner]
    pen.path(rounded(points, 0.08))


@kind("arrow", "arrows", natural="blue, red, green", height=0.76, where="any")
def arrow(pen: Pen) -> None:
    """An arrow that points to the right."""
    points = [(-1, -0.06), (0.12, -0.06), (0.12, -0.56), (1.04, 0.24), (0.12, 1.04), (0.12, 0.54), (-1, 0.54)]
    pen.path(rounded(points, 0.1))
