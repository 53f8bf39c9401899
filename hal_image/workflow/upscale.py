"""Enlarging a finished picture: with an upscale model, or by resampling."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hal_image.workflow import sampling
from hal_image.workflow.draft import Draft
from hal_image.workflow.graph import Graph, link, node
from hal_image.workflow.resampling import enlarged

if TYPE_CHECKING:
    from hal_image.request import ImageRequest, Upscale
    from hal_image.workflow.graph import Link

MOST_PASSES = 2
"""How often a model works on a picture: one that doubles the sides quadruples them in two passes."""

USUAL_FACTOR = 4
"""By how much most models enlarge: what is reckoned with where the file does not tell."""


def enlarge(draft: Draft, request: ImageRequest) -> None:
    """Nodes 501 and after: the picture in the size of the file, if it is to be enlarged."""
    if request.upscale is not None:
        draft.image = _enlarged(draft, draft.image, request.upscale, request.hires_size, request.final_size)


def of_picture(image: str, upscale: Upscale, width: int, height: int, *, alpha: bool) -> Graph:
    """The graph that enlarges a picture which is there already.

    Args:
        image: its name in the job's folder.
        upscale: how.
        width: its width in pixels.
        height: its height in pixels.
        alpha: whether it has transparency, which is kept.
    """
    draft = Draft(model=[], clip=[], vae=[], nodes={"1": node("LoadImage", "Picture", image=image)})
    size = width * upscale.scale, height * upscale.scale
    draft.image = _enlarged(draft, link("1"), upscale, (width, height), size)
    if alpha:  # the node brings the mask to the size of the picture itself
        draft.image = draft.add("505", "JoinImageWithAlpha", "Transparency", image=draft.image, alpha=link("1", 1))
    return sampling.save(draft)


def passes(upscale: Upscale) -> int:
    """How often the model works on the picture."""
    if upscale.method != "model":
        return 0
    factor = upscale.factor or upscale.scale
    return MOST_PASSES if 1 < factor < upscale.scale else 1


def largest(upscale: Upscale, width: int, height: int) -> int:
    """Pixels of the largest picture in between, of one of that size."""
    factor: int = (upscale.factor or USUAL_FACTOR) ** passes(upscale)
    return width * height * max(factor, upscale.scale) ** 2


def _enlarged(draft: Draft, image: Link, upscale: Upscale, given: tuple[int, int], wanted: tuple[int, int]) -> Link:
    if upscale.method == "model":
        assert upscale.file is not None
        model = draft.add("501", "UpscaleModelLoader", "Upscale model", model_name=upscale.file)
        for number in range(passes(upscale)):
            image = draft.add(str(502 + number), "ImageUpscaleWithModel", "Upscale", upscale_model=model, image=image)
        # None: a model whose file does not tell by how much it enlarges; resampling to the same size changes nothing.
        if upscale.factor is not None and given[0] * upscale.factor ** passes(upscale) == wanted[0]:
            return image
    return enlarged(draft, "504", "Size", image, wanted)
