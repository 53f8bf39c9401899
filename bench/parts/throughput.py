"""The part ``throughput``: eight pictures by single calls, by one ``--count``, by one ``batch``, and queued at once."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING

from bench.runs import wall
from bench.titles import COUNT, MANY

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.session import Session

SINGLE = f"hal, {COUNT} calls"


def measure(bench: Session) -> None:
    """With a model that is loaded; the uncounted first round loads it."""
    for model in bench.models:
        measures: dict[str, Callable[[], float]] = {SINGLE: partial(_calls, bench, model)}
        for name, variant in bench.ours().items():
            measures[f"{name} --count {COUNT}"] = partial(_count, bench, model, variant)
        measures[f"hal batch, {COUNT} lines"] = partial(_batch, bench, model)
        bare = bench.bare()
        if bare is not None:
            measures[f"{bare.name}, {COUNT} queued"] = lambda: bare.pictures(model, COUNT)["wall"]  # noqa: B023 - used here
        bench.record.compare("throughput", MANY, measures, bench.options.cold_runs, base=SINGLE, model=model)
    bench.world.stop()


def _calls(bench: Session, model: str) -> float:
    world = bench.world
    commands = [world.picture(model, world.folder / "x.png") for _ in range(COUNT)]
    return sum(wall(command, world.env, world.folder) for command in commands)


def _count(bench: Session, model: str, variant: tuple[str, ...]) -> float:
    world = bench.world
    target = world.folder / "count-{index}.png"
    many = world.picture(model, target, "--count", str(COUNT), *variant, seed=world.fresh(COUNT))
    return wall(many, world.env, world.folder)


def _batch(bench: Session, model: str) -> float:
    world = bench.world
    lines = world.folder / f"batch-{world.fresh()}.jsonl"
    command = world.picture(model, world.folder / "batch-{index}.png")
    prompt = command[command.index("-p") + 1]
    pictures = [{"prompt": prompt, "seed": int(world.fresh())} for _ in range(COUNT)]
    lines.write_text("".join(f"{json.dumps(picture)}\n" for picture in pictures), encoding="utf-8")
    at = command.index("-p")
    return wall([*command[:at], "batch", str(lines), *command[at + 2 :]], world.env, world.folder)
