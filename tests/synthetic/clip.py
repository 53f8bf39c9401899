"""CLIP text encoders with almost nothing inside: all layers but the first are holes.

A hole passes its input on, so a prompt's row is its token's and its position's random vector, plus, from the first
layer, an average of all tokens before it. That is enough for every token and its place to matter, also in the pooled
vector that is read at the prompt's end.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.synthetic.blocks import Weights

VOCABULARY = 49408
"""Tokens of CLIP's tokenizer."""
LENGTH = 77
"""Tokens that CLIP reads at a time."""
_POSITION_STD = 0.3
_AVERAGE_GAIN = 3.0


def clip_l(weights: Weights, prefix: str) -> None:
    """CLIP ViT-L's text model under transformers' names: 12 layers, 768 wide."""
    width = 768
    weights.add(f"{prefix}embeddings.token_embedding.weight", VOCABULARY, width, std=1.0)
    weights.add(f"{prefix}embeddings.position_embedding.weight", LENGTH, width, std=_POSITION_STD)
    for index in range(12):
        layer = f"{prefix}encoder.layers.{index}"
        used = 1.0 if index == 0 else 0.0
        weights.norm(f"{layer}.layer_norm1", width)
        weights.norm(f"{layer}.layer_norm2", width)
        weights.linear(f"{layer}.self_attn.q_proj", width, width, gain=0)
        weights.linear(f"{layer}.self_attn.k_proj", width, width, gain=0)
        weights.linear(f"{layer}.self_attn.v_proj", width, width, gain=_AVERAGE_GAIN * used)
        weights.linear(f"{layer}.self_attn.out_proj", width, width, gain=used)
        weights.linear(f"{layer}.mlp.fc1", width, width * 4, gain=0)
        weights.linear(f"{layer}.mlp.fc2", width * 4, width, gain=0)
    weights.norm(f"{prefix}final_layer_norm", width)


def clip_g(weights: Weights, prefix: str) -> None:
    """OpenCLIP ViT-bigG's text model under OpenCLIP's names: 32 layers, 1280 wide."""
    width = 1280
    weights.add(f"{prefix}token_embedding.weight", VOCABULARY, width, std=1.0)
    weights.add(f"{prefix}positional_embedding", LENGTH, width, std=_POSITION_STD)
    for index in range(32):
        layer = f"{prefix}transformer.resblocks.{index}"
        used = 1.0 if index == 0 else 0.0
        weights.norm(f"{layer}.ln_1", width)
        weights.norm(f"{layer}.ln_2", width)
        weights.linear(f"{layer}.mlp.c_fc", width, width * 4, gain=0)
        weights.linear(f"{layer}.mlp.c_proj", width * 4, width, gain=0)
        # Query, key and value are stacked; as in clip_l, only the values are used.
        weights.add(
            f"{layer}.attn.in_proj_weight",
            *(width * 3, width),
            std=_AVERAGE_GAIN * used / math.sqrt(width),
            rows=(width * 2, width * 3),
        )
        weights.add(f"{layer}.attn.in_proj_bias", width * 3)
        weights.linear(f"{layer}.attn.out_proj", width, width, gain=used)
    weights.norm(f"{prefix}ln_final", width)
    weights.add(f"{prefix}text_projection", width, width, std=1 / math.sqrt(width))
