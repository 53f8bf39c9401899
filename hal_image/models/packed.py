"""Models in their packed form, and what is written from it: an ordinary checkpoint, mostly of bytes that take no room.

A packed model is a safetensors file. Its metadata has ``format``, ``hal-packed-1``, and ``plan``, JSON that lists every
tensor of the checkpoint in the order of the file, and which packed matrices are put where in it:

.. code-block:: json

    {"tensors": [{"key": "a.weight", "dtype": "F16", "shape": [4, 6], "fill": 0,
                  "parts": [{"from": "X", "row": 0, "column": 0, "pick": [0, 2], "at": [3, 1]}]}]}

Every tensor is seen as a matrix: ``[r, …]`` as r rows, what has one dimension or none as one row. A part puts all rows
of a packed matrix at ``row`` and ``column`` (both 0 when left out); with ``pick`` and ``at``, row ``pick[i]`` at row
``at[i]``. Parts must not overlap. The rest of the tensor is ``fill``, and zeros are not written at all.

A packed matrix is ``F16``, ``F32``, or ``I8`` with a sibling ``NAME.scale`` (``F32``, one a row): its values are
``scale * q``, computed exactly and rounded once, to nearest, ties to even. What needs no converting keeps its bits.
docs/reference/bundled-models.md tells the rest.
"""

from __future__ import annotations

import json
import math
import struct
from itertools import combinations
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from hal_image.errors import ModelError
from hal_image.models.bundled_models import damaged
from hal_image.models.safetensors_header import read_header

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from hal_image.models.safetensors_header import Header

FORMAT = "hal-packed-1"
BLOCK_BYTES = 1 << 20
"""About how much is converted at a time."""

_ITEM_BYTES = {"F16": 2, "F32": 4}
_CODES = {"F16": "e", "F32": "f"}
"""struct's codes of the number formats."""
_MAGNITUDES = tuple(map(float, range(128)))  # floats, since Python multiplies two of them quickest
_FLIP_SIGN = bytes(value ^ 0x80 for value in range(256))


class Run(NamedTuple):
    """Rows that follow on each other in the packed matrix and in the tensor alike."""

    source: int
    target: int
    rows: int


class Part(NamedTuple):
    """A packed matrix and where it goes: ``begin`` and ``scales`` are offsets in the packed file."""

    name: str
    dtype: str
    columns: int
    begin: int
    scales: int
    column: int
    runs: tuple[Run, ...]


class Target(NamedTuple):
    """One tensor of the checkpoint, as a matrix; ``begin`` is its offset in the file, ``fill`` one element."""

    key: str
    dtype: Literal["F16", "F32"]
    rows: int
    columns: int
    begin: int
    fill: bytes
    parts: tuple[Part, ...] = ()

    @property
    def size(self) -> int:
        """Bytes."""
        return self.rows * self.columns * len(self.fill)


class Layout(NamedTuple):
    """The checkpoint: its header as it is written, its size in bytes, and its tensors in their order."""

    header: bytes
    size: int
    targets: tuple[Target, ...]


def read_layout(path: Path) -> Layout:
    """What a packed model is laid out as.

    Raises:
        ModelError: ``bundled_model_damaged``.
    """
    try:
        header = read_header(path)
    except ModelError as error:
        unreadable = f"it cannot be read: {getattr(error.__cause__, 'strerror', None) or 'it is no file'}"
        raise damaged(path, str(error.details.get("found", unreadable))) from error
    if header.metadata.get("format") != FORMAT:
        raise damaged(path, f"not in the format {FORMAT}")
    try:
        return _layout(header, json.loads(header.metadata["plan"]))
    except _Wrong as error:
        raise damaged(path, str(error)) from error
    except (ValueError, TypeError, KeyError, AttributeError, struct.error, OverflowError) as error:
        raise damaged(path, f"its plan makes no sense ({type(error).__name__}: {error})") from error


