"""Stable Diffusion 1.5 and XL: one checkpoint file with everything in it, and for both the same graph.

ComfyUI reads from the checkpoint which of the two it is. SDXL's second text encoder gets the same text, and its size
conditioning the size of the picture, without any node of ours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hal_image.workflow.graph import Graph, link, node
from hal_image.workflow.sampling import sample_and_save

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hal_image.models.types import Role
    from hal_image.request import ImageRequest


def build(request: ImageRequest, names: Mapping[Role, str]) -> Graph:
    """The graph for one picture; ``names`` as for ``hal_image.workflow.build``."""
    model, clip, vae = link("1", 0), link("1", 1), link("1", 2)
    upstream = {
        "1": node("CheckpointLoaderSimple", "Checkpoint", ckpt_name=names["checkpoint"]),
        "4": node("CLIPTextEncode", "Prompt", text=request.prompt, clip=clip),
        "5": node("CLIPTextEncode", "Negative prompt", text=request.negative_prompt, clip=clip),
        "7": node("EmptyLatentImage", "Size", width=request.width, height=request.height, batch_size=1),
    }
    return sample_and_save(
        request, upstream, model=model, positive=link("4"), negative=link("5"), latent=link("7"), vae=vae
    )
