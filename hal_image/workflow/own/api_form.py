"""ComfyUI's API format as a file has it: what the editor exports, what pictures carry, what is posted to the server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hal_image.workflow.own.faults import no_workflow, short

if TYPE_CHECKING:
    from hal_image.errors import JsonObject


def graph_in(document: Any) -> JsonObject | None:
    """The graph in a document, which is one or has it in ``prompt``; ``None`` where it is another form."""
    if not isinstance(document, dict):
        return None
    inside = document.get("prompt")
    for found in (document, inside):
        if isinstance(found, dict) and any(isinstance(node, dict) and "class_type" in node for node in found.values()):
            return found
    return None


def normalised(graph: JsonObject) -> JsonObject:
    """A copy with what a node has and nothing else: pictures also carry what ComfyUI has noted of each.

    Raises:
        UsageError: ``workflow_invalid``.
    """
    found: JsonObject = {}
    for node_id, node in graph.items():
        if not isinstance(node, dict) or not isinstance(node.get("class_type"), str):
            raise no_workflow(f"its node {short(node_id)} has no class_type")
        inputs = node.get("inputs", {})
        if not isinstance(inputs, dict):
            raise no_workflow(f"the inputs of its node {short(node_id)} are no object")
        meta = node.get("_meta")
        title = meta.get("title") if isinstance(meta, dict) else None
        found[node_id] = {
            "class_type": node["class_type"],
            "inputs": {name: _bare(value) for name, value in inputs.items()},
            "_meta": {"title": title if isinstance(title, str) else node["class_type"]},
        }
    return found


def _bare(value: Any) -> Any:
    """A value out of the wrapping that the editor puts around some, which the server takes off before it looks."""
    if isinstance(value, dict) and "__value__" in value and not isinstance(value["__value__"], list):
        return value["__value__"]
    return value
