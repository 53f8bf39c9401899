"""The warnings of a job, out of what ``comfyui_notices`` noticed inside ComfyUI while it ran."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hal_image.comfy.client import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hal_image.errors import HalError, JsonObject

MAX_WARNINGS = 20
"""A graph of one's own may have hundreds of nodes that complain; more than this nobody reads."""

TEXTS = {
    "lora_keys_not_applied": "{count} parts of {files} do not fit the model and were left out, the first: {first}",
    "embedding_ignored": "the prompt names embeddings that were left out: {all}; they must be safetensors files of the"
    " model's family in embeddings/ in the models folder",
    "weights_missing": "{node}: {files} lacks {count} tensors, and the picture may be garbage; the first: {first}",
    "weights_unused": "{node}: {files} has {count} tensors that the model has no place for, the first: {first}",
    "vae_tiled": "the memory did not suffice for the whole picture at once: it was made in tiles ({first}), whose seams"
    " can show",
    "turbo_unavailable": "--turbo had no effect here: {first}",
    "model_offloaded": "{first}; made with the model in main memory instead, which is slower",
    "batch_halved": "{first}",
    "weights_in_fp8": "{first}; made with the diffusion model's weights in 8 bits (fp8) instead: the pixels are others",
    "picture_single_colour": "the picture is nothing but {all}",
    "comfyui_warning": "ComfyUI warns: {all}",
}
"""Code → what the user is told."""


def warnings(notices: Sequence[JsonObject]) -> list[JsonObject]:
    """The ``warnings`` of the ``done`` event: ``code``, ``message`` and ``details`` of each.

    Args:
        notices: fields of ``comfyui_notices.Notice``. Two nodes that say the same are told once.
    """
    told: list[JsonObject] = []
    for notice in notices:
        examples = [one_line(str(example), 200) for example in notice["examples"]]
        files = [one_line(str(name), 200) for name in notice["files"]]
        fields = {
            "count": notice["count"],
            "first": examples[0] if examples else "",
            "all": ", ".join(examples) + (" …" if notice["count"] > len(examples) else ""),
            "files": " and ".join(files) or "a file",
            "node": notice["class_type"] or "ComfyUI",
        }
        text = TEXTS.get(notice["code"], TEXTS["comfyui_warning"]).format(**fields)
        details = {"node": notice["class_type"], "files": files, "count": notice["count"], "examples": examples}
        warning = {"code": notice["code"], "message": one_line(text), "details": details}
        if warning not in told:
            told.append(warning)
    return told[:MAX_WARNINGS]


def spared(code: str, error: HalError) -> JsonObject:
    """The notice of a job that is run again with less memory.

    Args:
        code: of the warning that says how.
        error: ``out_of_memory``, how the try before ended.
    """
    node = error.details.get("node_type", "")
    return {"code": code, "class_type": node, "files": [], "count": 1, "examples": [error.message]}


def tiled_again(warning: JsonObject) -> JsonObject:
    """The notice of a job that is done in tiles from the start, since one like it ended that way.

    Args:
        warning: ``vae_tiled``, of that one.
    """
    details = warning["details"]
    return {
        "code": warning["code"],
        "class_type": details["node"],
        "files": details["files"],
        "count": details["count"],
        "examples": details["examples"],
    }


def halved(error: HalError, tried: int, size: int) -> JsonObject:
    """The notice of pictures that did not fit into memory all at once.

    Args:
        error: ``out_of_memory``, how that ended.
        tried: how many it were.
        size: how many are tried now.
    """
    told = f"{tried} pictures at once were too many, and {size} are tried: {error.message}"
    node = error.details.get("node_type", "")
    return {"code": "batch_halved", "class_type": node, "files": [], "count": 1, "examples": [told]}
