from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, get_args

import pytest

from hal_image.models.types import Family
from hal_image.request import MAX_SEED
from hal_image.workflow import FILENAME_PREFIX
from tests.contract.graph_cases import CASES, GraphCase

HARD_TEXTS = [
    "",
    " leading and trailing \n",
    'a "quoted" \\ back\\slash, (weight:1.2), {one|two}, # no comment',
    "naïve café, 友好的机器人, مرحبا, 👩🏽‍🚀",
    "e\u0301 stays decomposed, \u00e9 stays composed",
]

LOADERS = {"1", "2", "3"}


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> GraphCase:
    return CASES[request.param]


def source(prompt: dict[str, Any], node_id: str, name: str) -> dict[str, Any]:
    """The node behind an input."""
    node: dict[str, Any] = prompt[prompt[node_id]["inputs"][name][0]]
    return node


def sampler(prompt: dict[str, Any]) -> str:
    (node_id,) = (node_id for node_id, node in prompt.items() if node["class_type"] == "KSampler")
    return node_id


def links(prompt: dict[str, Any], node_id: str) -> list[str]:
    return [value[0] for value in prompt[node_id]["inputs"].values() if isinstance(value, list)]


def test_every_family_has_a_graph() -> None:
    assert {case.model.family for case in CASES.values()} == set(get_args(Family))


def test_nodes_have_the_keys_of_the_api_format_and_no_other(case: GraphCase) -> None:
    for node_id, node in case.graph().to_prompt().items():
        assert node_id.isdecimal()
        assert set(node) == {"class_type", "inputs", "_meta"}
        assert set(node["_meta"]) == {"title"}


def test_every_link_leads_to_a_node_that_stands_before(case: GraphCase) -> None:
    prompt = case.graph().to_prompt()
    seen: set[str] = set()
    for node_id in prompt:
        assert set(links(prompt, node_id)) <= seen
        seen.add(node_id)


def test_every_node_has_a_part_in_the_picture(case: GraphCase) -> None:
    graph = case.graph()
    prompt = graph.to_prompt()
    reached: set[str] = set()
    waiting = [graph.output_node]
    while waiting:
        node_id = waiting.pop()
        reached.add(node_id)
        waiting += links(prompt, node_id)
    assert reached == set(prompt)


def test_the_output_node_saves_under_the_constant_prefix(case: GraphCase) -> None:
    graph = case.graph()
    saver = graph.to_prompt()[graph.output_node]
    assert saver["class_type"] == "SaveImage"
    assert saver["inputs"]["filename_prefix"] == FILENAME_PREFIX == "hal8000"


def test_each_value_of_the_request_lands_in_its_input(case: GraphCase) -> None:
    prompt = case.graph(
        prompt="wanted",
        negative_prompt="unwanted",
        width=320,
        height=448,
        steps=7,
        cfg=2.5,
        sampler="heun",
        scheduler="beta",
        seed=MAX_SEED,
    ).to_prompt()
    node_id = sampler(prompt)
    inputs = prompt[node_id]["inputs"]
    assert {name: value for name, value in inputs.items() if not isinstance(value, list)} == {
        "seed": MAX_SEED,
        "steps": 7,
        "cfg": 2.5,
        "sampler_name": "heun",
        "scheduler": "beta",
        "denoise": case.request.init.strength if case.request.init else 1.0,
    }
    if case.request.init is None:
        assert source(prompt, node_id, "latent_image")["inputs"] == {"width": 320, "height": 448, "batch_size": 1}
    negative, positive = (source(prompt, node_id, side) for side in ("negative", "positive"))
    while negative["class_type"] == "ControlNetApplyAdvanced":
        before = positive["inputs"]
        negative, positive = prompt[before["negative"][0]], prompt[before["positive"][0]]
    assert negative["inputs"]["text"] == "unwanted"
    if positive["class_type"] == "FluxGuidance":
        positive = prompt[positive["inputs"]["conditioning"][0]]
    assert positive["inputs"]["text"] == "wanted"


@pytest.mark.parametrize("text", HARD_TEXTS)
def test_text_arrives_unchanged(case: GraphCase, text: str) -> None:
    prompt = json.loads(json.dumps(case.graph(prompt=text, negative_prompt=text[::-1]).to_prompt()))
    assert prompt["4"]["inputs"]["text"] == text
    assert prompt["5"]["inputs"]["text"] == text[::-1]


