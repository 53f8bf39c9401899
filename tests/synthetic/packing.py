"""Packed models as ``hal_image/models/packed.py`` reads them: a writer, and the same checkpoint made by numpy."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    Arrays = dict[str, NDArray[Any]]
    Plan = Sequence[dict[str, Any]]

NAMES = {"int8": "I8", "float16": "F16", "float32": "F32"}
TYPES = {"F16": np.float16, "F32": np.float32}


def write_packed(path: Path, arrays: Arrays, plan: Plan, /, **metadata: str) -> None:
    """Write a packed model; ``metadata`` goes over what belongs into it."""
    texts = {"format": "hal-packed-1", "plan": json.dumps({"tensors": list(plan)}), **metadata}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(safetensors({name: (array, array.shape) for name, array in arrays.items()}, texts))


def reference(arrays: Arrays, plan: Plan) -> bytes:
    """The checkpoint that the plan describes."""
    result: dict[str, tuple[NDArray[Any], tuple[int, ...]]] = {}
    for tensor in plan:
        shape: tuple[int, ...] = tuple(tensor["shape"])
        dtype = TYPES[tensor["dtype"]]
        matrix = np.full(_matrix(shape), tensor.get("fill", 0), dtype)
        for part in tensor["parts"]:
            source: NDArray[Any] = arrays[part["from"]]
            source = source.reshape(_matrix(source.shape))
            if source.dtype == np.int8:
                scales = arrays[f"{part['from']}.scale"].astype(np.float64).reshape(-1, 1)
                source = scales * source
            pick = part.get("pick", range(len(source)))
            at = part.get("at", range(part.get("row", 0), part.get("row", 0) + len(source)))
            column = part.get("column", 0)
            matrix[list(at), column : column + source.shape[1]] = source[list(pick)].astype(dtype)
        result[tensor["key"]] = (matrix, shape)
    return safetensors(result, {})


def safetensors(tensors: Mapping[str, tuple[NDArray[Any], tuple[int, ...]]], metadata: Mapping[str, str]) -> bytes:
    """A whole safetensors file, its tensors in the order in which they are given."""
    header: dict[str, Any] = {"__metadata__": dict(metadata)} if metadata else {}
    position = 0
    for name, (array, shape) in tensors.items():
        end = position + array.nbytes
        header[name] = {"dtype": NAMES[array.dtype.name], "shape": list(shape), "data_offsets": [position, end]}
        position = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + b"".join(array.tobytes() for array, _ in tensors.values())


def quantised(values: NDArray[np.floating[Any]]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """8-bit rows and their scales, so that each row's largest value becomes 127."""
    scale = np.maximum(np.abs(values).max(axis=1) / 127, 1e-12).astype(np.float32)
    return np.rint(values / scale[:, None]).astype(np.int8), scale


def _matrix(shape: Sequence[int]) -> tuple[int, int]:
    """Rows and columns."""
    return (shape[0], math.prod(shape[1:])) if len(shape) > 1 else (1, math.prod(shape))
