"""The drawn pictures as the transformer sees them: latents and captions in the GPU's memory."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import torch

from training import autoencoder, dataset

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from training.parallel import Team


class Store:
    """Latents and captions on the GPU, by picture size; grows while the drawing goes on."""

    def __init__(self, folder: Path, run: Path, team: Team, *, tokens: int, keep: bool) -> None:
        self._folder, self._team, self._tokens, self._keep = folder, team, tokens, keep
        self._encoder = autoencoder.load(run, team.device).encoder
        self._taken: set[int] = set()
        self._parts: dict[tuple[int, int], list[tuple[Tensor, Tensor]]] = {}
        self.sizes: dict[tuple[int, int], tuple[Tensor, Tensor]] = {}
        self.pictures = 0

    @torch.no_grad()
    def take(self, most: int) -> int:
        """Encodes up to ``most`` new shards of this process's share and returns how many there were."""
        own = [s for s in dataset.ready(self._folder) if s % self._team.size == self._team.rank]
        fresh = [s for s in own if s not in self._taken]
        for number in fresh[:most]:
            shard = dataset.load(self._folder, number, remove=not self._keep)
            self._taken.add(number)
            images = torch.from_numpy(shard.pictures).to(self._team.device)
            latents = []
            for part in images.split(64):
                x = (part.permute(0, 3, 1, 2).float() / 255).contiguous(memory_format=torch.channels_last)
                with self._team.mixed():
                    latents.append(self._encoder(x).to(torch.float16).contiguous())
            rows = torch.from_numpy(shard.rows).to(self._team.device)
            size = images.shape[2], images.shape[1]
            self._parts.setdefault(size, []).append((torch.cat(latents), rows))
            self.pictures += len(images)
        return min(most, len(fresh))

    def arrange(self) -> None:
        """Makes what was taken available to ``batch``."""
        for size, parts in self._parts.items():
            have = [self.sizes[size]] if size in self.sizes else []
            joined = have + parts
            self.sizes[size] = torch.cat([a for a, _ in joined]), torch.cat([b for _, b in joined])
        self._parts.clear()

    def fill(self, enough: int) -> None:
        """Waits until there are ``enough`` pictures here."""
        while self.pictures < enough:
            if not self.take(8):
                time.sleep(0.2)
        self.arrange()

    def batch(self, size: tuple[int, int], *, long: bool, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Latents float32 [b, 16, h, w] and rows [b, chunks, 77] of one size, as many as the token budget allows."""
        latents, rows = self.sizes[size]
        tokens = size[0] * size[1] // 256
        count = max(1, self._tokens // tokens // self._team.size)
        which = torch.randint(len(latents), (count,), generator=generator).to(latents.device)
        if long:
            chosen = rows[which, dataset.CAPTIONS :]
        else:
            caption = torch.randint(dataset.CAPTIONS, (count,), generator=generator).to(latents.device)
            chosen = rows[which, caption].unsqueeze(1)
        return latents[which].float(), chosen.long()
