"""A safetensors writer for made-up weights: deterministic values, zeros as holes in the file, no torch.

File format: https://github.com/huggingface/safetensors#format — a little-endian u64 with the header's length, a JSON
header padded with spaces, then the tensors back to back without gaps. A tensor of zeros is never written: the file is
only made longer, and the file system keeps a hole there, which reads as zeros and takes no space.
"""

from __future__ import annotations

import hashlib
import json
import math
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

DType = Literal["I64", "F32", "F16", "F8_E4M3", "F8_E5M2"]

_FORMATS: Mapping[DType, str] = {"I64": "<i8", "F32": "<f4", "F16": "<f2", "F8_E4M3": "u1", "F8_E5M2": "u1"}
"""How numpy writes a value of each; it has no 8-bit floats, so these are written as their bit patterns."""
_LEVELS = 256
"""Distinct values of a normal tensor: one random byte picks each weight, which is what makes writing fast."""
_CHUNK = 1 << 22
"""Values made at a time, so that memory stays small however large a tensor is."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor to write.

    Attributes:
        shape: empty for a scalar.
        dtype: safetensors' name of the number format.
        value: what every element is, when ``std`` is 0.
        std: standard deviation of normally distributed elements with mean ``value``.
        rows: only the rows from the first number up to the second get values, the others stay zero; ``None`` means all.
    """

    shape: tuple[int, ...]
    dtype: DType = "F16"
    value: float = 0.0
    std: float = 0.0
    rows: tuple[int, int] | None = None

    @property
    def item_bytes(self) -> int:
        """Bytes of one element."""
        return np.dtype(_FORMATS[self.dtype]).itemsize

    @property
    def bytes(self) -> int:
        """Bytes of the whole tensor."""
        return math.prod(self.shape) * self.item_bytes

    @property
    def filled(self) -> range:
        """The elements, counted in row-major order, that are not zero."""
        if self.value == 0.0 and self.std == 0.0:
            return range(0)
        if self.rows is None:
            return range(math.prod(self.shape))
        row = math.prod(self.shape[1:])
        return range(self.rows[0] * row, self.rows[1] * row)


def write_safetensors(
    path: Path, tensors: Mapping[str, Tensor], *, seed: str, metadata: Mapping[str, str] | None = None
) -> None:
    """Write ``tensors`` to ``path``, which appears only when it is complete.

    The same ``seed``, names and shapes give the same bytes everywhere: each tensor has its own generator, seeded with
    sha256 of ``seed:name``, so adding a tensor changes no other.

    Raises:
        OSError: the file cannot be written.
    """
    # Wider numbers first keeps every tensor aligned; zeros last within a width makes few, large holes.
    order = sorted(tensors, key=lambda name: (-tensors[name].item_bytes, not tensors[name].filled))
    header: dict[str, object] = {"__metadata__": {"format": "pt", **(metadata or {})}}
    offsets: dict[str, int] = {}
    end = 0
    for name in order:
        tensor = tensors[name]
        offsets[name], end = end, end + tensor.bytes
        header[name] = {"dtype": tensor.dtype, "shape": list(tensor.shape), "data_offsets": [offsets[name], end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    data = 8 + len(text)

    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        part = Path(file.name)
        try:
            file.write(len(text).to_bytes(8, "little") + text)
            file.truncate(data + end)
            for name in order:
                tensor = tensors[name]
                if tensor.filled:
                    file.seek(data + offsets[name] + tensor.filled.start * tensor.item_bytes)
                    for chunk in _values(tensor, f"{seed}:{name}"):
                        file.write(chunk.data)
        except BaseException:
            part.unlink()
            raise
    part.chmod(0o644)
    part.replace(path)


def _values(tensor: Tensor, seed: str) -> Iterator[NDArray[np.generic]]:
    """The filled part of ``tensor`` in pieces, each ready to be written."""
    if tensor.std:
        normal = NormalDist(tensor.value, tensor.std)
        table = _encode(np.array([normal.inv_cdf((i + 0.5) / _LEVELS) for i in range(_LEVELS)]), tensor.dtype)
    else:
        table = np.repeat(_encode(np.array([tensor.value]), tensor.dtype), _LEVELS)
    # random_raw: numpy promises a bit generator's stream for ever, but not what Generator's methods make of it.
    source = np.random.PCG64(int.from_bytes(hashlib.sha256(seed.encode()).digest(), "little"))
    left = len(tensor.filled)
    while left:
        count = min(left, _CHUNK)
        picks = source.random_raw(-(-count // 8)).astype("<u8", copy=False).view(np.uint8)[:count]
        yield table[picks]
        left -= count


def _encode(values: NDArray[np.float64], dtype: DType) -> NDArray[np.generic]:
    """``values`` rounded to the nearest numbers that ``dtype`` has."""
    if dtype == "F8_E4M3":
        return _float8(values, mantissa_bits=3, largest=0x7E)
    if dtype == "F8_E5M2":
        return _float8(values, mantissa_bits=2, largest=0x7B)
    return values.astype(_FORMATS[dtype])


def _float8(values: NDArray[np.float64], *, mantissa_bits: int, largest: int) -> NDArray[np.uint8]:
    """Bit patterns in one of the formats of "FP8 Formats for Deep Learning" (arXiv 2209.05433).

    Sign, exponent, mantissa, with IEEE's subnormals and bias; ``largest`` is the pattern of the largest finite number.
    """
    bias = 2 ** (6 - mantissa_bits) - 1
    exponent, mantissa = np.divmod(np.arange(largest + 1), 2**mantissa_bits)
    mantissa = mantissa / 2**mantissa_bits
    numbers = np.where(exponent == 0, mantissa * 2.0 ** (1 - bias), (1 + mantissa) * 2.0 ** (exponent - bias))
    distance = np.abs(np.abs(values)[:, None] - numbers[None, :])
    nearest: NDArray[np.uint8] = distance.argmin(axis=1).astype(np.uint8)
    nearest[values < 0] |= 0x80
    return nearest
