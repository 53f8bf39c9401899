"""Graphs: a request and a model in, a ComfyUI prompt out. Pure: no files, clock, network or chance.

A graph is built in stages, each a function that takes the ``Draft`` so far: ``build`` has their order. A new family is
a module with what ``_Family`` names, and one line in ``_FAMILIES``; a new stage is one line in ``build``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from hal_image.workflow import controls, flux, hires, init_image, loras, prompts, sampling, sd, sd3, sparing, upscale
from hal_image.workflow.effect import Ineffective, ineffective
from hal_image.workflow.graph import FILENAME_PREFIX, Graph

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hal_image.models.types import Family, Model, Role
    from hal_image.request import ImageRequest
    from hal_image.workflow.draft import Draft

__all__ = ["FILENAME_PREFIX", "Graph", "Ineffective", "build", "ineffective"]


class _Family(Protocol):
    """What a family's module has."""

    LATENT: str
    """The node that makes its empty latent."""
    GUIDANCE: bool
    """Whether there are models of it with distilled guidance."""
    CONTROL_NEEDS_VAE: bool
    """Whether its ControlNets look at latents rather than at pixels."""

    def load(self, names: Mapping[Role, str]) -> Draft:
        """Begins a graph with the loaders of the model's files."""
        ...


_FAMILIES: dict[Family, _Family] = {"sd15": sd, "sdxl": sd, "sd3": sd3, "flux": flux}


def build(request: ImageRequest, model: Model, names: Mapping[Role, str]) -> Graph:
    """The graph that makes the picture asked for.

    Args:
        request: what to make; its values go into the graph as they are.
        model: decides the graph by its family.
        names: for every file of the model its name as ComfyUI's loader lists it, e.g. ``"sub/x.safetensors"``. Which
            roles a model of a family has is the registry's rule.
    """
    family = _FAMILIES[model.family]
    draft = family.load(names)
    loras.apply(draft, request)
    prompts.encode(draft, request)
    if family.GUIDANCE:
        prompts.guide(draft, request)
    controls.apply(draft, request, needs_vae=family.CONTROL_NEEDS_VAE)
    if request.init is None:
        sampling.empty_latent(draft, request, family.LATENT)
        sampling.sample(draft, request)
    else:
        init_image.latent(draft, request.init)
        sampling.sample(draft, request, denoise=request.init.strength)
    hires.sample_again(draft, request)
    hires.decode(draft, request)
    if request.init is not None:
        init_image.put_back(draft, request.init, None if request.hires is None else request.hires_size)
    upscale.enlarge(draft, request)
    graph = sampling.save(draft)
    return graph if request.memory is None else graph._replace(nodes=sparing.spared(graph.nodes, request.memory))
