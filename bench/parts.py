"""The parts of the benchmark: start of the command line, a warm call, boot of the engine, the same with Docker.

Real ComfyUI on a synthetic SD1.5 checkpoint, on the processor, in folders of its own. What others need is measured in
the same run, in turn: ``python main.py`` of the same ComfyUI, and comfy-cli where ``--comfy`` names its command.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from bench.bare_comfyui import bench_boot
from bench.batch import bench_batch
from bench.runs import alternate, show, wall
from bench.store import bench_store
from hal_image.install.engine_env import EnginePaths, prepare_engine
from hal_image.install.host_env import prepare_host
from tests import synthetic

ROOT = Path(__file__).resolve().parent.parent
SCRIPT = ROOT / "hal_generate_image.py"
PARTS = ("cli", "warm", "boot", "batch", "store", "docker")
CHECKPOINT = "v1-5-pruned-emaonly-fp16.safetensors"
PICTURE = ("--model", "sd15", "--size", "64", "--steps", "1")


class World:
    """Folders and environment of one benchmark."""

    def __init__(self, folder: Path, python: str, engine: EnginePaths) -> None:
        self.folder = folder
        self.script = SCRIPT
        self.python = python
        self.engine = engine
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        self.env = {
            **kept,
            "HAL_MODELS_DIR": str(folder / "models"),
            "HAL_ENGINE_PYTHON": str(engine.python),
            "HAL_COMFYUI_DIR": str(engine.comfyui_dir),
            "HAL_ENGINE": "local",
        }
        (folder / "models" / "checkpoints").mkdir(parents=True)
        synthetic.write_sd15(folder / "models" / "checkpoints" / CHECKPOINT)
        self._count = 0

    def hal(self, *arguments: str) -> list[str]:
        """The command line as a user calls it."""
        return [self.python, str(SCRIPT), *arguments]

    def fresh(self) -> str:
        """A number that no call before has used: a repeated picture would run nothing."""
        self._count += 1
        return str(self._count)

    def engine_folder(self, kind: str = "local") -> Path:
        """The folder of the engine that runs for this benchmark's models."""
        answer = subprocess.run(self.hal("ps", "--json"), env=self.env, capture_output=True, check=True)
        engines = json.loads(answer.stdout)["data"]["engines"]
        models = str((self.folder / "models").resolve())
        return Path(next(e["folder"] for e in engines if (e["models_dir"], e["kind"]) == (models, kind)))

    def stop(self) -> None:
        """Ends this benchmark's engine."""
        wall(self.hal("stop", "--models-dir", str(self.folder / "models"), "--force"), self.env)


def bench_cli(world: World, runs: int, comfy: str | None) -> None:
    """Start of the command line."""
    measures = {
        "hal --version": lambda: wall(world.hal("--version"), world.env),
        "hal --help": lambda: wall(world.hal("--help"), world.env),
        "python -c pass": lambda: wall([world.python, "-c", "pass"], world.env),
    }
    if comfy:
        measures["comfy --version"] = lambda: wall([comfy, "--skip-prompt", "--version"], world.env)
    show("start of the command line, seconds", alternate(measures, runs), "comfy --version" if comfy else None)


def bench_warm(world: World, runs: int, comfy: str | None) -> None:
    """A warm call: wall time minus what ComfyUI says it executed."""
    wall(world.hal("-p", "warm up", *PICTURE, "-o", str(world.folder / "x.png")), world.env)
    log = world.engine_folder() / "comfyui.log"

    def overhead(command: list[str]) -> float:
        seconds = wall(command, world.env, world.folder)
        return seconds - float(re.findall(r"Prompt executed in ([\d.]+)", log.read_text(errors="replace"))[-1])

    def ours() -> float:
        target = str(world.folder / "x.png")
        return overhead(world.hal("-p", "a red cube", *PICTURE, "--seed", world.fresh(), "-o", target))

    measures = {"hal, wall minus ComfyUI's execution": ours}
    if comfy:
        port = re.findall(r"http://127\.0\.0\.1:(\d+)", log.read_text(errors="replace"))[-1]

        def theirs() -> float:
            dry = world.hal("-p", "a red cube", *PICTURE, "--seed", world.fresh(), "--dry-run", "--json")
            graph = json.loads(subprocess.run(dry, env=world.env, capture_output=True, check=True).stdout)["data"][
                "graph"
            ]
            workflow = world.folder / "workflow.json"
            workflow.write_text(json.dumps(graph))
            address = ["--host", "127.0.0.1", "--port", port]
            return overhead([comfy, "--skip-prompt", "run", "--workflow", str(workflow), "--wait", *address])

        measures["comfy run --wait, the same"] = theirs
    show("overhead of a warm call, seconds", alternate(measures, runs))
    world.stop()


