"""Where the things of a picture go, and how large they are.

Coordinates: the picture's middle is (0, 0), its short side is 2 long.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from training.drawing import kinds
from training.drawing.palette import RGB, rgb

if TYPE_CHECKING:
    import random

    from training.drawing.kinds import Kind
    from training.drawing.pen import Mood
    from training.drawing.picture import Picture, Thing

OVERHANG = frozenset({"table", "tree", "palm", "umbrella", "bridge", "chair", "bed", "mushroom"})
"""Kinds with room below them: what is "under" these stands in front of their lower part."""


class Placed(NamedTuple):
    """One drawing in the picture: the middle of its box and the scale of its box."""

    kind: Kind
    colour: RGB
    mood: Mood
    x: float
    y: float
    scale: float


def layout(picture: Picture, hx: float, hy: float, horizon: float | None, rng: random.Random) -> list[Placed]:
    """Where everything goes, the rearmost first."""
    things = picture.things
    if not things:
        return []
    if len(things) == 2 and picture.relation not in ("and", "left of", "right of"):
        return _related(picture, hy, horizon, rng)
    if len(things) == 1:
        return _single(picture, things[0], hx, hy, horizon, rng)
    ordered = things[::-1] if picture.relation == "right of" else things
    return _row(ordered, hx, hy, horizon, rng)


def _colour(thing: Thing, rng: random.Random) -> RGB:
    if thing.colour is not None:
        return rgb(thing.colour)
    first, *others = _kind(thing).natural
    return rgb(rng.choice(others) if others and rng.random() < 0.3 else first)


def _kind(thing: Thing) -> Kind:
    return kinds.load()[thing.kind]


def _placed(thing: Thing, colour: RGB, x: float, y: float, scale: float) -> Placed:
    return Placed(_kind(thing), colour, thing.mood or "happy", x, y, scale)


def _jitter(rng: random.Random, amount: float) -> float:
    return rng.uniform(-amount, amount)


def _fit(kind: Kind, scale: float) -> float:
    """The box's scale at which the drawing's longer side is ``scale`` long on either side of its middle."""
    return scale / max(kind.width, kind.height)


def _middle(kind: Kind, y: float, scale: float) -> float:
    """The box's y that puts the drawing's middle at ``y``: flat things hang low in their box."""
    return y - (1 - kind.height) * scale


def _standing(base: float, scale: float) -> float:
    """The box's y that puts the drawing's foot at ``base``."""
    return base - scale


def _base(kind: Kind, hy: float, horizon: float | None, scale: float) -> float | None:
    """Where a thing's foot is in a scene; None when it hangs in the air."""
    if horizon is None or horizon >= hy:
        return None
    if kind.where == "sky":
        return None
    if kind.where == "water":
        return horizon + 0.42 * (hy - horizon) + 0.3 * scale
    return horizon + 0.62 * (hy - horizon)


def _single(
    picture: Picture, thing: Thing, hx: float, hy: float, horizon: float | None, rng: random.Random
) -> list[Placed]:
    kind = _kind(thing)
    if thing.count > 1:
        return _many(thing, hx, hy, horizon, rng)
    usual = 0.62 if horizon is None else 0.5 * (0.8 + 0.2 * kind.size)
    scale = _fit(kind, {"small": 0.30, "big": 0.86 if horizon is None else 0.72}.get(thing.size or "", usual))
    scale *= 1 + _jitter(rng, 0.04)
    x, y = _jitter(rng, 0.06) * hx, _jitter(rng, 0.05)
    base = _base(kind, hy, horizon, scale)
    if picture.place is not None and picture.place != "middle":
        if thing.size != "big":
            scale = min(scale, _fit(kind, 0.40))
        reach = scale * max(kind.width, kind.height)
        dx = ("right" in picture.place) - ("left" in picture.place)
        dy = ("bottom" in picture.place) - ("top" in picture.place)
        x, y = dx * (hx - reach - 0.08) + _jitter(rng, 0.02), dy * (hy - reach - 0.08) + _jitter(rng, 0.02)
        if dy == 0 and base is not None:
            return [_placed(thing, _colour(thing, rng), x, _standing(base, scale), scale)]
        return [_placed(thing, _colour(thing, rng), x, _middle(kind, y, scale), scale)]
    if base is not None and picture.place is None:
        top = base - 2 * kind.height * scale
        if top < -hy + 0.05:
            base += -hy + 0.05 - top
        return [_placed(thing, _colour(thing, rng), x, _standing(min(base, hy - 0.04), scale), scale)]
    if horizon is not None and horizon < hy and kind.where == "sky":
        y -= 0.38
        scale *= 0.8
    return [_placed(thing, _colour(thing, rng), x, _middle(kind, y, scale), scale)]


