"""A Stable Diffusion 3 checkpoint with two joint blocks, 128 channels and CLIP-L as its only text encoder.

ComfyUI reads the depth from the first layer, 64 channels a block. Two is the least that has both kinds of block: the
last one drops the prompt's half after attention. Text encoders that are not in the file are zeros to ComfyUI, so a T5
with its half minute a prompt is not needed. Nor is ``pos_embed``: without it the positions are sines and cosines.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.synthetic.autoencoder import taesd
from tests.synthetic.blocks import Weights
from tests.synthetic.clip import clip_l
from tests.synthetic.sparse import write_safetensors

if TYPE_CHECKING:
    from pathlib import Path

    from tests.synthetic.sparse import DType, Tensor

_SEED = "sd3"
_DEPTH = 2
_HEAD = 64
_WIDTH = _DEPTH * _HEAD
_CONTEXT = 4096
"""T5's width; CLIP-L fills the first 768 of it."""
_POOLED = 2048
"""CLIP-L's 768 and CLIP-G's 1280 side by side."""
_LATENT_CHANNELS = 16


def write_sd3(path: Path) -> None:
    """Transformer, CLIP-L and autoencoder in one file, for ``CheckpointLoaderSimple``.

    Raises:
        OSError: the file cannot be written.
    """
    write_safetensors(path, sd3_tensors("F8_E4M3"), seed=_SEED, metadata={"modelspec.title": "synthetic sd3"})


def sd3_tensors(text_dtype: DType) -> dict[str, Tensor]:
    """The tensors of such a checkpoint, those of the text encoder in the number format ``text_dtype``."""
    half = Weights("F16")
    _transformer(half, "model.diffusion_model.")
    taesd(half, "first_stage_model.", latent_channels=_LATENT_CHANNELS, scale=1.5305, shift=0.0609)
    text = Weights(text_dtype)
    clip_l(text, "text_encoders.clip_l.transformer.text_model.")
    return half.tensors | text.tensors


def _transformer(weights: Weights, prefix: str) -> None:
    weights.conv(f"{prefix}x_embedder.proj", _LATENT_CHANNELS, _WIDTH, 2)
    weights.linear(f"{prefix}context_embedder", _CONTEXT, _WIDTH)
    for name, width in (("t_embedder", 256), ("y_embedder", _POOLED)):
        weights.linear(f"{prefix}{name}.mlp.0", width, _WIDTH)
        weights.linear(f"{prefix}{name}.mlp.2", _WIDTH, _WIDTH)
    for index in range(_DEPTH):
        block = f"{prefix}joint_blocks.{index}"
        _block_half(weights, f"{block}.context_block", attention_only=index == _DEPTH - 1)
        _block_half(weights, f"{block}.x_block", attention_only=False)
    weights.linear(f"{prefix}final_layer.adaLN_modulation.1", _WIDTH, 2 * _WIDTH)
    weights.linear(f"{prefix}final_layer.linear", _WIDTH, _LATENT_CHANNELS * 4)  # a patch is 2x2 latent pixels


def _block_half(weights: Weights, name: str, *, attention_only: bool) -> None:
    """The picture's or the prompt's half of a joint block; ``attention_only`` leaves out what comes after."""
    # Shift and scale before attention; then its gate, and shift, scale and gate of the feed-forward part.
    weights.linear(f"{name}.adaLN_modulation.1", _WIDTH, (2 if attention_only else 6) * _WIDTH)
    weights.linear(f"{name}.attn.qkv", _WIDTH, 3 * _WIDTH)
    for norm in ("ln_q", "ln_k"):
        weights.add(f"{name}.attn.{norm}.weight", _HEAD, value=1.0)
    if not attention_only:
        weights.linear(f"{name}.attn.proj", _WIDTH, _WIDTH)
        weights.linear(f"{name}.mlp.fc1", _WIDTH, 4 * _WIDTH)
        weights.linear(f"{name}.mlp.fc2", 4 * _WIDTH, _WIDTH)
