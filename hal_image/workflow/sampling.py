"""The end that every family's graph shares: sample, decode, save."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hal_image.workflow.graph import FILENAME_PREFIX, Graph, Link, Node, link, node

if TYPE_CHECKING:
    from hal_image.request import ImageRequest


def sample_and_save(
    request: ImageRequest,
    upstream: dict[str, Node],
    *,
    model: Link,
    positive: Link,
    negative: Link,
    latent: Link,
    vae: Link,
) -> Graph:
    """The whole graph: ``upstream`` and behind it the nodes 8 (sampler), 9 (decoder) and 10 (saver)."""
    return Graph(
        nodes={
            **upstream,
            "8": node(
                "KSampler",
                "Sample",
                model=model,
                positive=positive,
                negative=negative,
                latent_image=latent,
                seed=request.seed,
                steps=request.steps,
                cfg=request.cfg,
                sampler_name=request.sampler,
                scheduler=request.scheduler,
                denoise=1.0,  # all of the noise: nothing is there to be kept
            ),
            "9": node("VAEDecode", "Decode", samples=link("8"), vae=vae),
            "10": node("SaveImage", "Save", images=link("9"), filename_prefix=FILENAME_PREFIX),
        },
        output_node="10",
    )
