"""Grids and presets with a real ComfyUI: each picture is what a call of its own would have made."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from hal_image import png
from hal_image.host.contact_sheet import draw, labels
from tests.world import Hal, pixels

if TYPE_CHECKING:
    from collections.abc import Sequence

pytestmark = pytest.mark.local_only("what a container could change of it is in test_together.py")

SMALL = ("-p", "a red cube", "--model", "sd15", "--size", "64")
PRESETS = """\
presets:
  noise:
    prompt_prefix: "a photo of "
    negative_prompt: blurry
    model: sd15
    size: 64
    steps: 2
    cfg: 4
    sampler: heun
  quick:
    steps: 1
"""


def shown(path: str | Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def alone(hal: Hal, *argv: str) -> bytes:
    """The pixels of the same picture from a call of its own."""
    hal(*argv, "-o", "alone.png")
    return pixels(hal.cwd / "alone.png")


def hold_sheet(data: dict[str, Any], above: Sequence[str], left: Sequence[str]) -> None:
    """The sheet shows the pictures as they are, at their places."""
    sheet = shown(data["sheet"]["path"])
    files = [Path(image["path"]) for image in data["images"]]
    raw, plan = draw(files, labels(above, left))
    assert sheet.shape == (data["sheet"]["height"], data["sheet"]["width"], 3) == (plan.height, plan.width, 3)
    for file, place in zip(files, plan.places, strict=True):
        assert (sheet[place.y : place.y + place.height, place.x : place.x + place.width] == shown(file)).all()
    (files[0].parent / "again.png").write_bytes(raw)
    assert (shown(files[0].parent / "again.png") == sheet).all(), "labels too"


def request_of(image: dict[str, Any]) -> dict[str, Any]:
    request: dict[str, Any] = json.loads(png.read_texts(Path(image["path"]).read_bytes())["hal8000"])["request"]
    return request


def test_a_grid_is_what_single_calls_would_have_made(hal: Hal) -> None:
    grid = ("--vary", "seed=5,6", "--vary", "steps=1,3")
    data = hal(*SMALL, *grid, "-o", "out/{seed}-{steps}.png", "--json").json["data"]
    assert [image["varied"] for image in data["images"]] == [
        {"seed": 5, "steps": 1}, {"seed": 6, "steps": 1}, {"seed": 5, "steps": 3}, {"seed": 6, "steps": 3},
    ]  # fmt: skip
    assert [image["seed"] for image in data["images"]] == [5, 6, 5, 6]
    for image in data["images"]:
        seed, steps = str(image["varied"]["seed"]), str(image["varied"]["steps"])
        assert Path(image["path"]).name == f"{seed}-{steps}.png"
        assert pixels(image["path"]) == alone(hal, *SMALL, "--seed", seed, "--steps", steps)
    assert len({pixels(image["path"]) for image in data["images"]}) == 4
    assert data["sheet"]["path"] == str(hal.cwd / "out" / "grid.png")
    hold_sheet(data, ["seed 5", "seed 6"], ["steps 1", "steps 3"])


def test_everything_that_can_be_varied_is(hal: Hal) -> None:
    for key, values in (
        ("cfg", ["1", "8"]),
        ("sampler", ["euler", "dpmpp_2m_sde"]),
        ("scheduler", ["normal", "karras"]),
        ("size", ["64x64", "96x64"]),
    ):
        size = () if key == "size" else ("--size", "64")
        one = ("-p", "a red cube", "--model", "sd15", "--steps", "3", "--seed", "5", *size)
        data = hal(*one, "--vary", f"{key}={','.join(values)}", "-o", f"{key}.png", "--json").json["data"]
        made = [pixels(image["path"]) for image in data["images"]]
        assert made[0] != made[1]
        assert made == [alone(hal, *one, f"--{key}", value) for value in values]


def test_models_in_one_grid(hal: Hal) -> None:
    one = ("-p", "a red cube", "--size", "64", "--steps", "1")
    run = hal(*one, "--vary", "model=doodle,sd15", "--vary", "seed=x2", "--seed", "9", "-o", "m.png", "--jsonl")
    data = run.jsonl[-1]["data"]
    assert [line["index"] for line in run.jsonl if line.get("event") == "saved"] == [1, 3, 2, 4]
    assert [(request_of(image)["model"], image["seed"]) for image in data["images"]] == [
        ("doodle", 9), ("sd15", 9), ("doodle", 10), ("sd15", 10),
    ]  # fmt: skip
    for image in data["images"]:
        seed, model = str(image["seed"]), image["varied"]["model"]
        assert pixels(image["path"]) == alone(hal, *one, "--seed", seed, "--model", model)
    hold_sheet(data, ["doodle", "sd15"], ["seed 9", "seed 10"])


def test_paths_are_told_one_a_line_and_the_sheet_last(hal: Hal) -> None:
    lines = hal(*SMALL, "--steps", "1", "--vary", "seed=1,2", "-o", "{seed}.png").lines
    assert [Path(line).name for line in lines] == ["1.png", "2.png", "grid.png"]
    assert all(Path(line).is_file() for line in lines)


@pytest.fixture
def with_presets(hal: Hal, tmp_path: Path) -> Hal:
    file = tmp_path / "presets.yaml"
    file.write_text(PRESETS)
    return replace(hal, environment={**hal.environment, "HAL_PRESETS": str(file)})


def test_a_preset_draws_what_its_options_would(with_presets: Hal) -> None:
    hal = with_presets
    texts = ("-p", "a photo of a cat", "-n", "blurry")
    typed = (*texts, "--model", "sd15", "--size", "64", "--cfg", "4", "--sampler", "heun", "--seed", "3")
    data = hal("-p", "a cat", "--preset", "noise", "--seed", "3", "-o", "a.png", "--json").json["data"]
    assert pixels(hal.cwd / "a.png") == alone(hal, *typed, "--steps", "2")
    own = request_of(data["images"][0])
    assert (own["presets"], own["prompt"], own["negative_prompt"]) == (["noise"], "a photo of a cat", "blurry")
    hal("-p", "a cat", "--preset", "noise", "--preset", "quick", "--seed", "3", "-o", "b.png")
    assert pixels(hal.cwd / "b.png") == alone(hal, *typed, "--steps", "1")


def test_a_batch_with_presets(with_presets: Hal) -> None:
    hal = with_presets
    lines = [
        "a cat",
        {"prompt": "a cat", "preset": "quick"},
        {"prompt": "a cat", "preset": "nois", "id": "bad"},
    ]
    stdin = "".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines).encode()
    call = ("batch", "-", "--preset", "noise", "--seed", "3", "-o", "out/{index}.png")
    found = [json.loads(line) for line in hal(*call, stdin=stdin, code=6).lines]
    assert [line["ok"] for line in found] == [True, True, False]
    assert (found[2]["id"], found[2]["error"]["code"]) == ("bad", "unknown_preset")
    for line, names in zip(found, (["noise"], ["noise", "quick"]), strict=False):
        (image,) = line["images"]
        again = [word for name in names for word in ("--preset", name)]
        assert pixels(image["path"]) == alone(hal, "-p", "a cat", "--seed", "3", *again)
        assert request_of(image)["presets"] == names
