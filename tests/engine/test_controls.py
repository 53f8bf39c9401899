"""ControlNets through the whole tool: the picture follows the one that is given, or it is said why not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from PIL import Image, ImageDraw

from tests import synthetic
from tests.world import QUICK, Hal, pixels

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.local_only("what a container could change of it is in test_together.py")

SEED = ("-p", "a red cube", *QUICK, "--steps", "2", "--seed", "7")


@pytest.fixture(scope="module", autouse=True)
def _files(lent_models: Path) -> None:
    synthetic.write_controlnet(lent_models / "controlnet" / "sd15" / "control_canny.safetensors")
    synthetic.write_controlnet(lent_models / "controlnet" / "control_depth.safetensors", gain=0.5)
    synthetic.write_controlnet(lent_models / "controlnet" / "xl_canny.safetensors", family="sdxl")
    synthetic.write_controlnet(lent_models / "controlnet" / "xl_pose.safetensors", family="sdxl")
    synthetic.write_sdxl(lent_models / "checkpoints" / "sd_xl_base_1.0.safetensors")


def photo(hal: Hal, name: str, *, left: bool, size: tuple[int, int] = (64, 64), shade: int = 255) -> str:
    """A bright square on black, left or right."""
    image = Image.new("RGB", size)
    middle = size[0] // 2
    box = (8, 16, middle - 8, size[1] - 16) if left else (middle + 8, 16, size[0] - 8, size[1] - 16)
    ImageDraw.Draw(image).rectangle(box, fill=(shade, shade, shade))
    image.save(hal.cwd / name)
    return name


def drawn(hal: Hal, *options: str) -> bytes:
    hal(*SEED, *options, "-o", "x.png")
    return pixels(hal.cwd / "x.png")


def test_the_picture_follows_the_map(hal: Hal) -> None:
    left, right = photo(hal, "left.png", left=True), photo(hal, "right.png", left=False)
    plain, of_left = drawn(hal), drawn(hal, "--control", f"canny:{left}")
    assert len({plain, of_left, drawn(hal, "--control", f"canny:{right}")}) == 3
    assert drawn(hal, "--control", f"canny:{left}:0") == plain
    assert drawn(hal, "--control", f"canny:{left}:1:0-1") == of_left
    others = {drawn(hal, "--control", f"canny:{left}{more}") for more in (":0.5", ":1:0-0.5", ":1:0.5-1")}
    assert len({plain, of_left, *others}) == 5


def test_canny_finds_edges_and_other_types_take_the_picture_itself(hal: Hal) -> None:
    bright, grey = photo(hal, "bright.png", left=True), photo(hal, "grey.png", left=True, shade=230)
    assert drawn(hal, "--control", f"depth:{bright}") != drawn(hal, "--control", f"depth:{grey}")
    by_name = drawn(hal, "--control", f"control_canny:{bright}")
    assert by_name != drawn(hal, "--control", f"canny:{bright}"), "by its name it takes a map"
    assert by_name == drawn(hal, "--control", f"depth@control_canny:{bright}")
    assert drawn(hal, "--control", f"canny@sd15/control_canny:{bright}") == drawn(hal, "--control", f"canny:{bright}")


def test_several_count_together(hal: Hal) -> None:
    left, right = photo(hal, "left.png", left=True), photo(hal, "right.png", left=False)
    one = ("--control", f"canny:{left}:0.5")
    other = ("--control", f"depth:{right}:0.5")
    both = drawn(hal, *one, *other)
    assert len({both, drawn(hal, *one), drawn(hal, *other)}) == 3
    graph = hal(*SEED, *one, *one, "--dry-run", "--json", "-o", "x.png").json["data"]["graph"]
    classes = [node["class_type"] for node in graph.values()]
    assert (classes.count("ControlNetLoader"), classes.count("ControlNetApplyAdvanced")) == (1, 2)


def test_a_picture_of_another_shape_is_cut_and_scaled(hal: Hal) -> None:
    wide = Image.new("RGB", (128, 64), "white")
    wide.paste(Image.open(hal.cwd / photo(hal, "square.png", left=True)), (32, 0))
    wide.save(hal.cwd / "wide.png")
    assert drawn(hal, "--control", "depth:wide.png") == drawn(hal, "--control", "depth:square.png")


def test_sdxl_has_its_own(hal: Hal) -> None:
    left = photo(hal, "left.png", left=True)
    xl = ("-p", "", "-m", "sdxl", "--size", "64", "--steps", "1", "--seed", "5", "-o", "x.png")
    hal(*xl)
    plain = pixels(hal.cwd / "x.png")
    answer = hal(*xl, "--control", f"canny:{left}", "--json").json
    assert answer["data"]["request"]["controls"][0]["file"] == "xl_canny.safetensors"
    assert pixels(hal.cwd / "x.png") != plain
    assert "weights_missing" not in [warning["code"] for warning in answer["warnings"]]


@pytest.mark.parametrize(
    ("control", "code"),
    [("xl_pose", "model_wrong"), ("canny@xl_canny", "model_wrong"), ("pose", "control_missing")],
)
def test_one_for_another_family_is_refused_before_anything_runs(lone_hal: Hal, control: str, code: str) -> None:
    left = photo(lone_hal, "left.png", left=True)
    error = lone_hal(*SEED, "--control", f"{control}:{left}", "-o", "x.png", "--json", code=4).json["error"]
    assert error["code"] == code
    assert "Stable Diffusion 1.5" in error["message"]
    assert lone_hal.engines() == []


def test_a_picture_carries_them_and_lines_of_a_batch_have_their_own(hal: Hal) -> None:
    left = photo(hal, "left: 1.png", left=True)
    control = f"canny:{left}:0.8:0-0.6"
    line = {"prompt": "a red cube", "seed": 7, "steps": 2}
    lines = "\n".join(json.dumps(one) for one in (line, {**line, "control": [control, f"depth:{left}"]}))
    hal("batch", "-", *QUICK, "-o", "{index}.png", stdin=lines.encode())
    assert pixels(hal.cwd / "1.png") == drawn(hal)
    assert pixels(hal.cwd / "2.png") == drawn(hal, "--control", control, "--control", f"depth:{left}")
    with Image.open(hal.cwd / "2.png") as image:
        told = json.loads(image.info["hal8000"])["request"]["controls"][0]
        parameters = image.info["parameters"]
    assert (told["type"], told["name"], told["image"]["path"]) == ("canny", "sd15/control_canny", str(hal.cwd / left))
    assert (told["strength"], told["start"], told["end"]) == (0.8, 0.0, 0.6)
    assert 'ControlNet 0: "Module: canny, Model: control_canny, Weight: 0.8,' in parameters


def test_everything_together(hal: Hal, models_dir: Path) -> None:
    synthetic.write_lora(models_dir / "loras" / "ink.safetensors")
    left, right = photo(hal, "left.png", left=True), photo(hal, "right.png", left=False)
    features = (("--lora", "ink"), ("--control", f"canny:{left}"), ("--init-image", right, "--strength", "0.5"))
    together = [drawn(hal, *sum(features, ())) for _ in range(2)]
    assert together[0] == together[1]
    for number in range(len(features)):
        assert drawn(hal, *sum((*features[:number], *features[number + 1 :]), ())) != together[0]
    (models_dir / "loras" / "ink.safetensors").unlink()
