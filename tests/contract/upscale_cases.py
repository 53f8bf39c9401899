"""Graphs that make a picture larger: what each family is sampled with, made larger in every way that there is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hal_image.request import Hires, Upscale
from hal_image.workflow.upscale import of_picture
from tests.contract.graph_cases import CASES, GraphCase

if TYPE_CHECKING:
    from hal_image.workflow import Graph

MODEL = "RealESRGAN_x4plus.safetensors"
SHA256 = "37f9a931c215f040aa6d50f711f2cb115f713c46df1d0d6469a8bd7bfe9a60bb"
LANCZOS = Upscale(2, "lanczos")


def by(scale: int, factor: int | None, file: str = MODEL) -> Upscale:
    """With a model that enlarges by ``factor``."""
    return Upscale(scale, "model", file.removesuffix(".safetensors"), file, SHA256, factor)


FAMILIES = ("sd15", "sdxl", "sd3-one-file", "flux-dev-one-file", "flux-dev-parts")
WITH_MORE = ("sd15-controls", "sd15-loras", "sd15-mask", "flux-dev-parts-control")
"""Of the cases with what else there is, those that change what a second sampling is made with."""


def graphs(prefix: str = "") -> dict[str, Graph]:
    """Every graph by its name; ``prefix`` comes before the names of all model files."""
    file = f"{prefix}{MODEL}"
    cases = {
        name: GraphCase(case.model, {role: f"{prefix}{known}" for role, known in case.names.items()}, case.request)
        for name, case in ((name, CASES[name]) for name in (*FAMILIES, *WITH_MORE))
    }
    every = {
        f"{name}-larger": case.graph(hires=Hires(1.5, 0.4), upscale=by(2, 4, file)) for name, case in cases.items()
    }
    sd15 = cases["sd15"]
    return {
        **every,
        "hires": sd15.graph(hires=Hires(2.0)),
        "hires-in-tiles": sd15.graph(hires=Hires(4.0)),
        "upscale-lanczos": sd15.graph(upscale=LANCZOS),
        "upscale-exact": sd15.graph(upscale=by(4, 4, file)),
        "upscale-less": sd15.graph(upscale=by(2, 4, file)),
        "upscale-twice": sd15.graph(upscale=by(4, 2, file)),
        "upscale-unknown": sd15.graph(upscale=by(2, None, file)),
        "picture": of_picture("picture.png", by(2, 2, file), 640, 480, alpha=False),
        "picture-alpha": of_picture("picture.png", LANCZOS, 640, 480, alpha=True),
    }
