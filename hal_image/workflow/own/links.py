"""Which nodes a graph's pictures come from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from hal_image.errors import UsageError
from hal_image.workflow.own.faults import called, listed, no_workflow

if TYPE_CHECKING:
    from hal_image.errors import JsonObject
    from hal_image.workflow.own.definitions import Definitions

SAVERS = ("SaveImage", "PreviewImage")
"""Nodes whose pictures become files, those of the first kind first."""


class Reached(NamedTuple):
    """What is left of a graph.

    Attributes:
        graph: the nodes that pictures come from.
        savers: ids of those that save or show them, in the order in which their pictures are told.
        left_out: what ComfyUI would have run besides, as messages call it: what saves no picture.
    """

    graph: JsonObject
    savers: tuple[str, ...]
    left_out: tuple[str, ...]


def link_of(value: Any) -> tuple[str, Any] | None:
    """Node and output slot, where an input is a link."""
    if isinstance(value, list) and len(value) == 2 and isinstance(value[0], (str, int)):
        return str(value[0]), value[1]
    return None


def reached(graph: JsonObject, definitions: Definitions) -> Reached:
    """The part of a graph that makes pictures; ComfyUI runs no other, but looks at it all.

    Raises:
        UsageError: ``workflow_without_picture``; ``workflow_invalid``: it has a loop.
    """
    savers = [node_id for kind in SAVERS for node_id, node in graph.items() if node["class_type"] == kind]
    ends = {name for name, of in definitions.classes.items() if of.ends}
    others = [called(node_id, node) for node_id, node in graph.items() if node["class_type"] in ends - set(SAVERS)]
    if not savers:
        raise UsageError(
            "the workflow saves no picture" + (f"; what it ends with is {listed(others)}" if others else ""),
            code="workflow_without_picture",
            hint=f"give it a node {' or '.join(SAVERS)}",
            details={"ends": others[:20]},
        )
    kept = _before(graph, savers)
    return Reached({node_id: node for node_id, node in graph.items() if node_id in kept}, tuple(savers), tuple(others))


def _before(graph: JsonObject, ends: list[str]) -> set[str]:
    """Ids of ``ends`` and of all nodes that lead to them."""
    done: set[str] = set()
    on_the_way: set[str] = set()
    stack = [(node_id, False) for node_id in ends]
    while stack:
        node_id, left = stack.pop()
        if left:
            on_the_way.discard(node_id)
            done.add(node_id)
            continue
        if node_id in done or node_id not in graph:
            continue
        if node_id in on_the_way:
            raise no_workflow(f"{called(node_id, graph[node_id])} is linked to itself in a circle")
        on_the_way.add(node_id)
        stack.append((node_id, True))
        links = filter(None, map(link_of, graph[node_id]["inputs"].values()))
        stack += [(origin, False) for origin, _ in links if origin not in done]
    return done


def before(graph: JsonObject, node_id: str) -> list[str]:
    """A node and all that lead to it, the nearest first."""
    found, queue = [], [node_id]
    while queue:
        one = queue.pop(0)
        if one in graph and one not in found:
            found.append(one)
            queue += [origin for origin, _ in filter(None, map(link_of, graph[one]["inputs"].values()))]
    return found
