"""A LoRA for the synthetic Stable Diffusion 1.5, in the format that kohya's trainer writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.synthetic.sparse import Tensor, write_safetensors

if TYPE_CHECKING:
    from pathlib import Path

_ATTENTION = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_"
_RANK = 4


def write_lora(path: Path, *, fit: int = 3, misshapen: int = 0, unknown: int = 0) -> None:
    """Changes to the attention of the U-Net.

    Args:
        path: the file.
        fit: how many of query, key and value are changed as they should be.
        misshapen: of the others, how many have the shape of another model's.
        unknown: how many changes are for layers that the model does not have.

    Raises:
        OSError: the file cannot be written.
    """
    tensors: dict[str, Tensor] = {}

    def change(name: str, width: int) -> None:
        tensors[f"{name}.lora_up.weight"] = Tensor((width, _RANK), std=0.5)
        tensors[f"{name}.lora_down.weight"] = Tensor((_RANK, width), std=0.5)
        tensors[f"{name}.alpha"] = Tensor((), value=float(_RANK))

    layers = ("q", "k", "v")
    for layer in layers[:fit]:
        change(_ATTENTION + layer, 320)
    for layer in layers[fit : fit + misshapen]:
        change(_ATTENTION + layer, 640)
    for number in range(unknown):
        change(f"lora_unet_elsewhere_{number}", 320)
    write_safetensors(path, tensors, seed="lora")
