"""What a picture shows, told from its pixels alone: its background, the things on it, their colours and places.

Made for the pictures that the drawing program makes and the model learns from: few things, apart from each other, on a
plain colour or a soft pastel. Nothing here knows what a thing is; a cat and a car of one colour are the same to it.
Pictures are uint8 [height, width, 3], sRGB. Places are shares of the width and the height, from the upper left corner.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Literal, NamedTuple

import numpy as np
from scipy import ndimage

from training.drawing.palette import COLOURS, darker, lighter
from training.drawing.scenes import SOFT
from training.shades import NAMES, colour_of, lab

APART = 7.0
"""CIELAB distance (1976) from the backdrop at which a pixel belongs to a thing. Noise of 3 in 255 stays below it;
the palest of our pairs of colours, beige on white, is 29 apart."""
NAMED = 14.0
"""CIELAB distance up to which a backdrop has the name of the nearest colour: half of what the nearest two are apart."""
SMALLEST = 0.0025
"""Share of the picture below which a region is a speck. The smallest thing of our prompts is a sword, one of five:
0.015."""
Order = Literal["left to right", "top to bottom", "any"]


class Region(NamedTuple):
    """One thing in a picture.

    Attributes:
        colour: the one of ``NAMES`` that most of it has, as light or as dark as shading makes it.
        share: of its area, 0 to 1, that has this colour.
        area: share of the picture that it covers, 0 to 1.
        box: left, top, right, bottom. Shares of width and height.
        x, y: the middle of ``box``.
    """

    colour: str
    share: float
    area: float
    box: tuple[float, float, float, float]
    x: float
    y: float


class Expectation(NamedTuple):
    """What a picture has to show.

    Attributes:
        colours: of the things, in their ``order``. One thing each, unless ``count`` says how many of one colour.
        background: its colour; None is a soft backdrop that the prompt does not name.
        count: how many things of the only colour.
        order: how ``colours`` are arranged.
        place: where the middle of the only thing is: "left", "top right", "middle", …; None is anywhere.
    """

    colours: tuple[str, ...]
    background: str | None = None
    count: int = 1  # type: ignore[assignment]  # hides tuple.count, as nobody needs it
    order: Order = "any"
    place: str | None = None


class Verdict(NamedTuple):
    """Whether a picture shows what was asked for.

    Attributes:
        faults: what is wrong, of "background", "count", "colours", "order", "place".
        seen: what there is to be seen, in words.
    """

    faults: tuple[str, ...]
    seen: str

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.faults


def judge(image: np.ndarray, expectation: Expectation) -> Verdict:
    """Whether ``image`` shows what ``expectation`` says, and nothing else."""
    order = expectation.order
    backdrop = _backdrop(image)
    found = _along(_objects(image, backdrop, shadows=expectation.background is None), order)
    behind = _background(backdrop)
    seen, wanted = [thing.colour for thing in found], list(expectation.colours * expectation.count)
    faults = []
    if expectation.background not in (None, behind):
        faults.append("background")
    if len(seen) != len(wanted):
        faults.append("count")
    if set(seen) != set(wanted) or (len(seen) == len(wanted) and sorted(seen) != sorted(wanted)):
        faults.append("colours")
    elif order != "any" and not (seen == wanted and _arranged(found, order)):
        faults.append("order")
    if expectation.place is not None and {place(thing) for thing in found} != {expectation.place}:
        faults.append("place")
    return Verdict(tuple(faults), _in_words(behind, found))


def place(thing: Region) -> str:
    """Which part of the picture a thing is in: "middle", "left", "top right", … .

    The border is halfway between where the drawing program puts a thing in the middle and one at the side.
    """
    across = "left" if thing.x < 0.37 else "right" if thing.x > 0.63 else ""
    down = "top" if thing.y < 0.37 else "bottom" if thing.y > 0.63 else ""
    return f"{down} {across}".strip() or "middle"


def background(image: np.ndarray) -> str | None:
    """The colour of the backdrop, by what the picture's edges have; None when it is not one of ``NAMES``."""
    return _background(_backdrop(image))


def _background(backdrop: np.ndarray) -> str | None:
    behind = lab(backdrop)
    down = np.linspace(0, 1, len(behind))[:, None, None]
    upper = np.array([lighter(tone, 0.45) for tone in SOFT])
    lower = np.array([darker(tone, 0.04) for tone in SOFT])
    plain, soft = (
        np.linalg.norm(behind - lab(known), axis=2).mean(axis=0)
        for known in (np.array(list(COLOURS.values())), upper * (1 - down) + lower * down)
    )
    return NAMES[int(plain.argmin())] if plain.min() < min(NAMED, soft.min()) else None


def objects(image: np.ndarray, *, shadows: bool = False) -> list[Region]:
    """The things in a picture, the largest first.

    Parts that lie close to a much larger one belong to it: rays of a sun, sails of a boat.

    Args:
        image: the picture.
        shadows: whether things stand on shadows, which are not parts of them. Only on soft backdrops they do; on a
            plain one a thing's own grey would be taken for a shadow.
    """
    return _objects(image, _backdrop(image), shadows=shadows)


