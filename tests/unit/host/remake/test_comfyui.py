from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest

from hal_image.errors import UsageError
from hal_image.host.remake.comfyui import read
from hal_image.workflow import build
from tests.contract.graph_cases import CASES

if TYPE_CHECKING:
    from hal_image.request import ImageRequest


def graph_of(name: str) -> tuple[ImageRequest, dict[str, Any]]:
    case = CASES[name]
    return case.request, build(case.request, case.model, case.names).to_prompt()


PLAIN = [name for name, case in CASES.items() if not case.request.to_json().keys() & case.request._field_defaults]
"""Those that are made with a model alone."""


@pytest.mark.parametrize("name", [name for name in CASES if name not in PLAIN])
def test_what_comes_to_a_model_is_more_than_is_read(name: str) -> None:
    with pytest.raises(UsageError, match="more than there are options for"):
        read(graph_of(name)[1])


@pytest.mark.parametrize("name", PLAIN)
def test_every_plain_graph_of_ours_says_all_of_its_request(name: str) -> None:
    request, graph = graph_of(name)
    past = read(graph)
    asked = {field: value for field, value in request.to_json().items() if field != "model" and value is not None}
    assert {field: past.options[field] for field in asked} == asked
    assert past.left_out == ()
    files = CASES[name].names
    assert past.model.files == (files.get("checkpoint") or files["diffusion_model"],)


def changed(node: str, **inputs: Any) -> dict[str, Any]:
    _, graph = graph_of("sd15")
    graph = copy.deepcopy(graph)
    graph[node]["inputs"].update(inputs)
    return graph


def with_lora() -> dict[str, Any]:
    graph = changed("8", model=["20", 0])
    graph["20"] = {"class_type": "LoraLoader", "inputs": {"model": ["1", 0], "clip": ["1", 1], "lora_name": "x"}}
    return graph


@pytest.mark.parametrize(
    ("graph", "reason"),
    [
        (with_lora(), "LoraLoader"),
        (changed("8", denoise=0.5), "a denoise below 1"),
        (changed("8", seed=["9", 0]), "KSampler whose seed comes from another node"),
        (changed("8", negative=None), "KSampler without negative"),
        (changed("8", latent_image=["77", 0]), "None"),
        (changed("4", text=["9", 0]), "CLIPTextEncode whose text comes from another node"),
        ({}, "0 nodes of PreviewImage, SaveImage"),
        ({"1": "x", "2": {"class_type": "SaveImage"}}, "a node without inputs"),
    ],
)
def test_a_graph_of_another_shape_is_refused_with_what_would_run_it(graph: dict[str, Any], reason: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(graph)
    assert caught.value.code == "remake_impossible"
    assert caught.value.message.endswith(reason)
    assert "--workflow" in caught.value.hint


def test_of_several_pictures_at_once_it_is_the_first() -> None:
    assert read(changed("7", batch_size=4)).left_out == ("batch_size: 4",)


def test_no_negative_prompt_is_needed_where_there_is_no_negative_side() -> None:
    graph = changed("8", cfg=1.0)
    graph["5"] = {"class_type": "ConditioningZeroOut", "inputs": {"conditioning": ["4", 0]}}
    assert read(graph).options["negative_prompt"] == ""
    graph["8"]["inputs"]["cfg"] = 7.0
    with pytest.raises(UsageError, match="ConditioningZeroOut"):
        read(graph)
