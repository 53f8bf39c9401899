"""``--vae-tile`` and ``--fp8``: less memory for other pixels, as options and as what a picture says of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hal_image.host import argument_values as values
from hal_image.host.materials import NOTHING_MORE, Materials
from hal_image.request import MAX_TILE, MIN_TILE, Memory

if TYPE_CHECKING:
    import argparse

    from hal_image.errors import JsonObject
    from hal_image.request import ImageRequest


def add_memory_options(parser: argparse.ArgumentParser) -> None:
    """How it makes do with less."""
    group = parser.add_argument_group("less memory, and other pixels for it")
    group.add_argument(
        "--vae-tile",
        type=_tile,
        metavar="PX",
        help="decode the picture in tiles of that size, e.g. 512; seams can show",
    )
    group.add_argument(
        "--fp8", action="store_true", help="the diffusion model's weights in 8 bits (flux-dev-fp16: half the memory)"
    )


def _tile(text: str) -> int:
    return values.integer(MIN_TILE, MAX_TILE)(text) // MIN_TILE * MIN_TILE


def asked(options: argparse.Namespace) -> Memory | None:
    """What the options ask for; ``None`` for nothing."""
    memory = Memory(vae_tile=options.vae_tile, fp8=options.fp8)
    return None if memory == Memory() else memory


def gather(options: argparse.Namespace) -> Materials:
    """The same as a part of what a picture is made with."""
    memory = asked(options)
    return NOTHING_MORE if memory is None else Materials(fields={"memory": memory})


def options_of(request: ImageRequest) -> dict[str, Any]:
    """The values of the options that ask for the same again. Where the weights are is the machine's affair."""
    memory = request.memory or Memory()
    found: dict[str, Any] = {"vae_tile": memory.vae_tile} if type(memory.vae_tile) is int else {}
    return {**found, "fp8": True} if memory.fp8 is True else found


def as_typed(request: ImageRequest) -> list[str]:
    """The same as words of a command."""
    found = options_of(request)
    return [
        *(["--vae-tile", str(found["vae_tile"])] if "vae_tile" in found else []),
        *(["--fp8"] if "fp8" in found else []),
    ]


def as_run(request: ImageRequest, done: JsonObject) -> ImageRequest:
    """The request that says what was really run: with what the engine had to do where memory did not suffice.

    Args:
        request: what was asked for.
        done: the engine's event.
    """
    run = done.get("memory")
    if not isinstance(run, dict):
        return request
    before = request.memory or Memory()
    return request._replace(
        memory=Memory(
            vae_tile=run.get("vae_tile") or before.vae_tile,
            fp8=bool(run.get("fp8")) or before.fp8,
            offload=bool(run.get("offload")),
        )
    )
