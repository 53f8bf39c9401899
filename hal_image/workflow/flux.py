"""FLUX.1, dev and schnell, as one checkpoint file or as its four parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hal_image.workflow.graph import Graph, Link, Node, link, node
from hal_image.workflow.sampling import sample_and_save

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hal_image.models.types import Role
    from hal_image.request import ImageRequest


class _Loaded(NamedTuple):
    nodes: dict[str, Node]
    model: Link
    clip: Link
    vae: Link


def build(request: ImageRequest, names: Mapping[Role, str]) -> Graph:
    """The graph for one picture; ``names`` as for ``hal_image.workflow.build``."""
    loaded = _one_file(names) if "checkpoint" in names else _parts(names)
    positive = link("4")
    guidance: dict[str, Node] = {}
    if request.guidance is not None:
        guidance["6"] = node("FluxGuidance", "Guidance", conditioning=positive, guidance=request.guidance)
        positive = link("6")
    upstream = {
        **loaded.nodes,
        "4": node("CLIPTextEncode", "Prompt", text=request.prompt, clip=loaded.clip),
        "5": node("CLIPTextEncode", "Negative prompt", text=request.negative_prompt, clip=loaded.clip),
        **guidance,
        # 16 latent channels, as SD3 has; EmptyLatentImage makes 4.
        "7": node("EmptySD3LatentImage", "Size", width=request.width, height=request.height, batch_size=1),
    }
    return sample_and_save(
        request,
        upstream,
        model=loaded.model,
        positive=positive,
        negative=link("5"),
        latent=link("7"),
        vae=loaded.vae,
    )


def _one_file(names: Mapping[Role, str]) -> _Loaded:
    return _Loaded(
        nodes={"1": node("CheckpointLoaderSimple", "Checkpoint", ckpt_name=names["checkpoint"])},
        model=link("1", 0),
        clip=link("1", 1),
        vae=link("1", 2),
    )


def _parts(names: Mapping[Role, str]) -> _Loaded:
    return _Loaded(
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
        model=link("1"),
        clip=link("2"),
        vae=link("3"),
    )
