"""The layers that Stable Diffusion's U-Nets are made of, under the names of the original (LDM) checkpoints.

``Weights`` collects tensors by name; the functions below add one block each. Random weights have a standard deviation
of ``gain / sqrt(fan_in)``, which keeps the size of what flows through; norms are the identity, biases are zero.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from tests.synthetic.sparse import DType, Tensor


@dataclass
class Weights:
    """The tensors of one file. ``dtype`` is the number format of everything that does not name its own."""

    dtype: DType = "F16"
    tensors: dict[str, Tensor] = field(default_factory=dict)

    def add(
        self, name: str, *shape: int, value: float = 0.0, std: float = 0.0, rows: tuple[int, int] | None = None
    ) -> None:
        """Any tensor; zeros when neither ``value`` nor ``std`` is given. See ``Tensor``."""
        self.tensors[name] = Tensor(shape, self.dtype, value, std, rows)

    def linear(
        self,
        name: str,
        inside: int,
        outside: int,
        *,
        bias: bool = True,
        gain: float = 1.0,
        rows: tuple[int, int] | None = None,
    ) -> None:
        """A fully connected layer ``inside -> outside``; ``gain`` 0 makes it a hole, ``rows`` are the outputs used."""
        self.add(f"{name}.weight", outside, inside, std=gain / math.sqrt(inside), rows=rows)
        if bias:
            self.add(f"{name}.bias", outside)

    def conv(
        self,
        name: str,
        inside: int,
        outside: int,
        size: int = 3,
        *,
        bias: bool = True,
        gain: float = 1.0,
        shift: float = 0.0,
    ) -> None:
        """A ``size`` x ``size`` convolution ``inside -> outside`` channels with bias ``shift``; ``gain`` as above."""
        self.add(f"{name}.weight", outside, inside, size, size, std=gain / (size * math.sqrt(inside)))
        if bias:
            self.add(f"{name}.bias", outside, value=shift)

    def norm(self, name: str, width: int) -> None:
        """A group or layer norm that changes nothing after normalising."""
        self.add(f"{name}.weight", width, value=1.0)
        self.add(f"{name}.bias", width)


def res_block(weights: Weights, name: str, inside: int, outside: int, embedding: int) -> None:
    """A residual block that also reads the ``embedding``-wide time step."""
    weights.norm(f"{name}.in_layers.0", inside)
    weights.conv(f"{name}.in_layers.2", inside, outside)
    weights.linear(f"{name}.emb_layers.1", embedding, outside)
    weights.norm(f"{name}.out_layers.0", outside)
    weights.conv(f"{name}.out_layers.3", outside, outside)
    if inside != outside:
        weights.conv(f"{name}.skip_connection", inside, outside, 1)


def spatial_transformer(
    weights: Weights, name: str, width: int, context: int, *, depth: int = 1, linear_projection: bool
) -> None:
    """Self-attention, cross-attention to the ``context``-wide prompt, feed-forward, ``depth`` times.

    Only the first of them does anything: the others are holes, which leave what passes through as it is.
    """
    weights.norm(f"{name}.norm", width)
    for projection in ("proj_in", "proj_out"):
        if linear_projection:
            weights.linear(f"{name}.{projection}", width, width)
        else:
            weights.conv(f"{name}.{projection}", width, width, 1)
    for index in range(depth):
        block = f"{name}.transformer_blocks.{index}"
        gain = 1.0 if index == 0 else 0.0
        for norm in ("norm1", "norm2", "norm3"):
            weights.norm(f"{block}.{norm}", width)
        for attention, source in (("attn1", width), ("attn2", context)):
            weights.linear(f"{block}.{attention}.to_q", width, width, bias=False, gain=gain)
            weights.linear(f"{block}.{attention}.to_k", source, width, bias=False, gain=gain)
            # Averaging over many prompt tokens shrinks the prompt's part; a larger gain gives it back.
            weights.linear(f"{block}.{attention}.to_v", source, width, bias=False, gain=gain * 3)
            weights.linear(f"{block}.{attention}.to_out.0", width, width, gain=gain)
        weights.linear(f"{block}.ff.net.0.proj", width, width * 8, gain=gain)  # GEGLU: twice the inner width of 4
        weights.linear(f"{block}.ff.net.2", width * 4, width, gain=gain)
