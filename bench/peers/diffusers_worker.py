"""Pictures with the pipelines of diffusers; runs with a Python that has it and torch, and needs nothing of ours.

``python diffusers_worker.py SETTINGS`` with a JSON object builds the pipeline on the GPU and answers with a line of
JSON, then makes a picture for each line of standard input, ``{"seed": 1, "path": "x.png"}``, and answers with its
seconds: ``picture`` from the call of the pipeline to the PNG file, with the prompt's encoding, steps and decoding.

The networks have the published configurations and random values, in fp16. Nothing is loaded, nothing downloaded; the
tokenizers are those that ComfyUI carries. The autoencoder decodes in fp16, too (``force_upcast=False``), as is done
with the repaired one that people take for SDXL in fp16: in fp32 diffusers would be slower.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import diffusers
import torch
import transformers  # type: ignore[import-not-found]  # only the engine's Python has it

UNET = {"sample_size": 128, "in_channels": 4, "out_channels": 4, "layers_per_block": 2}
SDXL_UNET = {
    **UNET,
    "block_out_channels": (320, 640, 1280),
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
    "transformer_layers_per_block": (1, 2, 10),
    "attention_head_dim": (5, 10, 20),
    "cross_attention_dim": 2048,
    "use_linear_projection": True,
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 256,
    "projection_class_embeddings_input_dim": 2816,
}
SD15_UNET = {
    **UNET,
    "sample_size": 64,
    "block_out_channels": (320, 640, 1280, 1280),
    "cross_attention_dim": 768,
    "attention_head_dim": 8,
}
CLIP_L = {
    "hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12,
    "hidden_act": "quick_gelu", "projection_dim": 768, "vocab_size": 49408, "max_position_embeddings": 77,
}  # fmt: skip
CLIP_G = {**CLIP_L, "hidden_size": 1280, "intermediate_size": 5120, "num_hidden_layers": 32, "num_attention_heads": 20,
          "hidden_act": "gelu", "projection_dim": 1280}  # fmt: skip
VAE = {
    "block_out_channels": (128, 256, 512, 512), "layers_per_block": 2, "latent_channels": 4, "force_upcast": False,
    "down_block_types": ("DownEncoderBlock2D",) * 4, "up_block_types": ("UpDecoderBlock2D",) * 4,
}  # fmt: skip
SAMPLER = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "steps_offset": 1}


def build(settings: dict[str, Any]) -> Any:
    """The pipeline of ``settings["model"]`` on ``settings["device"]``."""
    tokenizer = transformers.CLIPTokenizer.from_pretrained(settings["tokenizers"], model_max_length=77)
    torch.set_default_dtype(getattr(torch, settings["dtype"]))
    with torch.device(settings["device"]):
        clip = transformers.CLIPTextModel(transformers.CLIPTextConfig(**CLIP_L))
        scheduler = diffusers.EulerDiscreteScheduler(**SAMPLER)
        if settings["model"] == "sdxl":
            second = transformers.CLIPTextModelWithProjection(transformers.CLIPTextConfig(**CLIP_G))
            unet = diffusers.UNet2DConditionModel(**SDXL_UNET)
            vae = diffusers.AutoencoderKL(**VAE, scaling_factor=0.13025)
            pipeline = diffusers.StableDiffusionXLPipeline(
                vae, clip, second, tokenizer, tokenizer, unet, scheduler, add_watermarker=False
            )
        else:
            unet = diffusers.UNet2DConditionModel(**SD15_UNET)
            vae = diffusers.AutoencoderKL(**VAE)
            pipeline = diffusers.StableDiffusionPipeline(
                vae, clip, tokenizer, unet, scheduler, None, None, requires_safety_checker=False
            )
    torch.set_default_dtype(torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    for part in (pipeline.unet, pipeline.vae, pipeline.text_encoder):
        part.eval()
    if settings["compile"]:
        pipeline.unet = torch.compile(pipeline.unet, mode=settings["compile"], fullgraph=True)
    return pipeline


def picture(pipeline: Any, settings: dict[str, Any], wanted: dict[str, Any]) -> float:
    """Makes one and saves it; seconds."""
    started = time.perf_counter()
    with torch.inference_mode():
        image = pipeline(
            settings["prompt"],
            width=settings["width"],
            height=settings["height"],
            num_inference_steps=settings["steps"],
            guidance_scale=settings["cfg"],
            generator=torch.Generator(settings["device"]).manual_seed(wanted["seed"]),
        ).images[0]
    image.save(wanted["path"])
    return time.perf_counter() - started


def main(settings: dict[str, Any]) -> int:
    """Answers every line of standard input."""
    answers, sys.stdout = sys.stdout, sys.stderr  # what libraries print is no answer

    def answer(**values: Any) -> None:
        print(json.dumps(values), file=answers, flush=True)

    pipeline = build(settings)
    answer(diffusers=diffusers.__version__, torch=torch.__version__, transformers=transformers.__version__)
    for line in sys.stdin:
        answer(picture=picture(pipeline, settings, json.loads(line)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(json.loads(sys.argv[1])))
