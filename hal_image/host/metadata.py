"""What a picture carries about itself: enough to make it again. ``png`` puts it in and reads it out.

=============  ==========================================================================================
``parameters``  the text that A1111 and its kin write and read
``prompt``      the graph in ComfyUI's API format, as ComfyUI itself writes it
``hal8000``     our own JSON: request, model with hashes, versions (``schemas/picture.schema.json``)
=============  ==========================================================================================
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from hal_image import about

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hal_image.errors import JsonObject
    from hal_image.models.store import ResolvedFile, ResolvedModel
    from hal_image.request import ImageRequest
    from hal_image.workflow import Graph

SCHEMA_VERSION = 1
"""Version of the ``hal8000`` chunk; adding a field does not raise it."""

KEYWORD = "hal8000"


def texts(request: ImageRequest, model: JsonObject, graph: Graph, engine: JsonObject) -> dict[str, str]:
    """The text chunks of one picture, by keyword."""
    own = {
        "schema_version": SCHEMA_VERSION,
        "tool": {"name": about.PROGRAM, "version": about.version()},
        "request": request.to_json(),
        "model": model,
        "engine": engine,
    }
    return {
        "parameters": a1111_parameters(request, model),
        "prompt": json.dumps(graph.to_prompt()),
        KEYWORD: json.dumps(own),
    }


def a1111_parameters(request: ImageRequest, model: JsonObject) -> str:
    """The text of A1111's PNG info: prompt, negative prompt, then ``Key: value`` pairs on one line."""
    lines = [request.prompt]
    if request.negative_prompt:
        lines.append(f"Negative prompt: {request.negative_prompt}")
    pairs: dict[str, object] = {
        "Steps": request.steps,
        "Sampler": request.sampler,
        "Schedule type": request.scheduler,
        "CFG scale": request.cfg,
        "Seed": request.seed,
        "Size": f"{request.width}x{request.height}" if request.width else "",
    }
    if request.workflow is not None:  # which need not say it
        pairs = {key: value for key, value in pairs.items() if value or key == "Seed"}
    if request.guidance is not None:
        pairs["Distilled CFG Scale"] = request.guidance  # the name that Forge gave it
    for main_file in model["files"][:1]:
        if main_file["sha256"]:
            pairs["Model hash"] = main_file["sha256"][:10]
        pairs["Model"] = main_file["name"].removesuffix(".safetensors")
    pairs["Version"] = f"{about.PROGRAM} {about.version()}"
    lines.append(", ".join(f"{key}: {value}" for key, value in pairs.items()))
    return "\n".join(lines)


def model_facts(resolved: ResolvedModel, extras: Sequence[ResolvedFile] = ()) -> JsonObject:
    """The ``model`` object of the picture; that of the JSON output says more.

    ``sha256`` is ``null`` for a file whose size is not the registry's; ``verified`` tells whether the digest was
    computed from the file here.

    Args:
        resolved: the model.
        extras: what is used beside it; comes after its own files.
    """
    return {
        "name": resolved.model.name,
        "family": resolved.model.family,
        "files": [
            {
                "role": found.file.role,
                "name": found.comfy_name,
                "bytes": found.bytes_found,
                "sha256": found.sha256,
                "verified": found.verified,
            }
            for found in (*resolved.files, *extras)
        ],
    }
