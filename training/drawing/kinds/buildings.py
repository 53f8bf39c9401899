"""Buildings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from training.drawing.kinds import kind

if TYPE_CHECKING:
    from training.drawing.pen import Pen


def _arch(pen: Pen, x: float, bottom: float, half: float, height: float, fill: str) -> None:
    """A door or window with a round top, ``2 * half`` wide, that stands on ``bottom``."""
    spring = bottom - height + half
    pen.path(
        f"M{x - half:.3f} {bottom:.3f}L{x - half:.3f} {spring:.3f}"
        f"A{half:.3f} {half:.3f} 0 0 1 {x + half:.3f} {spring:.3f}L{x + half:.3f} {bottom:.3f}Z",
        fill,
    )


def _battlement(pen: Pen, left: float, right: float, top: float, teeth: int, fill: str = "main") -> None:
    """A row of ``teeth`` from ``left`` to ``right``, 0.16 high."""
    step = (right - left) / (2 * teeth - 1)
    for i in range(teeth):
        pen.rect(left + 2 * i * step, top, left + (2 * i + 1) * step, top + 0.2, fill)


@kind(
    "house, home, cottage, hut, cabin",
    "houses, homes, cottages, huts, cabins",
    natural="beige, yellow, white",
    width=0.95,
    size=1.4,
)
def house(pen: Pen) -> None:
    """A house with a gable roof and a chimney."""
    pen.rect(0.38, -0.86, 0.64, -0.2, "brick")
    pen.polygon([(-0.74, 1), (-0.74, -0.2), (0, -0.86), (0.74, -0.2), (0.74, 1)])
    pen.polygon(
        [(0, -1), (0.95, -0.16), (0.95, 0.08), (0.78, 0.08), (0, -0.62), (-0.78, 0.08), (-0.95, 0.08), (-0.95, -0.16)],
        "roof",
    )
    pen.circle(0, -0.22, 0.16, "glass")
    pen.rect(-0.52, 0.3, -0.14, 1, "wood", 0.04)
    pen.circle(-0.23, 0.66, 0.05, "gold")
    pen.rect(0.12, 0.28, 0.56, 0.7, "paper", 0.03)
    pen.rect(0.18, 0.34, 0.5, 0.64, "glass")
    pen.rect(0.31, 0.34, 0.37, 0.64, "paper")


@kind("castle, fortress, palace", "castles, fortresses, palaces", natural="grey, beige, pink", size=1.4)
def castle(pen: Pen) -> None:
    """A castle with two towers and a gate."""
    pen.line([(0, -0.5), (0, -0.96)], 0.06, "wood")
    pen.polygon([(0.02, -0.97), (0.36, -0.84), (0.02, -0.7)], "ember")
    pen.rect(-0.3, -0.38, 0.3, 0.3, "dark")
    _battlement(pen, -0.3, 0.3, -0.52, 3, "dark")
    pen.rect(-0.6, 0.06, 0.6, 1)
    _battlement(pen, -0.42, 0.42, -0.08, 3)
    for side in (-1, 1):
        x = side * 0.7
        pen.rect(x - 0.26, -0.3, x + 0.26, 1)
        pen.polygon([(x, -0.98), (x + 0.3, -0.28), (x - 0.3, -0.28)], "roof")
        _arch(pen, x, 0.22, 0.09, 0.34, "ink")
    _arch(pen, 0, 1, 0.28, 0.68, "wood")
    _arch(pen, 0, 1, 0.17, 0.56, "ink")


@kind("tower, watchtower", "towers, watchtowers", natural="grey, beige, brown", width=0.54, size=1.3)
def tower(pen: Pen) -> None:
    """A round stone tower with a battlement."""
    pen.polygon([(-0.36, -0.5), (0.36, -0.5), (0.48, 1), (-0.48, 1)])
    pen.rect(-0.54, -0.8, 0.54, -0.42, "main", 0.04)
    _battlement(pen, -0.54, 0.54, -1, 4)
    pen.rect(-0.5, -0.5, 0.5, -0.38, "dark", 0.04)
    _arch(pen, 0, 0.04, 0.1, 0.36, "ink")
    for x, y in ((0.16, 0.2), (-0.36, 0.32), (-0.3, -0.22), (0.2, 0.52)):
        pen.rect(x, y, x + 0.2, y + 0.1, "dark", 0.04)
    _arch(pen, -0.02, 1, 0.17, 0.5, "wood")


@kind("lighthouse, light house", "lighthouses, light houses", natural="red, blue, white", width=0.5, size=1.3)
def lighthouse(pen: Pen) -> None:
    """A lighthouse with stripes and its light on."""
    stripe = "white" if min(pen.colour("main")) < 220 else "dark"
    pen.path("M-0.32 -0.68Q-0.26 -0.94 0 -1Q0.26 -0.94 0.32 -0.68Z")
    pen.rect(-0.2, -0.72, 0.2, -0.4, "lamp")
    pen.rect(-0.03, -0.72, 0.03, -0.4, "steel")
    pen.polygon([(-0.27, -0.36), (0.27, -0.36), (0.5, 1), (-0.5, 1)])
    pen.rect(-0.38, -0.44, 0.38, -0.3, "steel", 0.05)
    for y in (-0.04, 0.5):
        a, b = 0.27 + (y + 0.36) * 0.169, 0.27 + (y + 0.6) * 0.169
        pen.polygon([(-a, y), (a, y), (b, y + 0.24), (-b, y + 0.24)], stripe)
    _arch(pen, 0, 1, 0.13, 0.34, "ink")


@kind("windmill, mill", "windmills, mills", natural="white, beige, brown", width=0.79, size=1.3)
def windmill(pen: Pen) -> None:
    """A windmill with four sails."""
    pen.path("M-0.4 -0.3L-0.36 -0.52Q-0.28 -0.76 0 -0.76Q0.28 -0.76 0.36 -0.52L0.4 -0.3Z", "roof")
    pen.polygon([(-0.44, -0.36), (0.44, -0.36), (0.72, 1), (-0.72, 1)])
    _arch(pen, 0, 1, 0.2, 0.46, "wood")
    with pen.moved(0, -0.21):
        for i in range(4):
            with pen.moved(angle=45 + 90 * i):
                pen.rect(-0.05, -0.92, 0.05, 0, "wood", 0.02)
                pen.rect(0.04, -0.94, 0.18, -0.26, "cream", 0.03)
        pen.circle(0, 0, 0.12, "wood")


@kind("tent", "tents", natural="orange, green, blue", height=0.74)
def tent(pen: Pen) -> None:
    """A tent with an open flap."""
    pen.line([(-0.44, -0.42), (-0.3, -0.2)], 0.07, "wood")
    pen.line([(-0.18, -0.42), (-0.3, -0.2)], 0.07, "wood")
    pen.polygon([(-0.3, -0.34), (0.5, -0.28), (1, 0.94), (0.4, 1)])
    pen.path("M-0.3 -0.36Q-0.5 0.5 -1 1L0.42 1Q-0.1 0.5 -0.3 -0.36Z", "dark")
    pen.path("M-0.3 0.04Q-0.38 0.6 -0.6 1L0.04 1Q-0.2 0.6 -0.3 0.04Z", "ink")
    pen.path("M-0.3 0.04Q-0.2 0.6 0.04 1L0.26 1Q-0.06 0.7 -0.3 0.04Z", "light")


@kind("church, chapel", "churches, chapels", natural="white, beige, brown", size=1.4)
def church(pen: Pen) -> None:
    """A church with a steeple."""
    pen.rect(-0.3, 0.24, 0.94, 1)
    pen.polygon([(-0.3, -0.12), (0.8, -0.12), (1, 0.32), (-0.3, 0.32)], "roof")
    pen.rect(-0.9, -0.14, -0.18, 1)
    pen.rect(-0.28, 0.3, -0.18, 1, "dark")
    pen.polygon([(-0.54, -0.84), (-0.08, -0.04), (-1, -0.04)], "roof")
    pen.rect(-0.58, -1, -0.5, -0.66, "gold")
    pen.rect(-0.68, -0.93, -0.4, -0.84, "gold")
    pen.circle(-0.54, 0.16, 0.14, "glass")
    _arch(pen, -0.54, 1, 0.18, 0.52, "wood")
    for x in (0.14, 0.6):
        _arch(pen, x, 0.84, 0.11, 0.38, "glass")


@kind("bridge", "bridges", natural="grey, brown, red", height=0.5, top=0.28, size=1.3)
def bridge(pen: Pen) -> None:
    """A stone bridge with two arches."""
    for x, y in ((-0.88, 0.16), (-0.44, 0.04), (0, 0), (0.44, 0.04), (0.88, 0.16)):
        pen.rect(x - 0.06, y + 0.06, x + 0.06, 0.44, "dark")
    pen.path(
        "M-1 0.46Q0 0.1 1 0.46L1 1L0.86 1A0.36 0.38 0 0 0 0.14 1L-0.14 1A0.36 0.38 0 0 0 -0.86 1L-1 1Z",
    )
    pen.curve([(-0.96, 0.18), (-0.5, 0.08), (0, 0.05), (0.5, 0.08), (0.96, 0.18)], 0.1)


@kind(
    "skyscraper, building, office building, apartment building",
    "skyscrapers, buildings, office buildings, apartment buildings",
    natural="grey, blue, beige",
    width=0.46,
    size=1.4,
)
def skyscraper(pen: Pen) -> None:
    """A tall building full of windows."""
    pen.rect(-0.04, -1, 0.04, -0.7, "steel")
    pen.rect(-0.28, -0.86, 0.28, -0.6)
    pen.rect(-0.46, -0.7, 0.46, 1)
    pen.rect(-0.46, -0.7, 0.46, -0.6, "dark")
    for y in (-0.48, -0.2, 0.08, 0.36):
        for x in (-0.27, 0, 0.27):
            pen.rect(x - 0.09, y, x + 0.09, y + 0.18, "glass", 0.02)
    pen.rect(-0.2, 0.68, 0.2, 1, "ink", 0.03)
    pen.rect(-0.14, 0.74, -0.03, 1, "lamp")
    pen.rect(0.03, 0.74, 0.14, 1, "lamp")
