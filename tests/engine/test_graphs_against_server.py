"""Our graphs, names and limits against a real ComfyUI: what its nodes declare, and what its own validation says."""

from __future__ import annotations

import io
from typing import Any

import pytest
import requests
from PIL import Image

from hal_image import request as limits
from hal_image.engine.comfyui_main import EXTRAS_AT_BOOT, EXTRAS_ON_DEMAND
from hal_image.job_inputs import LOADERS
from hal_image.models.types import SIZE_MULTIPLE, Family
from tests.contract.graph_cases import CASES
from tests.contract.upscale_cases import graphs

MODEL_FILES = {
    "ckpt_name", "unet_name", "clip_name1", "clip_name2", "clip_name3", "vae_name", "lora_name", "control_net_name",
}  # fmt: skip
"""Inputs that list the files a server happens to have."""

PICTURES = {"image"}
"""Inputs that list the pictures a server happens to have."""

ABSENT = "of-a-file-that-no-server-has.safetensors"


@pytest.fixture(scope="session")
def object_info(comfyui_url: str) -> dict[str, Any]:
    wanted = {str(number): {"class_type": name, "inputs": {}} for number, name in enumerate(EXTRAS_ON_DEMAND)}
    requests.post(f"{comfyui_url}/prompt", json={"prompt": wanted}, timeout=60)  # it is refused, and loads their packs
    response = requests.get(f"{comfyui_url}/object_info", timeout=60)
    response.raise_for_status()
    info: dict[str, Any] = response.json()
    return info


def declared(object_info: dict[str, Any], class_type: str) -> dict[str, Any]:
    """A class's inputs, required and optional, by name."""
    inputs = object_info[class_type]["input"]
    return {**inputs["required"], **inputs.get("optional", {})}


def choices(spec: list[Any]) -> list[str] | None:
    """The values that an input takes when it is a choice; ComfyUI writes that in two ways."""
    if isinstance(spec[0], list):
        return spec[0]
    return spec[1]["options"] if spec[0] == "COMBO" else None


@pytest.mark.parametrize("name", CASES)
def test_each_node_has_the_inputs_that_its_class_declares(object_info: dict[str, Any], name: str) -> None:
    for node in CASES[name].graph().to_prompt().values():
        assert node["class_type"] in object_info
        given = set(node["inputs"])
        assert given <= set(declared(object_info, node["class_type"]))
        assert given >= set(object_info[node["class_type"]]["input"]["required"])


@pytest.mark.parametrize("name", CASES)
def test_each_choice_is_one_that_the_class_offers(object_info: dict[str, Any], name: str) -> None:
    compared = set()
    for node in CASES[name].graph().to_prompt().values():
        for input_name, spec in declared(object_info, node["class_type"]).items():
            offered = choices(spec)
            if offered is not None and input_name in node["inputs"] and input_name not in MODEL_FILES | PICTURES:
                assert node["inputs"][input_name] in offered
                compared.add(input_name)
    assert compared >= {"sampler_name", "scheduler"}


@pytest.mark.parametrize("name", CASES)
def test_the_output_node_is_an_output_node(object_info: dict[str, Any], name: str) -> None:
    graph = CASES[name].graph()
    assert [key for key, node in graph.nodes.items() if object_info[node["class_type"]]["output_node"]] == [
        graph.output_node
    ]


@pytest.mark.parametrize("name", CASES)
def test_the_server_objects_to_nothing_but_the_absent_files(
    comfyui_url: str, object_info: dict[str, Any], name: str
) -> None:
    """The server validates before it queues: types of all links, ranges and choices of all values.

    Choices that a class declares in the newer way ("COMBO", as ``TripleCLIPLoader`` does) it leaves to the node.
    """
    case = CASES[name]
    absent = {role: f"{role}-{ABSENT}" for role in case.names}
    prompt = type(case)(case.model, absent, case.request).graph().to_prompt()
    for node in prompt.values():
        if node["class_type"] in LOADERS:
            upload(comfyui_url, node["inputs"]["image"])
    response = requests.post(f"{comfyui_url}/prompt", json={"prompt": prompt}, timeout=60)
    assert response.status_code == 400, response.text
    answer = response.json()
    assert answer["error"]["type"] == "prompt_outputs_failed_validation"
    errors = [error for node in answer["node_errors"].values() for error in node["errors"]]
    assert {error["type"] for error in errors} == {"value_not_in_list"}
    assert {error["extra_info"]["received_value"] for error in errors} == {
        value
        for node in prompt.values()
        for input_name, value in node["inputs"].items()
        if input_name in MODEL_FILES and isinstance(declared(object_info, node["class_type"])[input_name][0], list)
    }


