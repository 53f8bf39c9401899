"""The U-Nets of Stable Diffusion 1.5 and XL in full, under the names of the original checkpoints.

Widths and depths are those of ComfyUI v0.3.75 (``comfy/model_detection.py``), order and names those of the module that
it builds (``comfy/ldm/modules/diffusionmodules/openaimodel.py``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tests.synthetic.blocks import res_block

if TYPE_CHECKING:
    from tests.synthetic.blocks import Weights

CHANNELS = 320
EMBEDDING = 4 * CHANNELS
LATENT = 4
BLOCKS = 2
"""Residual blocks of a resolution, on the way down; one more on the way up."""


class UNet(NamedTuple):
    """What differs between the two.

    Attributes:
        widths: of each resolution, in multiples of ``CHANNELS``.
        depths: transformer layers of each resolution.
        context: width of the prompt's rows.
        sizes: width of what is known beside the prompt, 0 for nothing.
        linear: whether a transformer is entered by a linear layer, and not by a convolution.
    """

    widths: tuple[int, ...]
    depths: tuple[int, ...]
    context: int
    sizes: int
    linear: bool


SD15 = UNet((1, 2, 4, 4), (1, 1, 1, 0), 768, 0, linear=False)
SDXL = UNet((1, 2, 4), (0, 2, 10), 2048, 2816, linear=True)


def unet(weights: Weights, prefix: str, kind: UNet) -> None:
    """All tensors of the network."""
    for name, width in (("time_embed", CHANNELS), *([("label_emb.0", kind.sizes)] if kind.sizes else [])):
        weights.linear(f"{prefix}{name}.0", width, EMBEDDING)
        weights.linear(f"{prefix}{name}.2", EMBEDDING, EMBEDDING)
    skips = _down(weights, prefix, kind)
    width = CHANNELS * kind.widths[-1]
    res_block(weights, f"{prefix}middle_block.0", width, width, EMBEDDING)
    _transformer(weights, f"{prefix}middle_block.1", width, max(kind.depths[-1], 1), kind)
    res_block(weights, f"{prefix}middle_block.2", width, width, EMBEDDING)
    _up(weights, prefix, kind, skips)
    weights.norm(f"{prefix}out.0", CHANNELS)
    weights.conv(f"{prefix}out.2", CHANNELS, LATENT)


def _down(weights: Weights, prefix: str, kind: UNet) -> list[int]:
    """The way down; the width of each of its blocks."""
    weights.conv(f"{prefix}input_blocks.0.0", LATENT, CHANNELS)
    skips = [CHANNELS]
    for level, (multiple, depth) in enumerate(zip(kind.widths, kind.depths, strict=True)):
        width = CHANNELS * multiple
        for _ in range(BLOCKS):
            block = f"{prefix}input_blocks.{len(skips)}"
            res_block(weights, f"{block}.0", skips[-1], width, EMBEDDING)
            _transformer(weights, f"{block}.1", width, depth, kind)
            skips.append(width)
        if level < len(kind.widths) - 1:
            weights.conv(f"{prefix}input_blocks.{len(skips)}.0.op", width, width)
            skips.append(width)
    return skips


def _up(weights: Weights, prefix: str, kind: UNet, skips: list[int]) -> None:
    inside, number = skips[-1], 0
    for level in reversed(range(len(kind.widths))):
        width, depth = CHANNELS * kind.widths[level], kind.depths[level]
        for index in range(BLOCKS + 1):
            block = f"{prefix}output_blocks.{number}"
            res_block(weights, f"{block}.0", inside + skips.pop(), width, EMBEDDING)
            _transformer(weights, f"{block}.1", width, depth, kind)
            if level and index == BLOCKS:
                weights.conv(f"{block}.{2 if depth else 1}.conv", width, width)
            inside, number = width, number + 1


def _transformer(weights: Weights, name: str, width: int, depth: int, kind: UNet) -> None:
    if not depth:
        return
    weights.norm(f"{name}.norm", width)
    for projection in ("proj_in", "proj_out"):
        if kind.linear:
            weights.linear(f"{name}.{projection}", width, width)
        else:
            weights.conv(f"{name}.{projection}", width, width, 1)
    for index in range(depth):
        block = f"{name}.transformer_blocks.{index}"
        for norm in ("norm1", "norm2", "norm3"):
            weights.norm(f"{block}.{norm}", width)
        for attention, source in (("attn1", width), ("attn2", kind.context)):
            weights.linear(f"{block}.{attention}.to_q", width, width, bias=False)
            weights.linear(f"{block}.{attention}.to_k", source, width, bias=False)
            weights.linear(f"{block}.{attention}.to_v", source, width, bias=False)
            weights.linear(f"{block}.{attention}.to_out.0", width, width)
        weights.linear(f"{block}.ff.net.0.proj", width, width * 8)  # GEGLU: twice the inner width of 4
        weights.linear(f"{block}.ff.net.2", width * 4, width)
