"""What fits. What layers are called is for tests/engine/test_lora_keys.py, which asks ComfyUI."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hal_image.models import lora_keys
from hal_image.models.lora_fit import fit
from hal_image.models.safetensors_header import Tensor

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hal_image.models.types import Role

LAYERS = {"lora_unet_a": 320 * 320, "lora_unet_conv": 320 * 320 * 9, "diffusion_model.img_in": 3072 * 64,
          "diffusion_model.single_blocks.0.linear1_qkv": 3 * 3072 * 3072}  # fmt: skip


def named(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Tensor]:
    return {name: Tensor("F16", shape, 0, 0) for name, shape in shapes.items()}


@pytest.mark.parametrize(
    ("up", "down"),
    [
        (".lora_up.weight", ".lora_down.weight"),
        ("_lora.up.weight", "_lora.down.weight"),
        (".lora_B.weight", ".lora_A.weight"),
        (".lora.up.weight", ".lora.down.weight"),
        (".lora_B", ".lora_A"),
    ],
)
def test_an_ordinary_change_is_counted_once_and_has_to_have_the_size_of_the_layer(up: str, down: str) -> None:
    whole = named({f"lora_unet_a{up}": (320, 8), f"lora_unet_a{down}": (8, 320), "lora_unet_a.alpha": ()})
    assert fit(whole, LAYERS) == (1, ())
    assert fit(whole, {"lora_unet_a": 640 * 320}) == (0, ("lora_unet_a",))
    assert fit(whole, {}) == (0, ("lora_unet_a",))
    other_rank = {**whole, f"lora_unet_a{down}": Tensor("F16", (4, 320), 0, 0)}
    assert fit(other_rank, LAYERS) == (0, ("lora_unet_a",))


def test_convolutions_with_and_without_a_middle() -> None:
    plain = {"lora_unet_conv.lora_up.weight": (320, 8, 1, 1), "lora_unet_conv.lora_down.weight": (8, 320, 3, 3)}
    assert fit(named(plain), LAYERS).fitting == 1
    parted = {
        "lora_unet_conv.lora_up.weight": (320, 8, 1, 1),
        "lora_unet_conv.lora_down.weight": (8, 320, 1, 1),
        "lora_unet_conv.lora_mid.weight": (8, 8, 3, 3),
    }
    assert fit(named(parted), LAYERS).fitting == 1
    del parted["lora_unet_conv.lora_mid.weight"]
    assert fit(named(parted), LAYERS).fitting == 0


def test_of_other_adapters_only_the_name_counts() -> None:
    for ends in (("hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b"), ("lokr_w1", "lokr_w2"), ("diff",)):
        change = {f"lora_unet_a.{end}": (1, 1) for end in ends}
        assert fit(named(change), LAYERS) == (1, ())
        assert fit(named(change), {}) == (0, ("lora_unet_a",))


def test_what_is_no_change_does_not_fit() -> None:
    assert fit(named({"lora_unet_a": (1,)}), LAYERS) == (0, ("lora_unet_a",))


def test_loras_of_two_publishers_have_names_of_their_own() -> None:
    control = {
        "img_in.lora_A.weight": (128, 128),
        "img_in.lora_B.weight": (3072, 128),
        "single_blocks.0.norm.key_norm.scale": (128,),
    }
    assert fit(named(control), LAYERS).fitting == 1
    uso = {
        f"single_blocks.{block}.processor.qkv_lora.{half}.weight": shape
        for block in (0, 37)
        for half, shape in (("up", (3 * 3072, 128)), ("down", (128, 3072)))
    } | {"double_blocks.18.processor.qkv_lora2.up.weight": (3 * 3072, 128)}
    assert fit(named(uso), LAYERS).fitting == 1


def test_text_encoders_are_those_that_the_files_have() -> None:
    checkpoint = {"model.diffusion_model.joint_blocks.0.x_block.attn.proj.weight": (128, 128)}
    q_proj = "text_model_encoder_layers_0_self_attn_q_proj"
    whole = {**checkpoint, "text_encoders.clip_l.transformer.text_model.x": (1,)}
    layers = lora_keys.of_model({"checkpoint": named(whole)}, "sd3")
    assert f"lora_te1_{q_proj}" in layers
    assert "transformer.transformer_blocks.0.attn.to_out.0" in layers
    assert f"lora_te2_{q_proj}" not in layers
    parts: dict[Role, Mapping[str, Tensor]] = {"checkpoint": named(checkpoint), "clip_l": {}, "clip_g": {}, "t5xxl": {}}
    layers = lora_keys.of_model(parts, "sd3")
    assert {f"lora_te2_{q_proj}", "lora_te3_encoder_block_0_layer_0_SelfAttention_q"} <= layers.keys()
