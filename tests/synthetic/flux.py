"""FLUX.1 with one double block instead of 19 and no single blocks instead of 38; dev, or schnell without guidance.

ComfyUI fixes the width at 3072, so even one block has 400 million weights: nearly all are holes. What is left lets the
prompt in twice, as T5's rows through the block's attention and as CLIP's pooled vector through the last modulation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.synthetic import t5
from tests.synthetic.autoencoder import taesd
from tests.synthetic.blocks import Weights
from tests.synthetic.clip import clip_l
from tests.synthetic.sparse import DType, Tensor, write_safetensors

if TYPE_CHECKING:
    from pathlib import Path

_SEED = "flux"
WIDTH = 3072
"""Of everything between the first layer and the last."""
_HEAD = 128
_USED = 1024
"""Channels, of 3072, that carry anything between the layers: eight of the 24 attention heads."""
_PROMPT_GAIN = 6.0
"""Enough for ten tokens among 256 to be seen, and not so much that ten tokens alone drown the seed."""
_LATENT_CHANNELS = 16
PATCH = _LATENT_CHANNELS * 4
"""A patch is 2x2 latent pixels."""
_EIGHT_BIT: DType = "F8_E4M3"


def write_flux_checkpoint(path: Path, *, guidance: bool = True) -> None:
    """Transformer, CLIP-L, T5-XXL and autoencoder in one file, for ``CheckpointLoaderSimple``.

    Laid out as Comfy-Org's ``flux1-dev-fp8.safetensors``, or ``flux1-schnell-fp8.safetensors`` without ``guidance``.

    Raises:
        OSError: the file cannot be written.
    """
    tensors = {
        **_transformer("model.diffusion_model.", guidance=guidance),
        **_clip("text_encoders.clip_l.transformer.text_model."),
        **_t5("text_encoders.t5xxl.transformer."),
        **_autoencoder("vae."),
        # ComfyUI gives the checkpoint's tensors to the tokenizer as options, and this is one: the length to which T5
        # pads a prompt. Without it T5 works through 256 tokens, nearly all padding, which takes twice as long.
        "text_encoders.t5xxl_min_length": Tensor((), "I64", value=1),
    }
    write_safetensors(path, tensors, seed=_SEED, metadata={"modelspec.title": "synthetic flux"})


def write_flux_parts(
    folder: Path,
    *,
    guidance: bool = True,
    diffusion_model: str = "flux1-dev.safetensors",
    clip_l: str = "clip_l.safetensors",
    t5xxl: str = "t5xxl_fp16.safetensors",
    vae: str = "ae.safetensors",
) -> dict[str, Path]:
    """The same as four files, for ``UNETLoader``, ``DualCLIPLoader`` (type ``flux``) and ``VAELoader``.

    Args:
        folder: a models folder; the files go to ``diffusion_models``, ``text_encoders`` and ``vae`` in it.
        guidance: false for schnell.
        diffusion_model, clip_l, t5xxl, vae: file names.

    Returns:
        The four paths by role: ``diffusion_model``, ``clip_l``, ``t5xxl``, ``vae``.

    Raises:
        OSError: a file cannot be written.
    """
    parts = {
        "diffusion_model": (folder / "diffusion_models" / diffusion_model, _transformer("", guidance=guidance)),
        "clip_l": (folder / "text_encoders" / clip_l, _clip("text_model.")),
        "t5xxl": (folder / "text_encoders" / t5xxl, _t5("")),
        "vae": (folder / "vae" / vae, _autoencoder("")),
    }
    for role, (path, tensors) in parts.items():
        write_safetensors(path, tensors, seed=_SEED, metadata={"modelspec.title": f"synthetic flux {role}"})
    return {role: path for role, (path, _) in parts.items()}


def _clip(prefix: str) -> dict[str, Tensor]:
    weights = Weights(_EIGHT_BIT)
    clip_l(weights, prefix)
    return weights.tensors


def _t5(prefix: str) -> dict[str, Tensor]:
    weights = Weights(t5.DTYPE)
    t5.t5xxl(weights, prefix)
    return weights.tensors


def _autoencoder(prefix: str) -> dict[str, Tensor]:
    weights = Weights("F16")
    taesd(weights, prefix, latent_channels=_LATENT_CHANNELS, scale=0.3611, shift=0.1159)
    return weights.tensors


def _transformer(prefix: str, *, guidance: bool) -> dict[str, Tensor]:
    weights = Weights(_EIGHT_BIT)
    transformer(weights, prefix, guidance=guidance)
    weights.linear(f"{prefix}final_layer.adaLN_modulation.1", WIDTH, 2 * WIDTH, gain=2.0, rows=(0, _USED))
    weights.linear(f"{prefix}final_layer.linear", WIDTH, PATCH)
    return weights.tensors


def transformer(weights: Weights, prefix: str, *, guidance: bool) -> None:
    """All of it but the last layer, which a ControlNet has not."""
    used = (0, _USED)
    weights.linear(f"{prefix}img_in", PATCH, WIDTH)
    weights.linear(f"{prefix}txt_in", 4096, WIDTH, rows=used)
    for name, width in (("time_in", 256), ("vector_in", 768), *([("guidance_in", 256)] if guidance else [])):
        weights.linear(f"{prefix}{name}.in_layer", width, WIDTH)
        weights.linear(f"{prefix}{name}.out_layer", WIDTH, WIDTH, rows=used)
    for stream in ("img", "txt"):
        _block_half(weights, f"{prefix}double_blocks.0.{stream}", stream=stream)


def _block_half(weights: Weights, name: str, *, stream: str) -> None:
    """The picture's or the prompt's half of the double block.

    Attention: queries of the picture and keys of the prompt are the same constant, which turns with the position, so
    that each patch sees the prompt's tokens more or less. The values are the prompt's.
    """
    hidden = 4 * WIDTH
    # Shift, scale and gate for attention, then for the feed-forward part, which stays off.
    weights.add(f"{name}_mod.lin.weight", 6 * WIDTH, WIDTH)
    weights.add(f"{name}_mod.lin.bias", 6 * WIDTH, value=1.0, rows=(2 * WIDTH, 3 * WIDTH))
    values = (2 * WIDTH, 2 * WIDTH + _USED)
    gain, constant = (0.0, (0, WIDTH)) if stream == "img" else (1.0, (WIDTH, 2 * WIDTH))
    weights.add(f"{name}_attn.qkv.weight", 3 * WIDTH, WIDTH, std=gain / WIDTH**0.5, rows=values)
    weights.add(f"{name}_attn.qkv.bias", 3 * WIDTH, value=1.0, rows=constant)
    weights.linear(f"{name}_attn.proj", WIDTH, WIDTH, gain=_PROMPT_GAIN, rows=(0, _USED))
    for norm in ("query_norm", "key_norm"):
        weights.add(f"{name}_attn.norm.{norm}.scale", _HEAD, value=1.0)
    weights.linear(f"{name}_mlp.0", WIDTH, hidden, gain=0)
    weights.linear(f"{name}_mlp.2", hidden, WIDTH, gain=0)
