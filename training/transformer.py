"""Trains the transformer: ``python -m training transformer PICTURES RUN``.

First stage: rectified flow on the latents of the drawn pictures. Second stage: the guided prediction of the first stage
(two evaluations, classifier-free guidance) is learnt by one, so that the model is used at CFG 1 and costs half.

Both stages write ``RUN/STAGE.pt`` every few minutes and go on from there when they are started again; several short
runs add up. Steps or minutes say how much of a stage there is to do in all, and the learning rate falls accordingly;
``--stop-after`` ends this run earlier.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from training import subjects, vocabulary
from training.journal import Journal
from training.latents import Store
from training.model import SHIFT, Transformer
from training.optimiser import Average, optimisers, schedule, set_rate
from training.parallel import Team

TOKENS = 1024 * 256
"""Picture tokens in a batch of all processes together: 1024 pictures of 256 pixels."""
LONG = 0.06
"""Share of the steps whose captions have two chunks."""
NO_CAPTION = 0.10
"""Share of the pictures in the first stage whose caption is replaced by the one that guidance compares with."""
GUIDANCE = 3.0
"""The scale that the second stage learns."""
SAVE_SECONDS = 150
"""Between two checkpoints."""


def null_rows(device: torch.device) -> Tensor:
    """The caption that guidance compares with: [1, 1, 77]."""
    rows = [vocabulary.START, vocabulary.NULL, vocabulary.END]
    return torch.tensor([[rows + [vocabulary.END] * (vocabulary.LENGTH - len(rows))]], device=device)


def noise_levels(count: int, device: torch.device) -> Tensor:
    """Noise levels [count] in 0..1: logit-normal, moved by ComfyUI's shift, and a tenth of them uniform."""
    t = torch.sigmoid(torch.randn(count, device=device))
    t = torch.where(torch.rand(count, device=device) < 0.1, torch.rand(count, device=device), t)
    return SHIFT * t / (1 + (SHIFT - 1) * t)


def flow_loss(model: torch.nn.Module, latents: Tensor, rows: Tensor, null: Tensor) -> Tensor:
    """Mean squared error of the velocity, with some captions left out."""
    b = len(latents)
    drop = torch.rand(b, 1, 1, device=rows.device) < NO_CAPTION
    rows = torch.where(drop, null.expand(b, rows.shape[1], -1), rows)
    sigma = noise_levels(b, latents.device)
    noise = torch.randn_like(latents)
    s = sigma[:, None, None, None]
    return (model((1 - s) * latents + s * noise, sigma, rows).float() - (noise - latents)).square().mean()


def distil_loss(
    student: torch.nn.Module, teacher: torch.nn.Module, latents: Tensor, rows: Tensor, null: Tensor
) -> Tensor:
    """Mean squared distance to the teacher's guided velocity. Captions without a known word are not guided."""
    b = len(latents)
    sigma = noise_levels(b, latents.device)
    s = sigma[:, None, None, None]
    x = (1 - s) * latents + s * torch.randn_like(latents)
    with torch.no_grad():
        given = teacher(x, sigma, rows).float()
        without = teacher(x, sigma, null.expand(b, rows.shape[1], -1)).float()
        known = (rows > vocabulary.NULL).flatten(1).any(1)
        scale = torch.where(known, GUIDANCE, 1.0)[:, None, None, None]
        wanted = without + scale * (given - without)
    return (student(x, sigma, rows).float() - wanted).square().mean()


def matrices(model: Transformer) -> list[torch.nn.Parameter]:
    """What Muon trains: the matrices of all blocks and text layers."""
    parts = [*model.blocks.parameters(), *model.text.layers.parameters()]
    return [p for p in parts if p.ndim == 2]


def compile_blocks(*models: Transformer) -> None:
    """Compiles one block for all, for any number of tokens: seconds instead of minutes."""
    torch.compiler.reset()  # what the stage before has compiled would count against the limit on variants
    for model in models:
        for block in model.blocks:
            block.compile(dynamic=True)


class Plan(NamedTuple):
    """How a stage is trained: learning rates of Muon and AdamW, steps of warm-up, the share of the whole in which the
    rates fall to nothing, and how much the running mean keeps in a step.
    """

    muon: float
    adamw: float
    warmup: int
    decay: float
    keep: float


