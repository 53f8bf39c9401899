"""The kinds of things that can be drawn. A kind is one function with ``@kind`` above it, in the module of its sort."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from training.drawing.pen import Pen

Where = Literal["ground", "sky", "water", "any"]

SORTS = (
    "solids", "farm", "wild", "waters", "people", "figures",
    "vehicles", "buildings", "nature", "food", "home", "objects",
)  # fmt: skip
"""The modules of this package that hold kinds."""

ORDER = (
    "cube", "ball", "star", "cylinder", "cone", "pyramid", "ring", "circle", "square", "triangle", "heart", "diamond",
    "cross", "arrow", "cat", "dog", "bird", "fish", "horse", "cow", "pig", "sheep", "rabbit", "elephant", "bear", "fox",
    "owl", "penguin", "duck", "turtle", "frog", "butterfly", "whale", "mouse", "lion", "chicken", "snail", "dinosaur",
    "person", "woman", "girl", "boy", "astronaut", "wizard", "king", "princess", "robot", "snowman", "ghost", "car",
    "truck", "bus", "train", "bicycle", "boat", "airplane", "helicopter", "rocket", "tractor", "house", "castle",
    "tower", "lighthouse", "windmill", "tent", "church", "bridge", "skyscraper", "tree", "pine", "palm", "flower",
    "cactus", "mountain", "cloud", "sun", "moon", "rainbow", "leaf", "rock", "apple", "banana", "pear", "cherry",
    "strawberry", "pizza", "cake", "ice cream", "burger", "bread", "egg", "donut", "carrot", "mushroom", "cookie",
    "cup", "table", "chair", "bed", "lamp", "book", "hat", "umbrella", "balloon", "key", "clock", "bottle", "gift",
    "guitar", "crown", "flag", "phone", "computer", "door", "bell", "candle", "vase", "camera", "teapot", "kite",
    "sword", "eye",
)  # fmt: skip
"""The names of all kinds. A seed picks them by number: another order makes other pictures of the same seeds."""


class Kind(NamedTuple):
    """A kind of thing.

    Attributes:
        name: its first word, in the singular.
        words: all words for one of it, ``name`` first. Two words are written with a space.
        plurals: all words for several.
        natural: the colours it has when the prompt names none; one is picked.
        where: where it belongs in a scene. ``any`` stands on the ground and may hang in the air as well.
        width: half its width, height: half its height, in units of the box; the larger of the two is 1. The drawing
            reaches from -width to width, and from 1 - 2 * height to 1: it stands on the bottom of the box.
        top: y of the surface that other things stand on when they are "on" it; None when nothing can.
        hand: where it holds things, or None when it has no hands.
        size: how large it is beside other things when no size is said, 1 being usual.
        draw: draws it.
    """

    name: str
    words: tuple[str, ...]
    plurals: tuple[str, ...]
    natural: tuple[str, ...]
    where: Where
    width: float
    height: float
    top: float | None
    hand: tuple[float, float] | None
    size: float
    draw: Callable[[Pen], None]


KINDS: dict[str, Kind] = {}
"""What ``kind`` has seen so far, by name; ``load`` gives all of them in order."""


def kind(
    words: str,
    plurals: str,
    *,
    natural: str,
    where: Where = "ground",
    width: float = 1.0,
    height: float = 1.0,
    top: float | None = None,
    hand: tuple[float, float] | None = None,
    size: float = 1.0,
) -> Callable[[Callable[[Pen], None]], Callable[[Pen], None]]:
    """Makes a drawing function a kind; ``words``, ``plurals`` and ``natural`` are lists with commas between."""

    def register(draw: Callable[[Pen], None]) -> Callable[[Pen], None]:
        names = _split(words)
        if names[0] in KINDS:
            raise ValueError(f"two kinds are called {names[0]!r}")
        KINDS[names[0]] = Kind(
            names[0], names, _split(plurals), _split(natural), where, width, height, top, hand, size, draw
        )
        return draw

    return register


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(","))


@cache
def load() -> dict[str, Kind]:
    """All kinds of all sorts, by name.

    Raises:
        ValueError: a kind is missing, or has no place in ``ORDER``.
    """
    for sort in SORTS:
        import_module(f"training.drawing.kinds.{sort}")
    if odd := set(ORDER) ^ set(KINDS):
        raise ValueError(f"only drawn or only in ORDER: {', '.join(sorted(odd))}")
    return {name: KINDS[name] for name in ORDER}
