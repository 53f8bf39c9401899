"""Stable Diffusion 3 and 3.5: one checkpoint file with everything in it, or with its three text encoders beside it.

ComfyUI reads size and form of the transformer from the checkpoint, and takes the model's own timestep shift (3.0)
without any node of ours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hal_image.workflow.graph import Graph, Node, link, node
from hal_image.workflow.sampling import sample_and_save

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hal_image.models.types import Role
    from hal_image.request import ImageRequest


def build(request: ImageRequest, names: Mapping[Role, str]) -> Graph:
    """The graph for one picture; ``names`` as for ``hal_image.workflow.build``."""
    model, clip, vae = link("1", 0), link("1", 1), link("1", 2)
    text_encoders: dict[str, Node] = {}
    if "clip_l" in names:
        text_encoders["2"] = node(
            "TripleCLIPLoader",
            "Text encoders",
            clip_name1=names["clip_l"],
            clip_name2=names["clip_g"],
            clip_name3=names["t5xxl"],
        )
        clip = link("2")
    upstream = {
        "1": node("CheckpointLoaderSimple", "Checkpoint", ckpt_name=names["checkpoint"]),
        **text_encoders,
        "4": node("CLIPTextEncode", "Prompt", text=request.prompt, clip=clip),
        "5": node("CLIPTextEncode", "Negative prompt", text=request.negative_prompt, clip=clip),
        # 16 latent channels; EmptyLatentImage makes 4.
        "7": node("EmptySD3LatentImage", "Size", width=request.width, height=request.height, batch_size=1),
    }
    return sample_and_save(
        request, upstream, model=model, positive=link("4"), negative=link("5"), latent=link("7"), vae=vae
    )
