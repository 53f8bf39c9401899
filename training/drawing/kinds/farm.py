"""Animals of house and farm."""

from __future__ import annotations

from typing import TYPE_CHECKING

from training.drawing.kinds import kind
from training.drawing.kinds.anatomy import eye, legs

if TYPE_CHECKING:
    from training.drawing.pen import Pen


@kind("cat, kitten, kitty", "cats, kittens, kitties", natural="orange, grey, black", width=0.74, hand=(0.62, 0.02))
def cat(pen: Pen) -> None:
    """A sitting cat, seen from the front, with a paw up."""
    pen.curve([(-0.34, 0.86), (-0.64, 0.74), (-0.56, 0.36), (-0.65, 0.16)], 0.16)
    pen.curve([(0.26, 0.36), (0.48, 0.3), (0.6, 0.06)], 0.22)
    pen.blob([(0, -0.16), (0.34, 0.1), (0.48, 0.7), (0.4, 0.98), (-0.4, 0.98), (-0.48, 0.7), (-0.34, 0.1)])
    pen.ellipse(0, 0.5, 0.22, 0.32, "light")
    for side in (-1, 1):
        pen.polygon([(side * 0.56, -1), (side * 0.14, -0.72), (side * 0.6, -0.4)])
        pen.polygon([(side * 0.49, -0.84), (side * 0.26, -0.68), (side * 0.5, -0.52)], "pink")
        pen.ellipse(side * 0.22, 0.91, 0.17, 0.09)
    pen.ellipse(0, -0.4, 0.6, 0.44)
    pen.face(0, -0.38, 0.56)
    pen.ellipse(0, -0.28, 0.07, 0.05, "pink")
    for side in (-1, 1):
        for dy in (-0.04, 0.06):
            pen.line([(side * 0.36, -0.2 + dy), (side * 0.7, -0.24 + dy * 2)], 0.022, "ink")


@kind(
    "dog, puppy, doggy, pup, hound",
    "dogs, puppies, doggies, pups, hounds",
    natural="brown, beige, orange",
    width=0.84,
    hand=(0.73, 0.14),
)
def dog(pen: Pen) -> None:
    """A sitting dog that gives its paw."""
    pen.curve([(-0.46, 0.86), (-0.72, 0.7), (-0.75, 0.36)], 0.17)
    pen.blob([(0, -0.2), (0.3, 0.05), (0.34, 0.6), (0.26, 0.96), (-0.44, 0.98), (-0.6, 0.7), (-0.4, 0.2)])
    pen.ellipse(0.16, 0.34, 0.17, 0.34, "light")
    pen.curve([(0.22, 0.34), (0.5, 0.38), (0.72, 0.2)], 0.22)
    pen.rect(0.06, 0.44, 0.3, 1, corner=0.11)
    pen.ellipse(-0.3, 0.7, 0.3, 0.28)
    pen.ellipse(-0.16, 0.9, 0.26, 0.1)
    pen.ellipse(0.06, -0.53, 0.5, 0.47)
    for side in (-1, 1):
        with pen.moved(0.06 + side * 0.5, -0.46, angle=-side * 14):
            pen.ellipse(0, 0, 0.2, 0.42, "dark")
    pen.ellipse(0.06, -0.28, 0.3, 0.22, "light")
    pen.face(0.06, -0.46, 0.56)
    pen.ellipse(0.06, -0.39, 0.12, 0.085, "ink")


@kind("horse, pony, foal, mare", "horses, ponies, foals, mares", natural="brown, white, black", size=1.1)
def horse(pen: Pen) -> None:
    """A standing horse."""
    pen.curve([(-0.66, 0.08), (-0.9, 0.22), (-0.88, 0.66)], 0.19, "dark")
    legs(pen, (-0.36, 0.46), 0.3, 0.19, "dark", "ink")
    pen.blob(
        [(-0.74, 0.06), (-0.5, -0.08), (0.1, -0.02), (0.46, -0.1), (0.6, 0.2), (0.4, 0.5), (-0.1, 0.5), (-0.62, 0.46)]
    )
    legs(pen, (-0.58, 0.24), 0.28, 0.2, "main", "ink")
    pen.polygon([(0.02, 0.08), (0.3, -0.66), (0.68, -0.6), (0.6, 0.26)])
    pen.polygon([(0.34, -0.98), (0.56, -0.74), (0.32, -0.64)])
    pen.blob([(0.28, -0.72), (0.52, -0.82), (0.8, -0.62), (0.99, -0.36), (0.92, -0.18), (0.7, -0.22), (0.4, -0.4)])
    pen.blob([(0.98, -0.32), (0.9, -0.17), (0.74, -0.22), (0.82, -0.42)], "light")
    pen.curve([(0.42, -0.8), (0.2, -0.64), (0.1, -0.3), (0.0, -0.04)], 0.2, "dark")
    eye(pen, 0.58, -0.56, 0.08)


