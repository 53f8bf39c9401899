"""The transformers of FLUX.1 and Stable Diffusion 3.5 Medium in full.

Names and widths as in ``comfy/ldm/flux/model.py`` and ``comfy/ldm/modules/diffusionmodules/mmdit.py`` of ComfyUI
v0.3.75.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.synthetic.blocks import Weights

FLUX_WIDTH = 3072
FLUX_DOUBLE, FLUX_SINGLE = 19, 38
LATENT = 16
PATCH = 4 * LATENT
SD35_WIDTH, SD35_DEPTH = 1536, 24
SD35_TWICE = 13
"""Blocks, from the first on, in which the picture looks at itself a second time."""
SD35_POSITIONS = 384 * 384


def flux(weights: Weights, prefix: str, *, guidance: bool) -> None:
    """FLUX.1-dev, or without ``guidance`` FLUX.1-schnell."""
    width = FLUX_WIDTH
    weights.linear(f"{prefix}img_in", PATCH, width)
    weights.linear(f"{prefix}txt_in", 4096, width)
    for name, inside in (("time_in", 256), ("vector_in", 768), *([("guidance_in", 256)] if guidance else [])):
        weights.linear(f"{prefix}{name}.in_layer", inside, width)
        weights.linear(f"{prefix}{name}.out_layer", width, width)
    for index in range(FLUX_DOUBLE):
        for stream in ("img", "txt"):
            name = f"{prefix}double_blocks.{index}.{stream}"
            weights.linear(f"{name}_mod.lin", width, 6 * width)
            weights.linear(f"{name}_attn.qkv", width, 3 * width)
            weights.linear(f"{name}_attn.proj", width, width)
            weights.linear(f"{name}_mlp.0", width, 4 * width)
            weights.linear(f"{name}_mlp.2", 4 * width, width)
            _norms(weights, f"{name}_attn.norm")
    for index in range(FLUX_SINGLE):
        name = f"{prefix}single_blocks.{index}"
        weights.linear(f"{name}.modulation.lin", width, 3 * width)
        weights.linear(f"{name}.linear1", width, 7 * width)
        weights.linear(f"{name}.linear2", 5 * width, width)
        _norms(weights, f"{name}.norm")
    weights.linear(f"{prefix}final_layer.adaLN_modulation.1", width, 2 * width)
    weights.linear(f"{prefix}final_layer.linear", width, PATCH)


def sd35_medium(weights: Weights, prefix: str) -> None:
    """The transformer of Stable Diffusion 3.5 Medium."""
    width = SD35_WIDTH
    weights.add(f"{prefix}pos_embed", 1, SD35_POSITIONS, width, std=0.5)
    weights.conv(f"{prefix}x_embedder.proj", LATENT, width, 2)
    weights.linear(f"{prefix}context_embedder", 4096, width)
    for name, inside in (("t_embedder", 256), ("y_embedder", 2048)):
        weights.linear(f"{prefix}{name}.mlp.0", inside, width)
        weights.linear(f"{prefix}{name}.mlp.2", width, width)
    for index in range(SD35_DEPTH):
        block = f"{prefix}joint_blocks.{index}"
        last = index == SD35_DEPTH - 1
        _joint_half(weights, f"{block}.context_block", 2 if last else 6, attention_only=last)
        twice = index < SD35_TWICE
        _joint_half(weights, f"{block}.x_block", 9 if twice else 6, attention_only=False)
        if twice:
            _joint_attention(weights, f"{block}.x_block.attn2", attention_only=False)
    weights.linear(f"{prefix}final_layer.adaLN_modulation.1", width, 2 * width)
    weights.linear(f"{prefix}final_layer.linear", width, PATCH)


def _joint_half(weights: Weights, name: str, modulations: int, *, attention_only: bool) -> None:
    weights.linear(f"{name}.adaLN_modulation.1", SD35_WIDTH, modulations * SD35_WIDTH)
    _joint_attention(weights, f"{name}.attn", attention_only=attention_only)
    if not attention_only:
        weights.linear(f"{name}.mlp.fc1", SD35_WIDTH, 4 * SD35_WIDTH)
        weights.linear(f"{name}.mlp.fc2", 4 * SD35_WIDTH, SD35_WIDTH)


def _joint_attention(weights: Weights, name: str, *, attention_only: bool) -> None:
    weights.linear(f"{name}.qkv", SD35_WIDTH, 3 * SD35_WIDTH)
    for norm in ("ln_q", "ln_k"):
        weights.add(f"{name}.{norm}.weight", 64, value=1.0)
    if not attention_only:
        weights.linear(f"{name}.proj", SD35_WIDTH, SD35_WIDTH)


def _norms(weights: Weights, name: str) -> None:
    for norm in ("query_norm", "key_norm"):
        weights.add(f"{name}.{norm}.scale", 128, value=1.0)
