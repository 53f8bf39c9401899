"""ControlNets for the synthetic Stable Diffusion 1.5 and XL, under the names of the original ones, and for FLUX, under
those of XLabs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from tests.synthetic import flux, sd15, sdxl
from tests.synthetic.blocks import Weights, res_block
from tests.synthetic.sparse import write_safetensors

if TYPE_CHECKING:
    from pathlib import Path

_CHANNELS = 320
_HINT = ((0, 3, 16), (2, 16, 16), (4, 16, 32), (6, 32, 32), (8, 32, 96), (10, 96, 96), (12, 96, 256),
         (14, 256, _CHANNELS))  # fmt: skip
"""Convolutions that the picture goes through, three of them halving it: number, channels in, channels out."""


def write_controlnet(path: Path, *, family: Literal["sd15", "sdxl", "flux"] = "sd15", gain: float = 1.0) -> None:
    """Half of the U-Net, or a block of the transformer, what brings the picture in, and what goes out to the model.

    All of it counts.

    Args:
        path: the file.
        family: of the checkpoint that it is for.
        gain: of what goes out; what training begins with is 0.

    Raises:
        OSError: the file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    weights = Weights("F16")
    if family == "flux":
        _flux(weights, gain)
    else:
        _unet(weights, family, gain)
    write_safetensors(path, weights.tensors, seed="controlnet")


def _flux(weights: Weights, gain: float) -> None:
    flux.transformer(weights, "", guidance=True)
    for number in range(0, 16, 2):
        weights.conv(f"input_hint_block.{number}", 3 if number == 0 else 16, 16)
    weights.linear("pos_embed_input", flux.PATCH, flux.WIDTH)
    weights.linear("controlnet_blocks.0", flux.WIDTH, flux.WIDTH, gain=gain, rows=(0, 1024))


def _unet(weights: Weights, family: Literal["sd15", "sdxl"], gain: float) -> None:
    (sd15 if family == "sd15" else sdxl).unet_input(weights, "")
    for number, inside, outside in _HINT:
        weights.conv(f"input_hint_block.{number}", inside, outside)
    for block in range(2 if family == "sd15" else 6):
        weights.conv(f"zero_convs.{block}.0", _CHANNELS, _CHANNELS, 1, gain=gain)
    res_block(weights, "middle_block.0", _CHANNELS, _CHANNELS, _CHANNELS * 4)
    weights.conv("middle_block_out.0", _CHANNELS, _CHANNELS, 1, gain=gain)
