"""What a picture carries about itself: enough to make it again.

``hal_image.png`` puts it into a PNG, ``hal_image.host.exif`` into other files, by the same keywords.

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
from hal_image.host import hires, upscale
from hal_image.host.formats import PNG

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hal_image.errors import JsonObject
    from hal_image.host.formats import Encoding
    from hal_image.models.store import ResolvedFile, ResolvedModel
    from hal_image.request import ImageRequest, Lora
    from hal_image.workflow import Graph

SCHEMA_VERSION = 1
"""Version of the ``hal8000`` chunk; adding a field does not raise it."""

KEYWORD = "hal8000"
SHEET_KEYWORD = "hal8000-sheet"
"""What a contact sheet says of itself; it is no picture that could be made again by itself."""


def texts(
    request: ImageRequest,
    model: JsonObject,
    graph: Graph,
    engine: JsonObject,
    encoding: Encoding = PNG,
    batch: JsonObject | None = None,
) -> dict[str, str]:
    """The texts of one picture, by keyword; ``batch`` are the seeds that it was sampled with, and its position."""
    own: JsonObject = {
        "schema_version": SCHEMA_VERSION,
        "tool": {"name": about.PROGRAM, "version": about.version()},
        "request": request.to_json(),
        "model": model,
        "engine": engine,
    }
    if encoding != PNG:
        own["encoding"] = encoding.to_json()
    if batch is not None:
        own["batch"] = batch
    return {
        "parameters": a1111_parameters(request, model),
        "prompt": json.dumps(graph.to_prompt()),
        KEYWORD: json.dumps(own),
    }


def a1111_parameters(request: ImageRequest, model: JsonObject) -> str:
    """The text of A1111's PNG info: prompt, negative prompt, then ``Key: value`` pairs on one line."""
    lines = [request.prompt + "".join(f"<lora:{_lora(lora)}>" for lora in request.loras)]
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
    pairs |= hires.a1111_pairs(request) | upscale.a1111_pairs(request.upscale)
    if request.init is not None:  # there is one key for both strengths; that of the first sampling says more
        pairs["Denoising strength"] = request.init.strength
    if request.controls:
        from hal_image.host import controls  # noqa: PLC0415 - most pictures have none

        pairs |= controls.a1111_pairs(request.controls)
    for main_file in model["files"][:1]:
        if main_file["sha256"]:
            pairs["Model hash"] = main_file["sha256"][:10]
        pairs["Model"] = main_file["name"].removesuffix(".safetensors")
    pairs["Version"] = f"{about.PROGRAM} {about.version()}"
    lines.append(", ".join(f"{key}: {value}" for key, value in pairs.items()))
    return "\n".join(lines)


def _lora(lora: Lora) -> str:
    """As A1111 has it in a prompt: with two weights, the text encoder's comes first."""
    name = lora.file.rpartition("/")[2].removesuffix(".safetensors")
    weights = (lora.weight,) if lora.weight == lora.clip_weight else (lora.clip_weight, lora.weight)
    return ":".join((name, *(f"{weight:g}" for weight in weights)))


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
