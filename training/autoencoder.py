"""Trains the autoencoder: ``python -m training autoencoder PICTURES RUN``.

First encoder and decoder together, on latents with a little noise that keeps them smooth; then the encoder is frozen,
its latents are standardised inside its last convolution, and the decoder goes on alone with more noise, since it will
be given what a transformer made up.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import torch
from torch import Tensor

from training import dataset
from training.journal import Journal
from training.model import CHANNELS, Autoencoder
from training.optimiser import Average, optimisers, schedule, set_rate
from training.parallel import Team

CROP = 128
NOISE = 0.10
"""Standard deviation, in that of the latents."""


def gather(folder: Path, shards: int, device: torch.device) -> list[Tensor]:
    """Waits for the first ``shards`` shards: uint8 [n, h, w, 3] each, on ``device``."""
    found: dict[int, Tensor] = {}
    while len(found) < shards:
        for shard in dataset.ready(folder):
            if shard not in found and len(found) < shards:
                found[shard] = torch.from_numpy(dataset.load(folder, shard, remove=False).pictures).to(device)
        time.sleep(0.2)
    return list(found.values())


def crops(pictures: list[Tensor], batch: int, generator: torch.Generator) -> Tensor:
    """``batch`` random crops out of one shard, half of them mirrored: float [batch, 3, CROP, CROP] in 0..1."""
    shard = pictures[int(torch.randint(len(pictures), (1,), generator=generator))]
    n, h, w, _ = shard.shape
    device = shard.device
    which = torch.randint(n, (batch,), generator=generator).to(device)
    # Whole latent pixels, so that the blocks of pixel art stay aligned as they are in use.
    top = (torch.randint((h - CROP) // 8 + 1, (batch,), generator=generator) * 8).to(device)
    left = (torch.randint((w - CROP) // 8 + 1, (batch,), generator=generator) * 8).to(device)
    along = torch.arange(CROP, device=device)
    ys, xs = top[:, None, None] + along[None, :, None], left[:, None, None] + along[None, None, :]
    out = shard[which[:, None, None], ys, xs]
    images = out.permute(0, 3, 1, 2).float() / 255
    half = batch // 2
    return torch.cat((images[:half], images[half:].flip(3))).contiguous(memory_format=torch.channels_last)


def loss_of(made: Tensor, wanted: Tensor) -> Tensor:
    """Mean error of values and of differences between neighbours: edges count more than areas."""
    value = (made - wanted).abs().mean() + 2 * (made - wanted).square().mean()
    across = (made.diff(dim=3) - wanted.diff(dim=3)).abs().mean()
    down = (made.diff(dim=2) - wanted.diff(dim=2)).abs().mean()
    return value + across + down


@torch.no_grad()
def standardise(model: Autoencoder, pictures: list[Tensor], batch: int, generator: torch.Generator) -> None:
    """Folds mean and deviation of every latent channel into the encoder's last convolution."""
    latents = torch.cat([model.encoder(crops(pictures, batch, generator)).float() for _ in range(24)])
    mean, std = latents.mean((0, 2, 3)), latents.std((0, 2, 3))
    last = model.encoder[-1]
    last.weight /= std[:, None, None, None]
    last.bias.copy_((last.bias - mean) / std)


def psnr(made: Tensor, wanted: Tensor) -> float:
    """Peak signal to noise in dB."""
    return float(-10 * torch.log10((made.float().clamp(0, 1) - wanted).square().mean()))


def train(folder: Path, run: Path, *, steps: int, batch: int, shards: int, seed: int) -> None:
    """Trains from nothing and writes ``RUN/autoencoder.pt``."""
    team = Team()
    torch.manual_seed(seed)
    torch.backends.cudnn.benchmark = True
    journal = Journal(run / "autoencoder.jsonl", silent=team.rank > 0)
    model = Autoencoder().to(team.device, memory_format=torch.channels_last)
    team.same_start(model)
    pictures = gather(folder, shards, team.device)
    journal.write(event="pictures", count=sum(len(p) for p in pictures))
    generator = torch.Generator().manual_seed(seed + 1 + team.rank)
    alone = int(steps * 0.55)
    for part, first, last in (("both", 0, alone), ("decoder", alone, steps)):
        trained = model if part == "both" else model.decoder
        if part == "decoder":
            with team.mixed():
                standardise(model, pictures, batch, generator)
            model.encoder.requires_grad_(False)
            for p in model.encoder.parameters():
                p.grad = None
        matrices = [p for p in trained.parameters() if p.ndim == 4 and p.shape[:2] == (64, 64)]
        tools = optimisers(trained, matrices, muon=4e-3, adamw=1.5e-3)
        average = Average(model)
        for step in range(first, last):
            set_rate(tools, schedule((step - first) / (last - first), step - first, warmup=100, decay=0.6))
            wanted = crops(pictures, batch // team.size, generator)
            with team.mixed():
                with torch.set_grad_enabled(part == "both"):
                    latent = model.encoder(wanted)
                noise = NOISE if part == "both" else NOISE * 1.6 * torch.rand(len(wanted), 1, 1, 1, device=team.device)
                made = model.decoder(latent + noise * torch.randn_like(latent))
            loss = loss_of(made.float(), wanted)
            if part == "both":
                flat = latent.float().transpose(0, 1).reshape(CHANNELS, -1)
                loss = loss + 0.02 * (flat.mean(1).square() + (flat.std(1) - 1).square()).mean()
            for tool in tools:
                tool.zero_grad(set_to_none=True)
            loss.backward()
            team.average_gradients(trained)
            for tool in tools:
                tool.step()
            average.update(model, 0.998)
            if step % 100 == 0 or step == last - 1:
                journal.write(part=part, step=step, loss=float(loss.detach()), psnr=psnr(made.detach(), wanted))
        average.copy_to(model)
    with torch.no_grad(), team.mixed():
        wanted = crops(pictures, 4 * batch, torch.Generator().manual_seed(0))
        journal.write(event="done", psnr=psnr(model.decoder(model.encoder(wanted)), wanted))
    if team.rank == 0:
        torch.save({k: v.half() for k, v in model.state_dict().items()}, run / "autoencoder.pt")
    team.end()


def load(run: Path, device: torch.device | str) -> Autoencoder:
    """The trained autoencoder of a run."""
    model = Autoencoder()
    model.load_state_dict(torch.load(run / "autoencoder.pt", map_location="cpu", weights_only=True))
    model.to(device, memory_format=torch.channels_last).eval().requires_grad_(False)
    return model


def main(arguments: list[str] | None = None) -> None:
    """The command ``autoencoder``."""
    parser = argparse.ArgumentParser(prog="python -m training autoencoder", description="Train the autoencoder.")
    parser.add_argument("pictures", type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--batch", type=int, default=96)
    parser.add_argument("--shards", type=int, default=48)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    train(given.pictures, given.run, steps=given.steps, batch=given.batch, shards=given.shards, seed=given.seed)


if __name__ == "__main__":
    main()
