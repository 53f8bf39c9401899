"""FLUX.1, dev and schnell, as one checkpoint file or as its four parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hal_image.workflow import sd
from hal_image.workflow.draft import Draft
from hal_image.workflow.graph import link, node

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hal_image.models.types import Role

LATENT = "EmptySD3LatentImage"
"""16 latent channels, as SD3 has."""
GUIDANCE = True
CONTROL_NEEDS_VAE = True


def load(names: Mapping[Role, str]) -> Draft:
    """The loaders; ``names`` as for ``hal_image.workflow.build``."""
    return sd.load(names) if "checkpoint" in names else _parts(names)


def _parts(names: Mapping[Role, str]) -> Draft:
    return Draft(
        model=link("1"),
        clip=link("2"),
        vae=link("3"),
        nodes={
            "1": node(
                "UNETLoader",
                "Diffusion model",
                unet_name=names["diffusion_model"],
                weight_dtype="default",  # as the file stores them; the other choices convert to fp8
            ),
            "2": node(
                "DualCLIPLoader",
                "Text encoders",
                clip_name1=names["clip_l"],
                clip_name2=names["t5xxl"],
                type="flux",
            ),
            "3": node("VAELoader", "Autoencoder", vae_name=names["vae"]),
        },
    )
