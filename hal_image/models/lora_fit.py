"""How much of a LoRA fits a model, judged by the headers of their files, before anything is loaded. Pure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hal_image.models.lora_keys import Layers
    from hal_image.models.safetensors_header import Tensor

_HALVES = (
    (".lora_up.weight", ".lora_down.weight"),
    ("_lora.up.weight", "_lora.down.weight"),
    (".lora_B.weight", ".lora_A.weight"),
    (".lora.up.weight", ".lora.down.weight"),
    (".lora_linear_layer.up.weight", ".lora_linear_layer.down.weight"),
    (".lora_B.default.weight", ".lora_A.default.weight"),
    (".lora_B", ".lora_A"),
)
"""How the two halves of an ordinary LoRA end (``comfy/weight_adapter/lora.py``)."""
_BESIDE = (".alpha", ".dora_scale", ".lora_mid.weight", ".reshape_weight")
_WHOLE = (
    ".hada_w1_a", ".hada_w1_b", ".hada_w2_a", ".hada_w2_b", ".hada_t1", ".hada_t2",
    ".lokr_w1", ".lokr_w2", ".lokr_w1_a", ".lokr_w1_b", ".lokr_w2_a", ".lokr_w2_b", ".lokr_t2",
    ".a1.weight", ".a2.weight", ".b1.weight", ".b2.weight", ".oft_blocks", ".rescale",
    ".w_norm", ".b_norm", ".diff_b", ".diff", ".set_weight",
)  # fmt: skip
"""Ends of the other kinds of adapters, whose shapes are left to ComfyUI."""

_BFL_MARKS = ("img_in.lora_A.weight", "single_blocks.0.norm.key_norm.scale")
_USO_MARKS = ("single_blocks.37.processor.qkv_lora.up.weight", "double_blocks.18.processor.qkv_lora2.up.weight")
_USO_NAMES = (
    (".down.weight", ".lora_down.weight"),
    (".up.weight", ".lora_up.weight"),
    (".qkv_lora2.", ".txt_attn.qkv."),
    (".qkv_lora1.", ".img_attn.qkv."),
    (".proj_lora1.", ".img_attn.proj."),
    (".proj_lora2.", ".txt_attn.proj."),
    (".qkv_lora.", ".linear1_qkv."),
    (".proj_lora.", ".linear2."),
    (".processor.", "."),
)
"""What ``comfy/lora_convert.py`` renames in the LoRAs of two publishers, in its order."""


class Fit(NamedTuple):
    """How much of a LoRA fits.

    Attributes:
        fitting: changes that have a layer of their size.
        others: names of those that have not.
    """

    fitting: int
    others: tuple[str, ...]

    @property
    def total(self) -> int:
        """All changes."""
        return self.fitting + len(self.others)


def fit(lora: Mapping[str, Tensor], layers: Layers) -> Fit:
    """Holds the changes of a LoRA against the layers of a model."""
    fitting = 0
    others = []
    for name, ends in _changes(_converted(lora)).items():
        size = layers.get(name)
        if size is not None and _has_size(ends, size):
            fitting += 1
        else:
            others.append(name)
    return Fit(fitting, tuple(others))


def _converted(lora: Mapping[str, Tensor]) -> dict[str, Tensor]:
    if all(mark in lora for mark in _BFL_MARKS):
        renamed = {
            name.replace(".lora_B.bias", ".diff_b").replace("_norm.scale", "_norm.scale.set_weight"): tensor
            for name, tensor in lora.items()
        }
        first = "img_in.reshape_weight"  # it takes a wider picture
        return {f"diffusion_model.{name}": tensor for name, tensor in {**renamed, first: lora[_BFL_MARKS[0]]}.items()}
    if all(mark in lora for mark in _USO_MARKS):
        found = {}
        for name, tensor in lora.items():
            for old, new in _USO_NAMES:
                name = name.replace(old, new)  # noqa: PLW2901 - one after the other
            found[f"diffusion_model.{name}"] = tensor
        return found
    return dict(lora)


def _changes(lora: Mapping[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    """By name of the layer: the tensors of a change by their ends. A tensor that is none has its own name."""
    found: dict[str, dict[str, Tensor]] = {}
    for name, tensor in lora.items():
        ends = (*(end for pair in _HALVES for end in pair), *_WHOLE)
        end = next((end for end in ends if name.endswith(end)), None)
        if end is not None:
            found.setdefault(name.removesuffix(end), {})[end] = tensor
        elif not name.endswith(_BESIDE):
            found[name] = {"": tensor}
    for name, tensor in lora.items():
        for end in _BESIDE:
            if name.endswith(end) and name.removesuffix(end) in found:
                found[name.removesuffix(end)][end] = tensor
    return found


def _has_size(ends: Mapping[str, Tensor], size: int) -> bool:
    """Whether an ordinary change makes as many numbers as the layer has, as ComfyUI would multiply them."""
    if "" in ends:
        return False
    for up_end, down_end in _HALVES:
        up, down = ends.get(up_end), ends.get(down_end)
        if up is None or down is None:
            continue
        if ".reshape_weight" in ends:
            return True
        middle = ends.get(".lora_mid.weight")
        columns = math.prod(down.shape[1:]) * (1 if middle is None else math.prod(middle.shape[2:]))
        return math.prod(up.shape[1:]) == down.shape[0] and up.shape[0] * columns == size
    return not any(end in ends for pair in _HALVES for end in pair)