PLANS = {"flow": Plan(3e-3, 1.4e-3, 300, 0.5, 0.999), "distilled": Plan(1e-3, 5e-4, 100, 0.8, 0.995)}


class Budget(NamedTuple):
    """How long: ``steps`` and ``minutes`` of the stage in all, whichever comes first; ``ends`` is this run's last
    moment on the monotonic clock.
    """

    steps: int
    minutes: float
    ends: float


class Run:
    """One stage of training, with everything that a checkpoint holds."""

    def __init__(self, run: Path, stage: str, team: Team, plan: Plan) -> None:
        self.file, self.stage, self.team, self.plan = run / f"{stage}.pt", stage, team, plan
        self.model = Transformer(vocabulary.count()).to(team.device)
        self.step, self.seconds, self.progress = 0, 0.0, 0.0
        self.tools = optimisers(self.model, matrices(self.model), muon=plan.muon, adamw=plan.adamw)
        self.average = Average(self.model)

    def begin(self, weights: Path | None) -> None:
        """Goes on from this stage's checkpoint, or starts with ``weights``, or from nothing."""
        if self.file.exists():
            state = torch.load(self.file, map_location=self.team.device, weights_only=True)
            self.model.load_state_dict(state["model"])
            for tool, saved in zip(self.tools, state["tools"], strict=True):
                tool.load_state_dict(saved)
            self.average.load(state["average"])
            self.step, self.seconds, self.progress = state["step"], state["seconds"], state["progress"]
        elif weights is not None:
            self.model.load_state_dict(torch.load(weights, map_location=self.team.device, weights_only=True))
            self.average = Average(self.model)
        self.team.same_start(self.model)

    def learn(self, loss: Tensor) -> None:
        """One step down ``loss``."""
        for tool in self.tools:
            tool.zero_grad(set_to_none=True)
        loss.backward()
        self.team.average_gradients(self.model)
        for tool in self.tools:
            tool.step()
        self.average.update(self.model, self.plan.keep)
        self.step += 1

    def save(self) -> None:
        """Writes the checkpoint, and beside it the averaged weights alone, in half precision."""
        if self.team.rank:
            return
        state = {
            "model": self.model.state_dict(),
            "tools": [tool.state_dict() for tool in self.tools],
            "average": self.average.state(),
            "step": self.step,
            "seconds": self.seconds,
            "progress": self.progress,
        }
        _replace(state, self.file)
        mean = dict(zip(self.average.names, (v.half() for v in self.average.values), strict=True))
        _replace(mean, self.file.with_name(f"{self.stage}-average.pt"))


def _replace(what: object, file: Path) -> None:
    temporary = file.with_suffix(".part")
    torch.save(what, temporary)
    temporary.rename(file)


