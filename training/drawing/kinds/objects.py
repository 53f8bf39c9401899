"""Things that people carry, wear and play with."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from training.drawing.kinds import kind

if TYPE_CHECKING:
    from training.drawing.pen import Pen


def _apart(pen: Pen, usual: str, other: str) -> str:
    """``usual``, or ``other`` where the thing itself has nearly that colour."""
    distance = sum(abs(a - b) for a, b in zip(pen.colour("main"), pen.colour(usual), strict=True))
    return usual if distance > 110 else other


def _ring(x: float, y: float, r: float) -> list[tuple[float, float]]:
    """Points for a curve once around (x, y)."""
    return [(x + r * math.cos(i * math.pi / 8), y + r * math.sin(i * math.pi / 8)) for i in range(17)]


@kind("book, storybook", "books, storybooks", natural="red, blue, green", width=0.8, size=0.7)
def book(pen: Pen) -> None:
    """A closed book."""
    pen.path("M-0.8 0.78Q-0.8 1 -0.58 1L0.8 1L0.8 0.4L-0.8 0.4Z", "dark")
    pen.path("M-0.66 0.78Q-0.66 0.88 -0.54 0.88L0.74 0.88L0.74 0.5L-0.66 0.5Z", "paper")
    pen.path("M-0.8 0.82L-0.8 -0.78Q-0.8 -1 -0.58 -1L0.72 -1Q0.8 -1 0.8 -0.92L0.8 0.64L-0.6 0.64Q-0.76 0.66 -0.8 0.82Z")
    pen.path("M-0.8 0.82L-0.8 -0.78Q-0.8 -1 -0.58 -1L-0.5 -1L-0.5 0.64Q-0.76 0.64 -0.8 0.82Z", "dark")
    pen.rect(-0.26, -0.66, 0.56, -0.1, "light", 0.06)
    pen.polygon([(0.4, 0.64), (0.58, 0.64), (0.58, 1), (0.49, 0.92), (0.4, 1)], _apart(pen, "ember", "gold"))


@kind("hat, top hat", "hats, top hats", natural="black, brown, purple", height=0.74, size=0.6)
def hat(pen: Pen) -> None:
    """A top hat."""
    pen.ellipse(0, 0.78, 1, 0.22, "dark")
    pen.ellipse(0, 0.74, 1, 0.2)
    pen.path("M-0.66 -0.38L0.66 -0.38Q0.54 0.1 0.56 0.72Q0 0.92 -0.56 0.72Q-0.54 0.1 -0.66 -0.38Z")
    pen.ellipse(0, -0.36, 0.66, 0.12, "light")
    pen.path("M-0.57 0.42Q0 0.6 0.57 0.42L0.56 0.72Q0 0.92 -0.56 0.72Z", _apart(pen, "ember", "gold"))


@kind("umbrella, parasol", "umbrellas, parasols", natural="red, blue, purple", where="any")
def umbrella(pen: Pen) -> None:
    """An open umbrella."""
    pen.line([(0, -0.96), (0, 0)], 0.08, "wood")
    pen.curve([(0, 0), (0, 0.4), (0, 0.76), (0.08, 0.93), (0.24, 0.93), (0.32, 0.76)], 0.1, "wood")
    pen.path(
        "M-1 0.16C-0.98 -0.46 -0.54 -0.86 0 -0.86C0.54 -0.86 0.98 -0.46 1 0.16Q0.67 -0.1 0.34 0.16"
        "Q0 -0.1 -0.34 0.16Q-0.67 -0.1 -1 0.16Z"
    )
    pen.path("M0 -0.86C-0.22 -0.6 -0.34 -0.24 -0.34 0.16Q0 -0.1 0.34 0.16C0.34 -0.24 0.22 -0.6 0 -0.86Z", "light")


@kind(
    "balloon, party balloon", "balloons, party balloons", natural="red, blue, yellow", where="sky", width=0.62, size=0.8
)
def balloon(pen: Pen) -> None:
    """A balloon on a string."""
    pen.curve([(0, 0.52), (0.08, 0.68), (-0.08, 0.84), (0, 0.97)], 0.042, "steel")
    pen.polygon([(0, 0.36), (0.13, 0.56), (-0.13, 0.56)], "dark")
    pen.blob(
        [(0, -1), (0.44, -0.82), (0.62, -0.34), (0.42, 0.16), (0, 0.44), (-0.42, 0.16), (-0.62, -0.34), (-0.44, -0.82)]
    )
    pen.ellipse(-0.28, -0.54, 0.12, 0.2, "light")


@kind("key", "keys", natural="yellow, grey, brown", height=0.46, size=0.6)
def key(pen: Pen) -> None:
    """A key with its bit to the right."""
    pen.rect(-0.2, 0.44, 1, 0.64, "main", 0.08)
    pen.rect(0.44, 0.5, 0.6, 0.92, "main", 0.04)
    pen.rect(0.76, 0.5, 0.94, 1, "main", 0.04)
    pen.curve(_ring(-0.54, 0.54, 0.35), 0.22)
    pen.rect(-0.16, 0.38, -0.02, 0.7, "dark", 0.05)


@kind("gift, present, gift box", "gifts, presents, gift boxes", natural="red", width=0.9, top=-0.48, size=0.8)
def gift(pen: Pen) -> None:
    """A wrapped box with a bow."""
    ribbon = _apart(pen, "gold", "ember")
    for side in (-1, 1):
        pen.path(
            f"M0 -0.5C{side * 0.1} -0.9 {side * 0.36} -1.1 {side * 0.56} -0.94"
            f"C{side * 0.72} -0.78 {side * 0.44} -0.5 0 -0.5Z",
            ribbon,
        )
    pen.rect(-0.8, -0.2, 0.8, 1, "main", 0.06)
    pen.rect(-0.9, -0.5, 0.9, -0.1, "main", 0.08)
    pen.rect(-0.8, -0.1, 0.8, 0, "dark")
    pen.rect(-0.17, -0.5, 0.17, 1, ribbon)
    pen.circle(0, -0.54, 0.15, ribbon)


@kind("guitar", "guitars", natural="brown, orange, red", width=0.56)
def guitar(pen: Pen) -> None:
    """An acoustic guitar."""
    pen.rect(-0.19, -1, 0.19, -0.68, "dark", 0.08)
    right = [(0.3, -0.14), (0.42, 0.06), (0.34, 0.28), (0.54, 0.52), (0.54, 0.82), (0.26, 1)]
    pen.blob([(0, -0.14), *right, *((-x, y) for x, y in reversed(right))])
    pen.circle(0, 0.32, 0.2, "ink")
    pen.rect(-0.1, -0.74, 0.1, 0.22, "bark")
    pen.rect(-0.26, 0.68, 0.26, 0.8, "bark", 0.04)
    pen.rect(-0.03, 0.2, 0.03, 0.7, "cream")


@kind("crown", "crowns", natural="yellow", height=0.7, size=0.6)
def crown(pen: Pen) -> None:
    """A crown with three large points."""
    pen.polygon([(-0.9, -0.1), (-0.46, 0.34), (0, -0.26), (0.46, 0.34), (0.9, -0.1), (0.78, 0.9), (-0.78, 0.9)])
    pen.rect(-0.82, 0.74, 0.82, 1, "dark", 0.08)
    for x, y in ((-0.86, -0.12), (0, -0.26), (0.86, -0.12)):
        pen.circle(x, y, 0.14)
    jewel = _apart(pen, "ember", "glass")
    pen.polygon([(0, 0.2), (0.16, 0.42), (0, 0.64), (-0.16, 0.42)], jewel)
    for x in (-0.48, 0.48):
        pen.circle(x, 0.54, 0.1, jewel)


@kind("flag, banner", "flags, banners", natural="red, blue, green", width=0.8, where="ground")
def flag(pen: Pen) -> None:
    """A waving flag on a pole."""
    pen.path("M-0.7 -0.84C-0.34 -1.12 0.06 -0.5 0.8 -0.84L0.8 0.16C0.06 0.5 -0.34 -0.12 -0.7 0.16Z")
    pen.rect(-0.8, -0.92, -0.64, 1, "wood", 0.05)
    pen.circle(-0.7, -0.9, 0.1, "gold")


@kind(
    "phone, smartphone, cell phone, mobile phone",
    "phones, smartphones, cell phones, mobile phones",
    natural="black, blue, pink",
    width=0.54,
    size=0.6,
)
def phone(pen: Pen) -> None:
    """A mobile phone."""
    pen.rect(-0.54, -1, 0.54, 1, "main", 0.16)
    pen.rect(-0.4, -0.72, 0.4, 0.6, "glass", 0.04)
    pen.rect(-0.16, -0.9, 0.16, -0.82, "dark", 0.04)
    pen.circle(0, 0.8, 0.1, "light")
    pen.path("M-0.3 0.5L-0.3 -0.5L0.16 -0.62Z", "snow")


@kind("computer, laptop", "computers, laptops", natural="grey, blue, black", height=0.74, size=0.9)
def computer(pen: Pen) -> None:
    """An open laptop."""
    pen.rect(-0.78, -0.48, 0.78, 0.6, "main", 0.1)
    pen.rect(-0.6, -0.3, 0.6, 0.42, "glass", 0.03)
    pen.path("M-0.5 0.32L-0.5 -0.2L0.06 -0.2Z", "snow")
    pen.polygon([(-0.78, 0.58), (0.78, 0.58), (1, 0.88), (-1, 0.88)], "main")
    pen.polygon([(-0.68, 0.64), (0.68, 0.64), (0.76, 0.76), (-0.76, 0.76)], "dark")
    pen.rect(-1, 0.86, 1, 1, "dark", 0.06)


@kind("bell", "bells", natural="yellow, orange", width=0.86, size=0.7)
def bell(pen: Pen) -> None:
    """A bell."""
    pen.curve(_ring(0, -0.82, 0.12), 0.1, "dark")
    pen.circle(0, 0.82, 0.18, "dark")
    pen.path(
        "M0 -0.78C0.44 -0.78 0.54 -0.4 0.56 0C0.58 0.34 0.7 0.48 0.84 0.62L-0.84 0.62"
        "C-0.7 0.48 -0.58 0.34 -0.56 0C-0.54 -0.4 -0.44 -0.78 0 -0.78Z"
    )
    pen.rect(-0.86, 0.54, 0.86, 0.78, "dark", 0.11)
    pen.blob([(-0.3, -0.5), (-0.2, -0.46), (-0.3, 0.1), (-0.4, 0.12), (-0.4, -0.2)], "light")


@kind("camera, photo camera", "cameras, photo cameras", natural="black, grey, red", height=0.76, size=0.7)
def camera(pen: Pen) -> None:
    """A camera with a large lens."""
    pen.rect(-0.76, -0.42, -0.42, -0.1, "ember", 0.06)
    pen.path("M-0.36 -0.2L-0.26 -0.46Q-0.24 -0.52 -0.18 -0.52L0.18 -0.52Q0.24 -0.52 0.26 -0.46L0.36 -0.2Z", "dark")
    pen.rect(-1, -0.26, 1, 1, "main", 0.18)
    pen.rect(-1, -0.02, 1, 0.1, "light")
    pen.circle(0, 0.4, 0.5, "metal")
    pen.circle(0, 0.4, 0.38, "ink")
    pen.circle(0, 0.4, 0.22, "water")
    pen.circle(-0.1, 0.3, 0.09, "snow")
    pen.rect(0.62, -0.14, 0.86, 0.02, "lamp", 0.04)


@kind("kite", "kites", natural="red, yellow, blue", where="sky", width=0.7, size=0.9)
def kite(pen: Pen) -> None:
    """A kite with a tail."""
    pen.curve([(0, 0.2), (0.14, 0.42), (-0.12, 0.68), (0.04, 0.97)], 0.042, "ink")
    bow = _apart(pen, "gold", "ember")
    for x, y, turn in ((0.1, 0.45, 24), (-0.08, 0.76, -24)):
        with pen.moved(x, y, angle=turn):
            pen.polygon([(0, 0), (-0.26, -0.15), (-0.26, 0.15)], bow)
            pen.polygon([(0, 0), (0.26, -0.15), (0.26, 0.15)], bow)
    pen.polygon([(0, -1), (0.7, -0.44), (0, 0.28), (-0.7, -0.44)])
    pen.polygon([(0, -1), (0, -0.44), (-0.7, -0.44)], "light")
    pen.line([(-0.62, -0.44), (0.62, -0.44)], 0.042, "dark")
    pen.line([(0, -0.92), (0, 0.2)], 0.042, "dark")


@kind("sword", "swords", natural="grey, white, blue", width=0.42, size=0.9)
def sword(pen: Pen) -> None:
    """A sword, point up."""
    pen.polygon([(0, -1), (0.22, -0.74), (0.22, 0.44), (-0.22, 0.44), (-0.22, -0.74)])
    pen.polygon([(0, -1), (-0.07, -0.74), (-0.07, 0.44), (-0.22, 0.44), (-0.22, -0.74)], "light")
    pen.rect(-0.1, 0.5, 0.1, 0.84, "bark")
    pen.rect(-0.42, 0.38, 0.42, 0.56, "gold", 0.08)
    pen.circle(0, 0.86, 0.14, "gold")


@kind("eye, hal, hal8000, hal eye", "eyes, hals, hal eyes", natural="red", where="any")
def eye(pen: Pen) -> None:
    """The eye of HAL 8000: a glow behind a dark round lens."""
    pen.circle(0, 0, 1, "metal")
    pen.circle(0, 0, 0.87, "ink")
    pen.circle(0, 0, 0.75, "dark")
    pen.circle(0, 0, 0.61)
    pen.circle(0, 0, 0.31, "light")
    pen.circle(0, 0, 0.19, "lamp")
    with pen.moved(-0.49, -0.49, angle=-45):
        pen.ellipse(0, 0, 0.17, 0.06, "snow")
