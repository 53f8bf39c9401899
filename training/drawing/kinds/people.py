"""People."""

from __future__ import annotations

from typing import TYPE_CHECKING

from training.drawing.kinds import kind

if TYPE_CHECKING:
    from training.drawing.pen import Pen

DARK = "#2c2830"
"""The ink of a face on skin: it stays dark beside dark clothes."""


def _face(pen: Pen, x: float, y: float, r: float) -> None:
    """The face of a person, with red cheeks."""
    for side in (-1, 1):
        # A mouth is the one line that the outline style does not darken; one shorter than thick is a cheek.
        pen.mouth(x + side * 0.62 * r, y + 0.28 * r, 0.04 * r, "blush", 0.26 * r)
        pen.eye(x + side * 0.38 * r, y - 0.08 * r, 0.17 * r)
        if pen.mood == "angry":
            pen.line([(x + side * 0.62 * r, y - 0.48 * r), (x + side * 0.18 * r, y - 0.3 * r)], 0.11 * r, DARK)
    pen.mouth(x, y + 0.46 * r, 0.6 * r, DARK, 0.12 * r)


def _head(pen: Pen, y: float, r: float) -> None:
    """A head with ears. It is a dab, as a shaded circle would look unshaven."""
    for side in (-1, 1):
        pen.line([(side * r * 0.96, y + 0.06 * r), (side * r * 0.96, y + 0.14 * r)], 0.4 * r, "skin")
    pen.line([(0, y - 0.01), (0, y + 0.01)], 2 * r, "skin")


def _arms(pen: Pen, y: float, width: float, fill: str = "main", hand: str = "skin") -> None:
    """One arm that hangs down, and one stretched out to the right; the hand there is at (0.58, y - 0.1)."""
    for end in ((-0.56, y + 0.36), (0.58, y - 0.1)):
        pen.circle(*end, width * 0.5, hand)
    pen.curve([(-0.2, y), (-0.4, y + 0.12), (-0.52, y + 0.27)], width, fill)
    pen.curve([(0.2, y), (0.36, y + 0.03), (0.47, y - 0.05)], width, fill)


def _legs(pen: Pen, y: float, fill: str, shoe: str, bare: float = 1.0) -> None:
    """Two legs from ``y`` down; below ``bare`` they are skin."""
    for side in (-1, 1):
        if bare < 1:
            pen.rect(side * 0.17 - 0.1, y, side * 0.17 + 0.1, 0.96, "skin")
        pen.rect(side * 0.17 - 0.15, y, side * 0.17 + 0.15, min(bare, 0.94), fill)
        pen.rect(side * 0.2 - 0.19, 0.86, side * 0.2 + 0.19, 1, shoe, corner=0.07)


@kind(
    "person, man, guy, human", "people, men, guys, humans", natural="blue, red, green", width=0.68, hand=(0.57, -0.06)
)
def person(pen: Pen) -> None:
    """A man in a jumper and trousers."""
    _legs(pen, 0.5, "dark", "ink")
    _arms(pen, 0.04, 0.24)
    pen.rect(-0.4, -0.2, 0.4, 0.64, corner=0.2)
    _head(pen, -0.54, 0.38)
    pen.path(
        "M-0.41 -0.52C-0.44 -0.84 -0.28 -1 0 -1C0.28 -1 0.44 -0.84 0.41 -0.52C0.36 -0.6 0.34 -0.68 0.3 -0.74"
        "C0.1 -0.66 -0.2 -0.66 -0.3 -0.74C-0.34 -0.68 -0.36 -0.6 -0.41 -0.52Z",
        "bark",
    )
    _face(pen, 0, -0.47, 0.36)


@kind("woman, lady, mom", "women, ladies, moms", natural="red, purple, turquoise", width=0.66, hand=(0.57, -0.04))
def woman(pen: Pen) -> None:
    """A woman in a long dress, with long hair."""
    pen.path(
        "M-0.43 -0.5C-0.46 -0.84 -0.28 -1 0 -1C0.28 -1 0.46 -0.84 0.43 -0.5C0.43 -0.24 0.46 -0.12 0.42 0.0"
        "L-0.42 0.0C-0.46 -0.12 -0.43 -0.24 -0.43 -0.5Z",
        "bark",
    )
    for side in (-1, 1):
        pen.rect(side * 0.16 - 0.09, 0.7, side * 0.16 + 0.09, 0.96, "skin")
        pen.ellipse(side * 0.18, 0.94, 0.15, 0.06, "dark")
    _arms(pen, 0.06, 0.21)
    pen.path("M-0.3 -0.16Q0 -0.22 0.3 -0.16L0.29 0.26L0.62 0.8Q0 0.94 -0.62 0.8L-0.29 0.26Z")
    pen.rect(-0.31, 0.22, 0.31, 0.32, "dark", corner=0.04)
    _head(pen, -0.52, 0.36)
    pen.path(
        "M-0.4 -0.48C-0.43 -0.8 -0.26 -0.96 0 -0.96C0.26 -0.96 0.43 -0.8 0.4 -0.48"
        "C0.36 -0.62 0.2 -0.74 0.04 -0.82C-0.1 -0.7 -0.34 -0.66 -0.4 -0.48Z",
        "bark",
    )
    _face(pen, 0, -0.45, 0.35)


