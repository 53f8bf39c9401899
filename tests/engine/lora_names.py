"""Runs with the engine's Python: what ComfyUI's own functions say that the layers of the published models are called.

``python lora_names.py COMFYUI_DIR`` prints one JSON object: model, then name in a LoRA, then how many numbers the layer
has. Nothing is loaded: as ``network_names``, with which it shares the sizes.
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import network_names as published  # type: ignore[import-not-found]  # beside this script
import torch

sys.argv = [sys.argv[0], "--cpu"]

import comfy.clip_model  # noqa: E402
import comfy.ldm.flux.model  # noqa: E402
import comfy.lora  # noqa: E402
import comfy.model_base  # noqa: E402
import comfy.ops  # noqa: E402
import comfy.text_encoders.t5  # noqa: E402
from comfy.ldm.modules.diffusionmodules import mmdit, openaimodel  # noqa: E402


def main() -> None:
    """Print one JSON object."""
    known: dict[str, Any] = {"dtype": torch.float16, "device": "meta", "operations": comfy.ops.disable_weight_init}
    root = Path(comfy.ops.__file__).parent

    def config(name: str) -> Any:
        return json.loads((root / name).read_text())

    context = {"target": "torch.nn.Linear", "params": {"in_features": 4096, "out_features": 1536}}
    sd35 = {**published.SD35, "context_embedder_config": context, "depth": 24, "pos_embed_max_size": 384}
    with torch.device("meta"):
        diffusion = {
            "sd15": (comfy.model_base.BaseModel, openaimodel.UNetModel(**published.SD15, **known), published.SD15),
            "sdxl": (comfy.model_base.SDXL, openaimodel.UNetModel(**published.SDXL, **known), published.SDXL),
            "sd3": (
                comfy.model_base.SD3,
                mmdit.MMDiT(**sd35, x_block_self_attn_layers=list(range(13)), **known),
                sd35,
            ),
            "flux": (
                comfy.model_base.Flux,
                comfy.ldm.flux.model.Flux(**published.FLUX, guidance_embed=True, **known),
                published.FLUX,
            ),
        }
        texts = {
            "clip_l": comfy.clip_model.CLIPTextModel(config("sd1_clip_config.json"), **known),
            "clip_g": comfy.clip_model.CLIPTextModel(config("clip_config_bigg.json"), **known),
            "t5xxl": comfy.text_encoders.t5.T5(config("text_encoders/t5_config_xxl.json"), **known),
        }
    found = {}
    for name, (base, network, unet_config) in diffusion.items():
        tensors = {f"diffusion_model.{key}": value for key, value in network.state_dict().items()}
        found[name] = sizes(comfy.lora.model_lora_keys_unet(stub(base, tensors, unet_config), {}), tensors)
    encoders = (("clip_l",), ("clip_l", "clip_g"), ("clip_l", "t5xxl"), ("clip_l", "clip_g", "t5xxl"))
    for roles in encoders:
        tensors = {
            f"{role}.transformer.{key}": value for role in roles for key, value in texts[role].state_dict().items()
        }
        found[" ".join(roles)] = sizes(comfy.lora.model_lora_keys_clip(stub(object, tensors, {}), {}), tensors)
    json.dump(found, sys.stdout)


def stub(base: type, tensors: dict[str, Any], unet_config: dict[str, Any]) -> Any:
    """Something that ComfyUI takes for a model of class ``base`` with these tensors."""
    members = {
        "__init__": lambda self: None,
        "state_dict": lambda self: tensors,
        "model_config": SimpleNamespace(unet_config=unet_config),
    }
    return type("Stub", (base,), members)()


def sizes(names: dict[str, Any], tensors: dict[str, Any]) -> dict[str, int]:
    """How many numbers each layer has, or the part of it that is meant; without layers that this model lacks."""
    found = {}
    for name, place in names.items():
        key, narrowed = (place, None) if isinstance(place, str) else place[:2]
        if key not in tensors:
            continue
        shape = list(tensors[key].shape)
        if narrowed is not None:
            axis, _, length = narrowed
            shape[axis] = length
        found[name] = math.prod(shape)
    return found


if __name__ == "__main__":
    main()
