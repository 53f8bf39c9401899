"""From the file that ComfyUI's editor saves to the graph that it would send: subgraphs opened, links followed.

The editor's own nodes are resolved away: Reroute, PrimitiveNode (its value goes where it is linked to), notes. A node
that is muted is left out with its links; one that is bypassed hands its input of the same type on.

Facts: the editor's ``graphToPrompt`` and ``ExecutableNodeDTO`` (Comfy-Org/ComfyUI_frontend), and its published
templates.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from hal_image.errors import UsageError
from hal_image.workflow.own import widgets
from hal_image.workflow.own.faults import no_workflow, short

if TYPE_CHECKING:
    from hal_image.errors import JsonObject
    from hal_image.workflow.own.definitions import Definitions

NOTES = {"Note", "MarkdownNote"}
REROUTE = "Reroute"
PRIMITIVE = "PrimitiveNode"
EDITORS_OWN = {*NOTES, REROUTE, PRIMITIVE}
MUTED, BYPASSED = 2, 4
"""``mode`` of a node."""
FROM_OUTSIDE, TO_OUTSIDE = -10, -20
"""Ids of the two nodes in a subgraph that stand for its inputs and its outputs."""
OLD_GROUP = ("workflow>", "workflow/")
"""Begins the type of a group node, which subgraphs have replaced."""
MOST_NODES = 20_000
MOST_LEVELS = 16
MOST_OPENED = 2_000
"""Subgraphs in the place of nodes, in all: each may have the next one several times."""
MOST_HOPS = 200
"""Links in a row that lead to no node: more are a loop."""


class Value(NamedTuple):
    """What a link hands on that is no node's output."""

    value: Any


class Link(NamedTuple):
    """One link: from which node's which output, of which type."""

    origin: Any
    slot: int
    kind: str


class Subgraphs:
    """The definitions of a file's subgraphs by id, and how many have been put in the place of a node."""

    def __init__(self, document: JsonObject) -> None:
        self.by_id: dict[Any, JsonObject] = {
            one["id"]: one for one in (document.get("definitions") or {}).get("subgraphs") or ()
        }
        self._opened = 0

    def open(self, subgraph: Any) -> JsonObject:
        """One of them, counted.

        Raises:
            UsageError: ``workflow_invalid``: there are too many.
        """
        self._opened += 1
        if self._opened > MOST_OPENED:
            raise no_workflow(f"it has more than {MOST_OPENED} subgraphs within each other")
        return self.by_id[subgraph]


class Level:
    """A graph of the editor: the outer one, or a subgraph in the place of one node.

    Args:
        graph: its JSON.
        subgraphs: all that the file has.
        outer: the level that has the node; ``None`` for the outermost.
        place: that node.
        depth: how deep it is.
    """

    def __init__(
        self,
        graph: JsonObject,
        subgraphs: Subgraphs,
        outer: Level | None = None,
        place: JsonObject | None = None,
        depth: int = 0,
    ) -> None:
        if depth > MOST_LEVELS:
            raise no_workflow(f"its subgraphs are nested deeper than {MOST_LEVELS} levels")
        self.graph = graph
        self.outer = outer
        self.place: JsonObject = place or {}
        self.prefix: str = f"{outer.prefix}{self.place['id']}:" if outer is not None else ""
        self.nodes: dict[Any, JsonObject] = {node["id"]: node for node in graph["nodes"]}
        self.links = dict(map(_link, graph.get("links") or ()))
        self.inner: dict[Any, Level] = {
            node["id"]: Level(subgraphs.open(node["type"]), subgraphs, self, node, depth + 1)
            for node in self.nodes.values()
            if node["type"] in subgraphs.by_id
        }
        self.promoted = _promoted(graph, self.place) if outer is not None else {}

    def every(self) -> list[Level]:
        """This level and those of its nodes that are switched on."""
        found = [self]
        for node_id, level in self.inner.items():
            if _mode(self.nodes[node_id]) not in {MUTED, BYPASSED}:
                found += level.every()
        return found

    def follow(self, link_id: Any, hops: int = 0) -> list[Any] | Value | None:
        """Where a link comes from in the end: ``[node id, slot]``, a value, or nothing."""
        link = self.links.get(link_id)
        if link is None:
            return None
        if hops > MOST_HOPS:
            raise no_workflow("its links go round in a circle")
        if link.origin == FROM_OUTSIDE and self.outer is not None:
            return self._from_outside(link.slot, hops)
        node = self.nodes.get(link.origin)
        if node is None or _mode(node) == MUTED:
            return None
        if _mode(node) == BYPASSED:
            return self._through(node, link, hops)
        return self._out_of_node(node, link, hops)

    def _out_of_node(self, node: JsonObject, link: Link, hops: int) -> list[Any] | Value | None:
        """What comes out of a node that is switched on."""
        if node["type"] == REROUTE:
            return self._through(node, link._replace(kind="*"), hops)
        if node["type"] == PRIMITIVE:
            given = node.get("widgets_values") or [None]
            return Value(given[0])
        if link.origin in self.inner:
            return self.inner[link.origin].out_of(link.slot, hops)
        return [f"{self.prefix}{link.origin}", link.slot]

    def out_of(self, slot: int, hops: int) -> list[Any] | Value | None:
        """What comes out of this subgraph."""
        inside = next((link_id for link_id in _links_to_outside(self.graph, slot)), None)
        return None if inside is None else self.follow(inside, hops + 1)

    def _from_outside(self, slot: int, hops: int) -> list[Any] | Value | None:
        assert self.outer is not None
        name = self.graph["inputs"][slot]["name"]
        socket = next((one for one in self.place.get("inputs") or () if one.get("name") == name), None)
        if socket is not None and socket.get("link") is not None:
            return self.outer.follow(socket["link"], hops + 1)
        return Value(self.promoted[name]) if name in self.promoted else None

    def _through(self, node: JsonObject, link: Link, hops: int) -> list[Any] | Value | None:
        """What a bypassed node hands on: the input beside the output if it is of that type, else the first that is."""
        sockets = [one for one in node.get("inputs") or () if isinstance(one, dict)]
        beside = sockets[link.slot : link.slot + 1]
        fitting = [
            one for one in (*beside, *sockets) if "*" in {link.kind, one.get("type")} or one["type"] == link.kind
        ]
        return self.follow(fitting[0].get("link"), hops + 1) if fitting else None