@kind("cow, bull, calf, ox", "cows, bulls, calves, oxen", natural="white, brown, beige", height=0.85, size=1.1)
def cow(pen: Pen) -> None:
    """A standing cow with patches."""
    pen.curve([(-0.78, 0.0), (-0.92, 0.2), (-0.92, 0.46)], 0.08)
    pen.ellipse(-0.91, 0.52, 0.08, 0.13, "ink")
    pen.ellipse(-0.2, 0.62, 0.2, 0.14, "pink")
    legs(pen, (-0.46, 0.34), 0.4, 0.2, "dark", "ink")
    pen.rect(-0.84, -0.22, 0.56, 0.62, corner=0.28)
    legs(pen, (-0.68, 0.14), 0.4, 0.22, "main", "ink")
    pen.ellipse(-0.46, 0.02, 0.2, 0.17, "ink")
    pen.ellipse(0.0, 0.3, 0.17, 0.14, "ink")
    for side in (-1, 1):
        pen.curve([(0.6 + side * 0.14, -0.42), (0.6 + side * 0.26, -0.5), (0.6 + side * 0.26, -0.64)], 0.1, "cream")
    with pen.moved(0.31, -0.28, angle=18):
        pen.ellipse(0, 0, 0.16, 0.09, "dark")
    with pen.moved(0.87, -0.28, angle=-18):
        pen.ellipse(0, 0, 0.13, 0.09, "dark")
    pen.rect(0.34, -0.48, 0.86, 0.26, corner=0.22)
    pen.ellipse(0.6, 0.18, 0.33, 0.2, "pink")
    for side in (-1, 1):
        eye(pen, 0.6 + side * 0.13, -0.18, 0.07, -side)
        pen.ellipse(0.6 + side * 0.13, 0.1, 0.05, 0.04, "ink")
    pen.mouth(0.6, 0.25, 0.24, "#2c2830", 0.05)


@kind("pig, piglet, piggy, hog", "pigs, piglets, piggies, hogs", natural="pink", height=0.8, size=0.9)
def pig(pen: Pen) -> None:
    """A round pig with a curly tail."""
    pen.curve([(-0.72, 0.16), (-0.88, 0.22), (-0.94, 0.06), (-0.82, 0.0), (-0.8, 0.16), (-0.94, 0.26)], 0.07, "dark")
    legs(pen, (-0.32, 0.3), 0.6, 0.22, "dark")
    pen.ellipse(-0.12, 0.24, 0.7, 0.58)
    legs(pen, (-0.54, 0.06), 0.6, 0.24, "main")
    for side in (-1, 1):
        pen.polygon([(0.48 + side * 0.44, -0.6), (0.48 + side * 0.06, -0.46), (0.48 + side * 0.42, -0.08)], "dark")
    pen.ellipse(0.5, 0.04, 0.49, 0.48)
    pen.face(0.52, 0.06, 0.54)
    pen.ellipse(0.52, 0.1, 0.2, 0.14, "light")
    for side in (-1, 1):
        pen.ellipse(0.52 + side * 0.08, 0.1, 0.04, 0.055, "dark")


@kind("sheep, lamb, ewe", "sheep, lambs, ewes", natural="white, beige, black", height=0.8, size=0.9)
def sheep(pen: Pen) -> None:
    """A sheep: a cloud of wool with a face."""
    legs(pen, (-0.5, -0.24, 0.16, 0.42), 0.5, 0.16, "rubber")
    for x, y, r in (
        (-0.7, 0.2, 0.29),
        (-0.5, -0.16, 0.28),
        (-0.12, -0.29, 0.3),
        (0.3, -0.16, 0.3),
        (-0.48, 0.48, 0.28),
    ):
        pen.circle(x, y, r)
    for x, y, r in ((-0.08, 0.54, 0.28), (0.32, 0.46, 0.28), (-0.1, 0.14, 0.5)):
        pen.circle(x, y, r)
    for side in (-1, 1):
        with pen.moved(0.6 + side * 0.27, 0.0, angle=side * 28):
            pen.ellipse(0, 0, 0.17, 0.09, "skin")
    pen.ellipse(0.6, 0.14, 0.31, 0.38, "skin")
    for x, y, r in ((0.42, -0.22, 0.18), (0.6, -0.31, 0.2), (0.78, -0.22, 0.18)):
        pen.circle(x, y, r)
    for side in (-1, 1):
        eye(pen, 0.6 + side * 0.13, 0.1, 0.07, -side)
    pen.mouth(0.6, 0.32, 0.24, "#2c2830", 0.055)


