from __future__ import annotations

from typing import Any

import pytest

from hal_image.request import Hires, Memory
from hal_image.workflow.sparing import has_fp8, largest_tile, spared
from tests.contract.graph_cases import CASES

TILES = Memory(vae_tile=256)


def prompt(name: str, **changes: object) -> dict[str, Any]:
    return CASES[name].graph(**changes).to_prompt()


@pytest.mark.parametrize("name", CASES)
def test_nothing_asked_for_changes_nothing(name: str) -> None:
    assert spared(prompt(name), Memory()) == prompt(name)
    assert spared(prompt(name), Memory(offload=True)) == prompt(name)


@pytest.mark.parametrize("name", CASES)
def test_the_autoencoder_works_in_tiles_and_every_link_stays(name: str) -> None:
    before, after = prompt(name), spared(prompt(name), TILES)
    assert before == prompt(name), "the graph itself is left as it is"
    assert before.keys() == after.keys()
    for node_id, node in after.items():
        links = {key: value for key, value in node["inputs"].items() if isinstance(value, list)}
        assert links == {key: value for key, value in before[node_id]["inputs"].items() if isinstance(value, list)}
        assert node["class_type"] not in {"VAEDecode", "VAEEncode"}
    decoder = after["9"]
    assert decoder["class_type"] == "VAEDecodeTiled"
    assert (decoder["inputs"]["tile_size"], decoder["inputs"]["overlap"]) == (256, 64)


def test_a_picture_is_encoded_in_tiles_too() -> None:
    encoder = spared(prompt("sd15-init"), TILES)["302"]
    assert encoder["class_type"] == "VAEEncodeTiled"
    assert (encoder["inputs"]["tile_size"], encoder["inputs"]["overlap"]) == (256, 32)


def test_larger_tiles_become_smaller_and_smaller_ones_stay() -> None:
    tiled = prompt("sd15", hires=Hires(4.0))
    assert tiled["9"]["inputs"]["tile_size"] == 512
    assert spared(tiled, TILES)["9"]["inputs"]["tile_size"] == 256
    assert spared(tiled, Memory(vae_tile=1024))["9"] == tiled["9"]


def test_the_largest_piece_of_an_autoencoder() -> None:
    assert largest_tile(prompt("sd15")) is None
    assert largest_tile(spared(prompt("sd15"), TILES)) == 256
    mixed = spared(prompt("sd15", hires=Hires(4.0)), Memory())
    assert largest_tile(mixed) is None, "the first sampling is decoded as a whole"
    assert largest_tile({}) is None


def test_fp8_is_for_a_diffusion_model_in_a_file_of_its_own() -> None:
    fp8 = Memory(fp8=True)
    assert spared(prompt("flux-dev-parts"), fp8)["1"]["inputs"]["weight_dtype"] == "fp8_e4m3fn"
    assert spared(prompt("flux-dev-one-file"), fp8) == prompt("flux-dev-one-file")
    assert has_fp8(prompt("flux-dev-parts"))
    assert not has_fp8(prompt("flux-dev-one-file"))
    assert not has_fp8(spared(prompt("flux-dev-parts"), fp8))


def test_a_request_that_asks_for_it_has_the_same_graph() -> None:
    memory = Memory(vae_tile=256, fp8=True, offload=True)
    assert prompt("flux-dev-parts", memory=memory) == spared(prompt("flux-dev-parts"), memory)


@pytest.mark.parametrize("graph", [{"1": None}, {"1": {}}, {"1": {"class_type": "VAEDecode", "inputs": []}}])
def test_what_is_no_node_is_left_alone(graph: dict[str, Any]) -> None:
    assert spared(graph, TILES._replace(fp8=True)) == graph