def train(options: argparse.Namespace) -> None:
    """Trains what is left of both stages."""
    team = Team()
    torch.backends.cuda.matmul.allow_tf32 = True
    ends = time.monotonic() + 60 * options.stop_after
    store: Store | None = None
    for stage in ("flow", "distilled"):
        torch.manual_seed(options.seed + 1000 * team.rank)
        run = Run(options.run, stage, team, PLANS[stage])
        run.begin(options.run / "flow-average.pt" if stage == "distilled" else options.weights)
        if run.progress >= 1:
            continue
        if store is None:
            store = Store(options.pictures, options.run, team, tokens=options.batch_tokens, keep=options.keep)
            store.fill(options.enough // team.size)
        journal = Journal(options.run / f"{stage}.jsonl", silent=team.rank > 0)
        journal.write(event="start", stage=stage, step=run.step, pictures=store.pictures * team.size)
        steps, minutes = (
            (options.steps, options.minutes) if stage == "flow" else (options.distil_steps, options.distil_minutes)
        )
        _stage(run, store, journal, Budget(steps, minutes, ends), options)
        run.save()
        team.wait()  # the next stage reads what this one has written
        journal.write(event="end", step=run.step, minutes=round(run.seconds / 60, 2))
        if run.progress < 1:
            break
    team.end()


class Lesson:
    """What one step of a stage learns: a batch and its loss, the same size of picture in all processes."""

    def __init__(self, run: Run, store: Store, options: argparse.Namespace) -> None:
        self._run, self._store = run, store
        self._null = null_rows(run.team.device)
        self._size = torch.Generator().manual_seed(options.seed + 7)
        self._which = torch.Generator().manual_seed(options.seed + 11 + run.team.rank + 100 * run.step)
        self._sizes = [size for size, _ in subjects.SIDES]
        self._shares = torch.tensor([share for _, share in subjects.SIDES])
        self._teacher: Transformer | None = None
        if run.stage == "distilled":
            self._teacher = Transformer(vocabulary.count()).to(run.team.device).requires_grad_(False)
            weights = torch.load(options.run / "flow-average.pt", map_location=run.team.device, weights_only=True)
            self._teacher.load_state_dict(weights)
        if run.team.device.type == "cuda" and not options.eager:
            compile_blocks(run.model, *([] if self._teacher is None else [self._teacher]))

    def loss(self) -> Tensor:
        """The loss of the next batch."""
        size = self._sizes[int(torch.multinomial(self._shares, 1, generator=self._size))]
        long = float(torch.rand(1, generator=self._size)) < LONG
        if size not in self._store.sizes:
            size = next(iter(self._store.sizes))
        latents, rows = self._store.batch(size, long=long, generator=self._which)
        with self._run.team.mixed():
            if self._teacher is None:
                return flow_loss(self._run.model, latents, rows, self._null)
            return distil_loss(self._run.model, self._teacher, latents, rows, self._null)


def _stage(run: Run, store: Store, journal: Journal, budget: Budget, options: argparse.Namespace) -> None:
    team = run.team
    lesson = Lesson(run, store, options)
    began = saved = time.monotonic()
    before = run.seconds
    recent: list[Tensor] = []
    while True:
        if run.step % 50 == 0 or run.step >= budget.steps:
            if run.step % 500 == 0:
                store.take(64)
                store.arrange()
            now = time.monotonic()
            run.seconds = before + now - began
            run.progress = team.all_agree(max(run.step / budget.steps, run.seconds / (60 * budget.minutes)))
            if run.progress >= 1 or team.all_agree(float(now > budget.ends)):
                break
            if now - saved > SAVE_SECONDS:
                run.save()
                saved = now
        set_rate(run.tools, schedule(run.progress, run.step, warmup=run.plan.warmup, decay=run.plan.decay))
        loss = lesson.loss()
        run.learn(loss)
        recent.append(loss.detach())
        if len(recent) == 100:
            mean = float(torch.stack(recent).mean())
            recent.clear()
            pictures = store.pictures * team.size
            journal.write(step=run.step, loss=round(mean, 5), progress=round(run.progress, 3), pictures=pictures)


def average_of(run: Path, stage: str) -> Transformer:
    """The averaged model of a stage, for sampling and export."""
    model = Transformer(vocabulary.count())
    model.load_state_dict(torch.load(run / f"{stage}-average.pt", map_location="cpu", weights_only=True))
    model.eval().requires_grad_(False)
    return model


def main(arguments: list[str] | None = None) -> None:
    """The command ``transformer``."""
    parser = argparse.ArgumentParser(prog="python -m training transformer", description="Train the transformer.")
    parser.add_argument("pictures", type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("--steps", type=int, default=16000, help="of the first stage in all")
    parser.add_argument("--minutes", type=float, default=1e9, help="of the first stage in all")
    parser.add_argument("--distil-steps", type=int, default=2000, help="of the second stage in all")
    parser.add_argument("--distil-minutes", type=float, default=1e9, help="of the second stage in all")
    parser.add_argument("--stop-after", type=float, default=1e9, help="minutes of this run")
    parser.add_argument(
        "--batch-tokens",
        type=int,
        default=TOKENS,
        help=f"less for a GPU with less memory than 40 GB (default: {TOKENS})",
    )
    parser.add_argument("--enough", type=int, default=60000, help="pictures to wait for before the first step")
    parser.add_argument("--weights", type=Path, help="averaged weights to start from, when there is no checkpoint")
    parser.add_argument("--keep", action="store_true", help="leave the pictures where they are after reading them")
    parser.add_argument("--eager", action="store_true", help="do not compile")
    parser.add_argument("--seed", type=int, default=0)
    train(parser.parse_args(arguments))


if __name__ == "__main__":
    main()
