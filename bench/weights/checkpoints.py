"""Which networks a checkpoint consists of, under which prefixes and in which number formats: as the published files."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bench.weights import text_encoders, transformers, unet
from bench.weights.autoencoder import autoencoder
from tests.synthetic.blocks import Weights
from tests.synthetic.sparse import Tensor, write_safetensors

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

DIFFUSION = "model.diffusion_model."
T5 = "text_encoders.t5xxl.transformer."


def sd15() -> dict[str, Tensor]:
    """Stable Diffusion 1.5, fp16."""
    half = Weights("F16")
    unet.unet(half, DIFFUSION, unet.SD15)
    autoencoder(half, "first_stage_model.", 4)
    text_encoders.clip(half, "cond_stage_model.transformer.", 768, 12, projection=False)
    return half.tensors


def sdxl() -> dict[str, Tensor]:
    """Stable Diffusion XL base, fp16."""
    half = Weights("F16")
    unet.unet(half, DIFFUSION, unet.SDXL)
    autoencoder(half, "first_stage_model.", 4)
    text_encoders.clip(half, "conditioner.embedders.0.transformer.", 768, 12, projection=False)
    text_encoders.clip_g_original(half, "conditioner.embedders.1.model.")
    return half.tensors


def flux(*, guidance: bool = True) -> dict[str, Tensor]:
    """FLUX.1-dev as one file, transformer and T5 fp8; without ``guidance`` FLUX.1-schnell."""
    eight, half, full = Weights("F8_E4M3"), Weights("F16"), Weights("F32")
    transformers.flux(eight, DIFFUSION, guidance=guidance)
    text_encoders.t5xxl(eight, T5)
    text_encoders.clip(half, "text_encoders.clip_l.transformer.", 768, 12, projection=False)
    autoencoder(full, "vae.", 16)
    return eight.tensors | half.tensors | full.tensors


def sd35_medium() -> dict[str, Tensor]:
    """Stable Diffusion 3.5 Medium with its text encoders, all fp16 but T5's layers, which are fp8."""
    eight, half = Weights("F8_E4M3"), Weights("F16")
    transformers.sd35_medium(half, DIFFUSION)
    autoencoder(half, "first_stage_model.", 16)
    text_encoders.clip(half, "text_encoders.clip_l.transformer.", 768, 12, projection=True)
    text_encoders.clip(half, "text_encoders.clip_g.transformer.", 1280, 32, projection=True)
    text_encoders.t5xxl(eight, T5)
    words = f"{T5}shared.weight"
    return half.tensors | eight.tensors | {words: replace(eight.tensors[words], dtype="F16")}


FULL_SIZE: Mapping[str, tuple[str, Callable[[], dict[str, Tensor]]]] = {
    "sd15": ("v1-5-pruned-emaonly-fp16.safetensors", sd15),
    "sdxl": ("sd_xl_base_1.0.safetensors", sdxl),
    "flux": ("flux1-dev-fp8.safetensors", flux),
    "flux-schnell": ("flux1-schnell-fp8.safetensors", lambda: flux(guidance=False)),
    "sd35-medium": ("sd3.5_medium_incl_clips_t5xxlfp8scaled.safetensors", sd35_medium),
}
"""By the model's name in models.yaml: its file's name there, and its tensors."""


def write(model: str, models_dir: Path) -> Path:
    """Write the checkpoint of ``model`` below a models folder, unless it is there; return its path.

    Raises:
        KeyError: no such model.
        OSError: the file cannot be written.
    """
    name, tensors = FULL_SIZE[model]
    path = models_dir / "checkpoints" / name
    if not path.is_file():
        write_safetensors(path, tensors(), seed=f"full-size {model}", metadata={"modelspec.title": f"random {model}"})
    return path
