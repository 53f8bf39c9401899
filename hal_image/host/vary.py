"""``--vary``: what is varied and over which values, and the grid of pictures that comes of it."""

from __future__ import annotations

import argparse
import itertools
import math
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from hal_image.errors import JsonObject, UsageError
from hal_image.host import argument_values as values
from hal_image.request import MAX_CFG, MAX_GUIDANCE, MAX_SEED, MAX_STEPS, SAMPLERS, SCHEDULERS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Cell = dict[str, Any]
    """What one picture of a grid has of each key."""

MAX_PICTURES = 1000
"""Of one grid; as many as ``--count`` takes."""

KEYS: dict[str, Callable[[str], Any]] = {
    "seed": values.integer(0, MAX_SEED),
    "steps": values.integer(1, MAX_STEPS),
    "cfg": values.number(0, MAX_CFG),
    "guidance": values.number(0, MAX_GUIDANCE),
    "sampler": values.OneOf(SAMPLERS),
    "scheduler": values.OneOf(SCHEDULERS),
    "model": str,
    "size": values.size,
}
"""What can be varied, and what reads a value of it, as its option does."""
NUMBERS = ("seed", "steps", "cfg", "guidance")
"""Keys that have ranges."""
RANGE = re.compile(r"(\d+(?:\.\d+)?)\.\.(\d+(?:\.\d+)?)(?::(\d+(?:\.\d+)?))?")
SEEDS = re.compile(r"[x*](\d{1,6})")


class Axis(NamedTuple):
    """One ``--vary``.

    Attributes:
        key: of ``KEYS``.
        values: in the order in which they were given.
        seeds: of ``seed=xN`` the number N; the values are found when the first seed is known.
    """

    key: str
    values: tuple[Any, ...]
    seeds: int = 0

    @property
    def pictures(self) -> int:
        """How many it makes of one."""
        return self.seeds or len(self.values)

    def to_json(self) -> JsonObject:
        """As it is told."""
        return {"key": self.key, "values": [plain(value) for value in self.values]}


class Grid(NamedTuple):
    """Every combination of some values. The first axis makes the columns, all others together the rows, of which the
    last axis changes fastest.
    """

    axes: tuple[Axis, ...]

    @property
    def pictures(self) -> int:
        """How many pictures."""
        return math.prod(axis.pictures for axis in self.axes)

    def cells(self) -> list[Cell]:
        """What each picture has, row by row."""
        first, *others = self.axes
        rows = itertools.product(*(axis.values for axis in others))
        keys = [axis.key for axis in others]
        return [{first.key: value, **dict(zip(keys, row, strict=True))} for row in rows for value in first.values]

    def with_first_seed(self, seed: int) -> Grid:
        """With the values of ``seed=xN``: N seeds that count up from ``seed``."""
        return Grid(
            tuple(
                axis._replace(values=tuple((seed + step) % (MAX_SEED + 1) for step in range(axis.seeds)))
                if axis.seeds
                else axis
                for axis in self.axes
            )
        )

    def to_json(self) -> JsonObject:
        """As it is told."""
        return {"axes": [axis.to_json() for axis in self.axes]}

    def described(self) -> list[str]:
        """The same for people."""
        values = (f"{axis.key}: {', '.join(shown(value) for value in axis.values)}" for axis in self.axes)
        return [f"{self.pictures} pictures", *values]

    def labels(self) -> tuple[list[str], list[str]]:
        """What stands above each column and left of each row; the latter empty where there is one axis."""
        first, *others = self.axes
        columns = [labelled(first.key, value) for value in first.values]
        if not others:
            return columns, []
        rows = itertools.product(*([labelled(axis.key, value) for value in axis.values] for axis in others))
        return columns, [", ".join(row) for row in rows]


def plain(value: Any) -> Any:
    """A value as JSON has it: a size is written as on a command line."""
    return "x".join(str(side) for side in value) if isinstance(value, tuple) else value


def shown(value: Any) -> str:
    """A value as people read it: 7 for 7.0."""
    return f"{value:g}" if isinstance(value, float) else str(plain(value))


