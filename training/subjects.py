"""What pictures are of: random descriptions, such as people might ask for."""

from __future__ import annotations

import random
from functools import cache
from typing import TYPE_CHECKING

from training.drawing import kinds
from training.drawing.palette import COLOURS, rgb
from training.drawing.pen import Defs, Pen
from training.drawing.picture import Picture, Relation, Thing
from training.drawing.scenes import Scene
from training.lexicon import GROUND_WORDS, PLACE_WORDS, SKY_WORDS

if TYPE_CHECKING:
    from training.drawing.pen import Style

WEARERS = (
    "cat",
    "dog",
    "bear",
    "rabbit",
    "penguin",
    "frog",
    "owl",
    "snowman",
    "robot",
    "person",
    "woman",
    "girl",
    "ghost",
)
"""Kinds that can put on a hat."""
SIDES: tuple[tuple[tuple[int, int], float], ...] = (
    ((256, 256), 0.47),
    ((384, 256), 0.055), ((256, 384), 0.055), ((448, 256), 0.045), ((256, 448), 0.045),
    ((256, 176), 0.02), ((176, 256), 0.02), ((256, 144), 0.02), ((144, 256), 0.02),
    ((512, 512), 0.11),
    ((512, 336), 0.02), ((336, 512), 0.02), ((512, 288), 0.02), ((288, 512), 0.02),
    ((768, 512), 0.015), ((512, 768), 0.015), ((896, 512), 0.015), ((512, 896), 0.015),
)  # fmt: skip
"""Width and height, and the share of the training pictures that have them."""


@cache
def faces() -> frozenset[str]:
    """Kinds whose drawing shows a mood."""
    found = set()
    for kind in kinds.load().values():
        drawn = []
        for mood in ("happy", "sad"):
            pen = Pen(rgb("red"), "flat", Defs(), random.Random(0), mood=mood)
            kind.draw(pen)
            drawn.append(pen.svg)
        if drawn[0] != drawn[1]:
            found.add(kind.name)
    return frozenset(found)


def random_picture(rng: random.Random) -> Picture:  # noqa: PLR0911 - one return a sort of picture
    """A picture such as a prompt could ask for."""
    roll = rng.random()
    if roll < 0.02:
        return Picture()  # abstract: the empty prompt, and prompts of unknown words
    if roll < 0.035:
        return Picture(scene=_scene(rng, None), style=_style(rng))
    style = _style(rng)
    if roll < 0.25:  # the plainest prompts, and those that the model is measured with
        background = rng.choice(list(COLOURS)) if rng.random() < 0.75 else None
        return Picture((Thing(_any(rng), rng.choice(list(COLOURS))),), background=background, style=style)
    if roll < 0.46:
        thing = _thing(rng, many=False)
        place = rng.choice(list(PLACE_WORDS)) if rng.random() < 0.2 else None
        return _somewhere(rng, Picture((thing,), place=place, style=style), thing)
    if roll < 0.62:
        thing = _thing(rng, many=True)
        return _somewhere(rng, Picture((thing,), style=style), thing)
    if roll < 0.66:
        things = tuple(_thing(rng, many=False) for _ in range(3))
        return _somewhere(rng, Picture(things, style=style), things[0])
    relation: Relation = rng.choices(
        ("and", "left of", "right of", "above", "below", "on", "under", "behind", "in front of", "holding", "wearing"),
        (26, 13, 13, 8, 5, 12, 6, 6, 5, 8, 4),
    )[0]
    first = _thing(rng, many=relation == "and" and rng.random() < 0.25)
    second = _thing(rng, many=relation == "and" and rng.random() < 0.25)
    if relation == "wearing":
        first = first._replace(kind=rng.choice(WEARERS), count=1)
        second = second._replace(kind=rng.choice(("hat", "hat", "crown")), size=None)
    if relation == "holding":
        holders = [k.name for k in kinds.load().values() if k.hand is not None]
        first = first._replace(kind=rng.choice(holders), count=1)
        second = second._replace(size=None)
    if relation == "on" and rng.random() < 0.5:
        second = second._replace(kind=rng.choice([k.name for k in kinds.load().values() if k.top is not None]))
    return _somewhere(rng, Picture((first, second), relation=relation, style=style), first)


def _any(rng: random.Random) -> str:
    return rng.choice(list(kinds.load()))


def _thing(rng: random.Random, *, many: bool) -> Thing:
    kind = _any(rng)
    return Thing(
        kind,
        rng.choice(list(COLOURS)) if rng.random() < 0.68 else None,
        rng.choice(("small", "big")) if rng.random() < 0.16 else None,
        rng.choice((2, 3, 4, 5)) if many else 1,
        rng.choices(("happy", "sad", "angry"), (2, 1, 1))[0] if kind in faces() and rng.random() < 0.15 else None,
    )


def _style(rng: random.Random) -> Style | None:
    if rng.random() < 0.74:
        return None
    return rng.choices(("shaded", "flat", "outline", "pixel", "watercolour"), (2, 5, 7, 5, 6))[0]


def _scene(rng: random.Random, kind: str | None) -> Scene:
    where = kinds.load()[kind].where if kind else None
    roll = rng.random()
    if where == "water" and roll < 0.5:
        return Scene("sea", rng.choice((None, None, "sunset", "night")))
    if where == "sky" and roll < 0.4:
        return Scene(None, rng.choice(("day", "night", "sunset", "space")))
    if roll < 0.6:
        return Scene(rng.choice(list(GROUND_WORDS)), None)
    if roll < 0.8:
        return Scene(None, rng.choice(list(SKY_WORDS)))
    ground = rng.choice(list(GROUND_WORDS))
    return Scene(ground, rng.choice(("day", "sunset", "night", "night") if ground != "room" else ("night", "sunset")))


def _somewhere(rng: random.Random, picture: Picture, thing: Thing) -> Picture:
    roll = rng.random()
    if roll < 0.32:
        return picture
    if roll < 0.62:
        return picture._replace(background=rng.choice(list(COLOURS)))
    return picture._replace(scene=_scene(rng, thing.kind))
