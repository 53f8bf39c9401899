"""Graphs: a request and a model in, a ComfyUI prompt out. Pure: no files, clock, network or chance.

A new family is one module with a ``build`` and one line in ``_BUILDERS``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hal_image.workflow import flux, sd, sd3
from hal_image.workflow.effect import Ineffective, ineffective
from hal_image.workflow.graph import FILENAME_PREFIX, Graph

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hal_image.models.types import Family, Model, Role
    from hal_image.request import ImageRequest

__all__ = ["FILENAME_PREFIX", "Graph", "Ineffective", "build", "ineffective"]


_BUILDERS: dict[Family, Callable[[ImageRequest, Mapping[Role, str]], Graph]] = {
    "sd15": sd.build,
    "sdxl": sd.build,
    "sd3": sd3.build,
    "flux": flux.build,
}


def build(request: ImageRequest, model: Model, names: Mapping[Role, str]) -> Graph:
    """The graph that makes the picture asked for.

    Args:
        request: what to make; its values go into the graph as they are.
        model: decides the graph by its family.
        names: for every file of the model its name as ComfyUI's loader lists it, e.g. ``"sub/x.safetensors"``. Which
            roles a model of a family has is the registry's rule.
    """
    return _BUILDERS[model.family](request, names)
