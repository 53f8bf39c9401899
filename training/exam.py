"""The prompts that the model is measured with, and what their pictures have to show.

Each list comes with the :class:`Picture` that the drawing program makes of the same words: what it draws must pass, all
of it, or the judge is wrong. That is a unit test. What would make it fail for reasons that are nobody's fault is left
out, and written down here.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, NamedTuple, get_args

from training.drawing import kinds
from training.drawing.palette import COLOURS
from training.drawing.picture import Picture, Place, Thing
from training.judge import Expectation
from training.lexicon import COUNT_WORDS, PLACE_WORDS

if TYPE_CHECKING:
    from collections.abc import Callable

UNCLEAR = frozenset({"bicycle", "tractor"})
"""Kinds with as much rubber as colour."""
JOINED = frozenset(
    {
        ("snowman", "black"), ("boat", "brown"), ("lion", "brown"), ("cake", "turquoise"),
        ("candle", "grey"), ("cup", "grey"), ("lamp", "grey"), ("lighthouse", "grey"), ("truck", "grey"),
        ("bottle", "white"), ("lighthouse", "white"), ("wizard", "white"),
        ("bottle", None), ("cake", None), ("candle", None), ("lighthouse", None), ("mushroom", None), ("wizard", None),
    }
)  # fmt: skip
"""Kinds and backgrounds in which a part of the thing, whose colour no prompt changes, disappears and leaves the rest in
pieces: a wizard's white beard, a lion's brown mane. None is a soft backdrop, nearly white where it is lit."""
ALIKE = frozenset({("white", "grey")})
"""Colours of thing and background of which the first has the second where it is in the shade."""

FAINT = "white"
"""The colour that does not stand out from a soft backdrop."""


class Question(NamedTuple):
    """A prompt, what its picture has to show, and the same as the drawing program is told it."""

    prompt: str
    expectation: Expectation
    picture: Picture


def colours(limit: int = 200, seed: int = 1) -> list[Question]:
    """Two colours: "a red cat on a blue background"."""
    rng = random.Random(seed)
    found = []
    for _ in range(limit):
        thing = Thing(_kind(rng), rng.choice(list(COLOURS)))
        background = _background(rng, thing)
        found.append(
            Question(
                f"{_named(thing)} on {_a(background)} background",
                Expectation((_colour(thing),), background),
                Picture((thing,), background=background),
            )
        )
    return found


def sides(limit: int = 100, seed: int = 2) -> list[Question]:
    """Two things: "a red cat to the left of a blue car", "a red cat and a blue car", half of them on a plain colour."""
    rng = random.Random(seed)
    found = []
    for number in range(limit):
        left, right = _two(rng, soft=number % 4 < 2)
        background = None if number % 4 < 2 else _background(rng, left, right)
        behind = f" on {_a(background)} background" if background else ""
        beside = number % 2 == 0
        found.append(
            Question(
                f"{_named(left)} {'to the left of' if beside else 'and'} {_named(right)}{behind}",
                Expectation((_colour(left), _colour(right)), background, order="left to right" if beside else "any"),
                Picture((left, right), relation="left of" if beside else "and", background=background),
            )
        )
    return found


def counts(limit: int = 60, seed: int = 3) -> list[Question]:
    """One to five: "three orange cats on a white background"."""
    rng = random.Random(seed)
    found = []
    for number in range(limit):
        count = number % 5 + 1
        thing = Thing(_kind(rng), rng.choice(list(COLOURS)), count=count)
        background = _background(rng, thing)
        named = (
            f"{COUNT_WORDS[count][0]} {thing.colour} {kinds.load()[thing.kind].plurals[0]}"
            if count > 1
            else _named(thing)
        )
        found.append(
            Question(
                f"{named} on {_a(background)} background",
                Expectation((_colour(thing),), background, count),
                Picture((thing,), background=background),
            )
        )
    return found


def places(limit: int = 32, seed: int = 4) -> list[Question]:
    """The eight places in turn: "a red ball in the top left corner"."""
    rng = random.Random(seed)
    sought: list[Place] = [place for place in get_args(Place) if place != "middle"]
    found = []
    for number in range(limit):
        place = sought[number % len(sought)]
        thing = Thing(_kind(rng, soft=True), rng.choice([colour for colour in COLOURS if colour != FAINT]))
        found.append(
            Question(
                f"{_named(thing)} {PLACE_WORDS[place][0]}",
                Expectation((_colour(thing),), place=place),
                Picture((thing,), place=place),
            )
        )
    return found


LISTS: dict[str, Callable[[], list[Question]]] = {
    "colours": colours,
    "sides": sides,
    "counts": counts,
    "places": places,
}
"""The lists by name, as long as they are when a model is measured."""


def _kind(rng: random.Random, *, soft: bool = False) -> str:
    left_out = UNCLEAR | {kind for kind, background in JOINED if soft and background is None}
    return rng.choice([name for name in kinds.load() if name not in left_out])


def _background(rng: random.Random, *things: Thing) -> str:
    """A colour that is none of the things', and that hides nothing of them."""
    return rng.choice(
        [
            colour
            for colour in COLOURS
            if all(
                colour != thing.colour and (thing.colour, colour) not in ALIKE and (thing.kind, colour) not in JOINED
                for thing in things
            )
        ]
    )


def _two(rng: random.Random, *, soft: bool) -> tuple[Thing, Thing]:
    left, right = rng.sample([colour for colour in COLOURS if not (soft and colour == FAINT)], 2)
    return Thing(_kind(rng, soft=soft), left), Thing(_kind(rng, soft=soft), right)


def _colour(thing: Thing) -> str:
    assert thing.colour is not None
    return thing.colour


def _named(thing: Thing) -> str:
    return _a(f"{thing.colour} {thing.kind}")


def _a(words: str) -> str:
    return f"an {words}" if words[0] in "aeiou" else f"a {words}"
