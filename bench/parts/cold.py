"""The part ``cold``: the first picture, from nothing. The page cache is cold, and then warm."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bench import page_cache
from bench.runs import wall
from bench.titles import COLD, FIRST

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.session import Session


def measure(bench: Session) -> None:
    """One call without an engine, to the picture, against the boot of bare ComfyUI and the client."""
    for model in bench.models:
        for what, cold in ((COLD, True), (FIRST, False)):
            measures, runs = _measures(bench, model, cold=cold), bench.options.cold_runs
            bench.record.compare("cold", what, measures, runs, base=_base(bench), model=model, warm_up=0)


def _base(bench: Session) -> str | None:
    bare = bench.bare()
    return bare.name if bare else None


def _measures(bench: Session, model: str, *, cold: bool) -> dict[str, Callable[[], float]]:
    world, bare = bench.world, bench.bare()

    def begin() -> None:
        world.stop()
        if bare is not None:
            bare.learn(model)
            bare.stop()
        if cold:
            bench.record.note(page_cache.NOTES[page_cache.drop(_matters(bench))])

    def ours(variant: tuple[str, ...]) -> float:
        begin()
        return wall(world.picture(model, world.folder / "x.png", *variant), world.env, world.folder)

    def theirs() -> float:
        assert bare is not None
        begin()
        return bare.first_picture(model)

    measures: dict[str, Callable[[], float]] = {} if bare is None else {bare.name: theirs}
    return measures | {name: partial(ours, variant) for name, variant in bench.ours().items()}


def _matters(bench: Session) -> list[Path]:
    engine, bare = bench.world.engine, bench.bare()
    venv = Path(engine.python).parent.parent
    site = [venv] if (venv / "pyvenv.cfg").is_file() else []
    more = [] if bare is None else [bare.prepared.folder, bare.prepared.packages]
    return [*site, engine.comfyui_dir, bench.world.models_dir, *more]
