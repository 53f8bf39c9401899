"""Stable Diffusion 1.5 and XL: one checkpoint file with everything in it, and for both the same graph.

ComfyUI reads from the checkpoint which of the two it is. SDXL's second text encoder gets the same text, and its size
conditioning the size of the picture, without any node of ours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hal_image.workflow.draft import Draft
from hal_image.workflow.graph import link, node

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hal_image.models.types import Role

LATENT = "EmptyLatentImage"
"""4 latent channels."""
GUIDANCE = False
CONTROL_NEEDS_VAE = False


def load(names: Mapping[Role, str]) -> Draft:
    """The loaders; ``names`` as for ``hal_image.workflow.build``."""
    return Draft(
        model=link("1", 0),
        clip=link("1", 1),
        vae=link("1", 2),
        nodes={"1": node("CheckpointLoaderSimple", "Checkpoint", ckpt_name=names["checkpoint"])},
    )