def grid(count: int, hx: float, hy: float) -> tuple[list[int], float]:
    """Rows of a group and half the side of a cell, so that the cells are as large as they can be."""
    best: tuple[list[int], float] = ([], 0.0)
    for rows in range(1, count + 1):
        columns = math.ceil(count / rows)
        cell = min(hx / columns, hy / rows)
        if cell > best[1] + 1e-6:
            filled = [columns] * (count // columns) + ([count % columns] if count % columns else [])
            best = (filled, cell)
    return best


def _many(thing: Thing, hx: float, hy: float, horizon: float | None, rng: random.Random) -> list[Placed]:
    kind = _kind(thing)
    colour = _colour(thing, rng)
    size = {"small": 0.62, "big": 1.0}.get(thing.size or "", 0.84)
    if horizon is not None and horizon < hy and kind.where != "sky":
        return _crowd(thing, colour, size, hx, hy, horizon, rng)
    rows, cell = grid(thing.count, hx * 0.98, hy * 0.98)
    scale = _fit(kind, cell * size)
    found = []
    for r, columns in enumerate(rows):
        y = (2 * r + 1 - len(rows)) * cell
        for c in range(columns):
            x = (2 * c + 1 - columns) * cell + _jitter(rng, 0.025)
            found.append(_placed(thing, colour, x, _middle(kind, y + _jitter(rng, 0.02), scale), scale))
    return found


def _crowd(
    thing: Thing, colour: RGB, size: float, hx: float, hy: float, horizon: float, rng: random.Random
) -> list[Placed]:
    """Several of a kind on the ground: one row, or two of which the front one does not hide the back one."""
    kind = _kind(thing)
    land = hy - horizon
    if thing.count <= 3 or hx >= 1.4:
        rows, cell, feet = [thing.count], min(hx / thing.count, 0.46), [horizon + 0.62 * land]
    else:
        rows, cell = [thing.count // 2, thing.count - thing.count // 2], 0.3
        feet = [horizon + 0.36 * land, horizon + 0.9 * land]
    scale = _fit(kind, cell * size)
    if len(rows) == 2:
        scale = min(scale, 0.47 * land / (2 * kind.height))
    found = []
    for columns, foot in zip(rows, feet, strict=True):
        for c in range(columns):
            x = (2 * c + 1 - columns) * min(cell * 1.1, hx * 0.98 / columns) + _jitter(rng, 0.02)
            found.append(_placed(thing, colour, x, _standing(foot + _jitter(rng, 0.01), scale), scale))
    return found


def _row(things: tuple[Thing, ...], hx: float, hy: float, horizon: float | None, rng: random.Random) -> list[Placed]:
    """Different things (or small groups of them) side by side."""
    total = len(things)
    found = []
    for i, thing in enumerate(things):
        kind = _kind(thing)
        cell = hx / total
        x0 = (2 * i + 1 - total) * cell
        colour = _colour(thing, rng)
        factor = {"small": 0.5, "big": 1.0}.get(thing.size or "", 0.84 * (0.75 + 0.25 * min(kind.size, 1.0)))
        if thing.count == 1:
            scale = _fit(kind, min(cell, 0.62) * factor)
            base = _base(kind, hy, horizon, scale)
            if base is not None:
                y = _standing(base + _jitter(rng, 0.02), scale)
            elif horizon is not None and horizon < hy:
                y = _middle(kind, -0.4 + _jitter(rng, 0.04), scale)
            else:
                y = _middle(kind, _jitter(rng, 0.05), scale)
            found.append(_placed(thing, colour, x0 + _jitter(rng, 0.03), y, scale))
            continue
        rows, small = grid(thing.count, cell, min(hy, 1.6 * cell))
        lower = 0.1 if horizon is not None and kind.where != "sky" else 0.0
        scale = _fit(kind, small * min(factor * 1.05, 0.9))
        for r, columns in enumerate(rows):
            for c in range(columns):
                x = x0 + (2 * c + 1 - columns) * small
                y = (2 * r + 1 - len(rows)) * small * 1.02 + lower
                found.append(_placed(thing, colour, x, _middle(kind, y, scale), scale))
    return found


def _related(picture: Picture, hy: float, horizon: float | None, rng: random.Random) -> list[Placed]:
    first, second = picture.things
    a, b = _kind(first), _kind(second)
    colour_a, colour_b = _colour(first, rng), _colour(second, rng)
    x = _jitter(rng, 0.06)
    foot = 0.86 * hy if horizon is None or horizon >= hy else min(horizon + 0.74 * (hy - horizon), hy - 0.06)
    relation = picture.relation

    def sized(thing: Thing, scale: float) -> float:
        return _fit(_kind(thing), scale * {"small": 0.72, "big": 1.18}.get(thing.size or "", 1.0))

    if relation == "in front of":
        first, second, a, b, colour_a, colour_b = second, first, b, a, colour_b, colour_a
        relation = "behind"
    if relation == "behind":
        side = rng.choice((-1, 1))
        s_a, s_b = sized(first, 0.52), sized(second, 0.42)
        back = _placed(first, colour_a, x + side * 0.24, _standing(foot - 0.24, s_a), s_a)
        return [back, _placed(second, colour_b, x - side * 0.26, _standing(foot, s_b), s_b)]
    if relation == "under" and second.kind in OVERHANG:
        s_a, s_b = sized(first, 0.28), sized(second, 0.78)
        return [
            _placed(second, colour_b, x, _standing(foot, s_b), s_b),
            _placed(first, colour_a, x + _jitter(rng, 0.03), _standing(foot + 0.03, s_a), s_a),
        ]
    if relation in ("above", "below", "under"):
        up, down = (first, second) if relation == "above" else (second, first)
        c_up, c_down = (colour_a, colour_b) if relation == "above" else (colour_b, colour_a)
        s_up, s_down = sized(up, 0.38), sized(down, 0.38)
        return [
            _placed(up, c_up, x + _jitter(rng, 0.05), _middle(_kind(up), -0.5 * min(hy, 1.2), s_up), s_up),
            _placed(down, c_down, x + _jitter(rng, 0.05), _middle(_kind(down), 0.5 * min(hy, 1.2), s_down), s_down),
        ]
    if relation == "on":
        s_a, s_b = sized(first, 0.34), sized(second, 0.46)
        y_b = _standing(foot, s_b)
        top = y_b + (b.top if b.top is not None else 1 - 2 * b.height) * s_b
        return [
            _placed(second, colour_b, x, y_b, s_b),
            _placed(first, colour_a, x + _jitter(rng, 0.04), _standing(top + 0.02, s_a), s_a),
        ]
    s_a = sized(first, 0.66 if relation == "holding" else 0.62)
    y_a = _standing(foot, s_a)
    if relation == "wearing":
        s_b = sized(second, 0.27)
        # Down over the ears a little; the snowman's hat hides the one that it has anyway.
        head = y_a + (1 - 2 * a.height + (0.36 if first.kind == "snowman" else 0.16)) * s_a
        return [_placed(first, colour_a, x, y_a, s_a), _placed(second, colour_b, x, _standing(head, s_b), s_b)]
    s_b = sized(second, 0.27)
    hand_x, hand_y = a.hand or (0.7, 0.2)
    holder = _placed(first, colour_a, -0.12 + x, y_a, s_a)
    held_y = y_a + hand_y * s_a
    return [holder, _placed(second, colour_b, -0.12 + x + hand_x * s_a, _middle(b, held_y, s_b), s_b)]
