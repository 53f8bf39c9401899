"""The part ``cli``: start of the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.runs import wall
from bench.titles import START

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.session import Session


def measure(bench: Session) -> None:
    """``--version`` and ``--help`` as whole processes, beside an empty Python and comfy-cli."""
    world, comfy = bench.world, bench.comfy()
    measures: dict[str, Callable[[], float]] = {
        "hal --version": lambda: wall(world.hal("--version"), world.env),
        "hal --help": lambda: wall(world.hal("--help"), world.env),
        "python -c pass": lambda: wall([world.python, "-c", "pass"], world.env),
    }
    if comfy is not None:
        measures["comfy --version"] = lambda: wall([comfy, "--skip-prompt", "--version"], world.env)
    base = "comfy --version" if comfy is not None else None
    bench.record.compare("cli", START, measures, bench.options.runs, base=base)
