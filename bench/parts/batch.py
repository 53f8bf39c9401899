"""The part ``batch``: a thousand tiny pictures through one command, its memory and what it costs beside ComfyUI."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from bench.runs import measured, wall

if TYPE_CHECKING:
    from bench.session import Session

LINES = 1000
FEW = 10
BESIDE = "of each picture of a batch, beside ComfyUI's own execution"
MEMORY = "memory of a batch, at most"


def measure(bench: Session) -> None:
    """A batch of ``FEW`` and one of ``LINES`` pictures, once each."""
    world, model = bench.world, bench.models[0]
    wall(world.picture(model, world.folder / "x.png"), world.env)
    beside, memory = {}, {}
    for count in (FEW, LINES):
        lines = world.folder / f"{count}.txt"
        lines.write_text("".join(f"a red cube, number {world.fresh()}\n" for _ in range(count)))
        answers = world.folder / f"{count}.jsonl"
        target = str(world.folder / "batch" / "{index}.png")
        tiny = ("--model", model, "--size", "64", "--steps", "1", *world.device(), "-o", target)
        with answers.open("wb") as stream:
            command = world.hal("batch", str(lines), *tiny, "--jsonl", "-q")
            seconds, kilobytes = measured(command, world.env, world.folder, stream)
        events = [json.loads(line) for line in answers.read_bytes().splitlines()]
        executed = [event["timings"]["execution_s"] for event in events if event.get("event") == "done"]
        if len(executed) != count:
            raise RuntimeError(f"{len(executed)} of {count} pictures were made")
        beside[f"{count} pictures"] = (seconds - sum(executed)) / count
        memory[f"{count} pictures"] = kilobytes / 1024
    bench.record.add("batch", BESIDE, beside, unit="s", model=model)
    bench.record.add("batch", MEMORY, memory, unit="MB", model=model)
    world.stop()
