"""``--set NODE.INPUT=VALUE``: which input of which node is meant, and what the text is a value of."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from hal_image.errors import UsageError
from hal_image.workflow.own.faults import called, meant, short, title_of

if TYPE_CHECKING:
    from hal_image.errors import JsonObject
    from hal_image.workflow.own.definitions import Definitions


class Setting(NamedTuple):
    """One ``--set``.

    Attributes:
        target: ``NODE.INPUT``.
        value: what JSON says; text that is no JSON as it is.
        text: as it was typed, for inputs that take text; ``None`` where it came as JSON.
    """

    target: str
    value: Any
    text: str | None = None

    def __str__(self) -> str:
        return f"{self.target}={json.dumps(self.value, ensure_ascii=False)}"


def parse(text: str) -> Setting:
    """``NODE.INPUT=VALUE``.

    Raises:
        ValueError: it has not that form.
    """
    target, equals, typed = text.partition("=")
    node, dot, name = target.rpartition(".")
    if not (equals and dot and node.strip() and name.strip()):
        raise ValueError(f"{text!r} is not of the form NODE.INPUT=VALUE, e.g. 3.steps=20")
    try:
        value = json.loads(typed, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        value = typed
    return Setting(f"{node.strip()}.{name.strip()}", value, typed)


def _no_constant(name: str) -> None:
    raise ValueError(name)


def apply(graph: JsonObject, settings: tuple[Setting, ...], definitions: Definitions) -> JsonObject:
    """A copy of the graph in which the inputs that are set have their values.

    Raises:
        UsageError: ``set_unknown``, ``set_ambiguous``.
    """
    changed = {node_id: {**node, "inputs": dict(node["inputs"])} for node_id, node in graph.items()}
    for setting in settings:
        node_name, _, name = setting.target.rpartition(".")
        node_id = find(changed, node_name)
        node = changed[node_id]
        of = definitions.classes.get(node["class_type"])
        known = of.inputs if of is not None else dict.fromkeys(node["inputs"])
        if name not in known:
            raise UsageError(
                f"--set {short(setting.target)}: {called(node_id, node)} has no input {short(name)!r}"
                f"{meant(name, known)}",
                code="set_unknown",
                hint=f"its inputs are {', '.join(known)}" if known else "it has no inputs",
                details={"node": node_id, "class_type": node["class_type"], "inputs": list(known)},
            )
        takes_text = of is not None and of.inputs[name].kind == "STRING"
        is_text = isinstance(setting.value, (str, list))  # a list is a link
        node["inputs"][name] = (
            setting.text if takes_text and not is_text and setting.text is not None else setting.value
        )
    return changed


def find(graph: JsonObject, name: str) -> str:
    """The id of the node that ``name`` is the id, the title or the class of.

    Raises:
        UsageError: ``set_unknown``, ``set_ambiguous``.
    """
    if name in graph:
        return name
    titles = {node_id: title_of(node) for node_id, node in graph.items()}
    classes = {node_id: str(node["class_type"]) for node_id, node in graph.items()}
    for names in (titles, classes):
        found = [node_id for node_id, one in names.items() if one == name]
        if len(found) > 1:
            raise UsageError(
                f"--set {short(name)}: {len(found)} nodes are called that",
                code="set_ambiguous",
                hint=f"name one by its id: {', '.join(called(node_id, graph[node_id]) for node_id in found[:5])}",
                details={"nodes": found[:20]},
            )
        if found:
            return found[0]
    every = {*graph, *filter(None, titles.values()), *classes.values()}
    raise UsageError(
        f"--set {short(name)}: the workflow has no such node{meant(name, every)}",
        code="set_unknown",
        hint=f"its nodes are {', '.join(called(node_id, node) for node_id, node in list(graph.items())[:12])}",
        details={"nodes": list(graph)[:100]},
    )
