from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hal_image.models.safetensors_header import read_header
from hal_image.models.upscale_factor import factor
from tests.synthetic import write_upscaler

if TYPE_CHECKING:
    from pathlib import Path

Shapes = dict[str, tuple[int, ...]]


def basicsr(inputs: int = 3, ups: tuple[str, ...] = ("conv_up1", "conv_up2"), prefix: str = "") -> Shapes:
    body: Shapes = {"body.0.rdb1.conv1.weight": (32, 64, 3, 3), **{f"{up}.weight": (64, 64, 3, 3) for up in ups}}
    return {f"{prefix}{name}": shape for name, shape in {"conv_first.weight": (64, inputs, 3, 3), **body}.items()}


def original(*numbers: int) -> Shapes:
    first: Shapes = {"model.0.weight": (64, 3, 3, 3), "model.1.sub.0.RDB1.conv1.0.weight": (32, 64, 3, 3)}
    return {**first, **{f"model.{number}.weight": (64, 64, 3, 3) for number in numbers}}


def compact(side: int) -> Shapes:
    return {"body.0.weight": (64, 3, 3, 3), "body.1.weight": (64,), "body.2.weight": (3 * side * side, 64, 3, 3)}


@pytest.mark.parametrize(
    ("shapes", "expected"),
    [
        (basicsr(), 4),
        (basicsr(prefix="params_ema."), 4),
        (basicsr(12), 2),
        (basicsr(48), 1),
        (basicsr(ups=("upconv1",)), 2),
        (basicsr(7), None),
        (original(3, 6, 8, 10), 4),
        (original(3, 5, 7), 2),
        (original(2, 4), 1),
        (original(3, 6, 9, 11, 13), 8),
        (compact(4), 4),
        (compact(2), 2),
        ({"body.0.weight": (64, 3, 3, 3), "body.2.weight": (50, 64, 3, 3)}, None),
        ({"conv_first.weight": (180, 3, 3, 3), "layers.0.residual_group.blocks.0.norm1.weight": (180,)}, None),
        ({"x": (1,)}, None),
        ({}, None),
    ],
)
def test_how_much_a_model_enlarges(shapes: Shapes, expected: int | None) -> None:
    assert factor(shapes) == expected


@pytest.mark.parametrize("expected", [2, 4])
def test_of_a_file(tmp_path: Path, expected: int) -> None:
    """``tests/engine/test_upscale.py`` holds it against what ComfyUI makes of such files."""
    write_upscaler(tmp_path / "x.safetensors", factor=expected)
    tensors = read_header(tmp_path / "x.safetensors").tensors
    assert factor({name: tensor.shape for name, tensor in tensors.items()}) == expected
