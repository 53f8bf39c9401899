"""The editor's fields: it writes the values of a node's fields as a list, in the order in which they are drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hal_image.errors import JsonObject
    from hal_image.workflow.own.definitions import NodeClass

AFTER_RUN = {"fixed", "increment", "decrement", "randomize"}
"""Values of the field that the editor adds below a seed, and which no node has: what becomes of it after a run."""


def values(node: JsonObject, of: NodeClass) -> dict[str, Any]:
    """The values of a node's fields by name; one that is not there has the class's default, if it has one.

    Args:
        node: as the editor writes it; ``widgets_values`` is a list, or an object by name as some nodes have it.
        of: its class.
    """
    given = node.get("widgets_values")
    widgets = [one for one in of.inputs.values() if one.is_widget]
    if isinstance(given, dict):
        return {one.name: given[one.name] for one in widgets if one.name in given}
    left = list(given) if isinstance(given, list) else []
    found: dict[str, Any] = {}
    for index, widget in enumerate(widgets):
        if not left:
            if "default" in widget.options:
                found[widget.name] = widget.options["default"]
            elif widget.kind == "COMBO" and widget.choices and widget.required:
                found[widget.name] = widget.choices[0]
            continue
        found[widget.name] = left.pop(0)
        follower = widgets[index + 1] if index + 1 < len(widgets) else None
        if left and _is_after_run(left[0]) and not (follower is not None and left[0] in follower.choices):
            left.pop(0)
    return found


def _is_after_run(value: Any) -> bool:
    return isinstance(value, str) and value in AFTER_RUN
