from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from hal_image.engine.comfyui_definitions import FILES_OF, cloud_nodes, shortened

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        (["INT", {"min": 0, "max": 9, "tooltip": "x"}], ["INT", {"min": 0, "max": 9}]),
        (["MODEL"], ["MODEL", {}]),
        ((["a", "b"], {"default": "b"}), ["COMBO", {"default": "b", "options": ["a", "b"]}]),
        (["COMBO", {"options": ["a"], "multiselect": False}], ["COMBO", {"options": ["a"]}]),
        ([[FILES_OF + "vae", "pixel_space"]], ["COMBO", {"options": ["pixel_space"], "files": ["vae"]}]),
        ([["mine.png"], {"image_upload": True}], ["COMBO", {"options": [], "image_upload": True}]),
        ([["mine.mp4"], {"video_upload": True}], ["COMBO", {"options": []}]),
    ],
)
def test_an_input_is_told_in_one_notation_and_without_files(spec: Any, told: list[Any]) -> None:
    info = {"name": "X", "input": {"required": {"a": spec}}, "output": ["IMAGE"], "output_node": True}
    assert shortened(info) == {
        "title": "X", "output_node": True, "outputs": ["IMAGE"], "required": {"a": told}, "optional": {},
    }  # fmt: skip


def test_nodes_that_call_a_service_are_found_in_the_text_of_their_packs(tmp_path: Path) -> None:
    assert cloud_nodes(tmp_path) == []
    (tmp_path / "comfy_api_nodes").mkdir()
    (tmp_path / "comfy_api_nodes" / "nodes_x.py").write_text(
        'IO.Schema(\n    node_id="PaidNode",\n)\nNODE_CLASS_MAPPINGS = {\n    "OtherPaid": OtherPaid,\n}\n'
    )
    assert cloud_nodes(tmp_path) == ["OtherPaid", "PaidNode"]
