"""Tells LoRAs, ControlNets and upscalers from the names and shapes of their tensors, and for which family they are.

The names are those that ComfyUI v0.3.75 loads (``comfy/lora.py``, ``comfy/lora_convert.py``, ``comfy/controlnet.py``)
and, for upscalers, those of the networks that its library spandrel knows. What is not recognised may be one all the
same: that much ComfyUI sees itself.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hal_image.models.safetensors_header import Tensor
    from hal_image.models.types import ExtraKind

CONTEXT_WIDTHS = {768: "sd15", 1024: "sd2", 2048: "sdxl"}
"""How wide the prompt is that a U-Net's cross-attention takes, and whose that is."""
_TRANSFORMER_WIDTHS = {3072: "flux", 1536: "sd3", 2432: "sd3"}
"""How wide the published transformers are, whose blocks are called the same in diffusers."""

_LORA = re.compile(
    r"(^|[._])lora[_.\d]|^lycoris_|\.(hada_w[12]|lokr_w[12]|oft_|boft_|dora_scale)|\.[ab][12]\.weight$|\.diff(_b)?$"
)
"""In a name of every kind of adapter that ComfyUI has (``comfy/weight_adapter``), and nowhere else."""
_TO_CROSS_KEY = re.compile(r"attn2[._](processor[._])?to_k")
_INPUT_SIDE = (".lora_down.weight", ".lora_A.weight", ".lora_A.default.weight", ".lora.down.weight",
               "_lora.down.weight", ".down", ".lora_linear_layer.down.weight", ".hada_w1_b", ".diff")  # fmt: skip
"""Ends of tensors whose last axis is as wide as what the layer takes."""

_CONTROL_MARKS = (
    "lora_controlnet",
    "zero_convs.0.0.weight",
    "control_model.zero_convs.0.0.weight",
    "controlnet_cond_embedding.conv_in.weight",
    "controlnet_blocks.0.weight",
    "controlnet_blocks.0.linear.weight",
)
_T2I_MARKS = ("body.0.in_conv.weight", "body.0.block2.weight", "adapter.body.0.resnets.0.block1.weight")
"""Of a T2I adapter, which ComfyUI loads as a ControlNet."""
_T2I_INPUTS = ("body.0.in_conv.weight", "conv_in.weight", "adapter.conv_in.weight")
_T2I_SDXL_INPUTS = {256, 768}

_CONTROL_WORDS = {
    "canny": "canny", "depth": "depth", "midas": "depth", "zoe": "depth", "openpose": "pose", "pose": "pose",
    "dwpose": "pose", "scribble": "scribble", "softedge": "softedge", "hed": "softedge", "pidi": "softedge",
    "lineart": "lineart", "mlsd": "mlsd", "normal": "normal", "normalbae": "normal", "seg": "seg", "tile": "tile",
    "inpaint": "inpaint", "shuffle": "shuffle", "blur": "blur", "qrcode": "qrcode", "sketch": "sketch",
}  # fmt: skip
"""Words in file names of published ControlNets, and what their pictures show."""


def kind_of(tensors: Mapping[str, Tensor]) -> ExtraKind | None:
    """What a file is; ``None`` when it is none of these, as far as can be told."""
    if any(mark in tensors for mark in (*_CONTROL_MARKS, *_T2I_MARKS)):
        return "controlnet"
    if any(_LORA.search(name) for name in tensors):
        return "lora"
    return "upscaler" if _is_upscaler(tensors) else None


def family_of(kind: ExtraKind, tensors: Mapping[str, Tensor]) -> str | None:
    """The family of models that it goes with, a key of ``contents.FAMILY_NAMES``; ``None`` when that is not known."""
    if kind == "lora":
        return _family_of_lora(tensors)
    return _family_of_controlnet(tensors) if kind == "controlnet" else None


def control_of(file_name: str) -> str | None:
    """What the pictures of a ControlNet show, as far as its file's name says."""
    words = re.split(r"[^a-z]+", file_name.lower())
    return next((_CONTROL_WORDS[word] for word in words if word in _CONTROL_WORDS), None)


def _family_of_lora(tensors: Mapping[str, Tensor]) -> str | None:
    names = tuple(tensors)
    if _has(names, "single_transformer_blocks", "double_blocks", "single_blocks"):
        return "flux"
    if _has(names, "joint_blocks"):
        return "sd3"
    crossing = (name for name in names if _TO_CROSS_KEY.search(name) and name.endswith(_INPUT_SIDE))
    width = next((tensors[name].shape[-1] for name in crossing if tensors[name].shape), 0)
    if width:
        return CONTEXT_WIDTHS.get(width)
    if _has(names, "lora_te2_text_model", "text_encoder_2.", "transformer_blocks_1_", "transformer_blocks.1.attn1"):
        return "sdxl"  # the others have one block in each of these places
    if _has(names, "transformer.transformer_blocks", "transformer_transformer_blocks"):
        widths = (tensors[name].shape[-1] for name in names if name.endswith(_INPUT_SIDE) and tensors[name].shape)
        return next((_TRANSFORMER_WIDTHS[width] for width in widths if width in _TRANSFORMER_WIDTHS), None)
    first = (name for name in names if name.startswith("lora_te_text_model") and name.endswith(_INPUT_SIDE))
    width = next((tensors[name].shape[-1] for name in first if "self_attn" in name and tensors[name].shape), 0)
    return CONTEXT_WIDTHS.get(width) if width != 2048 else None


def _family_of_controlnet(tensors: Mapping[str, Tensor]) -> str | None:
    if "pos_embed_input.proj.weight" in tensors:
        return "sd3"
    if _has(tensors, "double_blocks.", "single_transformer_blocks.") or "controlnet_x_embedder.weight" in tensors:
        return None if "transformer_blocks.0.img_mlp.net.0.proj.weight" in tensors else "flux"  # that one is Qwen's
    crossing = (tensor for name, tensor in tensors.items() if _TO_CROSS_KEY.search(name) and name.endswith("t"))
    width = next((tensor.shape[-1] for tensor in crossing if tensor.shape), 0)
    if not width and "lora_controlnet" in tensors:
        ends = (tensor for name, tensor in tensors.items() if _TO_CROSS_KEY.search(name) and name.endswith(".down"))
        width = next((tensor.shape[-1] for tensor in ends if tensor.shape), 0)
    if width:
        return CONTEXT_WIDTHS.get(width)
    inputs = next((tensors[name].shape[1] for name in _T2I_INPUTS if name in tensors), 0)
    if not inputs:
        return None
    return "sdxl" if inputs in _T2I_SDXL_INPUTS else "sd15"


def _is_upscaler(tensors: Mapping[str, Tensor]) -> bool:
    """Whether the first layer takes pictures and gives features, and one of the kinds of body follows."""
    for first, body in (
        ("model.0.weight", "model.1.sub."),  # ESRGAN as it was first published
        ("conv_first.weight", ""),  # Real-ESRGAN, SwinIR, HAT, DAT and their like
        ("body.0.weight", "body.2.weight"),  # Real-ESRGAN's compact one
    ):
        tensor = tensors.get(first)
        if tensor is not None and len(tensor.shape) == 4 and tensor.shape[1] in {1, 3, 12, 48} and _has(tensors, body):
            return True
    return False


def _has(names: Iterable[str], *parts: str) -> bool:
    return any(part in name for name in names for part in parts)
