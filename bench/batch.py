"""The part ``batch``: a thousand tiny pictures through one command, its memory and what it costs beside ComfyUI."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from bench.runs import measured, wall

if TYPE_CHECKING:
    from bench.parts import World

LINES = 1000
FEW = 10


def bench_batch(world: World, picture: tuple[str, ...]) -> None:
    """Prints, for a batch of ``FEW`` and one of ``LINES`` pictures, memory and overhead."""
    target = str(world.folder / "batch" / "{index}.png")
    wall(world.hal("-p", "warm up", *picture, "-o", str(world.folder / "x.png")), world.env)
    print("\na batch of tiny pictures")
    for count in (FEW, LINES):
        lines = world.folder / f"{count}.txt"
        lines.write_text("".join(f"a red cube, number {world.fresh()}\n" for _ in range(count)))
        answers = world.folder / f"{count}.jsonl"
        with answers.open("wb") as stream:
            command = world.hal("batch", str(lines), *picture, "-o", target, "--jsonl", "-q")
            seconds, kilobytes = measured(command, world.env, world.folder, stream)
        events = [json.loads(line) for line in answers.read_bytes().splitlines()]
        executed = [event["timings"]["execution_s"] for event in events if event.get("event") == "done"]
        if len(executed) != count:
            raise RuntimeError(f"{len(executed)} of {count} pictures were made")
        overhead = (seconds - sum(executed)) / count
        print(f"  {count:5} pictures: at most {kilobytes / 1024:.0f} MB of memory, {seconds:.1f} s,")
        print(f"        of each {sum(executed) / count:.3f} s in ComfyUI and {overhead:.3f} s beside it")
    world.stop()
