"""LoRAs through the whole tool: they change the picture as they should, or say why not before anything runs."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from tests import synthetic
from tests.world import QUICK, Hal, pixels

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.local_only("what a container could change of it is in test_together.py")

SEED = ("-p", "a red cube", *QUICK, "--steps", "2", "--seed", "7")


@pytest.fixture(scope="module", autouse=True)
def _files(lent_models: Path) -> None:
    """LoRAs for each family, and checkpoints of each."""
    loras = lent_models / "loras"
    synthetic.write_lora(loras / "styles" / "ink.safetensors", text=True)
    synthetic.write_lora(loras / "chalk.safetensors", seed="chalk")
    synthetic.write_lora(loras / "some.safetensors", fit=1, misshapen=1, unknown=2)
    synthetic.write_lora(loras / "no-names.safetensors", fit=0, unknown=3)
    synthetic.write_lora(loras / "no-shapes.safetensors", fit=0, misshapen=3)
    synthetic.write_lora(loras / "for-sdxl.safetensors", family="sdxl", prompt=True)
    synthetic.write_lora(loras / "for-sd3.safetensors", family="sd3")
    synthetic.write_lora(loras / "for-flux.safetensors", family="flux")
    synthetic.write_sdxl(lent_models / "checkpoints" / "sd_xl_base_1.0.safetensors")
    synthetic.write_sd3(lent_models / "checkpoints" / "sd3.5_medium_incl_clips_t5xxlfp8scaled.safetensors")
    synthetic.write_flux_checkpoint(lent_models / "checkpoints" / "flux1-dev-fp8.safetensors")


def drawn(hal: Hal, *options: str) -> bytes:
    hal(*SEED, *options, "-o", "x.png")
    return pixels(hal.cwd / "x.png")


def own(path: Path) -> dict[str, Any]:
    with Image.open(path) as image:
        return {**json.loads(image.info["hal8000"]), "parameters": image.info["parameters"]}


def test_weights_count_each_for_itself_and_none_is_none(hal: Hal) -> None:
    plain = drawn(hal)
    different = {drawn(hal, "--lora", f"ink{weights}") for weights in ("", ":0.5", ":-1", ":0:1", ":1:0", ":0.5:1")}
    assert len(different) == 6
    assert plain not in different
    assert drawn(hal, "--lora", "ink:0") == plain
    assert drawn(hal, "--lora", "ink:1:1") == drawn(hal, "--lora", "styles/ink.safetensors") != plain


def test_several_are_applied_in_their_order(hal: Hal) -> None:
    both = drawn(hal, "--lora", "ink", "--lora", "chalk:0.5")
    assert both not in {drawn(hal), drawn(hal, "--lora", "ink"), drawn(hal, "--lora", "chalk:0.5")}
    answer = hal(*SEED, "--lora", "chalk:0.5", "--lora", "ink", "--dry-run", "--json", "-o", "x.png").json
    files = [node["inputs"]["lora_name"] for node in answer["data"]["graph"].values() if "lora_name" in node["inputs"]]
    assert files == ["chalk.safetensors", "styles/ink.safetensors"]
    assert [lora["name"] for lora in answer["data"]["request"]["loras"]] == ["chalk", "styles/ink"]


@pytest.mark.parametrize(("model", "lora"), [("sdxl", "for-sdxl"), ("sd35-medium", "for-sd3"), ("flux", "for-flux")])
def test_each_family_has_its_own(hal: Hal, model: str, lora: str) -> None:
    for name, options in (("without", ()), ("with", ("--lora", f"{lora}:5"))):
        run = hal(
            "-p",
            "",
            "-m",
            model,
            "--size",
            "64",
            "--steps",
            "1",
            "--seed",
            "5",
            *options,
            "-o",
            f"{name}.png",
            "--json",
        )
        assert "lora_keys_not_applied" not in [warning["code"] for warning in run.json["warnings"]]
    assert pixels(hal.cwd / "without.png") != pixels(hal.cwd / "with.png")


def test_one_for_another_family_is_refused_before_anything_runs(hal: Hal) -> None:
    error = hal(*SEED, "--lora", "for-sdxl", "-o", "x.png", "--json", code=4).json["error"]
    assert error["code"] == "lora_not_applied"
    assert error["message"].startswith("LoRA 'for-sdxl' is for Stable Diffusion XL, and model 'sd15' is")
    assert error["hint"].startswith("use it with --model sdxl")
    assert list(hal.cwd.iterdir()) == []


@pytest.mark.parametrize("name", ["no-names", "no-shapes"])
def test_one_nothing_of_which_fits_is_refused_before_anything_runs(lone_hal: Hal, name: str) -> None:
    error = lone_hal(*SEED, "--lora", name, "-o", "x.png", "--json", code=4).json["error"]
    assert error["code"] == "lora_not_applied"
    assert error["message"].startswith(f"nothing of LoRA '{name}' fits model 'sd15'")
    assert lone_hal.engines() == []


def test_what_does_not_fit_is_told_once_with_its_share(hal: Hal) -> None:
    answer = hal(*SEED, "--lora", "some", "-o", "x.png", "--json").json
    told = [warning for warning in answer["warnings"] if warning["code"] == "lora_keys_not_applied"]
    assert len(told) == 1
    assert told[0]["message"].startswith("3 of the 4 parts of LoRA 'some' (75%) do not fit model 'sd15'")
    assert (told[0]["details"]["count"], told[0]["details"]["of"]) == (3, 4)


def test_a_picture_carries_them(hal: Hal, models_dir: Path) -> None:
    hal(*SEED, "--lora", "ink:0.8", "--lora", "chalk:0.5:0.25", "-o", "x.png")
    told = own(hal.cwd / "x.png")
    sha256 = hashlib.sha256((models_dir / "loras" / "styles" / "ink.safetensors").read_bytes()).hexdigest()
    assert told["request"]["loras"][0] == {
        "name": "styles/ink",
        "file": "styles/ink.safetensors",
        "sha256": sha256,
        "weight": 0.8,
        "clip_weight": 0.8,
    }
    assert [(file["role"], file["name"]) for file in told["model"]["files"][1:]] == [
        ("lora", "styles/ink.safetensors"),
        ("lora", "chalk.safetensors"),
    ]
    assert told["parameters"].splitlines()[0] == "a red cube<lora:ink:0.8><lora:chalk:0.25:0.5>"
    assert told["request"]["prompt"] == "a red cube"


def test_a_file_from_elsewhere(hal: Hal, models_dir: Path) -> None:
    downloads = hal.cwd / "down:loads"
    synthetic.write_lora(downloads / "my:ink.v2.safetensors", text=True)
    drawn_there = drawn(hal, "--lora", "down:loads/my:ink.v2.safetensors:0.5:1")
    assert drawn_there == drawn(hal, "--lora", "ink:0.5:1")
    name = own(hal.cwd / "x.png")["request"]["loras"][0]["name"]
    hal(*SEED, "--lora", str(downloads / "my:ink.v2.safetensors"), "-o", "y.png")
    name = own(hal.cwd / "y.png")["request"]["loras"][0]["name"]
    assert pixels(hal.cwd / "y.png") == drawn(hal, "--lora", name), "it can be asked for again"
    assert "down" not in json.dumps(own(hal.cwd / "y.png")["request"]), "no path of this machine"


def test_lines_of_a_batch_have_their_own(hal: Hal) -> None:
    line = {"prompt": "a red cube", "seed": 7, "steps": 2}
    lines = [line, {**line, "lora": "chalk"}, {**line, "lora": ["ink", "chalk:0.5"]}, {**line, "lora": []}]
    lines += [{**line, "lora": ["nothing-like-it"]}, {**line, "lora": {"name": "ink"}}]
    stdin = "\n".join(map(json.dumps, lines)).encode()
    run = hal("batch", "-", *QUICK, "--lora", "ink", "-o", "{index}.png", stdin=stdin, code=6)
    results = [json.loads(text) for text in run.lines]
    assert [result["ok"] for result in results] == [True, True, True, True, False, False]
    assert [result["error"]["code"] for result in results[4:]] == ["extra_missing", "line_invalid"]
    assert pixels(hal.cwd / "1.png") == drawn(hal, "--lora", "ink")
    assert pixels(hal.cwd / "2.png") == drawn(hal, "--lora", "chalk")
    assert pixels(hal.cwd / "3.png") == drawn(hal, "--lora", "ink", "--lora", "chalk:0.5")
    assert pixels(hal.cwd / "4.png") == drawn(hal)
