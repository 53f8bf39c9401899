"""CLIP-L, CLIP-G and T5-XXL in full. Widths and depths as ComfyUI v0.3.75 builds them (``comfy/text_encoders``)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from tests.synthetic.clip import LENGTH, VOCABULARY

if TYPE_CHECKING:
    from tests.synthetic.blocks import Weights

T5_WIDTH = 4096
T5_INNER = 10240
T5_LAYERS = 24
T5_VOCABULARY = 32128


def clip(weights: Weights, prefix: str, width: int, layers: int, *, projection: bool) -> None:
    """CLIP's text model under transformers' names, ``projection`` for its last layer, which CLIP-G has."""
    model = f"{prefix}text_model"
    weights.add(f"{model}.embeddings.token_embedding.weight", VOCABULARY, width, std=0.02)
    weights.add(f"{model}.embeddings.position_embedding.weight", LENGTH, width, std=0.01)
    for index in range(layers):
        layer = f"{model}.encoder.layers.{index}"
        for part in ("q", "k", "v", "out"):
            weights.linear(f"{layer}.self_attn.{part}_proj", width, width)
        weights.norm(f"{layer}.layer_norm1", width)
        weights.norm(f"{layer}.layer_norm2", width)
        weights.linear(f"{layer}.mlp.fc1", width, 4 * width)
        weights.linear(f"{layer}.mlp.fc2", 4 * width, width)
    weights.norm(f"{model}.final_layer_norm", width)
    if projection:
        weights.linear(f"{prefix}text_projection", width, width, bias=False)


def clip_g_original(weights: Weights, prefix: str) -> None:
    """CLIP-G's text model under OpenCLIP's names, as it is in SDXL's file."""
    width = 1280
    weights.add(f"{prefix}token_embedding.weight", VOCABULARY, width, std=0.02)
    weights.add(f"{prefix}positional_embedding", LENGTH, width, std=0.01)
    weights.add(f"{prefix}text_projection", width, width, std=1 / math.sqrt(width))
    for index in range(32):
        layer = f"{prefix}transformer.resblocks.{index}"
        weights.norm(f"{layer}.ln_1", width)
        weights.norm(f"{layer}.ln_2", width)
        weights.add(f"{layer}.attn.in_proj_weight", 3 * width, width, std=1 / math.sqrt(width))
        weights.add(f"{layer}.attn.in_proj_bias", 3 * width)
        weights.linear(f"{layer}.attn.out_proj", width, width)
        weights.linear(f"{layer}.mlp.c_fc", width, 4 * width)
        weights.linear(f"{layer}.mlp.c_proj", 4 * width, width)
    weights.norm(f"{prefix}ln_final", width)


def t5xxl(weights: Weights, prefix: str) -> None:
    """T5-XXL's encoder under transformers' names."""
    weights.add(f"{prefix}shared.weight", T5_VOCABULARY, T5_WIDTH, std=1.0)
    for index in range(T5_LAYERS):
        layer = f"{prefix}encoder.block.{index}.layer"
        for matrix in "qkvo":
            weights.linear(f"{layer}.0.SelfAttention.{matrix}", T5_WIDTH, T5_WIDTH, bias=False)
        weights.linear(f"{layer}.1.DenseReluDense.wi_0", T5_WIDTH, T5_INNER, bias=False)
        weights.linear(f"{layer}.1.DenseReluDense.wi_1", T5_WIDTH, T5_INNER, bias=False)
        weights.linear(f"{layer}.1.DenseReluDense.wo", T5_INNER, T5_WIDTH, bias=False)
        for number in range(2):
            weights.add(f"{layer}.{number}.layer_norm.weight", T5_WIDTH, value=1.0)
    bias = "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight"
    weights.add(f"{prefix}{bias}", 32, 64, std=0.1)
    weights.add(f"{prefix}encoder.final_layer_norm.weight", T5_WIDTH, value=1.0)
