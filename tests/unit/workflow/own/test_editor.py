from __future__ import annotations

import itertools
from typing import Any

import pytest

from hal_image.errors import UsageError
from hal_image.workflow.own.editor import BYPASSED, MOST_HOPS, MUTED, convert
from tests.unit.workflow.own.nodes import DEFINITIONS

Node = dict[str, Any]


def node(node_id: Any, kind: str, *links: tuple[str, str, Any], mode: int = 0, **more: Any) -> Node:
    """A node of the editor; ``links`` are name, type and link of its sockets."""
    sockets = [{"name": name, "type": kind_of, "link": link} for name, kind_of, link in links]
    return {"id": node_id, "type": kind, "mode": mode, "inputs": sockets, **more}


LOADER = node(1, "Loader", widgets_values=["a.safetensors"])
SAMPLER = node(3, "Sampler", ("model", "MODEL", 1), widgets_values=[5, "randomize", 2, 7.5, "euler", False])


def inputs(document: dict[str, Any], node_id: str = "3") -> dict[str, Any]:
    found: dict[str, Any] = convert(document, DEFINITIONS)[node_id]["inputs"]
    return found


def file(*nodes: Node, links: tuple[Any, ...] = ((1, 1, 0, 3, 0, "MODEL"),), subgraphs: Any = ()) -> dict[str, Any]:
    return {"nodes": list(nodes), "links": [*links], "definitions": {"subgraphs": [*subgraphs]}}


def test_fields_are_read_in_their_order_without_what_the_editor_adds() -> None:
    read = inputs(file(LOADER, SAMPLER))
    assert read == {"model": ["1", 0], "seed": 5, "steps": 2, "cfg": 7.5, "way": "euler", "noise": False}


@pytest.mark.parametrize(
    ("values", "read"),
    [
        ([5, 2, 7.5, "fixed"], {"seed": 5, "steps": 2, "way": "fixed", "noise": True}),  # before there were such fields
        ([5, "fixed", 2, 7.5, "heun", False, "surplus"], {"steps": 2, "way": "heun", "noise": False}),
        ({"seed": 9, "way": "heun", "other": 1}, {"seed": 9, "way": "heun"}),
        ([], {"seed": 0, "steps": 20, "way": "euler"}),
        (None, {"seed": 0}),
    ],
)
def test_fields_of_other_versions_are_read(values: Any, read: dict[str, Any]) -> None:
    found = inputs(file(LOADER, {**SAMPLER, "widgets_values": values}))
    assert {name: found[name] for name in read} == read
    assert "other" not in found


def test_a_link_takes_the_place_of_a_field() -> None:
    linked = node(3, "Sampler", ("steps", "INT", 2), widgets_values=SAMPLER["widgets_values"])
    number = node(8, "PrimitiveNode", widgets_values=[44, "fixed"])
    assert inputs(file(LOADER, linked, number, links=((2, 8, 0, 3, 0, "INT"),)))["steps"] == 44


def test_reroutes_are_followed_and_notes_are_nothing() -> None:
    turns = [node(n, "Reroute", ("", "*", n - 1)) for n in (11, 12)]
    links = ((10, 1, 0, 11, 0, "MODEL"), (11, 11, 0, 12, 0, "*"), (1, 12, 0, 3, 0, "MODEL"))
    document = file(LOADER, SAMPLER, *turns, node(9, "Note"), node(10, "MarkdownNote"), links=links)
    assert inputs(document)["model"] == ["1", 0]
    assert convert(document, DEFINITIONS).keys() == {"1", "3"}


CHAIN = (
    node(3, "Sampler", ("model", "MODEL", None), widgets_values=[5, "fixed", 2, 7, "euler"]),
    node(6, "SaveImage", ("images", "IMAGE", 5), widgets_values=["x"]),
)
CHAIN_LINKS = ((4, 3, 0, 5, 0, "IMAGE"), (5, 5, 0, 6, 0, "IMAGE"))


def test_a_muted_node_is_left_out_with_its_links() -> None:
    muted = node(5, "Invert", ("image", "IMAGE", 4), mode=MUTED)
    document = file(*CHAIN, muted, links=CHAIN_LINKS)
    assert "images" not in inputs(document, "6")
    assert "5" not in convert(document, DEFINITIONS)


def test_a_bypassed_node_hands_on_the_input_of_the_same_type() -> None:
    passed = node(5, "Invert", ("mask", "MASK", None), ("image", "IMAGE", 4), mode=BYPASSED)
    assert inputs(file(*CHAIN, passed, links=CHAIN_LINKS), "6")["images"] == ["3", 0]
    nothing = node(5, "Invert", ("mask", "MASK", 4), mode=BYPASSED)
    assert "images" not in inputs(file(*CHAIN, nothing, links=CHAIN_LINKS), "6")


INSIDE = {
    "id": "sub",
    "name": "A subgraph",
    "nodes": [
        node(3, "Sampler", ("model", "MODEL", 1), ("steps", "INT", 2), widgets_values=[5, "fixed", 2, 7, "euler"]),
        node(4, "Invert", ("image", "IMAGE", 3)),
    ],
    "links": [
        {"id": 1, "origin_id": -10, "origin_slot": 0, "target_id": 3, "target_slot": 0, "type": "MODEL"},
        {"id": 2, "origin_id": -10, "origin_slot": 1, "target_id": 3, "target_slot": 1, "type": "INT"},
        {"id": 3, "origin_id": 3, "origin_slot": 0, "target_id": 4, "target_slot": 0, "type": "IMAGE"},
        {"id": 4, "origin_id": 4, "origin_slot": 0, "target_id": -20, "target_slot": 0, "type": "IMAGE"},
    ],
    "inputs": [{"name": "model", "type": "MODEL"}, {"name": "steps", "type": "INT"}],
    "outputs": [{"name": "IMAGE", "type": "IMAGE"}],
}
AROUND = ((7, 1, 0, 9, 0, "MODEL"), (8, 9, 0, 6, 0, "IMAGE"))
SAVER = node(6, "SaveImage", ("images", "IMAGE", 8), widgets_values=["x"])


