"""The part ``boot``: from nothing to a ComfyUI that answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.bare_comfyui import boot_seconds
from bench.runs import wall
from bench.titles import BOOT

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.session import Session


def measure(bench: Session) -> None:
    """``serve`` as a whole command, against a bare ComfyUI with its default flags."""
    world, bare = bench.world, bench.bare()

    def ours() -> float:
        seconds = wall(world.hal("serve", *world.device()), world.env)
        world.stop()
        return seconds

    measures: dict[str, Callable[[], float]] = {}
    if bare is not None:
        bare.stop()
        measures[bare.name] = lambda: boot_seconds(bare.prepared, *world.device())
    measures["hal serve"] = ours
    # The bare one makes its database in its first boot, which is not counted.
    bench.record.compare("boot", BOOT, measures, bench.options.cold_runs, base=bare.name if bare else None)
