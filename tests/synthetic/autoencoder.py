"""TAESD, the tiny autoencoder that ComfyUI accepts in place of the full one: a picture in milliseconds.

Layout: https://github.com/madebyollin/taesd. ComfyUI knows it by its names and reads the latent's scale and shift from
the file, so that it can stand in for the autoencoder of any family.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.synthetic.blocks import Weights

_WIDTH = 64
_RELU_GAIN = 2**0.5
"""A ReLU halves the mean square of what passes."""
_CONTRAST = 0.3
"""Gain of the last layer: most pixels fall inside the range 0..1, whose middle is the bias."""


def taesd(weights: Weights, prefix: str, *, latent_channels: int, scale: float, shift: float) -> None:
    """Encoder and decoder; ``scale`` and ``shift`` are the family's, from ComfyUI's ``latent_formats.py``."""
    decoder = f"{prefix}taesd_decoder"
    weights.conv(f"{decoder}.1", latent_channels, _WIDTH)
    for block in (3, 4, 5, 8, 9, 10, 13, 14, 15, 18):
        _block(weights, f"{decoder}.{block}")
    for conv in (7, 12, 17):
        weights.conv(f"{decoder}.{conv}", _WIDTH, _WIDTH, bias=False)
    weights.conv(f"{decoder}.19", _WIDTH, 3, gain=_CONTRAST, shift=0.5)

    encoder = f"{prefix}taesd_encoder"
    weights.conv(f"{encoder}.0", 3, _WIDTH)
    for block in (1, 3, 4, 5, 7, 8, 9, 11, 12, 13):
        _block(weights, f"{encoder}.{block}")
    for conv in (2, 6, 10):
        weights.conv(f"{encoder}.{conv}", _WIDTH, _WIDTH, bias=False)
    weights.conv(f"{encoder}.14", _WIDTH, latent_channels)

    weights.add(f"{prefix}vae_scale", value=scale)
    weights.add(f"{prefix}vae_shift", value=shift)


def _block(weights: Weights, name: str) -> None:
    weights.conv(f"{name}.conv.0", _WIDTH, _WIDTH, gain=_RELU_GAIN)
    weights.conv(f"{name}.conv.2", _WIDTH, _WIDTH, gain=_RELU_GAIN)
    weights.conv(f"{name}.conv.4", _WIDTH, _WIDTH, gain=0.5)
