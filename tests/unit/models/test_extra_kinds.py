"""Names and shapes as the trainers and publishers of each format write them, one or two tensors of each."""

from __future__ import annotations

import pytest

from hal_image.models.extra_kinds import control_of, family_of, kind_of
from hal_image.models.safetensors_header import Tensor

DOWN = "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn2_to_k"

LORAS = {
    "kohya sd15": ({f"{DOWN}.lora_up.weight": (640, 8), f"{DOWN}.lora_down.weight": (8, 768)}, "sd15"),
    "kohya sd2": ({f"{DOWN}.lora_down.weight": (8, 1024)}, "sd2"),
    "kohya sdxl": (
        {"lora_unet_input_blocks_4_1_transformer_blocks_0_attn2_to_k.lora_down.weight": (8, 2048)},
        "sdxl",
    ),
    "diffusers sdxl": (
        {"unet.down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k.lora.down.weight": (8, 2048)},
        "sdxl",
    ),
    "peft sd15": ({"unet.down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k.lora_A.weight": (8, 768)}, "sd15"),
    "old diffusers sd15": (
        {"down_blocks.0.attentions.0.transformer_blocks.0.attn2.processor.to_k_lora.down.weight": (4, 768)},
        "sd15",
    ),
    "lycoris loha sd15": ({f"{DOWN}.hada_w1_a": (640, 8), f"{DOWN}.hada_w1_b": (8, 768)}, "sd15"),
    "text encoder of sd15": (
        {"lora_te_text_model_encoder_layers_0_self_attn_k_proj.lora_down.weight": (8, 768)},
        "sd15",
    ),
    "text encoders of sdxl": (
        {"lora_te2_text_model_encoder_layers_0_self_attn_k_proj.lora_down.weight": (8, 1280)},
        "sdxl",
    ),
    "only self-attention, deep": (
        {"lora_unet_input_blocks_7_1_transformer_blocks_1_attn1_to_k.lora_down.weight": (8, 1280)},
        "sdxl",
    ),
    "only self-attention": (
        {"lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q.lora_down.weight": (8, 320)},
        None,
    ),
    "kohya flux": ({"lora_unet_double_blocks_0_img_attn_qkv.lora_down.weight": (16, 3072)}, "flux"),
    "diffusers flux": ({"transformer.single_transformer_blocks.0.attn.to_q.lora_A.weight": (16, 3072)}, "flux"),
    "diffusers flux, double blocks": ({"transformer.transformer_blocks.0.attn.to_q.lora_A.weight": (16, 3072)}, "flux"),
    "x-labs flux": ({"double_blocks.0.processor.proj_lora1.down.weight": (16, 3072)}, "flux"),
    "kohya sd3": ({"lora_unet_joint_blocks_0_x_block_attn_qkv.lora_down.weight": (16, 1536)}, "sd3"),
    "diffusers sd3": ({"transformer.transformer_blocks.0.attn.to_q.lora_A.weight": (16, 2432)}, "sd3"),
    "onetrainer sd3": ({"lora_transformer_transformer_blocks_0_attn_to_q.lora_down.weight": (16, 1536)}, "sd3"),
    "lokr": ({"lycoris_single_transformer_blocks_0_attn_to_q.lokr_w1": (16, 16)}, "flux"),
}
CROSS = "input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight"
CONTROLNETS = {
    "sd15": ({"zero_convs.0.0.weight": (320, 320, 1, 1), CROSS: (320, 768)}, "sd15"),
    "sd15 with prefix": (
        {"control_model.zero_convs.0.0.weight": (320, 320, 1, 1), f"control_model.{CROSS}": (320, 768)},
        "sd15",
    ),
    "sd2": ({"zero_convs.0.0.weight": (320, 320, 1, 1), CROSS: (320, 1024)}, "sd2"),
    "diffusers sdxl": (
        {
            "controlnet_cond_embedding.conv_in.weight": (16, 3, 3, 3),
            "down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k.weight": (640, 2048),
        },
        "sdxl",
    ),
    "control-lora sdxl": (
        {
            "lora_controlnet": (0,),
            "input_blocks.4.1.transformer_blocks.0.attn2.to_k.down": (128, 2048),
            "input_blocks.4.1.transformer_blocks.0.attn2.to_k.up": (640, 128),
        },
        "sdxl",
    ),
    "instantx flux": (
        {"controlnet_blocks.0.weight": (3072, 3072), "controlnet_x_embedder.weight": (3072, 64)},
        "flux",
    ),
    "x-labs flux": (
        {"controlnet_blocks.0.weight": (3072, 3072), "double_blocks.0.img_attn.norm.key_norm.scale": (128,)},
        "flux",
    ),
    "mistoline flux": (
        {"controlnet_blocks.0.linear.weight": (3072, 3072), "double_blocks.0.img_mod.lin.weight": (1, 3072)},
        "flux",
    ),
    "sd3": (
        {"controlnet_blocks.0.weight": (1536, 1536), "pos_embed_input.proj.weight": (1536, 16, 2, 2)},
        "sd3",
    ),
    "qwen": (
        {
            "controlnet_blocks.0.weight": (3072, 3072),
            "controlnet_x_embedder.weight": (3072, 64),
            "transformer_blocks.0.img_mlp.net.0.proj.weight": (12288, 3072),
        },
        None,
    ),
    "t2i adapter sd15": ({"body.0.block2.weight": (320, 320, 1, 1), "conv_in.weight": (320, 192, 3, 3)}, "sd15"),
    "t2i adapter sdxl": (
        {
            "adapter.body.0.resnets.0.block1.weight": (320, 320, 3, 3),
            "adapter.conv_in.weight": (320, 768, 3, 3),
        },
        "sdxl",
    ),
}
UPSCALERS = {
    "esrgan": {"model.0.weight": (64, 3, 3, 3), "model.1.sub.0.RDB1.conv1.0.weight": (32, 64, 3, 3)},
    "real-esrgan": {"conv_first.weight": (64, 3, 3, 3), "body.0.rdb1.conv1.weight": (32, 64, 3, 3)},
    "real-esrgan x2": {"conv_first.weight": (64, 12, 3, 3), "body.0.rdb1.conv1.weight": (32, 64, 3, 3)},
    "compact": {"body.0.weight": (64, 3, 3, 3), "body.1.weight": (64,), "body.2.weight": (64, 64, 3, 3)},
}
OTHERS = {
    "checkpoint": {"model.diffusion_model.input_blocks.0.0.weight": (320, 4, 3, 3)},
    "u-net": {"input_blocks.0.0.weight": (320, 4, 3, 3), CROSS: (320, 768)},
    "autoencoder": {"decoder.conv_in.weight": (512, 4, 3, 3)},
    "flux": {"double_blocks.0.img_attn.qkv.weight": (9216, 3072)},
    "sd3": {"joint_blocks.0.x_block.attn.qkv.weight": (4608, 1536)},
    "clip": {"text_model.embeddings.token_embedding.weight": (49408, 768)},
    "embedding": {"emb_params": (4, 768)},
}