def labelled(key: str, value: Any) -> str:
    """A value with its name, except where it speaks for itself."""
    return shown(value) if key in {"model", "sampler", "scheduler", "size"} else f"{key} {shown(value)}"


def axis(text: str) -> Axis:
    """``KEY=V1,V2,…``, an argparse ``type``. Of numbers, ``4..12:4`` is 4, 8, 12; ``seed=x3`` three seeds in a row."""
    key, equals, given = text.partition("=")
    if key not in KEYS:
        raise _bad(f"{key[:40]!r} cannot be varied; write KEY=V1,V2 with one of {', '.join(KEYS)}")
    if not equals or not given:
        raise _bad(f"{key} has no values; write for example {key}={_example(key)}")
    counted = SEEDS.fullmatch(given) if key == "seed" else None
    if counted:
        if not 1 <= int(counted[1]) <= MAX_PICTURES:
            raise _bad(f"{given!r} is out of range; give x1 to x{MAX_PICTURES}")
        return Axis(key, (), int(counted[1]))
    found = list(itertools.islice(_values(key, given), MAX_PICTURES + 1))
    if len(found) > MAX_PICTURES:
        raise _bad(f"{key} has more than {MAX_PICTURES} values; give fewer")
    for value in found:
        if found.count(value) > 1:
            raise _bad(f"{key} has {shown(value)} twice; give it once")
    return Axis(key, tuple(found))


def _values(key: str, given: str) -> Iterator[Any]:
    for part in given.split(","):
        match = RANGE.fullmatch(part)
        if ".." in part and key in NUMBERS:
            if match is None:
                raise _bad(f"{part!r} is no range; write for example 4..12 or 4..12:4")
            yield from (_value(key, text) for text in _range(part, *match.groups()))
        else:
            yield _value(key, part)


def _value(key: str, text: str) -> Any:
    try:
        return KEYS[key](text)
    except argparse.ArgumentTypeError as error:
        raise _bad(f"{key}: {error}") from None


def _range(part: str, low: str, high: str, step: str | None) -> Iterator[str]:
    """The numbers of a range as texts, with no more digits than were typed: 0.1 three times is 0.3."""
    from decimal import Decimal  # noqa: PLC0415 - only for ranges

    value, last, by = Decimal(low), Decimal(high), Decimal(step or 1)
    if not by or last < value:
        raise _bad(f"{part!r} is no range; write the smaller number first, and a step above 0")
    while value <= last:
        yield format(value, "f")
        value += by


def _example(key: str) -> str:
    examples = {"seed": "1..4", "steps": "10,20", "sampler": "euler,dpmpp_2m", "scheduler": "normal,karras"}
    return {**examples, "model": "sd15,sdxl", "size": "512,768x512"}.get(key, "4..8:2")


def _bad(message: str) -> argparse.ArgumentTypeError:
    return argparse.ArgumentTypeError(message)


def grid_of(options: argparse.Namespace) -> Grid:
    """The grid that a call with ``--vary`` asks for.

    Args:
        options: as they were typed.

    Raises:
        UsageError: ``vary_conflict``, ``vary_too_many``.
    """
    grid = Grid(tuple(options.vary))
    keys = [one.key for one in grid.axes]
    for one in grid.axes:
        if keys.count(one.key) > 1:
            raise UsageError(
                f"--vary {one.key} is given twice", code="vary_conflict", hint="give all of its values to one --vary"
            )
        others = ("width", "height", "size") if one.key == "size" else (one.key,)
        for other in others:
            if getattr(options, other) is not None and not one.seeds:  # --seed is the first of seed=xN
                raise UsageError(
                    f"--{other} and --vary {one.key} exclude each other", code="vary_conflict", hint="give one of them"
                )
    if options.count != 1:
        raise UsageError(
            "--count and --vary exclude each other",
            code="vary_conflict",
            hint=f"--vary seed=x{options.count} makes as many of each",
        )
    if grid.pictures > MAX_PICTURES:
        raise UsageError(
            f"--vary asks for {grid.pictures} pictures, more than {MAX_PICTURES}",
            code="vary_too_many",
            hint="give fewer values",
        )
    return grid
