"""LoRAs for the synthetic checkpoints, in the format that kohya's trainer writes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tests.synthetic.sparse import Tensor, write_safetensors

if TYPE_CHECKING:
    from pathlib import Path

    from hal_image.models.types import Family

_RANK = 4


class _Layer(NamedTuple):
    """A layer that a LoRA changes: its name, and how wide what it gives and takes is."""

    name: str
    gives: int
    takes: int


_SD15 = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_"
_SDXL = "lora_unet_input_blocks_3_1_transformer_blocks_0_"
_SD3 = "lora_unet_joint_blocks_0_x_block_"
_FLUX = "lora_unet_double_blocks_0_"
_LAYERS: dict[Family, tuple[_Layer, ...]] = {
    "sd15": tuple(_Layer(f"{_SD15}attn1_to_{part}", 320, 320) for part in "qkv"),
    "sdxl": tuple(_Layer(f"{_SDXL}attn1_to_{part}", 320, 320) for part in "qkv"),
    "sd3": (
        _Layer(f"{_SD3}attn_qkv", 384, 128),
        _Layer(f"{_SD3}attn_proj", 128, 128),
        _Layer(f"{_SD3}mlp_fc1", 512, 128),
    ),
    "flux": (
        _Layer(f"{_FLUX}txt_attn_qkv", 9216, 3072),
        _Layer(f"{_FLUX}img_attn_proj", 3072, 3072),
        _Layer(f"{_FLUX}txt_attn_proj", 3072, 3072),
    ),
}
_CROSSING: dict[Family, _Layer] = {
    "sd15": _Layer(f"{_SD15}attn2_to_k", 320, 768),
    "sdxl": _Layer(f"{_SDXL}attn2_to_k", 320, 2048),
}
_TEXT: dict[Family, str] = {"sd15": "lora_te_", "sdxl": "lora_te1_", "sd3": "lora_te1_", "flux": "lora_te1_"}


def write_lora(
    path: Path,
    *,
    family: Family = "sd15",
    fit: int = 3,
    misshapen: int = 0,
    unknown: int = 0,
    prompt: bool = False,
    text: bool = False,
    seed: str = "lora",
) -> None:
    """Changes to the network that draws.

    Args:
        path: the file.
        family: of the checkpoint that it is for.
        fit: how many of three layers are changed as they should be.
        misshapen: of the others, how many have the shape of another model's.
        unknown: how many changes are for layers that the model does not have.
        prompt: whether a layer is changed, too, that takes the prompt: its width tells sd15 from sdxl.
        text: whether the first text encoder is changed, too.
        seed: another one gives other changes.

    Raises:
        OSError: the file cannot be written.
    """
    tensors: dict[str, Tensor] = {}

    def change(layer: _Layer, times: int = 1) -> None:
        tensors[f"{layer.name}.lora_up.weight"] = Tensor((layer.gives * times, _RANK), std=0.5)
        tensors[f"{layer.name}.lora_down.weight"] = Tensor((_RANK, layer.takes * times), std=0.5)
        tensors[f"{layer.name}.alpha"] = Tensor((), value=float(_RANK))

    layers = _LAYERS[family]
    for layer in layers[:fit]:
        change(layer)
    for layer in layers[fit : fit + misshapen]:
        change(layer, 2)
    for number in range(unknown):
        change(_Layer(f"lora_unet_elsewhere_{number}", 320, 320))
    if prompt and family in _CROSSING:
        change(_CROSSING[family])
    if text:
        change(_Layer(f"{_TEXT[family]}text_model_encoder_layers_0_self_attn_v_proj", 768, 768))
    path.parent.mkdir(parents=True, exist_ok=True)
    write_safetensors(path, tensors, seed=seed)
