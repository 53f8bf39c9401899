"""Pictures for which there is too little memory, and those that ask for less of it, with a real ComfyUI."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from hal_image.models import memory_plan
from tests import synthetic
from tests.engine.injected import LIMIT, python_with_limit
from tests.world import Hal, pixels

if TYPE_CHECKING:
    from collections.abc import Callable

    from hal_image.install.engine_env import EnginePaths

WIDE = ("--model", "sd15", "--size", "528", "--steps", "1", "--cfg", "1", "--seed", "3")
"""A latent of 66x66: too large for one of ComfyUI's tiles, which have 64x64."""

MIDDLE = ("--model", "sd15", "--size", "320", "--steps", "1", "--cfg", "1", "--seed", "3")
"""A latent of 40x40, all of which is one of ComfyUI's tiles, and several of ours, which have 32x32."""


def request_in(path: Path) -> dict[str, Any]:
    """What a picture says it was made with, and the graph that it carries."""
    with Image.open(path) as image:
        own: dict[str, Any] = json.loads(image.info["hal8000"])
        return {**own["request"], "graph": json.loads(image.info["prompt"])}


def codes(answer: dict[str, Any]) -> list[str]:
    return [warning["code"] for warning in answer["warnings"] if warning["code"] == "vae_tiled"]


@pytest.fixture
def limited_hal(
    request: pytest.FixtureRequest, lone_hal: Hal, installed: EnginePaths, tmp_path: Path
) -> Callable[[int], Hal]:
    """The command line with an engine whose autoencoder has memory for so many positions of the latent."""

    def make(limit: int) -> Hal:
        folder = tmp_path / "limited"
        folder.mkdir()
        python = python_with_limit(folder, installed.python)
        environment = {**lone_hal.environment, "HAL_ENGINE_PYTHON": str(python), LIMIT: str(limit)}
        hal = Hal(environment, lone_hal.cwd)
        request.addfinalizer(lambda: hal("stop", "--force", code=None))
        return hal

    return make


@pytest.mark.local_only("its Python is exchanged")
def test_tiles_that_comfyui_goes_over_to_are_told_and_made_again(
    limited_hal: Callable[[int], Hal], shared_hal: Hal
) -> None:
    hal = limited_hal(64 * 64)
    first = hal("-p", "a red cube", *WIDE, "-o", "first.png", "--json").json
    assert codes(first) == ["vae_tiled"]
    carried = request_in(hal.cwd / "first.png")
    assert carried["memory"] == {"vae_tile": 512, "fp8": False, "offload": False}
    assert carried["graph"]["9"]["class_type"] == "VAEDecode", "the graph is the one that was asked for"

    # The next one begins with the tiles: the same pixels, and the same is said.
    again = hal("-p", "a red cube", *WIDE, "-o", "again.png", "--json").json
    assert codes(again) == ["vae_tiled"]
    assert pixels(hal.cwd / "again.png") == pixels(hal.cwd / "first.png")

    # So does one that is made again where there is memory enough.
    plenty = Hal(shared_hal.environment, hal.cwd)
    remade = plenty("--from-image", "first.png", "-o", "remade.png", "--json").json
    assert codes(remade) == []
    assert pixels(hal.cwd / "remade.png") == pixels(hal.cwd / "first.png")
    plenty("-p", "a red cube", *WIDE, "-o", "whole.png")
    assert pixels(hal.cwd / "whole.png") != pixels(hal.cwd / "first.png")


@pytest.mark.local_only("its Python is exchanged")
def test_where_those_are_too_large_smaller_ones_do(limited_hal: Callable[[int], Hal]) -> None:
    hal = limited_hal(32 * 32)
    answer = hal("-p", "a red cube", *MIDDLE, "-o", "x.png", "--json").json
    (warning,) = (warning for warning in answer["warnings"] if warning["code"] == "vae_tiled")
    assert "out of memory in VAEDecode" in warning["message"]
    assert request_in(hal.cwd / "x.png")["memory"]["vae_tile"] == 256
    assert hal.engine()["boots"] == 1, "what was sampled is still there"
    hal("-p", "a red cube", *MIDDLE, "--vae-tile", "256", "-o", "asked.png")
    assert pixels(hal.cwd / "asked.png") == pixels(hal.cwd / "x.png")


@pytest.mark.local_only("its Python is exchanged")
def test_where_even_those_are_too_large_it_is_an_error_and_the_next_picture_works(
    limited_hal: Callable[[int], Hal],
) -> None:
    hal = limited_hal(20 * 20)
    run = hal("-p", "a red cube", *MIDDLE, "-o", "x.png", "--json", code=1)
    assert run.json["error"]["code"] == "out_of_memory"
    assert not (hal.cwd / "x.png").exists()
    hal("-p", "a red cube", "--model", "sd15", "--size", "64", "--steps", "1", "-o", "small.png")
    assert hal.engine()["boots"] == 1


