"""Graphs that make a picture larger against files kept here (exactly), and against those that ComfyUI publishes."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

import pytest

from tests.contract.published_templates import Shape, published, tree
from tests.contract.upscale_cases import graphs

GOLDEN = Path(__file__).parent / "golden_upscale"
UPDATE = "HAL_UPDATE_GOLDEN"
GRAPHS = graphs()


@pytest.mark.parametrize("name", GRAPHS)
def test_graph_is_the_golden_one(name: str) -> None:
    file = GOLDEN / f"{name}.json"
    text = json.dumps(GRAPHS[name].to_prompt(), indent=2, ensure_ascii=False) + "\n"
    if os.environ.get(UPDATE) == "1":
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8"), f"if this change is meant, write it anew with {UPDATE}=1"


def test_no_golden_file_is_left_over() -> None:
    assert {file.stem for file in GOLDEN.iterdir()} == set(GRAPHS)


@pytest.mark.parametrize("name", GRAPHS)
def test_every_link_leads_to_a_node_that_stands_before(name: str) -> None:
    seen: set[str] = set()
    for node_id, node in GRAPHS[name].nodes.items():
        assert {value[0] for value in node["inputs"].values() if isinstance(value, list)} <= seen
        seen.add(node_id)


def test_the_published_graph_with_an_upscale_model_shows_its_first_picture_and_is_ours_otherwise() -> None:
    theirs = published("esrgan_example")
    ours = GRAPHS["upscale-exact"].to_prompt()
    assert Shape.of(theirs).without(Shape.of(ours)) == Shape(
        Counter({"PreviewImage": 1}), Counter({"PreviewImage.images <- VAEDecode[0]": 1})
    )
    assert Shape.of(ours).without(Shape.of(theirs)) == Shape(Counter(), Counter())
    (loader,) = (node_id for node_id, node in theirs.items() if node["class_type"] == "UpscaleModelLoader")
    assert tree(ours, "501") == tree(theirs, loader)


def test_the_published_second_sampling_begins_from_pixels_too() -> None:
    """Published: the picture goes through an upscale model before it is scaled, and the first one is decoded again and
    saved. Ours is scaled as it is, so that what comes out does not depend on which upscale models are there.
    """
    theirs = published("hiresfix_esrgan_workflow")
    ours = GRAPHS["hires"].to_prompt()
    assert Shape.of(theirs).without(Shape.of(ours)) == Shape(
        Counter({"UpscaleModelLoader": 1, "ImageUpscaleWithModel": 1, "VAEDecode": 1, "SaveImage": 1}),
        Counter(
            {
                "ImageUpscaleWithModel.upscale_model <- UpscaleModelLoader[0]": 1,
                "ImageUpscaleWithModel.image <- VAEDecode[0]": 1,
                "ImageScale.image <- ImageUpscaleWithModel[0]": 1,
                "VAEDecode.samples <- KSampler[0]": 1,
                "VAEDecode.vae <- CheckpointLoaderSimple[2]": 1,
                "SaveImage.images <- VAEDecode[0]": 1,
            }
        ),
    )
    assert Shape.of(ours).without(Shape.of(theirs)) == Shape(
        Counter(), Counter({"ImageScale.image <- VAEDecode[0]": 1})
    )
    second = next(node["inputs"] for node in theirs.values() if node["inputs"].get("denoise") == 0.5)
    assert second["denoise"] == ours["404"]["inputs"]["denoise"]
