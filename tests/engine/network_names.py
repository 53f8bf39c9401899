"""Runs with the engine's Python: the tensors of the published networks, as ComfyUI's own modules have them.

``python network_names.py COMFYUI_DIR`` prints one JSON object: network, then name of a tensor, then its shape. Nothing
is loaded: the modules are built on torch's meta device, with the sizes of the published models.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, sys.argv[1])
sys.argv = [sys.argv[0], "--cpu"]

import comfy.options  # noqa: E402

comfy.options.enable_args_parsing()

import comfy.clip_model  # noqa: E402
import comfy.ldm.flux.model  # noqa: E402
import comfy.ops  # noqa: E402
import comfy.supported_models  # noqa: E402
import comfy.text_encoders.t5  # noqa: E402
import torch  # noqa: E402
from comfy.ldm.models import autoencoder as autoencoders  # noqa: E402
from comfy.ldm.modules.diffusionmodules import mmdit, openaimodel  # noqa: E402

UNET = {
    "image_size": 32,
    "in_channels": 4,
    "out_channels": 4,
    "model_channels": 320,
    "use_spatial_transformer": True,
    "legacy": False,
}
SD15 = {
    **UNET,
    "num_res_blocks": [2, 2, 2, 2],
    "channel_mult": [1, 2, 4, 4],
    "transformer_depth": [1, 1, 1, 1, 1, 1, 0, 0],
    "transformer_depth_output": [1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0],
    "transformer_depth_middle": 1,
    "context_dim": 768,
    "num_heads": 8,
    "num_head_channels": -1,
}
SDXL = {
    **UNET,
    "num_classes": "sequential",
    "adm_in_channels": 2816,
    "num_res_blocks": [2, 2, 2],
    "channel_mult": [1, 2, 4],
    "transformer_depth": [0, 0, 2, 2, 10, 10],
    "transformer_depth_output": [0, 0, 0, 2, 2, 2, 10, 10, 10],
    "transformer_depth_middle": 10,
    "use_linear_in_transformer": True,
    "context_dim": 2048,
    "num_head_channels": 64,
}
FLUX = {
    "in_channels": 16,
    "out_channels": 16,
    "vec_in_dim": 768,
    "context_in_dim": 4096,
    "hidden_size": 3072,
    "mlp_ratio": 4.0,
    "num_heads": 24,
    "depth": 19,
    "depth_single_blocks": 38,
    "axes_dim": [16, 56, 56],
    "theta": 10000,
    "qkv_bias": True,
    "patch_size": 2,
}
SD35 = {
    "input_size": None,
    "in_channels": 16,
    "patch_size": 2,
    "adm_in_channels": 2048,
    "context_embedder_config": {"target": "torch.nn.Linear", "params": {"in_features": 4096, "out_features": 0}},
    "qk_norm": "rms",
    "pos_embed_scaling_factor": None,
}
VAE = {
    "double_z": True,
    "resolution": 256,
    "in_channels": 3,
    "out_ch": 3,
    "ch": 128,
    "ch_mult": [1, 2, 4, 4],
    "num_res_blocks": 2,
    "attn_resolutions": [],
    "dropout": 0.0,
}


def main() -> None:
    """Print one JSON object."""
    known: dict[str, Any] = {"dtype": torch.float16, "device": "meta", "operations": comfy.ops.disable_weight_init}
    root = Path(comfy.ops.__file__).parent

    def config(name: str) -> Any:
        return json.loads((root / name).read_text())

    def medium(depth: int, size: int, self_attention: list[int]) -> Any:
        width = depth * 64
        context = {"target": "torch.nn.Linear", "params": {"in_features": 4096, "out_features": width}}
        own = {**SD35, "context_embedder_config": context, "depth": depth, "pos_embed_max_size": size}
        return mmdit.MMDiT(**own, x_block_self_attn_layers=self_attention, **known)

    with torch.device("meta"):
        networks = {
            "sd15 unet": openaimodel.UNetModel(**SD15, **known),
            "sdxl unet": openaimodel.UNetModel(**SDXL, **known),
            "flux dev": comfy.ldm.flux.model.Flux(**FLUX, guidance_embed=True, **known),
            "flux schnell": comfy.ldm.flux.model.Flux(**FLUX, guidance_embed=False, **known),
            "sd35 medium": medium(24, 384, list(range(13))),
            "sd35 large": medium(38, 192, []),
            "vae 4": autoencoders.AutoencoderKL(ddconfig={**VAE, "z_channels": 4}, embed_dim=4),
            "vae 16": autoencoders.AutoencodingEngine(
                regularizer_config={"target": "comfy.ldm.models.autoencoder.DiagonalGaussianRegularizer"},
                encoder_config={
                    "target": "comfy.ldm.modules.diffusionmodules.model.Encoder", "params": {**VAE, "z_channels": 16}
                },
                decoder_config={
                    "target": "comfy.ldm.modules.diffusionmodules.model.Decoder", "params": {**VAE, "z_channels": 16}
                },
            ),
            "clip_l": comfy.clip_model.CLIPTextModel(config("sd1_clip_config.json"), **known),
            "clip_g": comfy.clip_model.CLIPTextModel(config("clip_config_bigg.json"), **known),
            "t5xxl": comfy.text_encoders.t5.T5(config("text_encoders/t5_config_xxl.json"), **known),
        }  # fmt: skip
        found = {name: shapes(network.state_dict()) for name, network in networks.items()}
        # as SDXL checkpoints have it: ComfyUI writes them so, too
        inside = {f"clip_g.transformer.{name}": tensor for name, tensor in networks["clip_g"].state_dict().items()}
        saved = comfy.supported_models.SDXL({}).process_clip_state_dict_for_saving(inside)
        prefix = "conditioner.embedders.1.model."
        found["open clip_g"] = shapes(
            {name.removeprefix(prefix): tensor for name, tensor in saved.items() if name.startswith(prefix)}
        )
    json.dump(found, sys.stdout)


def shapes(tensors: dict[str, Any]) -> dict[str, list[int]]:
    """Of every tensor."""
    return {name: list(tensor.shape) for name, tensor in tensors.items()}


if __name__ == "__main__":
    main()
