"""An upscale model of the form of Real-ESRGAN (RRDBNet), with one block."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.synthetic.sparse import Tensor, write_safetensors

if TYPE_CHECKING:
    from pathlib import Path

_FEATURES = 16
_GROWTH = 32
"""As in the published models; ComfyUI's library for them reads it from the shapes."""


def write_upscaler(path: Path, *, factor: int = 4, seed: str = "upscaler") -> None:
    """An upscale model for 4 times as long sides, or 2.

    Args:
        path: the file.
        factor: 4, or 2: such a model takes 2x2 pixels as one, and enlarges that 4 times.
        seed: of the values.

    Raises:
        OSError: the file cannot be written.
    """
    tensors: dict[str, Tensor] = {}

    def convolution(name: str, inputs: int, outputs: int, bias: float = 0.0) -> None:
        tensors[f"{name}.weight"] = Tensor((outputs, inputs, 3, 3), "F32", std=(inputs * 9) ** -0.5)
        tensors[f"{name}.bias"] = Tensor((outputs,), "F32", value=bias)

    convolution("conv_first", 3 * (4 // factor) ** 2, _FEATURES)
    for dense in (1, 2, 3):
        for number in range(1, 6):
            outputs = _FEATURES if number == 5 else _GROWTH
            convolution(f"body.0.rdb{dense}.conv{number}", _FEATURES + (number - 1) * _GROWTH, outputs)
    for name in ("conv_body", "conv_up1", "conv_up2", "conv_hr"):
        convolution(name, _FEATURES, _FEATURES)
    convolution("conv_last", _FEATURES, 3, bias=0.5)
    write_safetensors(path, tensors, seed=seed)
