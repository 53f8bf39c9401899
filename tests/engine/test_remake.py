"""Pictures that are made again from what they say of themselves."""

from __future__ import annotations

import json
import random
import struct
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from hal_image import png
from tests import synthetic
from tests.world import QUICK, SD15, Hal, pixels

pytestmark = pytest.mark.local_only("what a container could change of it is in test_together.py")

SAMPLING = (("euler", "normal"), ("dpmpp_2m", "karras"), ("euler_ancestral", "simple"), ("dpmpp_2m_sde", "exponential"))
WORDS = ("a red cube", "-x", "ein Würfel\n立方体 🤖", '"quoted", (weighed:1.2)', "")


@pytest.fixture(scope="module")
def all_models(lent_models: Path) -> None:
    """The other families' checkpoints; FLUX's is large on paper and small on disk."""
    synthetic.write_sdxl(lent_models / "checkpoints" / "sd_xl_base_1.0.safetensors")
    synthetic.write_sd3(lent_models / "checkpoints" / "sd3.5_medium_incl_clips_t5xxlfp8scaled.safetensors")
    synthetic.write_flux_checkpoint(lent_models / "checkpoints" / "flux1-dev-fp8.safetensors")


def chance(number: int) -> tuple[str, ...]:
    """The options of a random picture, the same in each run."""
    dice = random.Random(number)
    sampler, scheduler = dice.choice(SAMPLING)
    if number == 9:  # an empty prompt is its own negative one: each text costs the full T5 half a minute
        return ("--prompt=", "-m", "flux", "--size", "64", "--steps", "1", "--guidance", "2.5", "-o", "made.webp")
    model = ("sd15", "doodle", "sdxl", "sd35-medium")[number % 4]
    suffix = ("png", "webp", "jpg", "avif")[(number + number // 4) % 4]
    words = [
        f"--prompt={dice.choice(WORDS)}", "-m", model, "--size", dice.choice(("64", "128x64", "64x96")),
        "--steps", str(dice.randint(1, 3)), "--cfg", f"{dice.uniform(1.1, 9):.3f}",
        "--sampler", sampler, "--scheduler", scheduler, "-o", f"made.{suffix}",
    ]  # fmt: skip
    words += [f"--negative-prompt={dice.choice(WORDS)}"] if dice.random() < 0.5 else []
    words += ["--seed", str(dice.randrange(2**64))] if dice.random() < 0.5 else []
    if suffix != "png" and dice.random() < 0.7:
        words += ["--lossless"] if suffix == "webp" else ["--quality", str(dice.randint(10, 100))]
    return tuple(words)


@pytest.mark.usefixtures("all_models")
@pytest.mark.parametrize("number", range(10))
def test_a_random_picture_of_any_kind_is_made_again_pixel_by_pixel(hal: Hal, number: int) -> None:
    made = hal(*chance(number), "--json").json["data"]
    file = Path(made["images"][0]["path"])
    hal("-p", "something else", *QUICK)  # ComfyUI has other results in its memory
    again = hal("--from-image", file.name, "-o", f"again{file.suffix}", "--json").json
    assert again["data"]["request"] == made["request"]
    assert pixels(again["data"]["images"][0]["path"]) == pixels(file)
    assert [one for one in again["warnings"] if one["code"].startswith("remake")] == []


def test_what_is_given_holds_and_a_name_is_made_up_like_the_pictures(hal: Hal) -> None:
    hal("-p", "a red cube", *QUICK, "--seed", "3", "-o", "x.webp", "--lossless")
    other = hal("--from-image", "x.webp", "--seed", "4", "--json").json["data"]
    (image,) = other["images"]
    assert (image["seed"], image["format"]) == (4, "webp")
    assert pixels(image["path"]) != pixels(hal.cwd / "x.webp")
    several = hal("--from-image", "x.webp", "-b", "2", "-o", "y.png", "--json").json["data"]["images"]
    assert [one["seed"] for one in several] == [3, 4]
    assert [pixels(one["path"]) for one in several] == [pixels(hal.cwd / "x.webp"), pixels(image["path"])]
    prompt = hal("--from-image", "x.webp", "--prompt", "-", "--dry-run", "--json", stdin=b"a ball").json["data"]
    assert (prompt["request"]["prompt"], prompt["seeds"]) == ("a ball", [3])


def test_lines_of_a_batch_are_made_like_pictures(hal: Hal) -> None:
    for name in ("a", "b"):
        hal("-p", name, *QUICK, "-o", f"{name}.png")
    lines = [
        {"from_image": "a.png", "output": "1.png"},
        {"from_image": "b.png", "output": "2.png", "steps": 2, "size": 128},
        {"from_image": "missing.png"},
        {"from_image": "a.png", "prompt": "c", "output": "4.png"},
    ]
    (hal.cwd / "lines.jsonl").write_text("\n".join(json.dumps(line) for line in lines))
    results = [json.loads(line) for line in hal("batch", "lines.jsonl", code=6).lines]
    assert [result["ok"] for result in results] == [True, True, False, True]
    assert results[2]["error"]["code"] == "image_unreadable"
    assert pixels(hal.cwd / "1.png") == pixels(hal.cwd / "a.png")
    info = hal("info", "2.png", "--json").json["data"]["hal8000"]["request"]
    assert [info[name] for name in ("prompt", "width", "height", "steps")] == ["b", 128, 128, 2]
    assert pixels(hal.cwd / "4.png") != pixels(hal.cwd / "1.png")
    (hal.cwd / "prompts.txt").write_text("a\n")
    hal("batch", "prompts.txt", "--from-image", "a.png", "-o", "line-{index}.png")
    assert pixels(hal.cwd / "line-1.png") == pixels(hal.cwd / "a.png")


def codes(answer: dict[str, Any]) -> list[str]:
    return [warning["code"] for warning in answer["warnings"]]


def rewritten(hal: Hal, name: str, **changes: Any) -> None:
    """The picture ``x.png`` under another name, as if it had been made elsewhere."""
    raw = (hal.cwd / "x.png").read_bytes()
    texts = png.read_texts(raw)
    own = json.loads(texts["hal8000"])
    for section, fields in changes.items():
        own[section].update(fields)
    (hal.cwd / name).write_bytes(png.with_texts(raw, {**texts, "hal8000": json.dumps(own)}))


def test_what_is_not_as_it_was_is_named(hal: Hal) -> None:
    hal("-p", "a red cube", *QUICK, "-o", "x.png")
    model = hal("info", "x.png", "--json").json["data"]["hal8000"]["model"]
    rewritten(
        hal,
        "elsewhere.png",
        engine={"torch": "1.0", "device": "cuda:0", "comfyui_version": "0.1"},
        model={"files": [{**model["files"][0], "bytes": 5}]},
    )
    answer = hal("--from-image", "elsewhere.png", "-o", "y.png", "--json").json
    differs = [warning["details"]["differs"] for warning in answer["warnings"] if warning["code"] == "remake_differs"]
    assert [[one["what"] for one in told] for told in differs] == [[SD15], ["ComfyUI", "torch", "the device"]]
    assert pixels(hal.cwd / "y.png") == pixels(hal.cwd / "x.png")  # in truth it was made here
    rewritten(hal, "lost.png", request={"model": "mine"}, model={"files": []})
    error = hal("--from-image", "lost.png", "--json", code=4).json["error"]
    assert error["code"] == "remake_model_unknown"


def test_a_model_file_that_has_changed_is_named(hal: Hal, models_dir: Path) -> None:
    hal("-p", "a red cube", *QUICK, "-o", "x.png")
    file = models_dir / "checkpoints" / SD15
    kept = file.rename(file.with_suffix(".kept"))
    try:
        raw = kept.read_bytes()
        (length,) = struct.unpack("<Q", raw[:8])
        file.write_bytes(struct.pack("<Q", length + 8) + raw[8 : 8 + length] + b" " * 8 + raw[8 + length :])
        answer = hal("--from-image", "x.png", "-o", "y.png", "--json").json
        (told,) = [warning["details"] for warning in answer["warnings"] if warning["code"] == "remake_differs"]
        size = kept.stat().st_size
        assert told == {"differs": [{"what": SD15, "then": f"{size} bytes", "now": f"{size + 8} bytes"}]}
        assert "remake_differs" not in codes(hal("--from-image", "x.png", "-m", "sd15", "-o", "y.png", "--json").json)
    finally:
        kept.replace(file)


def test_a_picture_of_comfyui_has_the_same_pixels(hal: Hal) -> None:
    hal("-p", "a red cube", "-n", "blue", *QUICK, "--steps", "2", "-o", "x.png")
    raw = (hal.cwd / "x.png").read_bytes()
    (hal.cwd / "comfyui.png").write_bytes(png.with_texts(raw, {"prompt": png.read_texts(raw)["prompt"]}))
    answer = hal("--from-image", "comfyui.png", "-o", "y.png", "--json").json
    assert pixels(hal.cwd / "y.png") == pixels(hal.cwd / "x.png")
    assert not [code for code in codes(answer) if code.startswith("remake")]


def test_a_picture_of_a1111_is_drawn_with_what_there_is(hal: Hal) -> None:
    text = (
        "a red cube <lora:x:0.5>\nNegative prompt: blue\nSteps: 2, Sampler: DPM++ 2M Karras, CFG scale: 7, Seed: 3, "
        "Size: 64x64, Model hash: e9476a1372, Model: v1-5-pruned-emaonly-fp16, Clip skip: 2, Version: v1.6.0"
    )
    tags = Image.Exif()
    tags.get_ifd(0x8769)[0x9286] = b"UNICODE\0" + text.encode("utf-16-be")
    Image.new("RGB", (64, 64)).save(hal.cwd / "a1111.jpg", exif=tags)
    answer = hal("--from-image", "a1111.jpg", "-o", "x.png", "--json").json
    request = answer["data"]["request"]
    assert [request[name] for name in ("prompt", "model", "sampler", "scheduler", "seed")] == [
        "a red cube", "sd15", "dpmpp_2m", "karras", 3,
    ]  # fmt: skip
    told = [one for one in answer["warnings"] if one["code"].startswith("remake")]
    assert [one["code"] for one in told] == ["remake_left_out", "remake_differs"]
    hal("-p", "a red cube", "-n", "blue", *QUICK, "--steps", "2", "--sampler", "dpmpp_2m", "--scheduler", "karras",
        "--seed", "3", "-o", "y.png")  # fmt: skip
    assert pixels(hal.cwd / "x.png") == pixels(hal.cwd / "y.png")
