"""All that can go into a picture, in one call; and such pictures, made again from what they say of themselves."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw

from tests import synthetic
from tests.world import Hal, pixels

CHECKPOINTS = {"sdxl": "sd_xl_base_1.0.safetensors", "flux": "flux1-dev-fp8.safetensors"}
"""Beside that of sd15, which is there for all tests."""
SEED = "8000"


@pytest.fixture(scope="module", autouse=True)
def _files(lent_models: Path) -> None:
    synthetic.write_sdxl(lent_models / "checkpoints" / CHECKPOINTS["sdxl"])
    synthetic.write_flux_checkpoint(lent_models / "checkpoints" / CHECKPOINTS["flux"])
    synthetic.write_lora(lent_models / "loras" / "sd15-ink.safetensors")
    synthetic.write_lora(lent_models / "loras" / "sdxl-ink.safetensors", family="sdxl")
    synthetic.write_lora(lent_models / "loras" / "flux-ink.safetensors", family="flux")
    synthetic.write_lora(lent_models / "loras" / "more" / "sd15-two.safetensors", fit=1)
    synthetic.write_controlnet(lent_models / "controlnet" / "sd15_canny.safetensors")
    synthetic.write_controlnet(lent_models / "controlnet" / "sdxl_canny.safetensors", family="sdxl")
    synthetic.write_controlnet(lent_models / "controlnet" / "flux_canny.safetensors", family="flux")
    synthetic.write_upscaler(lent_models / "upscale_models" / "x4.safetensors")


def given(folder: Path) -> None:
    """A picture to begin with, a mask, and a map with edges."""
    noise = random.Random(1)
    picture = Image.new("RGB", (64, 64))
    picture.putdata([(noise.randrange(256), noise.randrange(256), noise.randrange(256)) for _ in range(64 * 64)])
    picture.save(folder / "init.png")
    mask = Image.new("L", (64, 64))
    ImageDraw.Draw(mask).rectangle((16, 16, 47, 47), fill=255)
    mask.save(folder / "mask.png")
    edges = Image.new("RGB", (64, 64))
    ImageDraw.Draw(edges).ellipse((8, 8, 55, 55), fill=(255, 255, 255))
    edges.save(folder / "map.png")


def family_of(words: list[str]) -> str:
    return words[words.index("--model") + 1]


def test_everything_in_one_call(hal: Hal) -> None:
    all_at_once(hal, "sd15")


@pytest.mark.local_only("the graph is another one, what the engine does with it is not")
@pytest.mark.parametrize("family", ["sdxl", "flux"])
def test_everything_that_a_family_has_in_one_call(hal: Hal, family: str) -> None:
    all_at_once(hal, family)


def all_at_once(hal: Hal, family: str) -> None:
    given(hal.cwd)
    control = ("--control", "canny:map.png:0.8")
    # the empty prompt is its own negative one: each text costs the full T5 of FLUX half a minute
    call = ("--prompt=", "--model", family, "--size", "64", "--steps", "2", "--seed", SEED)
    extras = ("--lora", f"{family}-ink:0.7", *control, "--init-image", "init.png", "--strength", "0.6")
    larger = ("--hires", "1.5:0.4", "--upscale", "2:x4")
    answer = hal(*call, *extras, *larger, "-o", "all.webp", "--lossless", "--json").json
    (image,) = answer["data"]["images"]
    assert (image["width"], image["height"], image["format"]) == (192, 192, "webp")
    request = answer["data"]["request"]
    assert {"loras", "controls", "init", "hires", "upscale"} <= request.keys()
    roles = [file["role"] for file in answer["data"]["model"]["files"]]
    assert roles == ["checkpoint", "lora", "controlnet", "upscale_model"]
    without = hal(*call, *extras[:2], *extras[4:], *larger, "-o", "without.png", "--json").json["data"]["images"][0]
    assert pixels(without["path"]) != pixels(hal.cwd / "all.webp"), "the map counts"
    again = hal("--from-image", "all.webp", "-o", "again.png", "--json").json
    assert not {"remake_differs", "remake_left_out"} & {warning["code"] for warning in again["warnings"]}
    assert pixels(hal.cwd / "again.png") == pixels(hal.cwd / "all.webp")


def chance(number: int) -> list[str]:
    """The options of a random picture that more than a prompt went into, the same in each run."""
    dice = random.Random(number)
    model = dice.choice(("sd15", "sd15", "sd15", "sdxl", "doodle"))
    words = [
        "--prompt", f"picture {number}", "--model", model, "--size", "64", "--steps", str(dice.randint(1, 3)),
        "--cfg", f"{dice.uniform(1.1, 9):.3f}",
    ]  # fmt: skip
    if model != "doodle":
        for name in dice.sample([f"{model}-ink", "sd15-two"], dice.randint(0, 2 if model == "sd15" else 1)):
            words += ["--lora", f"{name if name.startswith(model) else model + '-ink'}:{dice.uniform(-1, 1):.4f}"]
        if dice.random() < 0.5:
            words += ["--control", f"canny:map.png:{dice.uniform(0.1, 1):.3f}:0.1-0.{dice.randint(2, 9)}"]
    if dice.random() < 0.7:
        words += ["--init-image", "init.png", "--strength", f"{dice.uniform(0.3, 1):.3f}"]
        words += ["--mask", "mask.png", "--feather", str(dice.randint(0, 9))] if dice.random() < 0.5 else []
        words += ["--outpaint", "16,0,32,0", "--size", "112x64"] if dice.random() < 0.3 else []
    words += ["--hires", f"{dice.choice((1.25, 1.5, 2))}:{dice.uniform(0.2, 0.8):.3f}"] if dice.random() < 0.4 else []
    words += ["--upscale", dice.choice(("2", "4", "2:x4", "2:lanczos"))] if dice.random() < 0.4 else []
    suffix = dice.choice((".png", ".png", ".webp"))
    return [*words, *(["--lossless"] if suffix == ".webp" else []), "-o", f"made{suffix}"]


@pytest.mark.local_only("as the first one, which runs in a container, too")
@pytest.mark.parametrize("number", range(20))
def test_a_random_picture_of_many_parts_is_made_again_pixel_by_pixel(hal: Hal, number: int) -> None:
    given(hal.cwd)
    words = chance(number)
    made = hal(*words, "--json").json["data"]
    again = hal("--from-image", words[-1], "-o", "again.png", "--json").json
    assert not {"remake_differs", "remake_left_out"} & {warning["code"] for warning in again["warnings"]}
    assert requested(again["data"]) == requested(made)
    assert pixels(hal.cwd / "again.png") == pixels(hal.cwd / words[-1])


def requested(data: dict[str, Any]) -> dict[str, Any]:
    request: dict[str, Any] = data["request"]
    return request


def test_a_workflow_with_a_picture_and_a_mask_protects_what_is_not_in_it(hal: Hal) -> None:
    given(hal.cwd)
    made = hal(
        "-p", "x", "--model", "sd15", "--steps", "1", "--seed", SEED, "--init-image", "init.png", "--mask", "mask.png",
        "--feather", "0", "-o", "masked.png", "--json",
    ).json["data"]  # fmt: skip
    with Image.open(hal.cwd / "masked.png") as masked, Image.open(hal.cwd / "init.png") as before:
        assert masked.crop((0, 0, 64, 16)).tobytes() == before.crop((0, 0, 64, 16)).tobytes()
        assert masked.crop((16, 16, 48, 48)).tobytes() != before.crop((16, 16, 48, 48)).tobytes()
    graph = {
        "1": {"class_type": "LoadImage", "inputs": {"image": "masked.png"}},
        "2": {"class_type": "ImageInvert", "inputs": {"image": ["1", 0]}},
        "3": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "x"}},
        "4": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}},
    }
    (hal.cwd / "flow.json").write_text(json.dumps(graph))
    images = hal("--workflow", "flow.json", "-o", "out.png", "--json").json["data"]["images"]
    assert [image["path"] for image in images] == [str(hal.cwd / f"out-{number}.png") for number in (1, 2)]
    assert pixels(images[1]["path"]) == pixels(made["images"][0]["path"])
    inverted = zip(pixels(images[0]["path"]), pixels(images[1]["path"]), strict=True)
    assert {one + other for one, other in inverted} <= {254, 255}, "ComfyUI cuts off what it cannot write"


def test_steps_a_grid_and_a_picture_made_larger(hal: Hal) -> None:
    call = ("-p", "x", "--model", "sd15", "--size", "64", "--seed", SEED)
    hal(*call, "--steps", "3", "--stepwise", "steps", "-o", "x.png")
    assert len(list((hal.cwd / "steps").iterdir())) == 3
    data = hal(*call, "--vary", "steps=1,2", "-o", "grid.webp", "--json").json["data"]
    assert [image["varied"] for image in data["images"]] == [{"steps": 1}, {"steps": 2}]
    assert Path(data["sheet"]["path"]).is_file()
    larger = hal("upscale", "x.png", "--scale", "2", "-o", "large.avif", "--json").json["data"]
    assert (larger["upscale"]["model"], larger["images"][0]["width"]) == ("x4", 128)


def test_a_lora_that_lies_elsewhere(hal: Hal, tmp_path: Path) -> None:
    synthetic.write_lora(tmp_path / "elsewhere" / "other.safetensors", seed="other")
    call = ("-p", "x", "--model", "sd15", "--size", "64", "--steps", "1", "--seed", SEED)
    hal(*call, "-o", "plain.png")
    hal(*call, "--lora", "elsewhere/other.safetensors", "-o", "with.png")
    assert pixels(hal.cwd / "plain.png") != pixels(hal.cwd / "with.png")


def test_what_went_into_it_must_still_be_there(hal: Hal) -> None:
    given(hal.cwd)
    hal("-p", "x", "--model", "sd15", "--size", "64", "--steps", "1", "--init-image", "init.png", "-o", "made.png")
    (hal.cwd / "init.png").unlink()
    error = hal("--from-image", "made.png", "-o", "again.png", "--json", code=2).json["error"]
    assert error["code"] == "remake_input_differs"
    assert "--init-image" in error["hint"]
    assert not (hal.cwd / "again.png").exists()