def tensors(shapes: dict[str, tuple[int, ...]]) -> dict[str, Tensor]:
    return {name: Tensor("F16", shape, 0, 0) for name, shape in shapes.items()}


@pytest.mark.parametrize(("shapes", "family"), LORAS.values(), ids=LORAS)
def test_loras(shapes: dict[str, tuple[int, ...]], family: str | None) -> None:
    assert kind_of(tensors(shapes)) == "lora"
    assert family_of("lora", tensors(shapes)) == family


@pytest.mark.parametrize(("shapes", "family"), CONTROLNETS.values(), ids=CONTROLNETS)
def test_controlnets(shapes: dict[str, tuple[int, ...]], family: str | None) -> None:
    assert kind_of(tensors(shapes)) == "controlnet"
    assert family_of("controlnet", tensors(shapes)) == family


@pytest.mark.parametrize("shapes", UPSCALERS.values(), ids=UPSCALERS)
def test_upscalers(shapes: dict[str, tuple[int, ...]]) -> None:
    assert kind_of(tensors(shapes)) == "upscaler"
    assert family_of("upscaler", tensors(shapes)) is None


@pytest.mark.parametrize("shapes", OTHERS.values(), ids=OTHERS)
def test_what_is_none_of_them(shapes: dict[str, tuple[int, ...]]) -> None:
    assert kind_of(tensors(shapes)) is None


def test_what_a_controlnet_is_for_is_read_from_its_name() -> None:
    for name, control in {
        "control_v11p_sd15_canny": "canny",
        "control_v11f1p_sd15_depth_fp16": "depth",
        "control_v11p_sd15_openpose": "pose",
        "control_v11p_sd15_normalbae": "normal",
        "diffusers_xl_canny_mid": "canny",
        "t2iadapter_sketch_sd14v1": "sketch",
        "xinsir-union": None,
        "candepth": None,
    }.items():
        assert control_of(name) == control
