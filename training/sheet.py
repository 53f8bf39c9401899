"""A contact sheet of a run: ``python -m training sheet RUN OUT.png``; no ComfyUI, only our own networks."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

from training import autoencoder, transformer, vocabulary
from training.contact import arrange
from training.model import sample

PROMPTS = Path(__file__).with_name("prompts.txt")
"""One prompt a line, written by hand."""


@torch.no_grad()
def pictures(
    run: Path,
    stage: str,
    prompts: list[str],
    *,
    width: int,
    height: int,
    steps: int,
    cfg: float,
    seed: int,
    device: str,
) -> np.ndarray:
    """uint8 [n, height, width, 3]."""
    model = transformer.average_of(run, stage).to(device)
    decoder = autoencoder.load(run, device).decoder
    null = transformer.null_rows(torch.device(device))
    found = []
    for at in range(0, len(prompts), 32):
        rows = torch.tensor([[vocabulary.encode(p.lower())] for p in prompts[at : at + 32]], device=device)
        with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=device != "cpu"):
            latents = sample(model, rows, width, height, steps=steps, cfg=cfg, seed=seed + at, null=null)
            images = decoder(latents).float().clamp(0, 1)
        found.append((images * 255).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy())
    return np.concatenate(found)


def main(arguments: list[str] | None = None) -> None:
    """The command ``sheet``."""
    parser = argparse.ArgumentParser(prog="python -m training sheet", description="Draw a contact sheet.")
    parser.add_argument("run", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--stage", choices=("flow", "distilled"), default="distilled")
    parser.add_argument("--prompts", type=Path, default=PROMPTS)
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--height", type=int, default=256)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--cfg", type=float, default=1.0)
    parser.add_argument("--columns", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--limit", type=int, default=64)
    options = parser.parse_args(arguments)
    prompts = [line.strip() for line in options.prompts.read_text().splitlines()][: options.limit]
    device = "cuda" if torch.cuda.is_available() else "cpu"
    images = pictures(
        options.run, options.stage, prompts, width=options.width, height=options.height,
        steps=options.steps, cfg=options.cfg, seed=options.seed, device=device,
    )  # fmt: skip
    arrange(images, [[prompt] for prompt in prompts], options.columns).save(options.out)


if __name__ == "__main__":
    main()
