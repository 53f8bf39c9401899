"""The benchmark against real ComfyUI: its client gets pictures, its weights have the tensors that ComfyUI has."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from bench.peers import bare
from bench.weights import text_encoders, transformers, unet
from bench.weights.autoencoder import autoencoder
from tests.engine.test_contents import DISPENSABLE, published  # noqa: F401 - a fixture
from tests.synthetic.blocks import Weights
from tests.world import is_flat, pixels

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hal_image.models.completeness import Tensors
    from tests.world import Hal

FULL_SIZE: dict[str, Callable[[Weights], None]] = {
    "sd15 unet": lambda weights: unet.unet(weights, "", unet.SD15),
    "sdxl unet": lambda weights: unet.unet(weights, "", unet.SDXL),
    "flux dev": lambda weights: transformers.flux(weights, "", guidance=True),
    "flux schnell": lambda weights: transformers.flux(weights, "", guidance=False),
    "sd35 medium": lambda weights: transformers.sd35_medium(weights, ""),
    "vae 4": lambda weights: autoencoder(weights, "", 4),
    "vae 16": lambda weights: autoencoder(weights, "", 16),
    "clip_l": lambda weights: text_encoders.clip(weights, "", 768, 12, projection=False),
    "clip_g": lambda weights: text_encoders.clip(weights, "", 1280, 32, projection=True),
    "open clip_g": lambda weights: text_encoders.clip_g_original(weights, ""),
    "t5xxl": lambda weights: text_encoders.t5xxl(weights, ""),
}


@pytest.mark.parametrize("name", FULL_SIZE)
def test_weights_of_full_size_have_every_tensor_and_its_shape(
    published: dict[str, Tensors],  # noqa: F811 - the fixture
    name: str,
) -> None:
    weights = Weights()
    FULL_SIZE[name](weights)
    ours = {key: tensor.shape for key, tensor in weights.tensors.items()}
    theirs = {key: tensor.shape for key, tensor in published[name].items()}
    assert theirs.keys() - ours.keys() <= DISPENSABLE.get(name, set())
    ours.pop("pos_embed", None)  # a table that the module makes when it is asked for a size
    assert {key: shape for key, shape in ours.items() if theirs.get(key) != shape} == {}


@pytest.mark.local_only(reason="its server is the engine's own ComfyUI, without a container")
def test_the_client_gets_the_picture_that_we_make(hal: Hal, comfyui_url: str, tmp_path: Path) -> None:
    call = (
        "-p",
        "a red cube",
        "--model",
        "sd15",
        "--size",
        "64",
        "--steps",
        "1",
        "--seed",
        "5",
        "--cpu",
        "-o",
        "x.png",
    )
    graph = hal(*call, "--dry-run", "--json").json["data"]["graph"]
    names = []
    for seed in (5, 6):
        names.append(str(tmp_path / f"{seed}.json"))
        (tmp_path / f"{seed}.json").write_text(json.dumps(bare.with_seed(graph, seed)))
    command = [sys.executable, str(bare.CLIENT), comfyui_url, str(tmp_path), *names]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    five, six = done.stdout.splitlines()
    assert not is_flat(five)
    assert pixels(five) != pixels(six)
    hal(*call)
    assert pixels(hal.cwd / "x.png") == pixels(five)


def test_the_client_says_what_failed(comfyui_url: str, tmp_path: Path) -> None:
    (tmp_path / "no.json").write_text(json.dumps({"1": {"class_type": "NoSuchNode", "inputs": {}}}))
    command = [sys.executable, str(bare.CLIENT), comfyui_url, str(tmp_path), str(tmp_path / "no.json")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1
    assert "HTTP Error 400" in done.stderr
