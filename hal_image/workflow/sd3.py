"""Stable Diffusion 3 and 3.5: one checkpoint file with everything in it, or with its three text encoders beside it.

ComfyUI reads size and form of the transformer from the checkpoint, and takes the model's own timestep shift (3.0)
without any node of ours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hal_image.workflow import sd

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hal_image.models.types import Role
    from hal_image.workflow.draft import Draft

LATENT = "EmptySD3LatentImage"
"""16 latent channels."""
GUIDANCE = False
CONTROL_NEEDS_VAE = True


def load(names: Mapping[Role, str]) -> Draft:
    """The loaders; ``names`` as for ``hal_image.workflow.build``."""
    draft = sd.load(names)
    if "clip_l" in names:
        draft.clip = draft.add(
            "2",
            "TripleCLIPLoader",
            "Text encoders",
            clip_name1=names["clip_l"],
            clip_name2=names["clip_g"],
            clip_name3=names["t5xxl"],
        )
    return draft