def bench_docker(world: World, runs: int) -> None:
    """The same call with the engine in a container and beside it, cold and warm. Needs the image."""
    count = iter(range(1000))

    def call(kind: str) -> float:
        picture = [*PICTURE, "--seed", str(next(count)), "--cpu", "-o", str(world.folder / "x.png")]
        return wall(world.hal("-p", "a red cube", *picture, "--engine", kind), world.env, world.folder)

    def cold(kind: str) -> float:
        world.stop()
        return call(kind)

    kinds = {"hal --engine local": "local", "hal --engine docker": "docker"}
    times = {name: partial(cold, kind) for name, kind in kinds.items()}
    show("cold call to the picture, seconds", alternate(times, max(3, runs // 3)), "hal --engine local")
    for kind in kinds.values():
        call(kind)
    logs = {kind: world.engine_folder(kind) / "comfyui.log" for kind in kinds.values()}
    container = f"name=hal8000-.*-{world.engine_folder('docker').name.removesuffix('-docker')}"
    docker = os.environ.get("HAL_DOCKER") or "docker"
    name = subprocess.run(
        [docker, "ps", "-q", "--filter", container], capture_output=True, check=True, text=True
    ).stdout

    def overhead(kind: str) -> float:
        seconds = call(kind)
        return seconds - float(re.findall(r"Prompt executed in ([\d.]+)", logs[kind].read_text(errors="replace"))[-1])

    show(
        "overhead of a warm call, seconds",
        alternate(
            {
                **{name: partial(overhead, kind) for name, kind in kinds.items()},
                "docker exec -i … true": lambda: wall([docker, "exec", "-i", name.strip(), "true"], world.env),
            },
            runs,
        ),
    )
    world.stop()


def say(text: str) -> None:
    """Progress of a preparation."""
    print(text, file=sys.stderr)


def main() -> int:
    """Runs the parts that were asked for."""
    parser = argparse.ArgumentParser(prog="python3 -m bench", description=__doc__, allow_abbrev=False)
    parser.add_argument("parts", nargs="*", help=f"{', '.join(PARTS)}; default: all but docker")
    parser.add_argument("--runs", type=int, default=9, help="counted runs of each (boot: a third of it)")
    parser.add_argument("--comfy", metavar="FILE", help="the comfy command of comfy-cli, to compare with")
    parser.add_argument("--python", default=sys.executable, help="the Python that a user would call us with")
    options = parser.parse_args()
    parts = options.parts or [part for part in PARTS if part != "docker"]
    if not set(parts) <= set(PARTS):
        parser.error(f"the parts are {', '.join(PARTS)}")
    prepare_host(say)
    engine = prepare_engine(say)
    with tempfile.TemporaryDirectory(prefix="hal-bench-") as folder:
        world = World(Path(folder), options.python, engine)
        if "cli" in parts:
            bench_cli(world, options.runs, options.comfy)
        if "warm" in parts:
            bench_warm(world, options.runs, options.comfy)
        if "boot" in parts:
            bench_boot(world, max(3, options.runs // 3), say, "--cpu")
        if "batch" in parts:
            bench_batch(world, PICTURE)
        if "store" in parts:
            bench_store(world, options.runs)
        if "docker" in parts:
            bench_docker(world, options.runs)
    return 0
