"""What an agent is told of how a call ended: what it can act on, and no more, since each word of it is read again with
every step of the conversation.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hal_image.errors import JsonObject
    from hal_image.host.mcp.calls import Call

MOST_DETAILS = 300
"""Characters of an error's ``details``: those of some have the addresses of every file."""
MOST_JOBS = 12
"""Jobs of a list, the latest of them. Those that are not over come last, as ``jobs list`` has them."""

HINTS = {
    "prompt_missing": "give prompt",
    "model_missing": "ask the user whether to download {size}; then repeat with download: true. Or take a model that "
    "list_models calls present or included",
    "timeout": "call job with one of details.jobs, or cancel",
    "job_lost": "call generate_image again",
    "job_unknown": "call job without an id: it lists them",
    "job_ambiguous": "call job with one of details.jobs",
    "job_id_invalid": "call job without an id: it lists them",
    "output_exists": "give another output, or leave out no_clobber",
}
"""Hints for those who have tools and no shell, by code; ``{size}`` is what a model takes. All others are as the command
line gives them."""


def ended(call: Call) -> JsonObject:
    """How a call that makes pictures, or came for one, has ended."""
    assert call.answer is not None
    data = call.answer["data"]
    images = [{name: image[name] for name in ("path", "seed", "width", "height")} for image in data.get("images", ())]
    if call.answer["error"] is not None:
        return {**failed(call.answer), **({"images": images} if images else {})}
    told: JsonObject = {"state": "done", "images": images, "model": data["model"]["name"]}
    told["seconds"] = round(data["timings"]["total_s"], 1)
    return {**told, **_warnings(call.answer)}


def failed(answer: JsonObject) -> JsonObject:
    """How a call has failed.

    Args:
        answer: the object that it ended with.
    """
    error = answer["error"]
    told = {name: error[name] for name in ("code", "message", "hint", "retryable")}
    size = (
        f"{sum(file['bytes'] for file in error['details'].get('missing', ()) if isinstance(file, dict)) / 1e9:.1f} GB"
    )
    option = re.fullmatch(r"argument (?:\S+/)?--([\w-]+): (.*)", error["message"], re.DOTALL)
    if option:
        told |= {"message": f"{option[1].replace('-', '_')}: {option[2]}", "hint": "correct this argument"}
    if error["code"] in HINTS:
        told["hint"] = HINTS[error["code"]].format(size=size)
    if error["details"] and len(json.dumps(error["details"])) <= MOST_DETAILS:
        told["details"] = error["details"]
    return {"error": told, **_warnings(answer)}


def _warnings(answer: JsonObject) -> JsonObject:
    warnings = [{name: warning[name] for name in ("code", "message")} for warning in answer["warnings"]]
    return {"warnings": warnings} if warnings else {}


def running(call: Call) -> JsonObject:
    """That a call goes on, and how to come for it."""
    return {"state": "running", "job": call.id, "doing": call.doing.message, "hint": "call job with this id"}


def models(answer: JsonObject) -> JsonObject:
    """The models, one object each.

    Args:
        answer: that of ``models list``.
    """
    listed = [
        {
            "name": model["name"],
            "status": model["status"],
            "gb": round(model["bytes"] / 1e9, 1),
            "vram_gb": model["min_vram_gb"],
            "size": f"{model['defaults']['width']}x{model['defaults']['height']}",
            "steps": model["defaults"]["steps"],
            "about": model["description"],
        }
        for model in answer["data"]["models"]
    ]
    return {"default": answer["data"]["default"]["name"], "models": listed}


def jobs(answer: JsonObject, nameless: list[Call]) -> JsonObject:
    """The jobs, the latest last.

    Args:
        answer: that of ``jobs list``.
        nameless: calls that have no job yet.
    """
    known = [
        {
            "job": job["job"],
            "state": job["verdict"] or job["state"],
            "model": job["model"],
            "prompt": job["prompt"],
            "path": job["path"],
        }
        for job in answer["data"]["jobs"][-MOST_JOBS:]
    ]
    return {"jobs": [*known, *({"job": call.name, "state": call.doing.message} for call in nameless)]}


def taken_back(name: str, answer: JsonObject) -> JsonObject:
    """How a job stands that was to be taken back.

    Args:
        name: what it was called.
        answer: that of the call that made it, or of ``jobs cancel``.
    """
    if answer["command"] == "jobs" and answer["ok"]:
        (job,) = answer["data"]["jobs"]
        return {"job": job["job"], "state": job["verdict"] or job["state"]}
    if answer["ok"]:
        return {"job": name, "state": "done"}
    if answer["error"]["code"] == "interrupted":
        return {"job": name, "state": "interrupted"}
    return failed(answer)
