from __future__ import annotations

import random
from typing import TYPE_CHECKING, get_args

import numpy as np
import pytest

from training.drawing import kinds
from training.drawing.palette import COLOURS, rgb
from training.drawing.pen import Defs, Pen, Style
from training.drawing.picture import Picture, Thing, draw
from training.drawing.raster import pixels
from training.lexicon import COLOUR_WORDS, COUNT_WORDS, MOOD_WORDS, SIZE_WORDS
from training.subjects import random_picture

if TYPE_CHECKING:
    from training.drawing.kinds import Kind

KINDS = kinds.load()
STYLES: tuple[Style, ...] = get_args(Style)
SIDE = 240
EDGE = 1.2
"""What ``alone`` shows reaches from -1.2 to 1.2: a fifth more than a box."""

every_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)


def alone(kind: Kind, pen: Pen, defs: Defs) -> np.ndarray:
    kind.draw(pen)
    view = f'viewBox="{-EDGE} {-EDGE} {2 * EDGE} {2 * EDGE}"'
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" width="{SIDE}" height="{SIDE}" {view}>{defs}{pen.svg}</svg>'
    return pixels(svg, SIDE, SIDE)


def flat(kind: Kind, seed: int = 0) -> tuple[np.ndarray, Pen]:
    defs = Defs()
    pen = Pen((200, 16, 230), "flat", defs, random.Random(seed), scale=0.8)  # a colour that nothing else has
    return alone(kind, pen, defs), pen


def test_there_is_much_to_draw() -> None:
    assert len(KINDS) >= 60
    assert len(COLOURS) == 14


def test_colours_can_be_told_apart() -> None:
    names = list(COLOURS)
    near = [
        (a, b)
        for i, a in enumerate(names)
        for b in names[i + 1 :]
        if sum((x - y) ** 2 for x, y in zip(COLOURS[a], COLOURS[b], strict=True)) ** 0.5 < 60
    ]
    assert not near


@every_kind
def test_a_drawing_fills_the_box_that_it_declares(kind: Kind) -> None:
    image, _ = flat(kind)
    ys, xs = np.nonzero(image[..., 3] > 127)
    unit = 2 * EDGE / SIDE
    found = [xs.min() * unit - EDGE, xs.max() * unit - EDGE, ys.min() * unit - EDGE, ys.max() * unit - EDGE]
    assert max(kind.width, kind.height) == 1
    assert found == pytest.approx([-kind.width, kind.width, 1 - 2 * kind.height, 1], abs=0.05)


@every_kind
def test_most_of_a_drawing_has_the_colour_that_the_prompt_names(kind: Kind) -> None:
    image, pen = flat(kind)
    drawn = image[image[..., 3] > 127][:, :3].astype(int)
    shares = [np.mean(np.abs(drawn - pen.colour(shade)).max(axis=1) < 6) for shade in ("main", "light", "dark")]
    assert sum(shares) >= 0.4
    assert shares[0] == max(shares)


@every_kind
def test_chance_does_not_change_what_a_drawing_is(kind: Kind) -> None:
    first, again, other = flat(kind)[0], flat(kind)[0], flat(kind, seed=1)[0]
    assert np.array_equal(first, again)
    assert np.mean(first[..., 3] != other[..., 3]) < 0.05


@every_kind
def test_a_kind_can_be_seen_in_every_style(kind: Kind) -> None:
    seen = {}
    for style in STYLES:
        image = draw(Picture((Thing(kind.name, "red"),), background="white", style=style), 64, 64, 0).astype(int)
        seen[style] = np.mean(image[..., 0] - image[..., 1] > 40)  # nothing but red is that red
    assert min(seen.values()) > 0.01, seen


@every_kind
def test_a_kind_is_drawn_in_colours_that_can_be_named(kind: Kind) -> None:
    assert kind.natural
    assert set(kind.natural) <= set(COLOURS)
    assert kind.name == kind.words[0]


def test_no_word_means_two_things() -> None:
    meanings: dict[str, set[str]] = {}
    for kind in KINDS.values():
        for word in (*kind.words, *kind.plurals):
            meanings.setdefault(word, set()).add(kind.name)
    for table in (COLOUR_WORDS, SIZE_WORDS, COUNT_WORDS, MOOD_WORDS):
        for key, words in table.items():
            for word in words:
                meanings.setdefault(word, set()).add(f"an adjective: {key}")
    assert {word: found for word, found in meanings.items() if len(found) > 1} == {}


def test_every_kind_has_its_place_in_the_order() -> None:
    assert list(KINDS) == list(kinds.ORDER)
    assert set(kinds.KINDS) == set(kinds.ORDER)


def test_a_kind_that_the_order_lacks_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kinds, "ORDER", kinds.ORDER[1:])
    with pytest.raises(ValueError, match="cube"):
        kinds.load.__wrapped__()


def test_two_kinds_of_one_name_are_an_error() -> None:
    with pytest.raises(ValueError, match="cat"):
        kinds.kind("cat", "cats", natural="red")(lambda pen: None)


@pytest.mark.parametrize("seed", range(12))
def test_a_seed_always_gives_the_same_picture(seed: int) -> None:
    first, again = (random_picture(random.Random(f"picture {seed}")) for _ in range(2))
    assert first == again
    assert np.array_equal(draw(first, 96, 64, seed), draw(again, 96, 64, seed))


def test_another_seed_gives_another_picture() -> None:
    picture = Picture((Thing("cat"),))
    assert not np.array_equal(draw(picture, 64, 64, 1), draw(picture, 64, 64, 2))


@pytest.mark.parametrize("size", [(96, 96), (144, 96), (96, 144)])
def test_pictures_have_the_size_that_was_asked_for(size: tuple[int, int]) -> None:
    width, height = size
    for style in STYLES:
        image = draw(Picture((Thing("car", "red"),), style=style), width, height, 0)
        assert image.shape == (height, width, 3)
        assert image.dtype == np.uint8


def test_a_background_is_the_colour_that_was_asked_for() -> None:
    image = draw(Picture((Thing("ball", "red"),), background="blue"), 64, 64, 0)
    assert {tuple(image[y, x].tolist()) for y in (0, -1) for x in (0, -1)} == {rgb("blue")}


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
def test_as_many_are_drawn_as_the_picture_says(count: int) -> None:
    image = draw(Picture((Thing("circle", "red", count=count),), background="white", style="flat"), 128, 128, 0)
    one = draw(Picture((Thing("circle", "red"),), background="white", style="flat"), 128, 128, 0)
    assert regions(red(one)) == 1
    assert regions(red(image)) == count


def red(image: np.ndarray) -> np.ndarray:
    found: np.ndarray = np.abs(image.astype(int) - rgb("red")).max(axis=2) < 40
    return found


def regions(mask: np.ndarray) -> int:
    """Connected areas of ``mask``."""
    left = {(int(y), int(x)) for y, x in zip(*np.nonzero(mask), strict=True)}
    count = 0
    while left:
        count += 1
        edge = [left.pop()]
        while edge:
            y, x = edge.pop()
            for near in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
                if near in left:
                    left.remove(near)
                    edge.append(near)
    return count
