"""A stand-in for a model that comes inside the package: as small, packed, and loaded by real ComfyUI, but untrained."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import yaml

from hal_image.models.registry import default_registry_path
from tests.synthetic.packing import reference, write_packed
from tests.synthetic.sd3 import sd3_tensors

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from tests.synthetic.sparse import Tensor

NAME = "doodle"
DRAWN = ("red", "blue", "cat", "cats", "cube", "dog", "ice cream", "polar bear")
FILLER = ("a", "an", "and", "it", "of", "on", "the")
_TOKENS = 12288
"""Rows of the token embedding that have values: the more common words come first."""
_TOKEN_COLUMNS = 64
_EDGES = (49406, 49407)
"""The tokens that begin and end every prompt."""
_UNIFORM_STD = 73.9
"""Standard deviation of whole numbers from -128 to 127, all as likely."""


class StandIn(NamedTuple):
    """What was written.

    Attributes:
        folder: the one that takes the place of ``hal_image/models/bundled``.
        bytes: size of the checkpoint that the model is laid out as.
        sha256: its digest.
    """

    folder: Path
    bytes: int
    sha256: str


def write_stand_in(folder: Path) -> StandIn:
    """Write the model ``doodle`` into ``folder``: weights, words, card."""
    arrays: dict[str, NDArray[Any]] = {}
    plan = [_planned(key, tensor, arrays) for key, tensor in sd3_tensors("F16").items()]
    write_packed(folder / NAME / "weights.safetensors", arrays, plan)
    words = {"schema_version": 1, "drawn": DRAWN, "filler": FILLER}
    (folder / NAME / "words.json").write_text(json.dumps(words), encoding="utf-8")
    (folder / NAME / "MODEL_CARD.md").write_text("# A stand-in\n", encoding="utf-8")
    whole = reference(arrays, plan)
    return StandIn(folder, len(whole), hashlib.sha256(whole).hexdigest())


def _planned(key: str, tensor: Tensor, arrays: dict[str, NDArray[Any]]) -> dict[str, Any]:
    """The plan's entry for a tensor; its values, if it has any, go to ``arrays``."""
    entry: dict[str, Any] = {"key": key, "dtype": tensor.dtype, "shape": list(tensor.shape), "parts": []}
    if not tensor.std:
        return {**entry, "fill": tensor.value}
    first, end = tensor.rows or (0, tensor.shape[0])
    rows, columns = end - first, int(np.prod(tensor.shape[1:]))
    part: dict[str, Any] = {"from": key, "row": first}
    if key.endswith("token_embedding.weight"):
        rows, columns = _TOKENS, _TOKEN_COLUMNS
        part = {"from": key, "pick": [*range(rows), 0, 1], "at": [*range(rows), *_EDGES]}
    # random_raw: numpy promises a bit generator's stream for ever, but not what Generator's methods make of it.
    source = np.random.PCG64(int.from_bytes(hashlib.sha256(key.encode()).digest(), "little"))
    raw = source.random_raw(-(-rows * columns // 8)).astype("<u8", copy=False).view(np.int8)
    arrays[key] = raw[: rows * columns].reshape(rows, columns)
    arrays[f"{key}.scale"] = np.full(rows, tensor.std / _UNIFORM_STD, np.float32)
    return {**entry, "parts": [part]}


def registry_with(**file: str | int) -> str:
    """The text of a registry file, to be merged over ours, in which the file of ``doodle`` has other values."""
    ours = yaml.safe_load(default_registry_path().read_text(encoding="utf-8"))
    doodle = ours["models"][NAME]
    doodle["files"][0].update(file)
    return json.dumps({"models": {NAME: doodle}})
