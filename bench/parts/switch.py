"""The part ``switch``: the first picture with a model after one with another."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

from bench.runs import wall

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bench.session import Session


def measure(bench: Session) -> None:
    """Each pair of models that follow one another, there and back."""
    if len(bench.models) < 2:
        bench.record.note("switch is left out: it takes two models, as in --models sd15,sdxl")
        return
    world, bare = bench.world, bench.bare()

    def ours(model: str, variant: tuple[str, ...]) -> float:
        return wall(world.picture(model, world.folder / "x.png", *variant), world.env, world.folder)

    def theirs(model: str) -> float:
        assert bare is not None
        return bare.pictures(model)["wall"]

    def there_and_back(one: str, other: str, make: Callable[[str], float]) -> Mapping[str, float]:
        make(one)
        return {f"first picture with {other} after {one}": make(other),
                f"first picture with {one} after {other}": make(one)}  # fmt: skip

    for one, other in pairwise(bench.models):
        measures: dict[str, Callable[[], Mapping[str, float]]] = {}
        if bare is not None:
            measures[bare.name] = partial(there_and_back, one, other, theirs)
        for name, variant in bench.ours().items():
            make = partial(_swapped, ours, variant)
            measures[name] = partial(there_and_back, one, other, make)
        what = f"{one} and {other}"
        bench.record.compare("switch", what, measures, bench.options.cold_runs, base=bare.name if bare else None)
    world.stop()


def _swapped(make: Callable[[str, tuple[str, ...]], float], variant: tuple[str, ...], model: str) -> float:
    return make(model, variant)
