"""A T5-XXL text encoder that is all holes: 4.8 billion zeros between the word vectors and the last norm.

ComfyUI always builds the full model (24 layers, 4096 wide), so its time on a CPU and its memory cannot be had for
less. E5M2 is the 8-bit format that PyTorch widens fastest; one byte a weight keeps it in 5 GB.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.synthetic.blocks import Weights
    from tests.synthetic.sparse import DType

DTYPE: DType = "F8_E5M2"
_WIDTH = 4096
_ATTENTION = 64 * 64
_FEED_FORWARD = 10240
_VOCABULARY = 32128
_KNOWN = 8192
"""Words that have a vector of their own. The vocabulary is sorted by frequency, so every real prompt has some of them;
the rest, and the padding token 0, are zero, which makes the file 100 MB smaller."""


def t5xxl(weights: Weights, prefix: str) -> None:
    """T5-XXL's encoder under transformers' names. ``weights.dtype`` should be ``DTYPE``."""
    weights.add(f"{prefix}shared.weight", _VOCABULARY, _WIDTH, std=1.0, rows=(1, _KNOWN))
    for index in range(24):
        block = f"{prefix}encoder.block.{index}"
        for matrix in "qkv":
            weights.add(f"{block}.layer.0.SelfAttention.{matrix}.weight", _ATTENTION, _WIDTH)
        weights.add(f"{block}.layer.0.SelfAttention.o.weight", _WIDTH, _ATTENTION)
        weights.add(f"{block}.layer.1.DenseReluDense.wi_0.weight", _FEED_FORWARD, _WIDTH)
        weights.add(f"{block}.layer.1.DenseReluDense.wi_1.weight", _FEED_FORWARD, _WIDTH)
        weights.add(f"{block}.layer.1.DenseReluDense.wo.weight", _WIDTH, _FEED_FORWARD)
        weights.add(f"{block}.layer.0.layer_norm.weight", _WIDTH, value=1.0)
        weights.add(f"{block}.layer.1.layer_norm.weight", _WIDTH, value=1.0)
    weights.add(f"{prefix}encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight", 32, 64)
    weights.add(f"{prefix}encoder.final_layer_norm.weight", _WIDTH, value=1.0)
