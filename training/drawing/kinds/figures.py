"""What stands like a person and is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from training.drawing.kinds import kind

if TYPE_CHECKING:
    from training.drawing.pen import Pen

SCREEN = "#1d2b4a"
"""A robot's screen."""

GLOW = "#7ff2ea"
"""What the screen shows."""


@kind(
    "robot, android, droid, bot, robot assistant, assistant",
    "robots, androids, droids, bots, robot assistants, assistants",
    natural="grey, turquoise, white",
    width=0.8,
    hand=(0.68, -0.04),
)
def robot(pen: Pen) -> None:
    """A round friendly robot with a face on its screen."""
    pen.line([(0, -0.74), (0, -0.88)], 0.07, "steel")
    pen.circle(0, -0.89, 0.11, "flame")
    for side in (-1, 1):
        x = side * 0.22
        pen.rect(side * 0.19 - 0.09, 0.6, side * 0.19 + 0.09, 0.9, "steel")
        pen.path(f"M{x - 0.2:.2f} 1Q{x - 0.2:.2f} 0.79 {x:.2f} 0.79Q{x + 0.2:.2f} 0.79 {x + 0.2:.2f} 1Z")
        pen.rect(side * 0.6 - 0.1, -0.56, side * 0.6 + 0.1, -0.26, "dark", corner=0.09)
    pen.curve([(-0.36, 0.2), (-0.56, 0.28), (-0.64, 0.46)], 0.13, "steel")
    pen.curve([(0.36, 0.22), (0.58, 0.2), (0.66, 0.04)], 0.13, "steel")
    for end in ((-0.65, 0.5), (0.66, 0.0)):
        pen.circle(*end, 0.14)
    pen.rect(-0.14, -0.12, 0.14, 0.08, "steel")
    pen.path(
        "M0 0C0.28 0 0.45 0.12 0.45 0.36C0.45 0.64 0.3 0.78 0 0.78C-0.3 0.78 -0.45 0.64 -0.45 0.36"
        "C-0.45 0.12 -0.28 0 0 0Z"
    )
    pen.circle(0, 0.36, 0.22, "light")
    pen.path(
        "M0 0.52C-0.24 0.36 -0.17 0.21 -0.08 0.22Q-0.02 0.23 0 0.29Q0.02 0.23 0.08 0.22C0.17 0.21 0.24 0.36 0 0.52Z",
        "ember",
    )
    pen.rect(-0.6, -0.79, 0.6, -0.05, corner=0.32)
    pen.rect(-0.48, -0.68, 0.48, -0.16, SCREEN, corner=0.22)
    for side in (-1, 1):
        pen.ellipse(side * 0.23, -0.46, 0.1, 0.12, GLOW)
        if pen.mood == "angry":
            pen.line([(side * 0.38, -0.61), (side * 0.1, -0.54)], 0.07, SCREEN)
            pen.line([(side * 0.36, -0.6), (side * 0.12, -0.54)], 0.05, GLOW)
    pen.mouth(0, -0.29, 0.26, GLOW, 0.065)


@kind("snowman", "snowmen", natural="white", width=0.76, hand=(0.7, -0.02))
def snowman(pen: Pen) -> None:
    """A snowman with hat, scarf and carrot."""
    pen.line([(-0.3, 0.16), (-0.7, -0.08)], 0.08, "bark")
    pen.line([(0.3, 0.16), (0.7, -0.04)], 0.08, "bark")
    pen.circle(0, 0.52, 0.49)
    pen.circle(0, 0.08, 0.38)
    pen.circle(0, -0.4, 0.36)
    pen.rect(-0.34, -0.14, 0.34, 0.02, "ember", corner=0.08)
    pen.rect(0.08, -0.08, 0.24, 0.28, "ember", corner=0.06)
    pen.rect(-0.26, -1, 0.26, -0.66, "ink", corner=0.05)
    pen.rect(-0.42, -0.74, 0.42, -0.62, "ink", corner=0.06)
    for y in (0.36, 0.62):
        pen.circle(0, y, 0.06, "ink")
    pen.face(0, -0.38, 0.42)
    pen.polygon([(-0.02, -0.44), (-0.02, -0.3), (0.3, -0.34)], "orange")


@kind(
    "ghost, spook, phantom, spirit",
    "ghosts, spooks, phantoms, spirits",
    natural="white",
    where="any",
    width=0.8,
    hand=(0.7, -0.02),
    size=0.9,
)
def ghost(pen: Pen) -> None:
    """A ghost that floats and waves."""
    pen.curve([(-0.4, 0.16), (-0.62, 0.3), (-0.68, 0.24)], 0.22)
    pen.curve([(0.4, 0.16), (0.62, 0.12), (0.68, 0.0)], 0.22)
    pen.path(
        "M-0.56 0.9L-0.56 -0.4C-0.56 -0.8 -0.34 -1 0 -1C0.34 -1 0.56 -0.8 0.56 -0.4L0.56 0.9"
        "C0.5 1.03 0.42 1.03 0.37 0.92C0.31 0.8 0.24 0.8 0.19 0.92"
        "C0.13 1.03 0.05 1.03 0 0.92C-0.05 0.8 -0.13 0.8 -0.19 0.92"
        "C-0.24 1.03 -0.31 1.03 -0.37 0.92C-0.42 0.8 -0.5 0.8 -0.56 0.9Z"
    )
    for side in (-1, 1):
        pen.ellipse(side * 0.36, -0.2, 0.1, 0.07, "blush")
    pen.face(0, -0.34, 0.62)
