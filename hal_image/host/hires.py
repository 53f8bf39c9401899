"""``--hires``: the second sampling, as options and as what a picture says of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hal_image.host.materials import NOTHING_MORE, Materials

if TYPE_CHECKING:
    import argparse

    from hal_image.request import ImageRequest


def gather(options: argparse.Namespace) -> Materials:
    """What the option asks for."""
    return NOTHING_MORE if options.hires is None else Materials(fields={"hires": options.hires})


def options_of(request: ImageRequest) -> dict[str, Any]:
    """The values of the options that ask for the same again."""
    return {} if request.hires is None else {"hires": request.hires}


def as_typed(request: ImageRequest) -> list[str]:
    """The same as words of a command."""
    return [] if request.hires is None else ["--hires", f"{request.hires.scale:g}:{request.hires.denoise:g}"]


def a1111_pairs(request: ImageRequest) -> dict[str, object]:
    """What A1111 writes of its "hires. fix", whose ``Size`` is that of the first sampling, too."""
    if request.hires is None:
        return {}
    return {
        "Denoising strength": request.hires.denoise,
        "Hires upscale": request.hires.scale,
        "Hires upscaler": "Lanczos",
    }
