"""What every family's graph ends with: a latent, sampled, decoded, saved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hal_image.workflow.graph import FILENAME_PREFIX, Graph

if TYPE_CHECKING:
    from hal_image.request import ImageRequest
    from hal_image.workflow.draft import Draft


def empty_latent(draft: Draft, request: ImageRequest, class_type: str) -> None:
    """Node 7: nothing yet, in the picture's size. ``class_type`` decides how many channels it has."""
    draft.latent = draft.add("7", class_type, "Size", width=request.width, height=request.height, batch_size=1)


def sample(
    draft: Draft, request: ImageRequest, *, denoise: float = 1.0, node_id: str = "8", title: str = "Sample"
) -> None:
    """Node 8, or another one.

    Args:
        draft: what there is so far.
        request: seed, steps, CFG, sampler and scheduler.
        denoise: 0..1, how much of the latent is made anew; 1 keeps nothing of it.
        node_id: the node.
        title: what it is called.
    """
    draft.latent = draft.add(
        node_id,
        "KSampler",
        title,
        model=draft.model,
        positive=draft.positive,
        negative=draft.negative,
        latent_image=draft.latent,
        seed=request.seed,
        steps=request.steps,
        cfg=request.cfg,
        sampler_name=request.sampler,
        scheduler=request.scheduler,
        denoise=denoise,
    )


def decode(draft: Draft) -> None:
    """Node 9: from the latent to pixels."""
    draft.image = draft.add("9", "VAEDecode", "Decode", samples=draft.latent, vae=draft.vae)


def save(draft: Draft) -> Graph:
    """Node 10, with which the graph is whole. What the picture does not come from is left out."""
    draft.add("10", "SaveImage", "Save", images=draft.image, filename_prefix=FILENAME_PREFIX)
    return Graph(draft.needed_for("10"), output_node="10")