@kind(
    "rabbit, bunny, hare",
    "rabbits, bunnies, hares",
    natural="white, beige, grey",
    width=0.62,
    hand=(0.53, 0.26),
    size=0.8,
)
def rabbit(pen: Pen) -> None:
    """A rabbit that stands upright."""
    pen.circle(-0.42, 0.72, 0.17, "light")
    for side in (-1, 1):
        with pen.moved(side * 0.22, -0.62, angle=side * 10):
            pen.ellipse(0, 0, 0.16, 0.385)
            pen.ellipse(0, 0.04, 0.08, 0.28, "pink")
    pen.curve([(-0.24, 0.34), (-0.44, 0.5)], 0.2)
    pen.curve([(0.24, 0.36), (0.52, 0.28)], 0.2)
    pen.ellipse(0, 0.54, 0.39, 0.43)
    pen.ellipse(0, 0.6, 0.22, 0.28, "light")
    for side in (-1, 1):
        pen.ellipse(side * 0.28, 0.9, 0.25, 0.1)
    pen.ellipse(0, -0.12, 0.46, 0.38)
    pen.rect(-0.07, 0.06, 0.07, 0.2, "white", corner=0.03)
    pen.face(0, -0.13, 0.5)
    pen.ellipse(0, -0.05, 0.07, 0.05, "pink")


@kind("mouse, rat", "mice, rats", natural="grey, white, brown", height=0.7, size=0.6)
def mouse(pen: Pen) -> None:
    """A mouse with great ears and a long tail."""
    pen.curve([(-0.3, 0.9), (-0.8, 0.88), (-0.92, 0.56), (-0.72, 0.36), (-0.84, 0.12)], 0.1, "blush")
    for x in (-0.3, 0.24):
        pen.ellipse(x, 0.93, 0.2, 0.07, "blush")
    pen.circle(0.5, -0.12, 0.24, "dark")
    pen.blob(
        [
            (0.96, 0.62),
            (0.66, 0.22),
            (0.3, 0.1),
            (-0.2, 0.14),
            (-0.58, 0.5),
            (-0.56, 0.86),
            (-0.2, 0.96),
            (0.4, 0.94),
            (0.8, 0.82),
        ]
    )
    pen.circle(0.14, -0.06, 0.33)
    pen.circle(0.14, -0.06, 0.2, "pink")
    eye(pen, 0.58, 0.44, 0.08)
    pen.circle(0.91, 0.62, 0.09, "pink")
    pen.mouth(0.7, 0.76, 0.18, line=0.05)


@kind(
    "chicken, hen, rooster, cockerel",
    "chickens, hens, roosters, cockerels",
    natural="white, brown, orange",
    width=0.92,
    size=0.75,
)
def chicken(pen: Pen) -> None:
    """A hen with a red comb."""
    for x in (-0.16, 0.2):
        pen.line([(x, 0.7), (x, 0.96), (x + 0.16, 0.96)], 0.08, "orange")
    pen.blob([(-0.4, 0.5), (-0.84, 0.1), (-0.9, -0.28), (-0.66, -0.16), (-0.46, -0.4), (-0.3, -0.1)], "dark")
    for x, y in ((0.26, -0.78), (0.44, -0.84), (0.62, -0.74)):
        pen.circle(x, y, 0.15, "ember")
    pen.polygon([(0.7, -0.56), (0.92, -0.4), (0.68, -0.26)], "orange")
    pen.ellipse(0.66, -0.12, 0.09, 0.14, "ember")
    pen.blob(
        [
            (0.44, -0.82),
            (0.76, -0.56),
            (0.68, -0.14),
            (0.68, 0.3),
            (0.44, 0.68),
            (0, 0.8),
            (-0.46, 0.68),
            (-0.72, 0.2),
            (-0.6, 0.06),
            (-0.2, 0.06),
            (0.1, -0.2),
            (0.16, -0.62),
        ]
    )
    pen.blob([(0.22, 0.2), (0.2, 0.46), (-0.12, 0.6), (-0.5, 0.42), (-0.24, 0.14)], "dark")
    eye(pen, 0.5, -0.5, 0.08)