def test_file_names_go_to_the_loaders_as_the_server_lists_them(case: GraphCase) -> None:
    names = {role: f"sub folder/{role} é.safetensors" for role in case.names}
    prompt = replace(case, names=names).graph(loras=(), controls=()).to_prompt()
    files = {
        value
        for node in prompt.values()
        for value in node["inputs"].values()
        if isinstance(value, str) and value.endswith(".safetensors")
    }
    assert files == set(names.values())


@pytest.mark.parametrize("name", ["flux-dev-one-file", "flux-schnell-one-file", "flux-dev-parts"])
@pytest.mark.parametrize("guidance", [0.0, 3.5, 100.0])
def test_flux_guidance_is_applied_when_there_is_one(name: str, guidance: float) -> None:
    prompt = CASES[name].graph(guidance=guidance).to_prompt()
    node = source(prompt, sampler(prompt), "positive")
    assert node["class_type"] == "FluxGuidance"
    assert node["inputs"] == {"conditioning": ["4", 0], "guidance": guidance}


@pytest.mark.parametrize("name", ["flux-dev-one-file", "flux-schnell-one-file", "flux-dev-parts"])
def test_flux_without_guidance_differs_by_that_node_alone(name: str) -> None:
    with_it = CASES[name].graph(guidance=3.5).to_prompt()
    without = CASES[name].graph(guidance=None).to_prompt()
    del with_it["6"]
    with_it["8"]["inputs"]["positive"] = ["4", 0]
    assert without == with_it


def test_flux_as_parts_differs_from_one_file_by_the_loaders_alone() -> None:
    one_file = CASES["flux-dev-one-file"].graph().to_prompt()
    parts = CASES["flux-dev-parts"].graph().to_prompt()
    assert [parts[node_id]["class_type"] for node_id in sorted(LOADERS)] == [
        "UNETLoader",
        "DualCLIPLoader",
        "VAELoader",
    ]
    moved = json.dumps({node_id: node for node_id, node in one_file.items() if node_id not in LOADERS})
    moved = moved.replace('["1", 1]', '["2", 0]').replace('["1", 2]', '["3", 0]')
    assert json.loads(moved) == {node_id: node for node_id, node in parts.items() if node_id not in LOADERS}


def test_sd3_with_its_text_encoders_beside_it_differs_by_their_loader_alone() -> None:
    one_file = CASES["sd3-one-file"].graph().to_prompt()
    parts = CASES["sd3-parts"].graph().to_prompt()
    loader = parts.pop("2")
    assert loader["class_type"] == "TripleCLIPLoader"
    assert list(loader["inputs"].values()) == ["clip_l.safetensors", "clip_g.safetensors", "t5xxl_fp16.safetensors"]
    assert json.loads(json.dumps(one_file).replace('["1", 1]', '["2", 0]')) == parts


def test_sd3_differs_from_sdxl_by_its_latent_alone() -> None:
    sdxl = replace(CASES["sd3-one-file"], model=CASES["sdxl"].model).graph().to_prompt()
    sdxl["7"]["class_type"] = "EmptySD3LatentImage"
    assert CASES["sd3-one-file"].graph().to_prompt() == sdxl


@pytest.mark.parametrize("name", ["sd3-one-file", "sd3-parts"])
def test_sd3_has_no_guidance(name: str) -> None:
    assert CASES[name].graph(guidance=3.5) == CASES[name].graph(guidance=None)


def test_sd15_and_sdxl_have_the_same_graph() -> None:
    request = CASES["sd15"].request
    assert replace(CASES["sdxl"], request=request, names=CASES["sd15"].names).graph() == CASES["sd15"].graph()


def test_the_same_request_gives_the_same_graph(case: GraphCase) -> None:
    assert case.graph() == case.graph()
    assert case.graph(seed=1) != case.graph(seed=2)


def test_changing_the_prompt_leaves_the_graph_as_it_was(case: GraphCase) -> None:
    graph = case.graph()
    prompt = graph.to_prompt()
    for node in prompt.values():
        node["_meta"]["title"] = "changed"
        for value in node["inputs"].values():
            if isinstance(value, list):
                value[0] = "changed"
        node["inputs"].clear()
    assert graph == case.graph()