def test_tiles_can_be_asked_for(hal: Hal) -> None:
    small = ("--model", "sd15", "--size", "256", "--steps", "1", "--seed", "3")
    whole = hal("-p", "a red cube", *small, "-o", "whole.png", "--json").json
    tiled = hal("-p", "a red cube", *small, "--vae-tile", "128", "-o", "tiled.png", "--json").json
    assert "memory" not in whole["data"]["request"]
    assert tiled["data"]["request"]["memory"] == {"vae_tile": 128, "fp8": False, "offload": False}
    assert codes(tiled) == []
    assert pixels(hal.cwd / "whole.png") != pixels(hal.cwd / "tiled.png")
    hal("--from-image", "tiled.png", "-o", "again.png")
    assert pixels(hal.cwd / "again.png") == pixels(hal.cwd / "tiled.png")


def test_a_workflow_is_drawn_in_tiles_too(hal: Hal) -> None:
    small = ("--model", "sd15", "--size", "256", "--steps", "1", "--seed", "3")
    plan = hal("-p", "a red cube", *small, "--dry-run", "--json").json["data"]["graph"]
    (hal.cwd / "w.json").write_text(json.dumps(plan))
    hal("--workflow", "w.json", "--vae-tile", "128", "-o", "w.png", "--json")
    hal("-p", "a red cube", *small, "--vae-tile", "128", "-o", "tiled.png")
    assert pixels(hal.cwd / "w.png") == pixels(hal.cwd / "tiled.png")
    hal("--from-image", "w.png", "-o", "again.png")
    assert pixels(hal.cwd / "again.png") == pixels(hal.cwd / "w.png")


@pytest.fixture(scope="module")
def flux_parts(lent_models: Path) -> None:
    synthetic.write_flux_parts(lent_models)


@pytest.mark.usefixtures("flux_parts")
@pytest.mark.local_only("ComfyUI's log is read")
def test_a_diffusion_model_of_16_bits_draws_in_8(hal: Hal) -> None:
    small = ("-p", "", "--model", "flux-dev-fp16", "--size", "64", "--steps", "1", "--seed", "3", "--json")
    answer = hal(*small, "--fp8", "-o", "fp8.png").json
    assert answer["data"]["request"]["memory"]["fp8"] is True
    assert "parameter_without_effect" not in {warning["code"] for warning in answer["warnings"]}
    assert request_in(hal.cwd / "fp8.png")["graph"]["1"]["inputs"]["weight_dtype"] == "fp8_e4m3fn"
    # Their few values are the same in 8 bits, so the pixels do not tell.
    log = Path(hal.engine()["folder"], "comfyui.log").read_text()
    assert "model weight dtype torch.float8_e4m3fn" in log


def test_fp8_is_said_to_do_nothing_for_a_checkpoint(hal: Hal) -> None:
    run = hal("-p", "x", "--model", "sd15", "--fp8", "--dry-run", "--json")
    assert "parameter_without_effect" in {warning["code"] for warning in run.json["warnings"]}


def test_the_plan_is_made_with_comfyuis_own_numbers(installed: EnginePaths) -> None:
    code = (
        "import sys, json; sys.path.insert(0, sys.argv[1]); sys.argv = ['main.py', '--cpu']\n"
        "import comfy.options; comfy.options.enable_args_parsing()\n"
        "import comfy.model_management as m, comfy.supported_models as s\n"
        "factors = {'sd15': s.SD15, 'sdxl': s.SDXL, 'sd3': s.SD3, 'flux': s.Flux}\n"
        "print(json.dumps([m.EXTRA_RESERVED_VRAM, int(m.minimum_inference_memory()),\n"
        "    {name: kind.memory_usage_factor for name, kind in factors.items()}]))"
    )
    command = [str(installed.python), "-c", code, str(installed.comfyui_dir)]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    reserved, least, factors = json.loads(told.splitlines()[-1])
    assert (reserved, least) == (memory_plan.RESERVED, memory_plan.LEAST_WORKING)
    assert factors == memory_plan.SAMPLING_FACTOR
    source = {
        name: (installed.comfyui_dir / "comfy" / name).read_text(encoding="utf-8")
        for name in ("sd.py", "model_base.py", "model_management.py")
    }
    assert "(2178 * shape[2] * shape[3] * 64) * model_management.dtype_size(dtype)" in source["sd.py"]
    assert "dtype_size(dtype) * 0.01 * self.memory_usage_factor) * (1024 * 1024)" in source["model_base.py"]
    assert "get_total_memory(device) * 0.88 - minimum_inference_memory()" in source["model_management.py"]
