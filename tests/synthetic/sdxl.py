"""An SDXL checkpoint with thin channels: three resolutions, all 320 channels wide.

ComfyUI knows the family by the width of the prompt and by the list of transformer depths. The smallest list it knows
is KOALA-700M's [0, 2, 5], a pruned SDXL without a middle block; it loads and runs as any other SDXL.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.synthetic.autoencoder import taesd
from tests.synthetic.blocks import Weights, res_block, spatial_transformer
from tests.synthetic.clip import clip_g, clip_l
from tests.synthetic.sparse import write_safetensors

if TYPE_CHECKING:
    from pathlib import Path

_SEED = "sdxl"
_CHANNELS = 320
_CONTEXT = 2048
"""CLIP-L's 768 and CLIP-G's 1280 side by side."""
_SIZES = 2816
"""CLIP-G's pooled 1280 and six sizes (original, crop, target) as 256 numbers each."""


def write_sdxl(path: Path) -> None:
    """U-Net, CLIP-L, CLIP-G and autoencoder in one file, for ``CheckpointLoaderSimple``.

    Raises:
        OSError: the file cannot be written.
    """
    half = Weights("F16")
    _unet(half, "model.diffusion_model.")
    taesd(half, "first_stage_model.", latent_channels=4, scale=0.13025, shift=0.0)
    text = Weights("F8_E4M3")
    clip_l(text, "conditioner.embedders.0.transformer.text_model.")
    clip_g(text, "conditioner.embedders.1.model.")
    write_safetensors(path, half.tensors | text.tensors, seed=_SEED, metadata={"modelspec.title": "synthetic sdxl"})


def _unet(weights: Weights, prefix: str) -> None:
    unet_input(weights, prefix)
    for block in range(6):
        res_block(weights, f"{prefix}output_blocks.{block}.0", 2 * _CHANNELS, _CHANNELS, _CHANNELS * 4)
    for block in (1, 3):
        weights.conv(f"{prefix}output_blocks.{block}.1.conv", _CHANNELS, _CHANNELS)
    weights.norm(f"{prefix}out.0", _CHANNELS)
    weights.conv(f"{prefix}out.2", _CHANNELS, 4)


def unet_input(weights: Weights, prefix: str) -> None:
    """The half of the U-Net that a ControlNet has, too."""
    embedding = _CHANNELS * 4
    for name, width in (("time_embed", _CHANNELS), ("label_emb.0", _SIZES)):
        weights.linear(f"{prefix}{name}.0", width, embedding)
        weights.linear(f"{prefix}{name}.2", embedding, embedding)
    weights.conv(f"{prefix}input_blocks.0.0", 4, _CHANNELS)
    for block, depth in ((1, 0), (3, 2), (5, 5)):
        res_block(weights, f"{prefix}input_blocks.{block}.0", _CHANNELS, _CHANNELS, embedding)
        if depth:
            name = f"{prefix}input_blocks.{block}.1"
            spatial_transformer(weights, name, _CHANNELS, _CONTEXT, depth=depth, linear_projection=True)
    for block in (2, 4):
        weights.conv(f"{prefix}input_blocks.{block}.0.op", _CHANNELS, _CHANNELS)
