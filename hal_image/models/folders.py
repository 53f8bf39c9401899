"""ComfyUI's kinds of model folders, and where below the models directory they are."""

from __future__ import annotations

MODEL_FOLDERS: dict[str, tuple[str, ...]] = {
    "checkpoints": ("checkpoints",),
    "diffusion_models": ("unet", "diffusion_models"),  # the order in which ComfyUI looks
    "text_encoders": ("text_encoders", "clip"),
    "vae": ("vae",),
    "vae_approx": ("vae_approx",),
    "clip_vision": ("clip_vision",),
    "loras": ("loras",),
    "controlnet": ("controlnet", "t2i_adapter"),
    "upscale_models": ("upscale_models",),
    "embeddings": ("embeddings",),
    # no graph of ours uses what follows, but those that people bring along do
    "style_models": ("style_models",),
    "gligen": ("gligen",),
    "hypernetworks": ("hypernetworks",),
    "photomaker": ("photomaker",),
    "model_patches": ("model_patches",),
    "audio_encoders": ("audio_encoders",),
    "latent_upscale_models": ("latent_upscale_models",),
}
"""ComfyUI's folder kinds, and the folders below the models directory that serve each."""

BELONGS: dict[str, str] = {"diffusion_models": "diffusion_models"}
"""Where a file of a kind belongs, where that is not the first folder."""

ROLES: dict[str, str] = {
    "checkpoints": "checkpoint",
    "diffusion_models": "diffusion_model",
    "text_encoders": "text_encoder",
    "vae": "vae",
    "vae_approx": "vae_approx",
    "clip_vision": "clip_vision",
    "loras": "lora",
    "controlnet": "controlnet",
    "upscale_models": "upscale_model",
    "style_models": "style_model",
    "gligen": "gligen",
    "hypernetworks": "hypernetwork",
    "photomaker": "photomaker",
    "model_patches": "model_patch",
    "audio_encoders": "audio_encoder",
    "latent_upscale_models": "latent_upscale_model",
}
"""What a file of a kind is used for, as the JSON output says it."""


def folder_for(kind: str) -> str:
    """The folder below the models directory in which a new file of a kind belongs."""
    return BELONGS.get(kind, MODEL_FOLDERS.get(kind, (kind,))[0])
