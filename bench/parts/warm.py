"""The part ``warm``: the next picture with a model that is loaded, and what each program adds to ComfyUI's own time."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

from bench.peers import packages, with_diffusers
from bench.runs import wall
from bench.titles import BESIDE, WARM
from bench.world import executed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bench.peers.bare import Bare
    from bench.session import Session


def measure(bench: Session) -> None:
    """Whole processes in turn: ours with every variant, the client and comfy-cli on a bare ComfyUI; and diffusers."""
    for model in bench.models:
        bare, comfy = bench.bare(), bench.comfy()
        measures: dict[str, Callable[[], Mapping[str, float]]] = {}
        with ExitStack() as stack:
            measures |= {name: partial(_ours, bench, model, variant) for name, variant in bench.ours().items()}
            if bare is not None:
                measures[f"{bare.name}, minimal client"] = partial(_bare, bare, model)
                if comfy is not None:
                    measures["bare ComfyUI, comfy run --wait"] = partial(_comfy, bench, bare, comfy, model)
            measures |= _diffusers(bench, model, stack)
            client = f"{bare.name}, minimal client" if bare is not None else None
            eager = next((name for name in measures if name.startswith("diffusers")), client)
            base = {WARM: eager, BESIDE: client}
            bench.record.compare("warm", WARM, measures, bench.options.runs, base=base, model=model)
    bench.world.stop()


def _ours(bench: Session, model: str, variant: tuple[str, ...]) -> dict[str, float]:
    world = bench.world
    # The folder is that of the engine that makes the picture; the first call begins it.
    seconds = wall(world.picture(model, world.folder / "x.png", *variant), world.env, world.folder)
    return {WARM: seconds, BESIDE: seconds - executed(world.engine_folder() / "comfyui.log")}


def _bare(bare: Bare, model: str) -> dict[str, float]:
    bare.boot()
    found = bare.pictures(model)
    return {WARM: found["wall"], BESIDE: found["beside"]}


def _comfy(bench: Session, bare: Bare, comfy: str, model: str) -> dict[str, float]:
    server = bare.boot()
    host, _, port = server.url.removeprefix("http://").partition(":")
    command = [comfy, "--skip-prompt", "run", "--workflow", str(bare.workflow(model)), "--wait"]
    limit = ["--timeout", "600", "--host", host, "--port", port]
    seconds = wall([*command, *limit], bench.world.env, bench.world.folder)
    return {WARM: seconds, BESIDE: seconds - executed(server.log)}


def _diffusers(bench: Session, model: str, stack: ExitStack) -> dict[str, Callable[[], Mapping[str, float]]]:
    if "diffusers" not in bench.options.peers or bench.world.cpu or not bench.world.full_size:
        return {}
    if model not in with_diffusers.MODELS:
        bench.record.note(f"there is no comparison with diffusers for {model}")
        return {}
    measures: dict[str, Callable[[], Mapping[str, float]]] = {}
    modes = {"diffusers, eager": "", **({"diffusers, compiled": "default"} if bench.options.diffusers_compile else {})}
    for name, mode in modes.items():
        try:
            worker = stack.enter_context(with_diffusers.Diffusers(bench.world, model, mode))
        except (packages.Unavailable, RuntimeError, OSError) as error:
            bench.leave_out(name, error)
            continue
        bench.record.data["versions"].update(worker.versions)
        measures[name] = lambda worker=worker: {WARM: worker.picture()}  # type: ignore[misc]
    return measures
