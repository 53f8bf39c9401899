"""Food and drink."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from training.drawing.kinds import kind
from training.drawing.kinds.nature import scalloped
from training.drawing.kinds.solids import annulus, rounded

if TYPE_CHECKING:
    from training.drawing.pen import Pen


@kind("apple", "apples", natural="red, green, yellow", width=0.88, size=0.7)
def apple(pen: Pen) -> None:
    """An apple with a leaf."""
    pen.curve([(0, -0.42), (0.02, -0.7), (0.1, -0.93)], 0.13, "bark")
    pen.path("M0.1 -0.66C0.2 -0.98 0.5 -1.04 0.68 -0.96C0.66 -0.7 0.4 -0.54 0.1 -0.66Z", "leaf")
    pen.path(
        "M0 -0.42C0.2 -0.62 0.88 -0.66 0.88 0.08C0.88 0.6 0.56 1.04 0.26 1C0.14 0.98 0.1 0.94 0 0.94"
        "C-0.1 0.94 -0.14 0.98 -0.26 1C-0.56 1.04 -0.88 0.6 -0.88 0.08C-0.88 -0.66 -0.2 -0.62 0 -0.42Z"
    )
    with pen.moved(-0.46, -0.1, angle=24):
        pen.ellipse(0, 0, 0.14, 0.22, "light")


@kind("banana", "bananas", natural="yellow, green", height=0.74, size=0.7)
def banana(pen: Pen) -> None:
    """A bent banana."""
    pen.path(
        "M0.58 -0.4L0.82 -0.42C1.26 0.3 0.66 1 -0.3 1C-0.7 1 -0.94 0.88 -1 0.62"
        "Q-0.94 0.46 -0.8 0.46C-0.1 0.5 0.56 0.16 0.58 -0.4Z"
    )
    pen.curve([(-0.82, 0.7), (-0.2, 0.72), (0.46, 0.42), (0.78, -0.1)], 0.045, "dark")
    pen.path(rounded([(0.56, -0.48), (0.8, -0.48), (0.88, -0.26), (0.57, -0.22)], 0.06), "bark")
    pen.ellipse(-0.92, 0.62, 0.08, 0.12, "bark")


@kind("pear", "pears", natural="green, yellow", width=0.7, size=0.7)
def pear(pen: Pen) -> None:
    """A pear with a leaf."""
    pen.curve([(0, -0.62), (0.02, -0.78), (0.1, -0.94)], 0.13, "bark")
    pen.path("M0.06 -0.72C0.18 -0.98 0.44 -1.0 0.6 -0.9C0.56 -0.7 0.32 -0.58 0.06 -0.72Z", "leaf")
    pen.blob(
        [
            (0, -0.7),
            (0.3, -0.5),
            (0.4, -0.1),
            (0.68, 0.42),
            (0.5, 0.88),
            (0, 1),
            (-0.5, 0.88),
            (-0.68, 0.42),
            (-0.4, -0.1),
            (-0.3, -0.5),
        ]
    )
    with pen.moved(-0.34, 0.32, angle=20):
        pen.ellipse(0, 0, 0.13, 0.22, "light")


@kind("cherry", "cherries", natural="red", width=0.94, size=0.6)
def cherry(pen: Pen) -> None:
    """Two cherries that hang together."""
    pen.curve([(-0.46, 0.4), (-0.34, -0.2), (0.1, -0.86)], 0.1, "leaf")
    pen.curve([(0.5, 0.5), (0.4, -0.2), (0.1, -0.86)], 0.1, "leaf")
    pen.path("M0.1 -0.88C0.34 -1.08 0.74 -1.04 0.94 -0.8C0.74 -0.56 0.34 -0.6 0.1 -0.88Z", "leaf")
    for x, y in ((-0.48, 0.46), (0.46, 0.54)):
        pen.circle(x, y, 0.46)
        pen.ellipse(x - 0.16, y - 0.16, 0.12, 0.1, "light")


@kind("strawberry", "strawberries", natural="red", width=0.8, size=0.6)
def strawberry(pen: Pen) -> None:
    """A strawberry with its seeds."""
    pen.path(
        "M0 1C-0.3 1 -0.8 0.4 -0.8 -0.14C-0.8 -0.5 -0.5 -0.64 0 -0.64C0.5 -0.64 0.8 -0.5 0.8 -0.14C0.8 0.4 0.3 1 0 1Z"
    )
    for x, y in ((-0.46, -0.06), (0.0, 0.0), (0.46, -0.06), (-0.26, 0.32), (0.26, 0.32), (0, 0.64)):
        pen.ellipse(x, y, 0.06, 0.085, "gold")
    pen.path(
        rounded(
            [
                (0, -1),
                (0.14, -0.76),
                (0.62, -0.82),
                (0.42, -0.52),
                (0.5, -0.24),
                (0.14, -0.42),
                (0, -0.14),
                (-0.14, -0.42),
                (-0.5, -0.24),
                (-0.42, -0.52),
                (-0.62, -0.82),
                (-0.14, -0.76),
            ],
            0.06,
        ),
        "leaf",
    )


@kind(
    "pizza, pizza slice, slice of pizza",
    "pizzas, pizza slices, slices of pizza",
    natural="yellow, orange",
    width=0.9,
    size=0.8,
)
def pizza(pen: Pen) -> None:
    """A slice of pizza."""
    pen.path(rounded([(-0.82, -0.7), (0.82, -0.7), (0, 1.05)], 0.1))
    pen.path(
        "M-0.87 -0.74C-0.5 -1.08 0.5 -1.08 0.87 -0.74A0.13 0.13 0 0 1 0.74 -0.55"
        "C0.4 -0.75 -0.4 -0.75 -0.74 -0.55A0.13 0.13 0 0 1 -0.87 -0.74Z",
        "wood",
    )
    for x, y in ((-0.32, -0.34), (0.33, -0.24), (-0.02, 0.3)):
        pen.circle(x, y, 0.18, "roof")
    for x, y, angle in ((0.02, -0.04, 30), (-0.22, 0.1, -30), (0.04, -0.48, -20)):
        with pen.moved(x, y, angle=angle):
            pen.ellipse(0, 0, 0.1, 0.055, "leaf")


@kind("cake, birthday cake", "cakes, birthday cakes", natural="pink, brown, white", width=0.94, top=-0.42)
def cake(pen: Pen) -> None:
    """A cake with icing and three candles."""
    for x in (-0.4, 0, 0.4):
        with pen.moved(x):
            pen.rect(-0.08, -0.72, 0.08, -0.3, "turquoise", corner=0.03)
            pen.path("M0 -1C0.13 -0.87 0.11 -0.72 0 -0.72C-0.11 -0.72 -0.13 -0.87 0 -1Z", "flame")
    pen.rect(-0.94, 0.86, 0.94, 1, "metal", corner=0.07)
    top = "M-0.8 -0.2A0.22 0.22 0 0 1 -0.58 -0.42L0.58 -0.42A0.22 0.22 0 0 1 0.8 -0.2L0.8"
    pen.path(f"{top} 0.87L-0.8 0.87Z")
    pen.path(
        f"{top} -0.04A0.13 0.13 0 0 1 0.54 -0.04A0.14 0.14 0 0 0 0.26 -0.04L0.26 0.1A0.13 0.13 0 0 1 0 0.1"
        "L0 -0.04A0.14 0.14 0 0 0 -0.28 -0.04A0.13 0.13 0 0 1 -0.54 -0.04A0.13 0.13 0 0 0 -0.8 -0.04Z",
        "cream",
    )
    pen.rect(-0.8, 0.5, 0.8, 0.62, "dark")


@kind(
    "ice cream, icecream, ice cream cone, gelato",
    "ice creams, icecreams, ice cream cones, gelati",
    natural="pink, white, brown",
    width=0.7,
    size=0.8,
)
def ice_cream(pen: Pen) -> None:
    """A large scoop of ice cream in a waffle cone."""
    pen.path(rounded([(-0.54, 0.04), (0.54, 0.04), (0, 1.05)], 0.1), "sand")
    for side in (-1, 1):
        pen.line([(side * 0.3, 0.4), (side * -0.2, 0.08)], 0.045, "wood")
        pen.line([(side * 0.16, 0.68), (side * -0.34, 0.34)], 0.045, "wood")
    pen.path(
        "M-0.6 0.1A0.14 0.14 0 0 1 -0.62 -0.16C-0.7 -0.6 -0.4 -1 0 -1"
        "C0.4 -1 0.7 -0.6 0.62 -0.16A0.14 0.14 0 0 1 0.6 0.1"
        "C0.44 0.1 0.42 0.02 0.34 0.02C0.24 0.02 0.24 0.24 0.1 0.24C-0.02 0.24 -0.04 0.06 -0.14 0.06"
        "C-0.26 0.06 -0.3 0.18 -0.4 0.18C-0.5 0.18 -0.5 0.1 -0.6 0.1Z"
    )
    with pen.moved(-0.28, -0.6, angle=-40):
        pen.ellipse(0, 0, 0.2, 0.12, "light")


@kind(
    "burger, hamburger, cheeseburger",
    "burgers, hamburgers, cheeseburgers",
    natural="orange, brown, beige",
    height=0.84,
    size=0.8,
)
def burger(pen: Pen) -> None:
    """A burger with cheese and lettuce."""
    pen.path("M-0.88 0.6L0.88 0.6L0.88 0.74A0.26 0.26 0 0 1 0.62 1L-0.62 1A0.26 0.26 0 0 1 -0.88 0.74Z")
    pen.rect(-0.94, 0.38, 0.94, 0.66, "bark", corner=0.14)
    pen.polygon([(-0.86, 0.26), (0.86, 0.26), (0.6, 0.4), (0.3, 0.56), (0, 0.4), (-0.6, 0.4)], "gold")
    pen.curve(
        [
            (-0.92, 0.22),
            (-0.7, 0.3),
            (-0.46, 0.22),
            (-0.22, 0.3),
            (0, 0.22),
            (0.22, 0.3),
            (0.46, 0.22),
            (0.7, 0.3),
            (0.92, 0.22),
        ],
        0.16,
        "leaf",
    )
    pen.path(
        "M-0.92 0.14C-0.98 -0.4 -0.6 -0.68 0 -0.68C0.6 -0.68 0.98 -0.4 0.92 0.14"
        "Q0.9 0.2 0.84 0.2L-0.84 0.2Q-0.9 0.2 -0.92 0.14Z"
    )
    for x, y, angle in ((-0.44, -0.26, -30), (0.0, -0.42, 0), (0.44, -0.26, 30), (-0.18, -0.1, -10), (0.22, -0.1, 10)):
        with pen.moved(x, y, angle=angle):
            pen.ellipse(0, 0, 0.09, 0.055, "cream")


@kind(
    "bread, loaf, loaf of bread",
    "breads, loaves, loaves of bread",
    natural="brown, orange, beige",
    height=0.74,
    top=-0.42,
)
def bread(pen: Pen) -> None:
    """A loaf of bread with its cut side to the left."""
    pen.path(
        "M-0.4 -0.48L0.62 -0.48C0.88 -0.48 1 -0.3 1 -0.1C1 0.06 0.94 0.16 0.88 0.22L0.88 0.9Q0.88 1 0.78 1L-0.4 1Z"
    )
    for x in (0.46, 0.74):
        with pen.moved(x, -0.16, angle=14):
            pen.ellipse(0, 0, 0.06, 0.2, "light")
    half = [(0.6, -0.48), (0.6, 0.14), (0.46, 0.28), (0.46, 1)]
    with pen.moved(-0.4):
        crust = rounded(half + [(-x, y) for x, y in reversed(half)], 0.2)
        pen.path(crust)
        with pen.moved(0, 0.06, scale=0.8):
            pen.path(crust, "cream")


@kind("egg", "eggs", natural="white, beige, brown", width=0.76, size=0.6)
def egg(pen: Pen) -> None:
    """An egg with a highlight."""
    pen.path(
        "M0 -1C0.4 -1 0.76 -0.32 0.76 0.22C0.76 0.7 0.42 1 0 1C-0.42 1 -0.76 0.7 -0.76 0.22C-0.76 -0.32 -0.4 -1 0 -1Z"
    )
    with pen.moved(-0.3, -0.24, angle=22):
        pen.ellipse(0, 0, 0.13, 0.24, "light")


@kind("donut, doughnut", "donuts, doughnuts", natural="pink, brown, white", size=0.8)
def donut(pen: Pen) -> None:
    """A donut with icing and sprinkles."""
    pen.path(annulus(0, 0, 1, 0.24), "sand")
    turns = [2 * math.pi * i / 9 for i in range(9)]
    hole = "M-0.36 0A0.36 0.36 0 0 0 0.36 0A0.36 0.36 0 0 0 -0.36 0Z"
    pen.path(scalloped([(0.8 * math.cos(a), 0.8 * math.sin(a)) for a in turns], 0.7) + hole)
    for i, a in enumerate(turns):
        r = 0.5 if i % 2 else 0.68
        with pen.moved(r * math.cos(a), r * math.sin(a), angle=70 * i):
            pen.rect(-0.12, -0.045, 0.12, 0.045, ("snow", "gold", "turquoise")[i % 3], corner=0.045)


@kind("carrot", "carrots", natural="orange", width=0.5, size=0.7)
def carrot(pen: Pen) -> None:
    """A carrot with its green."""
    for angle in (-38, 38, 0):
        with pen.moved(0, -0.34, angle=angle):
            pen.path("M0 0.06C-0.22 -0.2 -0.2 -0.5 0 -0.66C0.2 -0.5 0.22 -0.2 0 0.06Z", "leaf")
    pen.path(
        "M0 1C-0.16 1 -0.5 0.1 -0.5 -0.2C-0.5 -0.4 -0.3 -0.5 0 -0.5C0.3 -0.5 0.5 -0.4 0.5 -0.2C0.5 0.1 0.16 1 0 1Z"
    )
    for x0, y in ((-0.42, -0.1), (0.06, 0.14), (-0.26, 0.38)):
        pen.rect(x0, y, x0 + 0.28, y + 0.08, "dark", corner=0.04)


@kind("mushroom, toadstool", "mushrooms, toadstools", natural="red, brown, orange", height=0.97, top=-0.88, size=0.7)
def mushroom(pen: Pen) -> None:
    """A mushroom with spots on its cap."""
    pen.path(
        "M-0.3 0.2L0.3 0.2C0.28 0.5 0.32 0.7 0.4 0.84Q0.46 1 0.28 1"
        "L-0.28 1Q-0.46 1 -0.4 0.84C-0.32 0.7 -0.28 0.5 -0.3 0.2Z",
        "cream",
    )
    pen.path(
        "M-1 0.12C-1 -0.52 -0.56 -0.94 0 -0.94C0.56 -0.94 1 -0.52 1 0.12Q1 0.32 0.8 0.32L-0.8 0.32Q-1 0.32 -1 0.12Z"
    )
    for x, y, rx, ry in (
        (-0.06, -0.52, 0.23, 0.19),
        (-0.6, -0.08, 0.17, 0.17),
        (0.52, -0.24, 0.2, 0.17),
        (0.02, 0.06, 0.16, 0.12),
    ):
        pen.ellipse(x, y, rx, ry, "snow")


@kind("cookie, biscuit", "cookies, biscuits", natural="beige, brown, orange", size=0.7)
def cookie(pen: Pen) -> None:
    """A cookie with chocolate chips and a bite out of it."""
    pen.path(
        "M0.34 -0.94A1 1 0 1 0 0.98 -0.18A0.28 0.28 0 0 1 0.62 -0.36"
        "A0.28 0.28 0 0 1 0.36 -0.6A0.28 0.28 0 0 1 0.34 -0.94Z"
    )
    chip = "cream" if sum(pen.colour("main")) < 240 else "ink"
    for x, y in ((-0.3, -0.52), (-0.6, 0.02), (-0.08, 0.06), (0.46, 0.2), (-0.34, 0.54), (0.2, 0.62)):
        pen.circle(x, y, 0.14, chip)


@kind(
    "cup, mug, coffee, tea, coffee cup, coffee mug, teacup, tea cup, cup of coffee, cup of tea",
    "cups, mugs, coffees, teas, coffee cups, coffee mugs, teacups, tea cups, cups of coffee, cups of tea",
    natural="white, blue, red",
    width=0.92,
    size=0.7,
)
def cup(pen: Pen) -> None:
    """A cup with a hot drink."""
    for x in (-0.42, 0.0):
        with pen.moved(x):
            pen.path("M0 -1C0.22 -0.8 -0.06 -0.74 0.08 -0.48C-0.2 -0.68 0.06 -0.78 0 -1Z", "metal")
    pen.curve([(0.4, -0.06), (0.74, -0.1), (0.84, 0.18), (0.7, 0.46), (0.4, 0.56)], 0.17)
    pen.path("M-0.92 -0.3L-0.84 0.7Q-0.8 1 -0.52 1L0.12 1Q0.4 1 0.44 0.7L0.52 -0.3Z")
    pen.ellipse(-0.2, -0.3, 0.72, 0.18, "light")
    pen.ellipse(-0.2, -0.29, 0.58, 0.12, "bark")
