"""Animals of forest, meadow and savanna, and one that is no more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from training.drawing.kinds import kind
from training.drawing.kinds.anatomy import eye, legs

if TYPE_CHECKING:
    from training.drawing.pen import Pen


@kind(
    "bird, birdie, sparrow", "birds, birdies, sparrows", natural="blue, red, yellow", where="any", height=0.8, size=0.75
)
def bird(pen: Pen) -> None:
    """A small round bird."""
    for x in (-0.08, 0.2):
        pen.line([(x, 0.75), (x, 0.96), (x + 0.16, 0.96)], 0.08, "orange")
    pen.polygon([(-0.98, -0.06), (-0.7, -0.24), (-0.2, 0.1), (-0.3, 0.5), (-0.92, 0.2)], "dark")
    pen.polygon([(0.66, -0.34), (1, -0.12), (0.64, 0.06)], "orange")
    pen.ellipse(0.02, 0.28, 0.66, 0.54)
    pen.circle(0.36, -0.18, 0.42)
    pen.ellipse(0.26, 0.5, 0.36, 0.28, "light")
    pen.blob([(0.14, 0.12), (0.1, 0.46), (-0.3, 0.6), (-0.72, 0.44), (-0.42, 0.3), (-0.26, 0.08)], "dark")
    eye(pen, 0.48, -0.24, 0.1)


@kind("elephant", "elephants", natural="grey, blue", height=0.86, size=1.3)
def elephant(pen: Pen) -> None:
    """An elephant with its trunk hanging in an S."""
    pen.curve([(-0.78, 0.0), (-0.94, 0.26), (-0.93, 0.4)], 0.09, "dark")
    legs(pen, (-0.36, 0.28), 0.4, 0.3, "dark")
    pen.blob(
        [(-0.88, 0.24), (-0.74, -0.22), (-0.3, -0.44), (0.2, -0.4), (0.42, 0.1), (0.3, 0.58), (-0.3, 0.66), (-0.8, 0.6)]
    )
    legs(pen, (-0.68, 0.0), 0.4, 0.34, "main")
    pen.curve([(0.74, -0.16), (0.78, 0.3), (0.74, 0.62), (0.86, 0.74), (0.89, 0.6)], 0.2)
    pen.circle(0.48, -0.26, 0.45)
    pen.blob([(0.38, 0.08), (0.54, 0.1), (0.54, 0.26), (0.68, 0.42), (0.5, 0.42), (0.4, 0.28)], "cream")
    pen.blob([(0.26, -0.52), (0.32, -0.1), (0.12, 0.26), (-0.16, 0.2), (-0.32, -0.16), (-0.18, -0.56)], "dark")
    pen.blob([(0.15, -0.42), (0.2, -0.1), (0.06, 0.12), (-0.1, 0.08), (-0.2, -0.16), (-0.12, -0.44)], "light")
    eye(pen, 0.58, -0.32, 0.09)


@kind(
    "bear, teddy, teddy bear",
    "bears, teddies, teddy bears",
    natural="brown, beige, white",
    width=0.84,
    hand=(0.72, -0.02),
)
def bear(pen: Pen) -> None:
    """A sitting bear with its arm out."""
    pen.curve([(-0.3, 0.14), (-0.68, 0.36)], 0.28)
    pen.curve([(0.3, 0.2), (0.68, 0.02)], 0.28)
    for side in (-1, 1):
        pen.circle(side * 0.42, -0.77, 0.23)
        pen.circle(side * 0.42, -0.77, 0.12, "light")
    pen.ellipse(0, 0.44, 0.5, 0.53)
    pen.ellipse(0, 0.44, 0.3, 0.34, "light")
    for side in (-1, 1):
        pen.circle(side * 0.45, 0.75, 0.25)
        pen.circle(side * 0.46, 0.77, 0.14, "light")
    pen.ellipse(0, -0.42, 0.58, 0.5)
    pen.ellipse(0, -0.22, 0.27, 0.21, "light")
    pen.face(0, -0.38, 0.56)
    pen.ellipse(0, -0.31, 0.11, 0.08, "ink")


@kind("fox, vixen", "foxes, vixens", natural="orange, red", height=0.8, size=0.9)
def fox(pen: Pen) -> None:
    """A fox with a bushy tail."""
    pen.blob([(-0.36, 0.5), (-0.72, 0.46), (-0.98, 0.06), (-0.88, -0.46), (-0.58, -0.2), (-0.32, 0.14)])
    pen.blob([(-0.99, 0.06), (-0.89, -0.47), (-0.62, -0.24), (-0.72, -0.06), (-0.86, -0.1)], "cream")
    legs(pen, (-0.18, 0.42), 0.5, 0.15, "dark", "ink")
    pen.blob([(-0.5, 0.3), (-0.3, 0.14), (0.2, 0.12), (0.5, 0.2), (0.5, 0.56), (0.1, 0.66), (-0.4, 0.64)])
    legs(pen, (-0.38, 0.24), 0.5, 0.17, "main", "ink")
    for side in (-1, 1):
        pen.polygon([(0.48 + side * 0.42, -0.6), (0.48 + side * 0.04, -0.26), (0.48 + side * 0.44, 0.06)])
        pen.polygon([(0.48 + side * 0.36, -0.44), (0.48 + side * 0.18, -0.24), (0.48 + side * 0.36, -0.1)], "ink")
    pen.blob(
        [(0.48, -0.34), (0.78, -0.26), (0.99, 0.1), (0.7, 0.3), (0.48, 0.48), (0.26, 0.3), (-0.03, 0.1), (0.18, -0.26)]
    )
    for side in (-1, 1):
        pen.blob(
            [
                (0.48 + side * 0.49, 0.1),
                (0.48 + side * 0.24, 0.1),
                (0.48, 0.3),
                (0.48, 0.46),
                (0.48 + side * 0.22, 0.3),
            ],
            "cream",
        )
        eye(pen, 0.48 + side * 0.2, 0.0, 0.08, -side)
    pen.ellipse(0.48, 0.38, 0.11, 0.085, "ink")


@kind("owl", "owls", natural="brown, grey, beige", where="any", width=0.72, size=0.8)
def owl(pen: Pen) -> None:
    """An owl with great eyes."""
    for side in (-1, 1):
        pen.ellipse(side * 0.22, 0.93, 0.17, 0.07, "orange")
        pen.polygon([(side * 0.56, -1), (side * 0.1, -0.72), (side * 0.6, -0.4)])
    pen.blob(
        [
            (0, -0.86),
            (0.46, -0.76),
            (0.62, -0.3),
            (0.66, 0.3),
            (0.42, 0.82),
            (0, 0.94),
            (-0.42, 0.82),
            (-0.66, 0.3),
            (-0.62, -0.3),
            (-0.46, -0.76),
        ]
    )
    pen.ellipse(0, 0.5, 0.29, 0.34, "light")
    for x, y in ((-0.13, 0.42), (0.13, 0.42), (0, 0.62)):
        pen.polygon([(x - 0.1, y - 0.06), (x + 0.1, y - 0.06), (x, y + 0.08)], "dark")
    for side in (-1, 1):
        pen.blob([(side * 0.58, 0.0), (side * 0.72, 0.3), (side * 0.56, 0.8), (side * 0.46, 0.36)], "dark")
        pen.circle(side * 0.26, -0.4, 0.26, "cream")
        eye(pen, side * 0.25, -0.4, 0.14, -side)
    pen.polygon([(-0.1, -0.28), (0.1, -0.28), (0, -0.02)], "orange")


@kind("butterfly, moth", "butterflies, moths", natural="orange, blue, purple", where="sky", height=0.88, size=0.7)
def butterfly(pen: Pen) -> None:
    """A butterfly with open wings."""
    for side in (-1, 1):
        pen.blob([(0, 0.12), (side * 0.5, 0.22), (side * 0.82, 0.56), (side * 0.66, 0.98), (side * 0.28, 0.9)], "dark")
        pen.blob(
            [
                (0, 0.22),
                (side * 0.3, -0.5),
                (side * 0.76, -0.74),
                (side * 0.99, -0.46),
                (side * 0.84, 0.12),
                (side * 0.4, 0.34),
            ]
        )
        pen.ellipse(side * 0.66, -0.3, 0.17, 0.2, "light")
        pen.circle(side * 0.5, 0.64, 0.13, "light")
        pen.curve([(0, -0.3), (side * 0.1, -0.54), (side * 0.24, -0.68)], 0.06, "ink")
    pen.ellipse(0, 0.26, 0.11, 0.5, "ink")
    pen.circle(0, -0.26, 0.16, "ink")


@kind("lion", "lions", natural="yellow, orange, beige", height=0.92, size=1.1)
def lion(pen: Pen) -> None:
    """A lion with a round mane."""
    pen.curve([(-0.7, 0.3), (-0.92, 0.16), (-0.86, -0.18)], 0.1)
    pen.circle(-0.84, -0.24, 0.15, "wood")
    legs(pen, (-0.4, 0.34), 0.5, 0.22, "dark")
    pen.rect(-0.8, 0.1, 0.5, 0.7, corner=0.28)
    legs(pen, (-0.64, 0.08), 0.5, 0.24, "main")
    pen.circle(0.4, -0.24, 0.59, "wood")
    for side in (-1, 1):
        pen.circle(0.4 + side * 0.3, -0.54, 0.13)
    pen.ellipse(0.4, -0.2, 0.41, 0.4)
    pen.ellipse(0.4, -0.05, 0.2, 0.15, "light")
    pen.face(0.4, -0.18, 0.48)
    pen.polygon([(0.3, -0.18), (0.5, -0.18), (0.4, -0.06)], "ink")


@kind("snail", "snails", natural="orange, brown, purple", height=0.74, size=0.6)
def snail(pen: Pen) -> None:
    """A snail with its house."""
    for x in (0.62, 0.86):
        pen.curve([(0.74, 0.3), (x, -0.1)], 0.08, "sand")
        pen.circle(x, -0.14, 0.1, "sand")
    pen.blob(
        [
            (-0.98, 0.96),
            (-0.6, 0.76),
            (0.3, 0.76),
            (0.5, 0.6),
            (0.56, 0.26),
            (0.78, 0.16),
            (0.98, 0.34),
            (0.9, 0.7),
            (0.7, 0.96),
            (0.2, 1),
            (-0.6, 1),
        ],
        "sand",
    )
    pen.circle(-0.1, 0.2, 0.67)
    pen.curve(
        [
            (0.3, 0.6),
            (0.38, 0.2),
            (0.12, -0.2),
            (-0.3, -0.14),
            (-0.44, 0.2),
            (-0.22, 0.46),
            (0.04, 0.34),
            (0.02, 0.12),
            (-0.14, 0.12),
        ],
        0.11,
        "dark",
    )
    eye(pen, 0.78, 0.36, 0.07)
    pen.mouth(0.82, 0.54, 0.18, "#2c2830", 0.05)


@kind("dinosaur, dino, dragon", "dinosaurs, dinos, dragons", natural="green, turquoise, purple", size=1.2)
def dinosaur(pen: Pen) -> None:
    """A friendly dinosaur on two legs, with spikes along its back."""
    for x, y in ((-0.72, 0.42), (-0.5, 0.16), (-0.32, -0.16), (-0.2, -0.5), (-0.02, -0.8)):
        with pen.moved(x, y, angle=-50):
            pen.polygon([(-0.17, 0.06), (0, -0.2), (0.17, 0.06)], "orange")
    pen.rect(0.2, 0.6, 0.5, 1, "dark", corner=0.12)
    pen.blob(
        [
            (0.1, -0.86),
            (0.5, -0.96),
            (0.92, -0.8),
            (0.98, -0.5),
            (0.8, -0.28),
            (0.46, -0.2),
            (0.5, 0.2),
            (0.46, 0.64),
            (0.16, 0.86),
            (-0.24, 0.84),
            (-0.6, 0.8),
            (-0.98, 0.6),
            (-0.62, 0.5),
            (-0.36, 0.1),
            (-0.14, -0.4),
        ]
    )
    pen.blob([(0.4, -0.1), (0.46, 0.3), (0.38, 0.66), (0.14, 0.72), (0.06, 0.36), (0.18, 0.0)], "light")
    pen.rect(-0.3, 0.56, 0.06, 1, corner=0.14)
    pen.curve([(0.2, 0.06), (0.42, 0.16), (0.6, 0.08)], 0.15, "dark")
    eye(pen, 0.5, -0.66, 0.1)
    pen.mouth(0.76, -0.44, 0.3, line=0.06)