def _mode(node: JsonObject) -> Any:
    return node.get("mode", 0)


def _link(link: Any) -> tuple[Any, Link]:
    """A link by its id; outside it is a list, in subgraphs an object."""
    if isinstance(link, dict):
        return link["id"], Link(link["origin_id"], int(link["origin_slot"]), str(link.get("type")))
    link_id, origin, slot, _target, _target_slot, kind = link[:6]
    return link_id, Link(origin, int(slot), str(kind))


def _links_to_outside(graph: JsonObject, slot: int) -> list[Any]:
    return [
        link["id"]
        for link in graph.get("links") or ()
        if isinstance(link, dict) and link["target_id"] == TO_OUTSIDE and link["target_slot"] == slot
    ]


def _promoted(graph: JsonObject, place: JsonObject) -> dict[str, Any]:
    """Values of the fields that a subgraph's node shows in place of the nodes inside it, by the input's name."""
    given = place.get("widgets_values")
    if not isinstance(given, list):
        return {}
    shown = (place.get("properties") or {}).get("proxyWidgets")
    if shown:
        pairs = zip(shown, given, strict=False)
        return {name: value for (owner, name), value in pairs if str(owner) == "-1"}
    linked = {one.get("name") for one in place.get("inputs") or () if not one.get("widget")}
    names = [one["name"] for one in graph.get("inputs") or () if one["name"] not in linked]
    return dict(zip(names, given, strict=True)) if len(names) == len(given) else {}


def is_editors(document: Any) -> bool:
    """Whether it is the editor's form."""
    return isinstance(document, dict) and isinstance(document.get("nodes"), list)


def convert(document: JsonObject, definitions: Definitions) -> JsonObject:
    """The graph in API format. Nodes of classes that are not known keep their links only.

    Raises:
        UsageError: ``workflow_invalid``, ``workflow_unsupported``.
    """
    try:
        return _convert(document, definitions)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, RecursionError) as error:
        raise no_workflow(f"it looks like the editor's form and is damaged ({type(error).__name__})") from error


def _convert(document: JsonObject, definitions: Definitions) -> JsonObject:
    graph: JsonObject = {}
    for level in Level(document, Subgraphs(document)).every():
        for node_id, node in level.nodes.items():
            kind = node["type"]
            if _mode(node) in {MUTED, BYPASSED} or kind in EDITORS_OWN or node_id in level.inner:
                continue
            if kind.startswith(OLD_GROUP):
                raise UsageError(
                    f"node {short(node_id)} is a group node ({short(kind)}), which is not read here",
                    code="workflow_unsupported",
                    hint="open it in ComfyUI's editor and save it with Export (API), or make a subgraph of the group",
                )
            graph[f"{level.prefix}{node_id}"] = _node(level, node, definitions)
            if len(graph) > MOST_NODES:
                raise no_workflow(f"it has more than {MOST_NODES} nodes")
    return graph


def _node(level: Level, node: JsonObject, definitions: Definitions) -> JsonObject:
    of = definitions.classes.get(node["type"])
    inputs = widgets.values(node, of) if of is not None else {}
    for socket in node.get("inputs") or ():
        if socket.get("link") is None:
            continue
        source = level.follow(socket["link"])
        if isinstance(source, Value):
            inputs[socket["name"]] = source.value
        elif source is not None:
            inputs[socket["name"]] = source
    title = node.get("title")
    title = title if isinstance(title, str) else of.title if of is not None else node["type"]
    return {"class_type": node["type"], "inputs": inputs, "_meta": {"title": title}}