def upload(comfyui_url: str, name: str) -> None:
    """Puts a picture where the server's loaders look for it."""
    file = io.BytesIO()
    Image.new("RGB", (64, 64)).save(file, "PNG")
    response = requests.post(
        f"{comfyui_url}/upload/image", files={"image": (name, file.getvalue())}, data={"overwrite": "true"}, timeout=60
    )
    assert response.json()["name"] == name


def test_the_server_would_object_to_a_link_of_the_wrong_type(comfyui_url: str) -> None:
    """What the test above relies on."""
    prompt = CASES["sd15"].graph().to_prompt()
    prompt["9"]["inputs"]["vae"] = ["1", 0]
    response = requests.post(f"{comfyui_url}/prompt", json={"prompt": prompt}, timeout=60)
    assert response.status_code == 400, response.text
    assert [error["type"] for error in response.json()["node_errors"]["9"]["errors"]] == ["return_type_mismatch"]


def test_the_engine_boots_with_the_node_packs_that_our_graphs_use(object_info: dict[str, Any]) -> None:
    classes = {node["class_type"] for case in CASES.values() for node in case.graph().to_prompt().values()}
    classes = {
        node["class_type"]
        for graph in (*(case.graph() for case in CASES.values()), *graphs().values())
        for node in graph.nodes.values()
    }
    assert classes >= EXTRAS_ON_DEMAND.keys()
    modules = {object_info[name]["python_module"] for name in classes - EXTRAS_ON_DEMAND.keys()}
    packs = {module.removeprefix("comfy_extras.") + ".py" for module in modules if module != "nodes"}
    assert packs == EXTRAS_AT_BOOT


def test_samplers_and_schedulers_are_the_server_s(object_info: dict[str, Any]) -> None:
    sampler = declared(object_info, "KSampler")
    assert list(limits.SAMPLERS) == choices(sampler["sampler_name"])
    assert list(limits.SCHEDULERS) == choices(sampler["scheduler"])


@pytest.mark.parametrize(
    ("class_type", "input_name", "smallest", "largest"),
    [
        ("KSampler", "seed", 0, limits.MAX_SEED),
        ("KSampler", "steps", 1, limits.MAX_STEPS),
        ("KSampler", "cfg", 0.0, limits.MAX_CFG),
        ("FluxGuidance", "guidance", 0.0, limits.MAX_GUIDANCE),
        ("EmptyLatentImage", "width", limits.MIN_SIDE, limits.MAX_SIDE),
        ("EmptyLatentImage", "height", limits.MIN_SIDE, limits.MAX_SIDE),
        ("EmptySD3LatentImage", "width", limits.MIN_SIDE, limits.MAX_SIDE),
        ("EmptySD3LatentImage", "height", limits.MIN_SIDE, limits.MAX_SIDE),
    ],
)
def test_limits_are_the_server_s(
    object_info: dict[str, Any], class_type: str, input_name: str, smallest: float, largest: float
) -> None:
    options = declared(object_info, class_type)[input_name][1]
    assert (options["min"], options["max"]) == (smallest, largest)


@pytest.mark.parametrize(
    ("family", "class_type"),
    [
        ("sd15", "EmptyLatentImage"),
        ("sdxl", "EmptyLatentImage"),
        ("sd3", "EmptySD3LatentImage"),
        ("flux", "EmptySD3LatentImage"),
    ],
)
def test_sides_are_multiples_of_the_server_s_step(object_info: dict[str, Any], family: Family, class_type: str) -> None:
    latent = declared(object_info, class_type)
    assert {latent["width"][1]["step"], latent["height"][1]["step"]} == {SIZE_MULTIPLE[family]}