def _objects(image: np.ndarray, behind: np.ndarray, *, shadows: bool) -> list[Region]:
    height, width = image.shape[:2]
    mask = ((lab(image) - lab(behind)) ** 2).sum(axis=2) > APART**2
    if shadows:
        mask &= ~_shadowed(image, behind)
    found = []
    for part in _things(mask, 0.14 if shadows else 0.08):
        ys, xs = np.nonzero(part)
        area = len(xs) / (height * width)
        if area < SMALLEST:
            continue
        box = xs.min() / width, ys.min() / height, (xs.max() + 1) / width, (ys.max() + 1) / height
        colour, share = colour_of(image[_inside(part)])
        found.append(Region(colour, share, area, box, (box[0] + box[2]) / 2, (box[1] + box[3]) / 2))
    return sorted(found, key=lambda thing: -thing.area)


def _along(things: list[Region], order: Order) -> list[Region]:
    return sorted(things, key=lambda thing: thing.y if order == "top to bottom" else thing.x)


def _arranged(things: list[Region], order: Order) -> bool:
    """Whether each thing is rather beside the one before it than below it, or the other way round."""
    steps = [(two.x - one.x, two.y - one.y) for one, two in pairwise(things)]
    return all((across > abs(down)) == (order == "left to right") for across, down in steps)


def _in_words(behind: str | None, things: list[Region]) -> str:
    shown = ", ".join(f"{thing.colour} ({place(thing)})" for thing in things)
    return f"{shown or 'nothing'} on {behind or 'no named colour'}"


# -- from the backdrop to the things ---------------------------------------------------------------------------------

EDGE = 0.03
"""Width of the strip along the edges that shows the backdrop, as a share of the short side. Things in the corners of
our pictures keep 0.04 clear."""
SHADOW = np.array((28.0, 36.0, 48.0))
"""sRGB that the drawing program lays over the backdrop for a shadow, 22 % of it."""
_EVERY_NEIGHBOUR = np.ones((3, 3), bool)


def _backdrop(image: np.ndarray) -> np.ndarray:
    """What the picture would be without its things, float [height, 1, 3]: one colour, or one that changes downwards.

    A straight line a channel from the upper to the lower edge, fitted to the edges' pixels without those that are far
    from it: things may touch an edge.
    """
    height, width = image.shape[:2]
    strip = max(2, round(EDGE * min(height, width)))
    edge = np.ones((height, width), bool)
    edge[strip:-strip, strip:-strip] = False
    ys, xs = (at[::3] for at in np.nonzero(edge))  # a third of them says as much
    shown = image[ys, xs].astype(float)
    terms = np.stack((np.ones(len(ys)), ys / height), axis=1)
    line = np.stack((np.median(shown, axis=0), np.zeros(3)))
    for _ in range(6):
        off = np.abs(shown - terms @ line).max(axis=1)
        kept = off <= max(6.0, 2.5 * float(np.median(off)))
        line = np.linalg.lstsq(terms[kept], shown[kept], rcond=None)[0]
    rows = line[0] + np.arange(height)[:, None] / height * line[1]
    return np.asarray(np.clip(rows, 0, 255))[:, None]


def _shadowed(image: np.ndarray, behind: np.ndarray) -> np.ndarray:
    """Where the backdrop is seen through a shadow: bool [height, width]."""
    towards = SHADOW - behind
    moved = image - behind
    share = (moved * towards).sum(axis=2) / (towards * towards).sum(axis=2)
    off = np.linalg.norm(moved - share[:, :, None] * towards, axis=2)
    return np.asarray((share > 0) & (share < 0.27) & (off < 8))


def _things(mask: np.ndarray, reach: float) -> list[np.ndarray]:
    """The connected parts of ``mask``, each with the pieces that belong to it: bool [height, width].

    Two things of a picture are never closer than 0.2 of half the length of one of them. What is closer than ``reach``
    times that is a piece of it, and a smaller one may be farther off.
    """
    labels, count = ndimage.label(mask, _EVERY_NEIGHBOUR)
    areas = np.bincount(labels.ravel(), minlength=count + 1)
    boxes = ndimage.find_objects(labels)
    things: dict[int, list[int]] = {}
    for part in sorted(range(1, count + 1), key=lambda label: -areas[label]):
        if areas[part] < 8:
            break
        for whole, parts in things.items():
            rows, columns = boxes[whole - 1]
            half = max(rows.stop - rows.start, columns.stop - columns.start) / 2
            ratio = areas[part] / areas[whole]
            near = half * (0.2 if ratio < 0.12 else 0.14 if ratio < 0.5 else reach)
            if _gap(labels, boxes, part, whole, near) <= near:
                parts.append(part)
                break
        else:
            things[part] = [part]
    return [np.isin(labels, parts) for parts in things.values()]


def _gap(labels: np.ndarray, boxes: list[tuple[slice, slice]], first: int, second: int, reach: float) -> float:
    """Pixels between the nearest points of two labels; infinity when it is surely more than ``reach``."""
    around = tuple(slice(max(0, int(one.start - reach) - 1), int(one.stop + reach) + 1) for one in boxes[first - 1])
    near = labels[around]
    if not (near == second).any():
        return np.inf
    return float(ndimage.distance_transform_edt(near != second)[near == first].min())


def _inside(part: np.ndarray) -> np.ndarray:
    """``part`` without its edge, where its colour mixes with the backdrop's; all of it when it is little but edge."""
    inside = ndimage.binary_erosion(part)
    return inside if inside.sum() > 0.35 * part.sum() else part