def pieces(path: Path, layout: Layout) -> Iterator[tuple[int, bytes | memoryview]]:
    """What is to be written of the checkpoint, each piece with its offset; what is left out is zero.

    Args:
        path: the packed model.
        layout: what ``read_layout`` said of it.

    Raises:
        ModelError: ``bundled_model_damaged`` when a value does not fit its number format.
        OSError: it cannot be read.
    """
    packed = memoryview(path.read_bytes())
    yield 0, layout.header
    try:
        for target in layout.targets:
            yield from _filled(target)
            for part in target.parts:
                yield from _placed(target, part, packed)
    except _Wrong as error:
        raise damaged(path, str(error)) from error


# -- the plan ---------------------------------------------------------------------------------------------------------


class _Wrong(Exception):
    """What is wrong with a plan, in words."""


def _layout(header: Header, plan: Any) -> Layout:
    data = header.file_bytes - max(tensor.end for tensor in header.tensors.values())
    entries: dict[str, Any] = {}
    targets: list[Target] = []
    position = 0
    for tensor in plan["tensors"]:
        target = _target(header, data, tensor, position)
        if target.key in entries:
            raise _Wrong(f"its plan has {target.key!r} twice")
        position += target.size
        offsets = [target.begin, position]
        entries[target.key] = {"dtype": target.dtype, "shape": tensor["shape"], "data_offsets": offsets}
        targets.append(target)
    text = json.dumps(entries, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    begin = 8 + len(text)
    moved = tuple(target._replace(begin=begin + target.begin) for target in targets)
    return Layout(len(text).to_bytes(8, "little") + text, begin + position, moved)


def _target(header: Header, data: int, tensor: dict[str, Any], begin: int) -> Target:
    key, dtype, shape = tensor["key"], tensor["dtype"], tensor["shape"]
    if type(key) is not str or key == "__metadata__" or dtype not in _ITEM_BYTES:
        raise _Wrong(f"its plan has a tensor {key!r} of the type {dtype!r}")
    if type(shape) is not list or any(type(side) is not int or side < 0 for side in shape):
        raise _Wrong(f"its plan gives {key!r} the shape {shape!r}")
    fill = struct.pack(f"<{_CODES[dtype]}", tensor.get("fill", 0))
    target = Target(key, dtype, *_matrix(shape), begin, fill)
    parts = tuple(_part(header, data, part, target) for part in tensor["parts"])
    for one, other in combinations(parts, 2):
        if _overlap(one, other):
            raise _Wrong(f"its plan puts {one.name!r} and {other.name!r} at one place in {key!r}")
    return target._replace(parts=parts)


def _part(header: Header, data: int, part: dict[str, Any], target: Target) -> Part:
    name, key = part["from"], target.key
    if (source := header.tensors.get(name)) is None:
        raise _Wrong(f"its plan wants {name!r} for {key!r}, which is not there")
    rows, columns = _matrix(source.shape)
    scales = 0
    if source.dtype == "I8":
        scale = header.tensors.get(f"{name}.scale")
        if scale is None or scale.dtype != "F32" or math.prod(scale.shape) != rows:
            raise _Wrong(f"{name!r} has no scale for each of its rows")
        scales = data + scale.begin
    elif (source.dtype, target.dtype) not in {("F16", "F16"), ("F32", "F32"), ("F16", "F32")}:
        raise _Wrong(f"its plan makes {target.dtype} of {name!r}, which is {source.dtype}")
    row, column, pick, at = part.get("row", 0), part.get("column", 0), part.get("pick", []), part.get("at", [])
    picks = "pick" in part or "at" in part
    if {*map(type, (row, column, *pick, *at))} != {int} or (row and picks) or not len(pick) == len(at) == len({*at}):
        raise _Wrong(f"its plan names the places of {name!r} in {key!r} wrongly")
    runs = _runs(pick, at) if picks else (Run(0, row, rows),)
    for run in runs:
        inside = 0 <= run.source <= rows - run.rows and 0 <= run.target <= target.rows - run.rows
        if not inside or not 0 <= column <= target.columns - columns:
            raise _Wrong(f"its plan puts {name!r} beyond the edge of {key!r}, or takes rows that it does not have")
    return Part(name, source.dtype, columns, data + source.begin, scales, column, runs)


def _matrix(shape: Sequence[int]) -> tuple[int, int]:
    """Rows and columns of a shape."""
    return (shape[0], math.prod(shape[1:])) if len(shape) > 1 else (1, math.prod(shape))


def _runs(pick: Sequence[int], at: Sequence[int]) -> tuple[Run, ...]:
    runs: list[Run] = []
    for source, target in zip(pick, at, strict=True):
        last = runs[-1] if runs else Run(-1, -1, 0)
        if (source, target) == (last.source + last.rows, last.target + last.rows) and last.rows:
            runs[-1] = last._replace(rows=last.rows + 1)
        else:
            runs.append(Run(source, target, 1))
    return tuple(runs)


def _overlap(one: Part, other: Part) -> bool:
    if one.column >= other.column + other.columns or other.column >= one.column + one.columns:
        return False
    rows = {row for run in one.runs for row in range(run.target, run.target + run.rows)}
    return any(not rows.isdisjoint(range(run.target, run.target + run.rows)) for run in other.runs)


# -- the numbers ------------------------------------------------------------------------------------------------------


def _filled(target: Target) -> Iterator[tuple[int, memoryview]]:
    if target.fill.strip(b"\0"):
        block = memoryview(target.fill * (BLOCK_BYTES // len(target.fill)))
        for begin in range(0, target.size, len(block)):
            yield target.begin + begin, block[: target.size - begin]


def _placed(target: Target, part: Part, packed: memoryview) -> Iterator[tuple[int, memoryview]]:
    item = _ITEM_BYTES[target.dtype]
    width, stride = part.columns * item, target.columns * item
    at_once = max(1, BLOCK_BYTES // max(1, width))
    for run in part.runs:
        for first in range(0, run.rows, at_once):
            rows = min(at_once, run.rows - first)
            data = memoryview(_converted(part, packed, run.source + first, rows, target.dtype))
            begin = target.begin + (run.target + first) * stride + part.column * item
            if width == stride:
                yield begin, data
            else:
                for row in range(rows):
                    yield begin + row * stride, data[row * width : (row + 1) * width]


def _converted(part: Part, packed: memoryview, first: int, rows: int, dtype: str) -> bytes | bytearray | memoryview:
    """``rows`` rows of a packed matrix from ``first``, as ``dtype``."""
    item = _ITEM_BYTES.get(part.dtype, 1)
    begin = part.begin + first * part.columns * item
    raw = packed[begin : begin + rows * part.columns * item]
    if part.dtype == dtype:
        return raw
    if part.dtype == "F16":
        count = rows * part.columns
        return struct.pack(f"<{count}f", *struct.unpack(f"<{count}e", raw))
    scales = struct.unpack(f"<{rows}f", packed[part.scales + first * 4 : part.scales + (first + rows) * 4])
    try:
        return _scaled(bytes(raw), scales, part.columns, dtype)
    except (OverflowError, struct.error) as error:
        raise _Wrong(f"a value of {part.name!r} is too large for {dtype}") from error


def _scaled(values: bytes, scales: Sequence[float], columns: int, dtype: str) -> bytearray:
    """8-bit rows times their scales. A row is looked up byte by byte in tables of its own, which Python does in C.

    Raises:
        OverflowError, struct.error: a product does not fit.
    """
    if not all(map(math.isfinite, scales)):
        raise OverflowError("a scale is not a number")
    item = _ITEM_BYTES[dtype]
    pack = struct.Struct(f"<{len(_MAGNITUDES) + 1}{_CODES[dtype]}").pack
    planes: list[list[bytes]] = [[] for _ in range(item)]
    for index, scale in enumerate(scales):
        row = values[index * columns : (index + 1) * columns]
        # -128 is no value that a packer would use, but if it stands there it counts
        magnitudes = pack(*[scale * value for value in _MAGNITUDES], scale * 128 if b"\x80" in row else 0.0)
        for byte in range(item):
            plane = magnitudes[byte::item]
            negative = plane[:0:-1]
            if byte == item - 1:
                negative = negative.translate(_FLIP_SIGN)
            planes[byte].append(row.translate(plane[:128] + negative))
    result = bytearray(len(values) * item)
    for byte in range(item):
        result[byte::item] = b"".join(planes[byte])
    return result
