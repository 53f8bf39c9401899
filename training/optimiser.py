"""Muon for matrices, AdamW for the rest.

Muon (Jordan, 2024, https://kellerjordan.github.io/posts/muon/) replaces a matrix's momentum by the nearest orthogonal
matrix. PyTorch has it from 2.9 on, one matrix at a time; here all matrices of one shape are done together, which is
what makes it cheap for a small model, and it runs with the engine's older PyTorch too, so that the tests can.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor, nn

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
"""Coefficients of the quintic iteration, from the same source."""


def orthogonal(g: Tensor, steps: int = 5) -> Tensor:
    """About the nearest matrix to each of ``g`` [n, rows, columns] with all singular values 1."""
    a, b, c = NEWTON_SCHULZ
    x = g.to(torch.bfloat16) if g.is_cuda else g.float()  # bfloat16 is slow on processors
    tall = x.shape[1] > x.shape[2]
    if tall:
        x = x.mT
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(steps):
        s = x @ x.mT
        x = a * x + (b * s + c * s @ s) @ x
    return x.mT if tall else x


class Muon(torch.optim.Optimizer):
    """Momentum with orthogonal steps, for matrices."""

    def __init__(
        self, params: Iterable[nn.Parameter], lr: float, momentum: float = 0.95, weight_decay: float = 0.0
    ) -> None:
        super().__init__(list(params), {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # noqa: ARG002  every optimiser of PyTorch has it
        """One step with the gradients as they are."""
        for group in self.param_groups:
            shapes = defaultdict(list)
            for p in group["params"]:
                if p.grad is not None:
                    shapes[p.shape].append(p)
            for shape, params in shapes.items():
                buffers = [self.state[p].setdefault("momentum", torch.zeros_like(p)) for p in params]
                grads = [p.grad for p in params]
                torch._foreach_lerp_(buffers, grads, 1 - group["momentum"])
                ahead = torch._foreach_lerp(grads, buffers, group["momentum"])  # noqa: SLF001  has no public name
                stacked = torch.stack(ahead).flatten(2)  # a convolution is a matrix of its outputs
                updates = orthogonal(stacked) * max(1.0, stacked.shape[1] / stacked.shape[2]) ** 0.5
                updates = updates.to(params[0].dtype).view(-1, *shape)
                torch._foreach_mul_(params, 1 - group["lr"] * group["weight_decay"])
                torch._foreach_add_(params, list(updates.unbind(0)), alpha=-group["lr"])


def optimisers(
    model: nn.Module, matrices: Iterable[nn.Parameter], *, muon: float, adamw: float
) -> list[torch.optim.Optimizer]:
    """Muon with learning rate ``muon`` for ``matrices``, AdamW with ``adamw`` for all other parameters."""
    chosen = list(matrices)
    ids = {id(p) for p in chosen}
    rest = [p for p in model.parameters() if id(p) not in ids]
    fused = all(p.is_cuda for p in rest)
    return [
        Muon(chosen, lr=muon, weight_decay=0.01),
        torch.optim.AdamW(rest, lr=adamw, betas=(0.9, 0.98), weight_decay=0.0, fused=fused),
    ]


def set_rate(optimisers: list[torch.optim.Optimizer], share: float) -> None:
    """Sets every learning rate to ``share`` of what it was made with."""
    for optimiser in optimisers:
        for group in optimiser.param_groups:
            group["lr"] = group.setdefault("full", group["lr"]) * share


def schedule(progress: float, step: int, *, warmup: int, decay: float) -> float:
    """Share of the learning rate, 0 to 1: a ramp, a plateau, and a line down to 0.

    Args:
        progress: how much of the whole is done, 0 to 1.
        step: steps since the start.
        warmup: steps of the ramp.
        decay: share of the whole that the line down takes, 0 to 1.
    """
    return min(1.0, (step + 1) / max(1, warmup), max(0.0, (1 - progress) / max(decay, 1e-6)))


class Average:
    """A running mean of a model's parameters, which makes better pictures than the last state."""

    def __init__(self, model: nn.Module) -> None:
        self.names = [name for name, _ in model.named_parameters()]
        self.values = [p.detach().clone().float() for p in model.parameters()]
        self._steps = 0

    @torch.no_grad()
    def update(self, model: nn.Module, keep: float) -> None:
        """Adds the present state; early on it forgets faster than ``keep``."""
        self._steps += 1
        share = 1 - min(keep, self._steps / (self._steps + 10))
        torch._foreach_lerp_(self.values, [p.detach().float() for p in model.parameters()], share)

    @torch.no_grad()
    def copy_to(self, model: nn.Module) -> None:
        """Writes the mean into ``model``."""
        for p, value in zip(model.parameters(), self.values, strict=True):
            p.copy_(value)

    def state(self) -> dict[str, object]:
        """For ``torch.save``."""
        return {"values": self.values, "steps": self._steps}

    def load(self, state: dict[str, object]) -> None:
        """Goes on from a ``state``."""
        values: list[torch.Tensor] = state["values"]  # type: ignore[assignment]
        for mine, theirs in zip(self.values, values, strict=True):
            mine.copy_(theirs)
        self._steps = int(state["steps"])  # type: ignore[call-overload]
