"""What layers are called in LoRAs is what ComfyUI's own functions say, for the models as they are published."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from hal_image.models import lora_keys
from hal_image.models.safetensors_header import Tensor
from tests.engine.scripts import answer_of

if TYPE_CHECKING:
    from hal_image.install.engine_env import EnginePaths
    from hal_image.models.types import Family

OF_FAMILY: dict[Family, str] = {"sd15": "sd15 unet", "sdxl": "sdxl unet", "sd3": "sd35 medium", "flux": "flux dev"}
NO_LAYERS = ("norm", "embed", "shared", "relative_attention_bias", "text_projection")
"""Tensors of text encoders that no trainer changes; ComfyUI knows names for them all the same."""


@pytest.fixture(scope="module")
def published(installed: EnginePaths) -> dict[str, Any]:
    return answer_of(installed, "network_names.py")


@pytest.fixture(scope="module")
def named(installed: EnginePaths) -> dict[str, dict[str, int]]:
    return answer_of(installed, "lora_names.py")


@pytest.mark.parametrize("family", OF_FAMILY)
def test_of_networks_that_draw(published: dict[str, Any], named: dict[str, Any], family: Family) -> None:
    tensors = {name: Tensor("F16", tuple(shape), 0, 0) for name, shape in published[OF_FAMILY[family]].items()}
    ours = lora_keys.of_diffusion(tensors, family)
    theirs = named[family]
    assert {name: ours.get(name) for name in theirs} == theirs
    assert {name for name in ours if name not in theirs} == set()


@pytest.mark.parametrize("roles", ["clip_l", "clip_l clip_g", "clip_l t5xxl", "clip_l clip_g t5xxl"])
def test_of_text_encoders(named: dict[str, Any], roles: str) -> None:
    ours = lora_keys.of_text_encoders(roles.split())
    theirs = named[roles]
    wanted = {name: size for name, size in theirs.items() if not any(word in name for word in NO_LAYERS)}
    assert {name: ours.get(name) for name in wanted} == wanted
    assert {name for name in ours if name not in theirs} == set()
