"""The autoencoder of Stable Diffusion and FLUX in full: 128 channels, four resolutions.

Names and widths as in ``comfy/ldm/modules/diffusionmodules/model.py`` of ComfyUI v0.3.75.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.synthetic.blocks import Weights

CHANNELS = 128
WIDTHS = (1, 2, 4, 4)


def autoencoder(weights: Weights, prefix: str, latent: int) -> None:
    """Encoder and decoder for ``latent`` channels; with the layers between them if there are four."""
    _encoder(weights, f"{prefix}encoder", latent)
    _decoder(weights, f"{prefix}decoder", latent)
    if latent == 4:
        weights.conv(f"{prefix}quant_conv", 2 * latent, 2 * latent, 1)
        weights.conv(f"{prefix}post_quant_conv", latent, latent, 1)


def _encoder(weights: Weights, name: str, latent: int) -> None:
    weights.conv(f"{name}.conv_in", 3, CHANNELS)
    inside = CHANNELS
    for level, multiple in enumerate(WIDTHS):
        width = CHANNELS * multiple
        for index in range(2):
            _block(weights, f"{name}.down.{level}.block.{index}", inside, width)
            inside = width
        if level < len(WIDTHS) - 1:
            weights.conv(f"{name}.down.{level}.downsample.conv", width, width)
    _middle(weights, name, inside)
    weights.norm(f"{name}.norm_out", inside)
    weights.conv(f"{name}.conv_out", inside, 2 * latent)


def _decoder(weights: Weights, name: str, latent: int) -> None:
    inside = CHANNELS * WIDTHS[-1]
    weights.conv(f"{name}.conv_in", latent, inside)
    _middle(weights, name, inside)
    for level in reversed(range(len(WIDTHS))):
        width = CHANNELS * WIDTHS[level]
        for index in range(3):
            _block(weights, f"{name}.up.{level}.block.{index}", inside, width)
            inside = width
        if level:
            weights.conv(f"{name}.up.{level}.upsample.conv", width, width)
    weights.norm(f"{name}.norm_out", inside)
    weights.conv(f"{name}.conv_out", inside, 3, gain=0.3, shift=0.0)


def _middle(weights: Weights, name: str, width: int) -> None:
    for index in (1, 2):
        _block(weights, f"{name}.mid.block_{index}", width, width)
    weights.norm(f"{name}.mid.attn_1.norm", width)
    for layer in ("q", "k", "v", "proj_out"):
        weights.conv(f"{name}.mid.attn_1.{layer}", width, width, 1)


def _block(weights: Weights, name: str, inside: int, outside: int) -> None:
    weights.norm(f"{name}.norm1", inside)
    weights.conv(f"{name}.conv1", inside, outside)
    weights.norm(f"{name}.norm2", outside)
    weights.conv(f"{name}.conv2", outside, outside)
    if inside != outside:
        weights.conv(f"{name}.nin_shortcut", inside, outside, 1)