def opened(subgraphs: Any = (INSIDE,), **more: Any) -> dict[str, Any]:
    place = node(9, "sub", ("model", "MODEL", 7), **more)
    return convert(file(LOADER, SAVER, place, links=AROUND, subgraphs=subgraphs), DEFINITIONS)


def test_a_subgraph_is_opened() -> None:
    graph = opened()
    assert graph.keys() == {"1", "6", "9:3", "9:4"}
    assert graph["6"]["inputs"]["images"] == ["9:4", 0]
    assert graph["9:4"]["inputs"]["image"] == ["9:3", 0]
    assert graph["9:3"]["inputs"]["model"] == ["1", 0]
    assert graph["9:3"]["inputs"]["steps"] == 2


@pytest.mark.parametrize(
    "more",
    [
        {"widgets_values": [33]},
        {"widgets_values": [33], "properties": {"proxyWidgets": [["-1", "steps"]]}},
        {"widgets_values": [1, 33], "properties": {"proxyWidgets": [["3", "seed"], ["-1", "steps"]]}},
    ],
)
def test_fields_that_a_subgraph_shows_are_those_of_the_nodes_inside(more: dict[str, Any]) -> None:
    assert opened(**more)["9:3"]["inputs"]["steps"] == 33


def test_a_subgraph_that_is_switched_off_hands_on_or_is_left_out() -> None:
    assert "images" not in opened(mode=MUTED)["6"]["inputs"]
    graph = opened(mode=BYPASSED)
    assert graph.keys() == {"1", "6"}
    assert "images" not in graph["6"]["inputs"]  # it has no input of that type


def test_a_node_that_is_not_known_keeps_its_links() -> None:
    graph = convert(file(LOADER, node(3, "Other", ("model", "MODEL", 1), widgets_values=[1])), DEFINITIONS)
    assert graph["3"] == {"class_type": "Other", "inputs": {"model": ["1", 0]}, "_meta": {"title": "Other"}}


def test_a_group_node_of_old_is_refused() -> None:
    with pytest.raises(UsageError) as caught:
        convert(file(node(3, "workflow>mine")), DEFINITIONS)
    assert caught.value.code == "workflow_unsupported"


def itself_twice() -> dict[str, Any]:
    return {**INSIDE, "nodes": [node(n, "sub") for n in (1, 2)], "links": []}


def bomb() -> list[dict[str, Any]]:
    """Sixteen levels, each with four of the next."""
    names = ["sub", *(f"sub{level}" for level in range(15))]
    inner = [
        {**INSIDE, "id": name, "nodes": [node(n, deeper) for n in range(4)], "links": []}
        for name, deeper in itertools.pairwise(names)
    ]
    return [*inner, {**INSIDE, "id": names[-1], "nodes": [], "links": []}]


@pytest.mark.parametrize("subgraphs", [[itself_twice()], bomb()], ids=["itself", "bomb"])
def test_subgraphs_without_an_end_are_refused(subgraphs: Any) -> None:
    with pytest.raises(UsageError) as caught:
        opened(subgraphs)
    assert caught.value.code == "workflow_invalid"


def test_reroutes_in_a_circle_are_refused() -> None:
    circle = [node(n, "Reroute", ("", "*", n)) for n in (11, 12)]
    links = ((1, 11, 0, 3, 0, "MODEL"), (11, 12, 0, 11, 0, "*"), (12, 11, 0, 12, 0, "*"))
    with pytest.raises(UsageError) as caught:
        convert(file(SAMPLER, *circle, links=links), DEFINITIONS)
    assert "circle" in caught.value.message
    long = [node(n, "Reroute", ("", "*", n - 1)) for n in range(100, 100 + MOST_HOPS)]
    straight = [(99, 1, 0, 100, 0, "*"), *((n, n, 0, n + 1, 0, "*") for n in range(100, 100 + MOST_HOPS))]
    last = node(3, "Sampler", ("model", "MODEL", 99 + MOST_HOPS))
    assert inputs(file(LOADER, last, *long, links=tuple(straight)))["model"] == ["1", 0]


@pytest.mark.parametrize(
    "document",
    [
        {"nodes": [1]},
        {"nodes": [{"id": 1}]},
        {"nodes": [{"id": [], "type": "Loader"}]},
        {"nodes": [LOADER], "links": [1]},
        {"nodes": [LOADER], "links": [[1]]},
        {"nodes": [{**LOADER, "inputs": [1]}], "links": []},
        {"nodes": [{**LOADER, "type": 3}], "links": []},
        {"nodes": [LOADER], "links": [], "definitions": {"subgraphs": [{}]}},
        {"nodes": [LOADER], "links": [], "definitions": 3},
        {"nodes": [SAMPLER, {"id": 1, "type": "sub"}], "links": [[1, 1, 7, 3, 0, "X"]], "definitions":
            {"subgraphs": [{**INSIDE, "inputs": 3}]}},
    ],
)  # fmt: skip
def test_what_is_damaged_is_no_workflow(document: Any) -> None:
    with pytest.raises(UsageError) as caught:
        convert(document, DEFINITIONS)
    assert caught.value.code == "workflow_invalid"
