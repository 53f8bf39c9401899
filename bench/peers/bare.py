"""Bare ComfyUI, ``python main.py``, and the minimal client: the same pictures as ours."""

from __future__ import annotations

import json
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import bare_comfyui
from bench.runs import wall
from bench.world import executed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bench.bare_comfyui import BareComfyUI, Server
    from bench.world import World

CLIENT = Path(__file__).with_name("client.py")
NAME = "bare ComfyUI"


class Bare:
    """One that is booted when a picture is first asked for, and stays until ``stop``."""

    def __init__(self, world: World, prepared: BareComfyUI) -> None:
        self.world = world
        self.prepared = prepared
        self._graphs: dict[str, dict[str, Any]] = {}
        self._stack = ExitStack()
        self.server: Server | None = None
        self.name = f"{NAME}, without its web page" if prepared.without else NAME

    def boot(self) -> Server:
        """Boots it unless it runs."""
        if self.server is None:
            self.server = self._stack.enter_context(self.prepared.booted(*self.world.device()))
        return self.server

    def stop(self) -> None:
        """Ends it, if it runs."""
        self._stack.close()
        self.server = None

    def learn(self, model: str) -> None:
        """Asks us for the nodes of a model's pictures: it is not measured what that takes."""
        self._graphs.setdefault(model, self.world.graph(model))

    def workflow(self, model: str, name: str = "workflow") -> Path:
        """A file with the nodes of a new picture."""
        self.learn(model)
        path = self.world.folder / f"{name}.json"
        path.write_text(json.dumps(with_seed(self._graphs[model], int(self.world.fresh()))), encoding="utf-8")
        return path

    def pictures(self, model: str, count: int = 1) -> dict[str, float]:
        """Makes pictures through the client as a whole process.

        Returns:
            ``wall`` and ``beside``: seconds in all, and for a single picture without those in which ComfyUI executed.
        """
        workflows = [str(self.workflow(model, f"workflow-{number}")) for number in range(count)]
        server = self.boot()
        command = [sys.executable, str(CLIENT), server.url, str(self.world.folder), *workflows]
        seconds = wall(command, self.world.env, self.world.folder)
        return {"wall": seconds, "beside": seconds - executed(server.log)}

    def first_picture(self, model: str) -> float:
        """Seconds from nothing to the picture: boots, and asks as soon as it answers."""
        self.stop()
        self.learn(model)
        started = time.perf_counter()
        self.pictures(model)
        return time.perf_counter() - started


def prepare(world: World) -> Bare:
    """A copy of the engine's ComfyUI with all that its requirements name."""
    return Bare(world, bare_comfyui.prepare(world.engine, world.folder, world.models_dir, print))


def with_seed(graph: Mapping[str, Any], seed: int) -> dict[str, Any]:
    """The same nodes, each that has a seed with this one."""
    changed = {}
    for key, node in graph.items():
        inputs = {name: seed if name in {"seed", "noise_seed"} else value for name, value in node["inputs"].items()}
        changed[key] = {**node, "inputs": inputs}
    return changed