@kind(
    "girl, child, kid", "girls, children, kids", natural="pink, yellow, purple", width=0.7, hand=(0.57, 0.08), size=0.85
)
def girl(pen: Pen) -> None:
    """A girl in a short dress, with bunches."""
    for side in (-1, 1):
        pen.blob(
            [
                (side * 0.44, -0.66),
                (side * 0.68, -0.66),
                (side * 0.69, -0.3),
                (side * 0.58, -0.14),
                (side * 0.46, -0.34),
            ],
            "wood",
        )
        pen.rect(side * 0.17 - 0.09, 0.66, side * 0.17 + 0.09, 0.96, "skin")
        pen.rect(side * 0.2 - 0.17, 0.86, side * 0.2 + 0.17, 1, "dark", corner=0.07)
    _arms(pen, 0.18, 0.21)
    pen.path("M-0.28 -0.04Q0 -0.1 0.28 -0.04L0.66 0.72Q0 0.88 -0.66 0.72Z")
    _head(pen, -0.47, 0.41)
    pen.path(
        "M-0.45 -0.42C-0.48 -0.82 -0.3 -1 0 -1C0.3 -1 0.48 -0.82 0.45 -0.42C0.42 -0.6 0.38 -0.66 0.34 -0.7"
        "C0.2 -0.62 -0.2 -0.62 -0.34 -0.7C-0.38 -0.66 -0.42 -0.6 -0.45 -0.42Z",
        "wood",
    )
    for side in (-1, 1):
        pen.circle(side * 0.47, -0.7, 0.14)
    _face(pen, 0, -0.39, 0.39)


@kind("boy, lad", "boys, lads", natural="green, orange, blue", width=0.66, hand=(0.56, 0.1), size=0.85)
def boy(pen: Pen) -> None:
    """A boy with a cap, in a shirt and shorts."""
    _legs(pen, 0.6, "dark", "ink", bare=0.78)
    _arms(pen, 0.2, 0.19)
    pen.rect(-0.33, 0.0, 0.33, 0.66, corner=0.15)
    _head(pen, -0.42, 0.46)
    pen.path("M-0.47 -0.56C-0.47 -0.84 -0.28 -1 0 -1C0.28 -1 0.47 -0.84 0.47 -0.56Z")
    pen.rect(-0.5, -0.66, 0.66, -0.52, "dark", corner=0.07)
    _face(pen, 0, -0.3, 0.42)


@kind(
    "astronaut, spaceman, cosmonaut",
    "astronauts, spacemen, cosmonauts",
    natural="white, orange",
    width=0.76,
    hand=(0.64, 0.02),
)
def astronaut(pen: Pen) -> None:
    """An astronaut with the face behind the visor."""
    pen.rect(-0.46, -0.06, 0.46, 0.58, "dark", corner=0.12)
    for side in (-1, 1):
        pen.rect(side * 0.2 - 0.17, 0.5, side * 0.2 + 0.17, 0.96)
        pen.rect(side * 0.22 - 0.21, 0.82, side * 0.22 + 0.21, 1, "dark", corner=0.08)
    pen.curve([(-0.26, 0.14), (-0.48, 0.26), (-0.58, 0.44)], 0.25)
    pen.curve([(0.26, 0.16), (0.46, 0.16), (0.6, 0.04)], 0.25)
    for end in ((-0.6, 0.48), (0.62, 0.02)):
        pen.circle(*end, 0.13, "steel")
    pen.rect(-0.36, -0.06, 0.36, 0.68, corner=0.18)
    pen.rect(-0.2, 0.2, 0.2, 0.46, "steel", corner=0.05)
    for x, fill in ((-0.1, "ember"), (0.1, "lamp")):
        pen.circle(x, 0.33, 0.065, fill)
    pen.circle(0, -0.46, 0.54)
    pen.ellipse(0, -0.44, 0.43, 0.38, "steel")
    pen.ellipse(0, -0.44, 0.38, 0.33, "glass")
    pen.line([(-0.03, -0.38), (0.03, -0.38)], 0.52, "skin")
    _face(pen, 0, -0.39, 0.33)


