"""Vehicles. All of them face right."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from training.drawing.kinds import kind

if TYPE_CHECKING:
    from training.drawing.pen import Pen


def _wheel(pen: Pen, x: float, y: float, r: float, hub: str = "metal") -> None:
    """A tyre with a hub in it."""
    pen.circle(x, y, r, "rubber")
    pen.circle(x, y, r * 0.5, hub)


@kind("car, automobile, motorcar", "cars, automobiles, motorcars", natural="red, blue, yellow", height=0.6)
def car(pen: Pen) -> None:
    """A small round car."""
    pen.path("M-0.78 0.42C-0.7 -0.04 -0.56 -0.2 -0.28 -0.2L0.06 -0.2C0.34 -0.2 0.5 0.02 0.66 0.42Z")
    pen.path("M-1 0.52Q-1 0.28 -0.76 0.28L0.62 0.28Q1 0.32 1 0.64L1 0.7Q1 0.82 0.88 0.82L-0.86 0.82Q-1 0.82 -1 0.68Z")
    pen.path("M-0.6 0.28C-0.54 0.02 -0.46 -0.06 -0.3 -0.06L-0.16 -0.06L-0.16 0.28Z", "glass")
    pen.path("M-0.04 -0.06L0.08 -0.06C0.26 -0.06 0.36 0.08 0.44 0.28L-0.04 0.28Z", "glass")
    pen.ellipse(0.9, 0.5, 0.08, 0.1, "lamp")
    pen.rect(-1, 0.66, 1, 0.78, "dark", 0.06)
    for x in (-0.54, 0.54):
        _wheel(pen, x, 0.76, 0.24)


@kind("truck, lorry", "trucks, lorries", natural="blue, red, green", height=0.72, size=1.2)
def truck(pen: Pen) -> None:
    """A truck with a high box and a cab in front."""
    pen.rect(-0.96, 0.66, 0.96, 0.82, "steel", 0.05)
    pen.rect(-1, -0.44, 0.34, 0.7, "main", 0.08)
    pen.rect(-1, 0.42, 0.34, 0.56, "light")
    pen.path(
        "M0.42 0.8L0.42 -0.06Q0.42 -0.16 0.52 -0.16L0.7 -0.16Q0.8 -0.16 0.84 -0.06"
        "L0.98 0.3Q1 0.36 1 0.42L1 0.74Q1 0.8 0.94 0.8Z",
        "dark",
    )
    pen.path("M0.54 0.28L0.54 -0.04L0.7 -0.04Q0.75 -0.04 0.77 0.02L0.87 0.28Z", "glass")
    pen.circle(0.93, 0.54, 0.07, "lamp")
    for x in (-0.72, -0.26, 0.68):
        _wheel(pen, x, 0.79, 0.21)


@kind("bus, school bus, coach", "buses, school buses, coaches", natural="yellow, red, blue", height=0.6, size=1.2)
def bus(pen: Pen) -> None:
    """A long bus with a row of windows."""
    pen.rect(-1, -0.2, 1, 0.82, "main", 0.16)
    pen.rect(-1, 0.42, 1, 0.54, "dark")
    for x in (-0.86, -0.44, -0.02):
        pen.rect(x, -0.04, x + 0.34, 0.32, "glass", 0.05)
    pen.path("M0.44 0.78L0.44 0Q0.44 -0.04 0.48 -0.04L0.66 -0.04Q0.7 -0.04 0.7 0L0.7 0.78Z", "light")
    pen.rect(0.49, 0.04, 0.65, 0.6, "glass", 0.03)
    pen.path("M0.78 0.36L0.78 -0.04L0.92 -0.04Q1 -0.04 1 0.06L1 0.36Z", "glass")
    pen.circle(0.92, 0.66, 0.07, "lamp")
    for x in (-0.58, 0.22):
        _wheel(pen, x, 0.79, 0.21)


@kind(
    "train, locomotive, steam train, steam engine",
    "trains, locomotives, steam trains, steam engines",
    natural="red, green, black",
    height=0.82,
    size=1.2,
)
def train(pen: Pen) -> None:
    """A steam locomotive."""
    pen.polygon([(0.44, -0.56), (0.84, -0.56), (0.74, -0.36), (0.72, 0), (0.56, 0), (0.54, -0.36)], "rubber")
    pen.path("M0 0L0 -0.14Q0.14 -0.36 0.28 -0.14L0.28 0Z", "gold")
    pen.rect(-0.4, -0.1, 0.86, 0.5, "main", 0.16)
    pen.rect(-0.94, -0.5, -0.22, 0.62)
    pen.rect(-1, -0.64, -0.14, -0.46, "dark", 0.08)
    pen.rect(-0.76, -0.32, -0.4, 0.04, "glass", 0.05)
    pen.rect(0.22, -0.1, 0.38, 0.5, "dark")
    pen.rect(-0.94, 0.46, 0.82, 0.64, "dark", 0.04)
    pen.polygon([(0.7, 0.5), (0.84, 0.5), (1, 1), (0.7, 1)], "steel")
    pen.circle(0.86, 0.06, 0.1, "lamp")
    for x, r in ((-0.66, 0.27), (-0.08, 0.27), (0.44, 0.2)):
        _wheel(pen, x, 1 - r, r)
    pen.line([(-0.66, 0.74), (0.44, 0.74)], 0.07, "metal")


@kind("bicycle, bike, cycle", "bicycles, bikes, cycles", natural="blue, red, green", height=0.68)
def bicycle(pen: Pen) -> None:
    """A bicycle."""
    for x in (-0.57, 0.57):
        rim = [(x + 0.39 * math.cos(i * math.pi / 8), 0.57 + 0.39 * math.sin(i * math.pi / 8)) for i in range(17)]
        pen.curve(rim, 0.08, "rubber")
    pen.line([(-0.57, 0.57), (-0.24, 0.04), (0.34, 0.04), (-0.04, 0.57), (-0.57, 0.57)], 0.13)
    pen.line([(-0.04, 0.57), (-0.28, -0.12)], 0.13)
    pen.line([(0.57, 0.57), (0.3, -0.18)], 0.13)
    pen.curve([(0.3, -0.18), (0.34, -0.29), (0.5, -0.28), (0.54, -0.16)], 0.1, "ink")
    pen.rect(-0.48, -0.24, -0.1, -0.1, "ink", 0.07)
    pen.circle(-0.04, 0.57, 0.1, "dark")


@kind(
    "boat, sailboat, ship, sailing boat, sailing ship",
    "boats, sailboats, ships, sailing boats, sailing ships",
    natural="red, brown, blue",
    where="water",
    size=1.1,
)
def boat(pen: Pen) -> None:
    """A boat with two sails."""
    pen.line([(-0.06, -0.95), (-0.06, 0.4)], 0.1, "wood")
    pen.path("M-0.16 -0.78L-0.16 0.26L-0.82 0.26C-0.56 0 -0.3 -0.36 -0.16 -0.78Z", "paper")
    pen.path("M0.06 -0.86C0.42 -0.56 0.68 -0.14 0.76 0.26L0.06 0.26Z", "paper")
    pen.path("M-1 0.38L1 0.38C0.94 0.74 0.78 1 0.48 1L-0.5 1C-0.78 1 -0.92 0.72 -1 0.38Z")
    pen.path("M-1 0.38L1 0.38L0.96 0.54L-0.96 0.54Z", "dark")


@kind(
    "airplane, plane, aeroplane, jet, aircraft",
    "airplanes, planes, aeroplanes, jets",
    natural="white, red, blue",
    where="sky",
    height=0.56,
    size=1.1,
)
def airplane(pen: Pen) -> None:
    """An airliner."""
    pen.polygon([(0.06, 0.4), (0.3, 0.4), (0, -0.04), (-0.18, -0.04)], "dark")
    pen.path("M-0.96 -0.06Q-0.98 -0.12 -0.9 -0.12L-0.74 -0.12Q-0.68 -0.12 -0.64 -0.06L-0.34 0.36L-0.84 0.46Z", "dark")
    pen.path(
        "M-0.98 0.34C-0.7 0.28 -0.3 0.22 0.3 0.22C0.74 0.22 1 0.36 1 0.54"
        "C1 0.72 0.74 0.84 0.3 0.84C-0.3 0.84 -0.8 0.64 -0.98 0.34Z"
    )
    for x in (-0.34, -0.08, 0.18, 0.44):
        pen.circle(x, 0.42, 0.08, "glass")
    pen.path("M0.64 0.28C0.8 0.32 0.92 0.38 0.97 0.47L0.66 0.5Z", "glass")
    pen.path("M-0.04 0.58L0.36 0.58Q0.4 0.62 0.34 0.68L-0.18 0.98Q-0.24 1 -0.3 1L-0.46 1Q-0.5 0.98 -0.44 0.92Z", "dark")


@kind("helicopter, chopper", "helicopters, choppers", natural="red, yellow, green", where="sky", height=0.7)
def helicopter(pen: Pen) -> None:
    """A helicopter."""
    pen.path("M-0.84 -0.02L0 0.02L0 0.36L-0.84 0.18Z")
    pen.polygon([(-0.98, -0.26), (-0.82, -0.26), (-0.72, 0.1), (-0.88, 0.2)], "dark")
    pen.rect(0.18, -0.3, 0.3, 0, "steel")
    pen.rect(-0.52, -0.4, 1, -0.27, "steel", 0.06)
    for x in (0.02, 0.5):
        pen.line([(x, 0.7), (x, 0.92)], 0.08, "steel")
    pen.ellipse(0.26, 0.34, 0.58, 0.46)
    pen.path("M0.36 0.36L0.36 0.02Q0.36 -0.02 0.42 -0.01C0.64 0.04 0.78 0.18 0.8 0.36Z", "glass")
    pen.rect(-0.1, 0.1, 0.22, 0.36, "glass", 0.06)
    pen.path("M-0.28 0.5L0.8 0.5C0.72 0.7 0.5 0.8 0.26 0.8C0 0.8 -0.2 0.7 -0.28 0.5Z", "dark")
    pen.curve([(-0.3, 0.95), (0.6, 0.95), (0.78, 0.92), (0.86, 0.84)], 0.1, "steel")
    pen.circle(-0.88, -0.02, 0.12, "metal")


@kind(
    "rocket, spaceship, rocket ship, space ship, spacecraft",
    "rockets, spaceships, rocket ships, space ships",
    natural="red, white, grey",
    where="any",
    width=0.6,
    size=1.1,
)
def rocket(pen: Pen) -> None:
    """A rocket with its engine burning."""
    pen.blob([(0, 1), (-0.24, 0.66), (-0.16, 0.5), (0.16, 0.5), (0.24, 0.66)], "flame")
    pen.blob([(0, 0.84), (-0.1, 0.66), (0, 0.5), (0.1, 0.66)], "lamp")
    for side in (-1, 1):
        pen.path(f"M{side * 0.3} 0C{side * 0.5} 0.1 {side * 0.6} 0.3 {side * 0.6} 0.72L{side * 0.2} 0.5Z", "dark")
    pen.path(
        "M0 -1C0.34 -0.72 0.44 -0.4 0.42 -0.1C0.41 0.16 0.34 0.4 0.26 0.58"
        "L-0.26 0.58C-0.34 0.4 -0.41 0.16 -0.42 -0.1C-0.44 -0.4 -0.34 -0.72 0 -1Z"
    )
    pen.path("M0 -1C0.2 -0.84 0.31 -0.68 0.36 -0.54Q0 -0.44 -0.36 -0.54C-0.31 -0.68 -0.2 -0.84 0 -1Z", "dark")
    pen.circle(0, -0.12, 0.24, "metal")
    pen.circle(0, -0.12, 0.16, "glass")
    pen.path("M-0.3 0.46L0.3 0.46L0.25 0.58L-0.25 0.58Z", "dark")


@kind("tractor", "tractors", natural="green, red, orange", height=0.82)
def tractor(pen: Pen) -> None:
    """A tractor with a large hind wheel."""
    pen.rect(0.42, -0.36, 0.54, 0.2, "steel", 0.04)
    pen.path("M-0.72 0.2L-0.64 -0.52L0.1 -0.52L0.16 0.2Z", "glass")
    pen.polygon([(0.04, -0.52), (0.14, -0.52), (0.24, 0.2), (0.1, 0.2)])
    pen.polygon([(-0.7, -0.52), (-0.58, -0.52), (-0.64, 0.2), (-0.8, 0.2)])
    pen.rect(-0.86, -0.64, 0.28, -0.46, "main", 0.08)
    pen.path("M-0.9 0.7L-0.9 0.3Q-0.9 0.06 -0.66 0.06L0.76 0.06Q0.96 0.06 0.98 0.26L1 0.6Q1 0.72 0.9 0.72Z")
    pen.rect(0.36, 0.48, 1, 0.62, "dark", 0.05)
    pen.circle(0.88, 0.28, 0.08, "lamp")
    for x, r in ((-0.52, 0.48), (0.64, 0.28)):
        _wheel(pen, x, 1 - r, r, "main")
        pen.circle(x, 1 - r, r * 0.2, "metal")
