"""ComfyUI's published templates, read as ``--workflow`` reads them, against the validation of a real server."""

from __future__ import annotations

import json
from importlib import resources
from typing import TYPE_CHECKING, Any

import pytest
import requests

from hal_image import wire
from hal_image.engine import comfyui_definitions
from hal_image.errors import UsageError
from hal_image.workflow.own import check, editor, links
from hal_image.workflow.own.definitions import Definitions, from_json
from tests.contract import schemas
from tests.contract.published_templates import PACKAGES, published

if TYPE_CHECKING:
    from importlib.abc import Traversable

FOLDERS = [resources.files(package) / "templates" for package in sorted(set(PACKAGES.values()))]
SOUND_VIDEO_OR_3D = {
    "04_hunyuan_3d_2.1_subgraphed", "05_audio_ace_step_1_t2a_song_subgraphed", "3d_hunyuan3d-v2.1",
    "3d_hunyuan3d_image_to_model", "3d_hunyuan3d_multiview_to_model", "3d_hunyuan3d_multiview_to_model_turbo",
    "ByteDance-Seedance_00003_", "audio_ace_step_1_m2m_editing", "audio_ace_step_1_t2a_instrumentals",
    "audio_ace_step_1_t2a_song", "audio_stable_audio_example", "wan2.1_flf2v_720_f16", "wan2.1_fun_inp",
}  # fmt: skip
REFUSED = {
    **dict.fromkeys(SOUND_VIDEO_OR_3D, "workflow_without_picture"),
    "wan2.1_fun_control": "workflow_wrong",  # it shows a picture too, of a video that it loads
}
UPSCALERS = {"esrgan_example", "hiresfix_esrgan_workflow"}
"""They want nodes of a pack that needs a library; without it ComfyUI has not those nodes."""


def template_files() -> list[Traversable]:
    found = [file for folder in FOLDERS for file in folder.iterdir() if file.name.endswith(".json")]
    return sorted((file for file in found if not file.name.startswith("index.")), key=lambda file: file.name)


@pytest.fixture(scope="session")
def told(comfyui_url: str) -> dict[str, Any]:
    response = requests.get(comfyui_url + comfyui_definitions.PATH, timeout=120)
    response.raise_for_status()
    answer: dict[str, Any] = response.json()
    return answer


@pytest.fixture(scope="session")
def definitions(told: dict[str, Any]) -> Definitions:
    return from_json(told)


def test_what_the_engine_tells_of_nodes_is_a_line_of_the_wire(told: dict[str, Any]) -> None:
    line = wire.encode({"event": "nodes", **told})
    assert len(line) < wire.MAX_LINE_BYTES / 10
    schemas.strict("wire").validate(wire.decode(line))
    assert wire.check_event(wire.decode(line))


def test_all_node_packs_are_told_of_and_no_files(told: dict[str, Any], comfyui_url: str) -> None:
    now = requests.get(f"{comfyui_url}/object_info", timeout=60).json()
    assert told["nodes"].keys() == now.keys()
    assert len(now) > 400
    kind, options = told["nodes"]["CheckpointLoaderSimple"]["required"]["ckpt_name"]
    assert (kind, options) == ("COMBO", {"options": [], "files": ["checkpoints"]})
    listed = now["CheckpointLoaderSimple"]["input"]["required"]["ckpt_name"][0]
    assert listed, "the server's own answer still has the files"
    assert {"FluxProUltraImageNode", "OpenAIDalle3"} <= set(told["cloud"])
    assert not set(told["cloud"]) & now.keys()


@pytest.mark.parametrize("name", PACKAGES)
def test_the_conversion_is_what_another_reader_of_these_files_makes(definitions: Definitions, name: str) -> None:
    file = resources.files(PACKAGES[name]) / "templates" / f"{name}.json"
    ours = editor.convert(json.loads(file.read_text(encoding="utf-8")), definitions)
    assert {node_id: node["class_type"] for node_id, node in ours.items()} == {
        node_id: node["class_type"] for node_id, node in published(name).items()
    }
    for node_id, node in published(name).items():
        given = {key: ours[node_id]["inputs"][key] for key in node["inputs"]}
        assert given == node["inputs"]


@pytest.mark.parametrize("file", template_files(), ids=lambda file: file.name.removesuffix(".json"))
def test_a_template_becomes_a_graph_that_the_server_takes_but_for_its_files_or_is_refused_for_a_reason(
    comfyui_url: str, definitions: Definitions, file: Traversable
) -> None:
    name = file.name.removesuffix(".json")
    refused = REFUSED.get(name)
    if name in UPSCALERS and "UpscaleModelLoader" not in definitions.classes:
        refused = "workflow_node_missing"
    document = json.loads(file.read_text(encoding="utf-8"))
    if refused is not None:
        with pytest.raises(UsageError) as caught:
            check.check(links.reached(editor.convert(document, definitions), definitions).graph, definitions)
        assert caught.value.code == refused
        return
    graph = links.reached(editor.convert(document, definitions), definitions).graph
    found = check.check(graph, definitions)
    files = {(use.node, use.input) for use in (*found.files, *found.pictures)}
    for use in found.files:
        graph[use.node]["inputs"][use.input] = "no-server-has-it.safetensors"
    answer = requests.post(f"{comfyui_url}/prompt", json={"prompt": graph}, timeout=60).json()
    errors = {
        (node_id, error["extra_info"]["input_name"]): error["type"]
        for node_id, node in answer["node_errors"].items()
        for error in node["errors"]
    }
    assert errors, "it would be made now"
    assert set(errors.values()) <= {"value_not_in_list", "custom_validation_failed"}
    assert errors.keys() <= files
