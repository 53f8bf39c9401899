from __future__ import annotations

from typing import Any

import pytest

from hal_image.workflow import sd
from hal_image.workflow.init_image import AREA, MASK, PICTURE, latent, put_back
from tests.contract.graph_cases import CASES, INITS

BEGUN = [name for name, case in CASES.items() if case.request.init is not None]


def inputs(prompt: dict[str, Any], class_type: str) -> list[dict[str, Any]]:
    return [node["inputs"] for node in prompt.values() if node["class_type"] == class_type]


@pytest.mark.parametrize("name", BEGUN)
@pytest.mark.parametrize("strength", [0.01, 0.5, 1.0])
def test_strength_is_the_samplers_denoise(name: str, strength: float) -> None:
    init = CASES[name].request.init
    assert init is not None
    (sampler,) = inputs(CASES[name].graph(init=init._replace(strength=strength)).to_prompt(), "KSampler")
    assert sampler["denoise"] == strength


@pytest.mark.parametrize("name", BEGUN)
def test_with_strength_0_nothing_is_left_but_the_picture(name: str) -> None:
    init = CASES[name].request.init
    assert init is not None
    graph = CASES[name].graph(init=init._replace(strength=0.0))
    assert [node["class_type"] for node in graph.nodes.values()] == ["LoadImage", "SaveImage"]
    (loader,) = inputs(graph.to_prompt(), "LoadImage")
    assert loader["image"] == PICTURE


@pytest.mark.parametrize("how", ["mask", "outpaint"])
def test_what_stays_comes_from_the_picture_and_not_from_the_autoencoder(how: str) -> None:
    prompt = CASES["sd15"].graph(init=INITS[how]).to_prompt()
    (composite,) = inputs(prompt, "ImageCompositeMasked")
    assert prompt[composite["destination"][0]]["inputs"]["image"] == PICTURE
    assert prompt[composite["mask"][0]]["inputs"]["image"] == MASK
    assert prompt[composite["source"][0]]["class_type"] == "VAEDecode"
    (area,) = inputs(prompt, "SetLatentNoiseMask")
    assert prompt[area["mask"][0]]["inputs"]["image"] == AREA


def test_a_whole_picture_needs_no_mask() -> None:
    classes = {node["class_type"] for node in CASES["sd15-init"].graph().nodes.values()}
    assert not classes & {"LoadImageMask", "SetLatentNoiseMask", "ImageCompositeMasked", "EmptyLatentImage"}


def test_over_a_larger_picture_goes_what_stays_enlarged() -> None:
    draft = sd.load({"checkpoint": "a.safetensors"})
    latent(draft, INITS["mask"])
    put_back(draft, INITS["mask"], enlarged=(1024, 1536))
    composite = draft.nodes[str(draft.image[0])]["inputs"]
    enlarged = draft.nodes[composite["destination"][0]]
    assert enlarged["class_type"] == "ImageScale"
    assert (enlarged["inputs"]["width"], enlarged["inputs"]["height"]) == (1024, 1536)
    assert draft.nodes[enlarged["inputs"]["image"][0]]["inputs"]["image"] == PICTURE
