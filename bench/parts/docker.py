"""The part ``docker``: the same call with the engine in a container and beside it, cold and warm. Needs the image."""

from __future__ import annotations

import os
import subprocess
from functools import partial
from typing import TYPE_CHECKING

from bench.runs import wall
from bench.world import executed

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.session import Session

KINDS = {"hal --engine local": "local", "hal --engine docker": "docker"}
COLD = "cold call to the picture, by engine"
BESIDE = "beside ComfyUI's own execution, by engine"


def measure(bench: Session) -> None:
    """With the first of the models."""
    world, model = bench.world, bench.models[0]

    def call(kind: str) -> float:
        return wall(world.picture(model, world.folder / "x.png", "--engine", kind), world.env, world.folder)

    def cold(kind: str) -> float:
        world.stop()
        return call(kind)

    def beside(kind: str) -> float:
        return call(kind) - executed(world.engine_folder(kind) / "comfyui.log")

    first = next(iter(KINDS))
    times = {name: partial(cold, kind) for name, kind in KINDS.items()}
    bench.record.compare("docker", COLD, times, bench.options.cold_runs, base=first, model=model)
    for kind in KINDS.values():
        call(kind)
    docker, container = _container(bench)
    measures: dict[str, Callable[[], float]] = {name: partial(beside, kind) for name, kind in KINDS.items()}
    measures["docker exec -i … true"] = lambda: wall([docker, "exec", "-i", container, "true"], world.env)
    bench.record.compare("docker", BESIDE, measures, bench.options.runs, base=first, model=model)
    world.stop()


def _container(bench: Session) -> tuple[str, str]:
    """The docker command, and the engine's container."""
    docker = os.environ.get("HAL_DOCKER") or "docker"
    name = f"name=hal8000-.*-{bench.world.engine_folder('docker').name.removesuffix('-docker')}"
    done = subprocess.run([docker, "ps", "-q", "--filter", name], capture_output=True, check=True, text=True)
    return docker, done.stdout.strip()
