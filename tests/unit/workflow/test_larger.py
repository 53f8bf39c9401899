"""The second sampling, and enlarging."""

from __future__ import annotations

import pytest

from hal_image.request import Hires, Upscale
from hal_image.workflow.hires import TILED_ABOVE
from hal_image.workflow.upscale import largest, passes
from tests.contract.graph_cases import CASES
from tests.contract.upscale_cases import LANCZOS, by


@pytest.mark.parametrize(
    ("upscale", "times", "pixels"),
    [
        (LANCZOS, 0, 4),
        (by(2, 4), 1, 16),
        (by(4, 4), 1, 16),
        (by(4, 2), 2, 16),
        (by(2, 1), 1, 4),
        (by(4, 3), 2, 81),
        (by(2, None), 1, 16),
    ],
)
def test_how_often_a_model_works_and_how_large_it_gets(upscale: Upscale, times: int, pixels: int) -> None:
    assert (passes(upscale), largest(upscale, 10, 10)) == (times, pixels * 100)


@pytest.mark.parametrize(("side", "kind"), [(1536, "VAE{}"), (1552, "VAE{}Tiled")])
def test_only_a_large_second_sampling_is_coded_in_tiles(side: int, kind: str) -> None:
    case = CASES["sdxl"]
    assert (side**2 > TILED_ABOVE) == ("Tiled" in kind)
    nodes = case.graph(width=776, height=776, hires=Hires(side / 776)).nodes
    assert (nodes["402"]["inputs"]["width"], nodes["402"]["inputs"]["height"]) == (side, side)
    assert [nodes[name]["class_type"] for name in ("403", "9")] == [kind.format("Encode"), kind.format("Decode")]
    plain = case.graph(width=side, height=side).nodes
    assert plain["9"]["class_type"] == "VAEDecode"


def test_both_samplings_have_all_in_common_but_where_they_begin() -> None:
    nodes = CASES["flux-dev-parts"].graph(hires=Hires(2.0, 0.3)).nodes
    first, second = nodes["8"]["inputs"], nodes["404"]["inputs"]
    assert {name for name in first if first[name] != second[name]} == {"latent_image", "denoise"}
    assert second["denoise"] == 0.3
