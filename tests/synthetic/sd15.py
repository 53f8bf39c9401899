"""A Stable Diffusion 1.5 checkpoint with one residual block, one transformer and no lower resolutions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.synthetic.autoencoder import taesd
from tests.synthetic.blocks import Weights, res_block, spatial_transformer
from tests.synthetic.clip import clip_l
from tests.synthetic.sparse import write_safetensors

if TYPE_CHECKING:
    from pathlib import Path

_SEED = "sd15"
_CHANNELS = 320
_CONTEXT = 768


def write_sd15(path: Path) -> None:
    """U-Net, CLIP-L and autoencoder in one file, for ``CheckpointLoaderSimple``.

    Raises:
        OSError: the file cannot be written.
    """
    half = Weights("F16")
    _unet(half, "model.diffusion_model.")
    taesd(half, "first_stage_model.", latent_channels=4, scale=0.18215, shift=0.0)
    text = Weights("F8_E4M3")
    clip_l(text, "cond_stage_model.transformer.text_model.")
    write_safetensors(path, half.tensors | text.tensors, seed=_SEED, metadata={"modelspec.title": "synthetic sd15"})


def _unet(weights: Weights, prefix: str) -> None:
    unet_input(weights, prefix)
    for index in range(2):
        res_block(weights, f"{prefix}output_blocks.{index}.0", 2 * _CHANNELS, _CHANNELS, _CHANNELS * 4)
    weights.norm(f"{prefix}out.0", _CHANNELS)
    weights.conv(f"{prefix}out.2", _CHANNELS, 4)


def unet_input(weights: Weights, prefix: str) -> None:
    """The half of the U-Net that a ControlNet has, too."""
    embedding = _CHANNELS * 4
    weights.linear(f"{prefix}time_embed.0", _CHANNELS, embedding)
    weights.linear(f"{prefix}time_embed.2", embedding, embedding)
    weights.conv(f"{prefix}input_blocks.0.0", 4, _CHANNELS)
    res_block(weights, f"{prefix}input_blocks.1.0", _CHANNELS, _CHANNELS, embedding)
    # A 1x1 convolution as projection is how ComfyUI tells SD 1.5 from SD 2.
    spatial_transformer(weights, f"{prefix}input_blocks.1.1", _CHANNELS, _CONTEXT, linear_projection=False)
