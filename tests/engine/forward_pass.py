"""Runs with the engine's Python: our networks and ComfyUI's, the same weights, the same input.

``python forward_pass.py COMFYUI_DIR FOLDER`` writes a checkpoint with random weights that survive packing unchanged,
lets ComfyUI load it, and prints as JSON how far apart the two are, relative to the size of the values.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [sys.argv[1], str(ROOT)]
COMFYUI, FOLDER = sys.argv[1:3]
sys.argv = [sys.argv[0], "--cpu"]

import torch  # noqa: E402

from hal_image.models.unpack import lay_out  # noqa: E402
from training import vocabulary  # noqa: E402
from training.model import CHANNELS, Autoencoder, Transformer, sigmas  # noqa: E402
from training.packing import Packer, pack_autoencoder, pack_text, pack_transformer  # noqa: E402

PROMPTS = ("a red cube on a blue background", "", "two green cats, three dogs . " * 12)
"""A usual one, none, and one that is longer than a chunk of CLIP."""


def randomise(model: torch.nn.Module, generator: torch.Generator) -> None:
    """Weights that int8 with a scale a row, and half precision, hold exactly."""
    model.requires_grad_(False)
    for parameter in model.parameters():
        if parameter.ndim > 1:
            flat = torch.randint(-127, 128, parameter.flatten(1).shape, generator=generator).float()
            flat[:, 0] = 127  # so that a row's scale is the power of two that is meant
            exponent = round((-0.5 * torch.log2(torch.tensor(float(flat.shape[1])))).item()) - 6
            parameter.copy_((flat * 2.0**exponent).view_as(parameter))
        else:
            noise = 0.2 * torch.randn(parameter.shape, generator=generator)
            parameter.copy_((noise + 1 if bool((parameter == 1).all()) else noise).half().float())


def far(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    """The largest difference as a share of the largest value."""
    assert ours.shape == theirs.shape, (ours.shape, theirs.shape)
    return float((ours - theirs).abs().max() / ours.abs().max())


def rows_of(prompt: str) -> torch.Tensor:
    """A prompt's rows as training makes them: [1, chunks, 77]."""
    if len(vocabulary.tokens(prompt)) <= vocabulary.LENGTH - 2:
        return torch.tensor([[vocabulary.encode(prompt)]])
    return torch.tensor([vocabulary.encode_long(prompt)])


def main() -> None:
    """Prints one JSON object."""
    torch.set_grad_enabled(False)
    generator = torch.Generator().manual_seed(5)
    ours, autoencoder = Transformer(vocabulary.count()), Autoencoder()
    randomise(ours, generator)
    randomise(autoencoder, generator)
    packer = Packer()
    pack_transformer(packer, ours)
    pack_text(packer, ours.text)
    pack_autoencoder(packer, autoencoder)
    packed, checkpoint = Path(FOLDER) / "packed.safetensors", Path(FOLDER) / "checkpoint.safetensors"
    packer.write(packed)
    with checkpoint.open("wb") as file:
        lay_out(packed, file.fileno())

    import comfy.options  # noqa: PLC0415

    comfy.options.enable_args_parsing()
    import comfy.samplers  # noqa: PLC0415
    import comfy.sd  # noqa: PLC0415

    patcher, clip, vae, _ = comfy.sd.load_checkpoint_guess_config(str(checkpoint), output_vae=True, output_clip=True)
    network: Any = patcher.model.diffusion_model
    found: dict[str, float] = {}
    for number, prompt in enumerate(PROMPTS):
        context, pooled = clip.encode_from_tokens(clip.tokenize(prompt), return_pooled=True)
        rows = rows_of(prompt)
        text, vector = ours.text(rows)
        width = text.shape[-1]
        found[f"context {number}"] = far(text, context[..., :width].float())
        found[f"pooled {number}"] = far(vector, pooled[:, :width].float())
        assert not context[..., width:].any()
        assert not pooled[:, width:].any()
        for w, h in ((32, 32), (36, 18), (18, 32)):
            latent = torch.randn(1, CHANNELS, h, w, generator=generator)
            sigma = torch.rand(1, generator=generator)
            theirs = network(latent, sigma * 1000, context=context.float(), y=pooled.float())
            found[f"velocity {number} {w}x{h}"] = far(ours(latent, sigma, rows), theirs)
    image = torch.rand(1, 64, 96, 3, generator=generator)
    standard = autoencoder.encoder(image.permute(0, 3, 1, 2))
    found["encoded"] = far(standard, patcher.model.process_latent_in(vae.encode(image)))
    latent = 3 * torch.randn(1, CHANNELS, 8, 12, generator=generator)
    decoded = autoencoder.decoder(latent).clamp(0, 1).permute(0, 2, 3, 1)
    found["decoded"] = far(decoded, vae.decode(patcher.model.process_latent_out(latent)))
    schedule = comfy.samplers.calculate_sigmas(patcher.get_model_object("model_sampling"), "simple", 12)
    found["sigmas"] = far(torch.tensor(sigmas(12)), schedule)
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
