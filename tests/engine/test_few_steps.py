"""Models for few steps: our graph against the one that is published, where the two have other nodes."""

from __future__ import annotations

import io
import time
from typing import TYPE_CHECKING, Any

import pytest
import requests
from PIL import Image

from tests import synthetic
from tests.contract.graph_cases import CASES
from tests.contract.published_templates import published
from tests.contract.test_graphs import ours_for
from tests.world import is_flat

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.world import Hal

FILES = {
    "sdxl-lightning": "sdxl_lightning_4step.safetensors",
    "sdxl-turbo": "sd_xl_turbo_1.0_fp16.safetensors",
}


@pytest.fixture(scope="module", autouse=True)
def few_step_models(models_dir: Path) -> Iterator[None]:
    """Their files; both are SDXL, and so is what stands in for them."""
    paths = [models_dir / "checkpoints" / name for name in FILES.values()]
    for path in paths:
        synthetic.write_sdxl(path)
    yield
    for path in paths:
        path.unlink()


@pytest.mark.parametrize("model", FILES)
def test_a_picture_of_as_many_steps_as_the_model_was_made_for(hal: Hal, model: str) -> None:
    run = hal("-p", "a red cube", "-m", model, "--size", "64", "--seed", "5", "-o", "x.png", "--json")
    request = run.json["data"]["request"]
    assert (request["steps"], request["cfg"]) == ({"sdxl-lightning": 4, "sdxl-turbo": 1}[model], 1)
    assert not is_flat(hal.cwd / "x.png")


@pytest.mark.parametrize("model", FILES)
def test_a_negative_prompt_is_said_to_do_nothing(hal: Hal, model: str) -> None:
    run = hal("-p", "x", "-n", "blurry", "-m", model, "--dry-run", "--json")
    assert "parameter_without_effect" in {warning["code"] for warning in run.json["warnings"]}


def test_one_step_of_turbo_is_the_picture_of_the_published_graph(comfyui_url: str) -> None:
    """Ours has ``sgm_uniform`` where ``SDTurboScheduler`` is published: with one step both begin at the same noise."""
    theirs = published("sdxlturbo_example")
    for node in theirs.values():
        if node["class_type"] == "EmptyLatentImage":
            node["inputs"] |= {"width": 128, "height": 64}
    ours = ours_for(theirs, CASES["sdxl-turbo"])
    a, b = (drawn(comfyui_url, graph) for graph in (ours, theirs))
    assert a == b
    assert len(set(a)) > 1


def drawn(url: str, graph: dict[str, Any]) -> bytes:
    """The pixels that a server makes of a graph."""
    answer = requests.post(f"{url}/prompt", json={"prompt": graph}, timeout=60).json()
    end = time.monotonic() + 300
    while not (entry := requests.get(f"{url}/history/{answer['prompt_id']}", timeout=60).json()):
        assert time.monotonic() < end, "it did not end"
        time.sleep(0.1)
    (image,) = next(one for output in entry[answer["prompt_id"]]["outputs"].values() if (one := output.get("images")))
    raw = requests.get(f"{url}/view", params=image, timeout=60).content
    with Image.open(io.BytesIO(raw)) as picture:
        shown: bytes = picture.convert("RGB").tobytes()
    return shown
