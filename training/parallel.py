"""Several GPUs of one machine, started with ``torchrun``; with one process everything here does nothing."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import torch
import torch.distributed as dist

if TYPE_CHECKING:
    from torch import nn


class Team:
    """The processes that train together.

    Attributes:
        rank: number of this one; 0 writes the files.
        size: how many there are.
        device: what this one computes on.
    """

    def __init__(self) -> None:
        self.rank, self.size = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
        cuda = torch.cuda.is_available()
        self.device = torch.device(f"cuda:{os.environ.get('LOCAL_RANK', '0')}" if cuda else "cpu")
        if cuda:
            torch.cuda.set_device(self.device)
        if self.size > 1:
            dist.init_process_group("nccl" if cuda else "gloo")

    def mixed(self) -> torch.autocast:
        """A context in which matrices are bfloat16 on a GPU, and everything stays as it is on a processor."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda")

    def average_gradients(self, model: nn.Module) -> None:
        """Makes every gradient the mean over all processes."""
        if self.size == 1:
            return
        grads = [p.grad for p in model.parameters() if p.grad is not None]
        flat = torch.cat([g.flatten() for g in grads])
        dist.all_reduce(flat)
        flat /= self.size
        at = 0
        for g in grads:
            g.copy_(flat[at : at + g.numel()].view_as(g))
            at += g.numel()

    def same_start(self, model: nn.Module) -> None:
        """Gives every process the parameters of the first."""
        if self.size > 1:
            for p in model.parameters():
                dist.broadcast(p.data, 0)

    def wait(self) -> None:
        """Until all have come here."""
        if self.size > 1:
            dist.barrier()

    def end(self) -> None:
        """Lets go of the others; the last thing that a process does."""
        if self.size > 1:
            dist.destroy_process_group()

    def all_agree(self, value: float) -> float:
        """The first process's ``value``."""
        if self.size == 1:
            return value
        shared = torch.tensor([value], device=self.device)
        dist.broadcast(shared, 0)
        return float(shared)