@kind(
    "wizard, mage, sorcerer, magician",
    "wizards, mages, sorcerers, magicians",
    natural="purple, blue, navy",
    width=0.68,
    hand=(0.59, 0.04),
)
def wizard(pen: Pen) -> None:
    """A wizard with a pointed hat and a white beard."""
    pen.ellipse(0, 0.94, 0.4, 0.06, "ink")
    for end in ((-0.57, 0.46), (0.58, 0.06)):
        pen.circle(*end, 0.1, "skin")
    for points in (
        [(-0.16, 0.02), (-0.46, 0.3), (-0.66, 0.36), (-0.56, 0.62), (-0.3, 0.5)],
        [(0.16, 0.02), (0.36, 0.04), (0.54, -0.06), (0.58, 0.26), (0.28, 0.4)],
    ):
        pen.polygon(points)
    pen.path("M-0.3 -0.04L0.3 -0.04L0.58 0.92Q0 1.04 -0.58 0.92Z")
    _head(pen, -0.26, 0.32)
    pen.blob(
        [(-0.33, -0.2), (-0.16, -0.08), (0.16, -0.08), (0.33, -0.2), (0.27, 0.14), (0, 0.44), (-0.27, 0.14)], "snow"
    )
    pen.path("M-0.46 -0.42C-0.24 -0.58 -0.18 -0.8 0.02 -1C0.16 -0.8 0.26 -0.58 0.46 -0.42Z")
    pen.ellipse(0, -0.43, 0.66, 0.1, "dark")
    pen.circle(0.01, -0.66, 0.1, "gold")
    _face(pen, 0, -0.2, 0.32)


@kind("king, emperor", "kings, emperors", natural="red, purple, blue", width=0.72, hand=(0.63, 0.04))
def king(pen: Pen) -> None:
    """A king with a crown, a beard and a robe."""
    pen.path("M-0.3 0.0L0.3 0.0C0.4 0.4 0.64 0.7 0.72 1L-0.72 1C-0.64 0.7 -0.4 0.4 -0.3 0.0Z", "dark")
    for end in ((-0.58, 0.5), (0.62, 0.06)):
        pen.circle(*end, 0.11, "skin")
    pen.curve([(-0.22, 0.14), (-0.44, 0.26), (-0.52, 0.4)], 0.26)
    pen.curve([(0.22, 0.16), (0.4, 0.18), (0.51, 0.1)], 0.26)
    pen.path("M-0.34 -0.02L0.34 -0.02C0.44 0.4 0.54 0.7 0.54 0.94L-0.54 0.94C-0.54 0.7 -0.44 0.4 -0.34 -0.02Z")
    pen.rect(-0.58, 0.87, 0.58, 1, "snow", corner=0.065)
    _head(pen, -0.36, 0.35)
    pen.blob([(-0.37, -0.3), (-0.18, -0.15), (0.18, -0.15), (0.37, -0.3), (0.28, 0.0), (0, 0.14), (-0.28, 0.0)], "bark")
    pen.polygon(
        [(-0.34, -0.56), (-0.42, -1), (-0.19, -0.82), (0, -1), (0.19, -0.82), (0.42, -1), (0.34, -0.56)], "gold"
    )
    pen.circle(0, -0.68, 0.075)
    _face(pen, 0, -0.31, 0.35)


@kind("princess, queen", "princesses, queens", natural="pink, purple, turquoise", width=0.76, hand=(0.56, 0.0))
def princess(pen: Pen) -> None:
    """A princess in a wide gown, with a crown."""
    pen.path(
        "M-0.4 -0.5C-0.42 -0.76 -0.24 -0.88 0 -0.88C0.24 -0.88 0.42 -0.76 0.4 -0.5"
        "C0.4 -0.24 0.5 -0.14 0.46 0.06L-0.46 0.06C-0.5 -0.14 -0.4 -0.24 -0.4 -0.5Z",
        "wood",
    )
    _arms(pen, 0.1, 0.19)
    pen.rect(-0.26, -0.12, 0.26, 0.4, corner=0.1)
    pen.path("M-0.24 0.26L0.24 0.26C0.52 0.36 0.74 0.7 0.76 1L-0.76 1C-0.74 0.7 -0.52 0.36 -0.24 0.26Z")
    pen.path("M0 0.34C0.16 0.5 0.26 0.76 0.28 1L-0.28 1C-0.26 0.76 -0.16 0.5 0 0.34Z", "light")
    pen.rect(-0.26, 0.24, 0.26, 0.33, "dark", corner=0.04)
    _head(pen, -0.44, 0.34)
    pen.path(
        "M-0.38 -0.4C-0.42 -0.7 -0.24 -0.84 0 -0.84C0.24 -0.84 0.42 -0.7 0.38 -0.4"
        "C0.34 -0.56 0.16 -0.62 0 -0.68C-0.16 -0.62 -0.34 -0.56 -0.38 -0.4Z",
        "wood",
    )
    pen.polygon(
        [(-0.26, -0.7), (-0.34, -0.98), (-0.14, -0.86), (0, -1), (0.14, -0.86), (0.34, -0.98), (0.26, -0.7)], "gold"
    )
    pen.circle(0, -0.77, 0.07)
    _face(pen, 0, -0.37, 0.34)
