"""What is done with a graph once it is one: settings, placeholders, seeds, the check, what it says of itself."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from hal_image.errors import UsageError
from hal_image.workflow.own import api_form, fill, links, settings
from hal_image.workflow.own.check import check
from hal_image.workflow.own.facts import all_steps, read
from tests.unit.workflow.own.nodes import DEFINITIONS, graph, node

VALUES = fill.Values("red {seed}", "ugly", 9, 64, 32)


def applied(*texts: str) -> Any:
    return settings.apply(graph(), tuple(settings.parse(text) for text in texts), DEFINITIONS)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3.steps=4", 4),
        ("3.cfg=1.5", 1.5),
        ("3.noise=false", False),
        ("Sampler.way=heun", "heun"),
        ("2.text=5", "5"),
        ("2.text=a=b.c", "a=b.c"),
        ('2.text="quoted"', "quoted"),
        ("2.text=", ""),
        ("2.text=NaN", "NaN"),
        ('3.model=["1", 1]', ["1", 1]),
    ],
)
def test_a_setting_is_a_value_of_the_input_s_type(text: str, value: Any) -> None:
    target = settings.parse(text).target
    name = target.rpartition(".")[2]
    assert applied(text)["2" if name == "text" else "3"]["inputs"][name] == value
    assert graph()["3"]["inputs"]["steps"] == 2


@pytest.mark.parametrize("text", ["", "3", "3.steps", "steps=3", ".steps=3", "3.=4"])
def test_what_is_no_setting_is_said(text: str) -> None:
    with pytest.raises(ValueError, match="NODE"):
        settings.parse(text)


def test_a_node_is_found_by_its_title_before_its_class() -> None:
    nodes = graph()
    nodes["2"]["_meta"]["title"] = "Sampler"
    nodes["3"]["_meta"]["title"] = "Draw. It"
    assert settings.find(nodes, "Sampler") == "2"
    assert settings.find(nodes, "Draw. It") == "3"
    nodes["5"] = {**node("Text", text="", clip=["1", 1]), "_meta": {"title": "Sampler"}}
    with pytest.raises(UsageError) as caught:
        settings.find(nodes, "Sampler")
    assert (caught.value.code, caught.value.details["nodes"]) == ("set_ambiguous", ["2", "5"])


@pytest.mark.parametrize(
    ("text", "told"), [("9.x=1", "no such node"), ("Samplr.x=1", "did you mean 'Sampler'"), ("3.stepz=1", "'steps'")]
)
def test_what_is_not_there_is_named(text: str, told: str) -> None:
    with pytest.raises(UsageError) as caught:
        applied(text)
    assert caught.value.code == "set_unknown"
    assert told in caught.value.message


def test_placeholders_are_filled_in_once() -> None:
    nodes = applied(
        "2.text=a {prompt}, {width}x{height}", "3.seed={seed}", "3.steps={width}", "4.filename_prefix={seed}"
    )
    assert fill.placeholders(nodes) == {"prompt", "width", "height", "seed"}
    filled = fill.filled(nodes, DEFINITIONS, VALUES, seed=None, further=0)
    assert filled["2"]["inputs"]["text"] == "a red {seed}, 64x32"
    assert filled["3"]["inputs"]["seed"] == 9
    assert filled["3"]["inputs"]["steps"] == 64
    assert filled["4"]["inputs"]["filename_prefix"] == "9"
    assert nodes["3"]["inputs"]["seed"] == "{seed}"
    assert fill.placeholders(applied("2.text={Prompt} {{}} {other}")) == set()


@pytest.mark.parametrize(("seed", "further", "made"), [(None, 0, 5), (None, 2, 7), (11, 2, 11)])
def test_seeds_stay_count_up_or_are_given(seed: int | None, further: int, made: int) -> None:
    filled = fill.filled(graph(), DEFINITIONS, VALUES, seed=seed, further=further)
    assert filled["3"]["inputs"]["seed"] == made
    assert fill.seeds(graph(), DEFINITIONS) == [5]


def test_seeds_start_over_at_their_end_and_links_are_none() -> None:
    nodes = applied(f"3.seed={2**64 - 1}")
    assert fill.filled(nodes, DEFINITIONS, VALUES, seed=None, further=1)["3"]["inputs"]["seed"] == 0
    assert fill.seeds(applied('3.seed=["1", 0]'), DEFINITIONS) == []


def test_a_right_graph_says_what_it_is_made_with() -> None:
    nodes = graph()
    nodes["5"] = node("LoadImage", image="x.png")
    nodes["4"]["inputs"]["images"] = ["5", 0]
    found = check(nodes, DEFINITIONS)
    assert [(use.node, use.kinds, use.name) for use in found.files] == [("1", ("checkpoints",), "a.safetensors")]
    assert [(use.node, use.name) for use in found.pictures] == [("5", "x.png")]
    assert found.ignored == ()


@pytest.mark.parametrize(
    ("target", "value", "told"),
    [
        ("3.steps", 101, "above its greatest value 100"),
        ("3.steps", "x", "no number"),
        ("3.steps", None, "no number"),
        ("3.cfg", float("inf"), "no number"),
        ("3.cfg", "1e999", "no number"),
        ("3.way", "eulr", "did you mean 'euler'?"),
        ("3.way", 4, "none of its 3 values"),
        ("3.noise", "no", "not true or false"),
        ("2.text", {"a": 1}, "not text"),
        ("3.model", ["1"], "neither a value nor"),
        ("3.model", ["1", "0"], "which has 2"),
        ("3.model", ["1", -1], "which has 2"),
        ("3.model", ["1", True], "which has 2"),
        ("1.name", "", "none of its 0 values"),
        ("1.name", {"__value__": "../x"}, "none of its 0 values"),
        ("1.name", ["2", 0], "must be written there"),
        ("3.model", "../x.png", "takes MODEL from another node"),
        ("3.mask", {"image": "../x.png"}, "takes MASK from another node"),
        ("3.steps", {"__value__": [1, 2]}, "no number"),
    ],
)
def test_a_wrong_input_is_named(target: str, value: Any, told: str) -> None:
    nodes = graph()
    node_id, _, name = target.partition(".")
    nodes[node_id]["inputs"][name] = value
    with pytest.raises(UsageError) as caught:
        check(nodes, DEFINITIONS)
    assert caught.value.code == "workflow_wrong"
    assert f"node {node_id} " in caught.value.message
    assert told in caught.value.message
    assert [(one["node"], one["input"]) for one in caught.value.details["problems"]] == [(node_id, name)]


def test_a_missing_input_and_one_with_a_name_like_it_are_told_together() -> None:
    nodes = graph()
    nodes["3"]["inputs"]["step"] = nodes["3"]["inputs"].pop("steps")
    with pytest.raises(UsageError) as caught:
        check(nodes, DEFINITIONS)
    assert "has no steps, but 'step'" in caught.value.message


def test_types_may_be_several() -> None:
    nodes = graph()
    nodes["5"] = node("Both", image=["3", 0])
    nodes["4"]["inputs"]["images"] = ["5", 0]
    check(nodes, DEFINITIONS)
    nodes["5"]["inputs"]["image"] = ["1", 0]
    with pytest.raises(UsageError, match="takes IMAGE,MASK"):
        check(nodes, DEFINITIONS)


def test_what_leads_to_no_picture_is_left_out() -> None:
    nodes = {"9": node("PreviewImage", images=["3", 0]), **graph(), "8": node("SaveSound", sound=["3", 0])}
    nodes["7"] = node("NoSuchNode", x=["3", 0])
    found = links.reached(nodes, DEFINITIONS)
    assert found.graph.keys() == {"1", "2", "3", "4", "9"}
    assert found.savers == ("4", "9")
    assert found.left_out == ("node 8 (SaveSound)",)


def test_without_a_picture_it_says_what_there_is() -> None:
    with pytest.raises(UsageError) as caught:
        links.reached({"8": node("SaveSound", sound=["3", 0])}, DEFINITIONS)
    assert caught.value.code == "workflow_without_picture"
    assert caught.value.details["ends"] == ["node 8 (SaveSound)"]


def test_a_loop_is_found_and_a_long_chain_is_none() -> None:
    nodes = {str(n): node("Invert", image=[str(n + 1), 0]) for n in range(5000)}
    nodes["x"] = node("SaveImage", images=["0", 0])
    assert len(links.reached(nodes, DEFINITIONS).graph) == 5001
    nodes["4999"]["inputs"]["image"] = ["0", 0]
    with pytest.raises(UsageError, match="circle"):
        links.reached(nodes, DEFINITIONS)


@pytest.mark.parametrize("class_type", ["PaidNode", "Custom", "Samplerr"])
def test_missing_nodes_are_told_with_the_reason(class_type: str) -> None:
    nodes = graph()
    nodes["3"]["class_type"] = class_type
    with pytest.raises(UsageError) as caught:
        check(nodes, DEFINITIONS)
    told = caught.value.details["nodes"][0]
    assert caught.value.code == "workflow_node_missing"
    assert told["reason"] == ("cloud" if class_type == "PaidNode" else "unknown")
    assert (told["nearest"] == "Sampler") == (class_type == "Samplerr")


def test_a_graph_says_what_it_makes() -> None:
    nodes = copy.deepcopy(graph())
    nodes["9"] = node("EmptyLatent", width=640, height=480, batch_size=3)
    facts = read(nodes)
    assert (facts.prompt, facts.steps, facts.cfg, facts.width, facts.height) == ("a cube", 2, 7.0, 640, 480)
    assert (facts.sampler, facts.guidance) == ("", None)
    assert all_steps(nodes) == 6
    assert read({}).width == 0


def test_a_wrapped_value_is_looked_at_as_the_server_sees_it() -> None:
    nodes = {"1": {"class_type": "LoadImage", "inputs": {"image": {"__value__": "../x.png"}}}}
    assert api_form.normalised(nodes)["1"]["inputs"] == {"image": "../x.png"}


@pytest.mark.parametrize("document", [graph(), {"prompt": graph(), "client_id": "x"}])
def test_both_ways_to_write_a_graph_are_read(document: Any) -> None:
    found = api_form.graph_in(document)
    assert found is not None
    assert api_form.normalised(found) == graph()


def test_what_else_a_picture_says_of_a_node_is_left_out() -> None:
    nodes = {"1": {"class_type": "A", "inputs": {"x": 1}, "is_changed": [None], "_meta": 3}}
    assert api_form.normalised(nodes) == {"1": {"class_type": "A", "inputs": {"x": 1}, "_meta": {"title": "A"}}}


@pytest.mark.parametrize(
    "nodes", [{"1": {"class_type": "A"}, "2": 3}, {"1": {"class_type": 4}}, {"1": {"class_type": "A", "inputs": []}}]
)
def test_what_is_no_graph_is_said(nodes: Any) -> None:
    with pytest.raises(UsageError) as caught:
        api_form.normalised(nodes)
    assert caught.value.code == "workflow_invalid"
