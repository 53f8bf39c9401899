"""Pictures that begin with a picture: what is made anew is, and what is to stay stays to the last bit."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from hal_image import png
from hal_image.host import metadata
from tests import synthetic
from tests.world import QUICK, Hal, Run, pixels
from training.judge import Expectation, judge

pytestmark = pytest.mark.local_only("what a container could change of it is in test_together.py")

SD15 = ("-p", "a red cube", "--model", "sd15", "--steps", "2", "--seed", "5")
MASKED = (32, 24, 64, 56)
"""Left, top, right and bottom of what is white in ``mask.png``."""
CHECKPOINTS = {
    "sdxl": "sd_xl_base_1.0.safetensors",
    "sd35-medium": "sd3.5_medium_incl_clips_t5xxlfp8scaled.safetensors",
    "flux": "flux1-dev-fp8.safetensors",
}


@pytest.fixture(autouse=True)
def given(hal: Hal) -> None:
    """Every value of 8 bits in each channel, and noise that no autoencoder gives back."""
    noise = np.random.default_rng(1).integers(0, 256, (80, 96, 3), dtype=np.uint8)
    noise[:3] = np.resize(np.arange(256, dtype=np.uint8), (96, 3, 3)).transpose(1, 0, 2)
    noise.reshape(-1)[:768] = np.repeat(np.arange(256, dtype=np.uint8), 3)
    Image.fromarray(noise).save(hal.cwd / "a.png")
    mask = Image.new("L", (96, 80), 0)
    mask.paste(255, MASKED)
    mask.save(hal.cwd / "mask.png")


def shown(path: Path) -> np.ndarray:
    """A picture as uint8 [height, width, 3]."""
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


SCALED = {"init_image_scaled", "size_differs"}


def codes(run: Run) -> set[str]:
    return {warning["code"] for warning in run.json["warnings"]}


def inside(margin: int = 0) -> tuple[slice, slice]:
    """Rows and columns of the mask, and ``margin`` pixels around it."""
    left, top, right, bottom = MASKED
    return slice(top - margin, bottom + margin), slice(left - margin, right + margin)


def outside(array: np.ndarray, margin: int = 0) -> np.ndarray:
    """The pixels that are farther than ``margin`` from the mask."""
    kept = np.ones(array.shape[:2], dtype=bool)
    kept[inside(margin)] = False
    return array[kept]


def test_strength_0_gives_every_pixel_back(hal: Hal) -> None:
    run = hal(*SD15, "--init-image", "a.png", "--strength", "0", "-o", "x.png", "--json")
    assert pixels(hal.cwd / "x.png") == pixels(hal.cwd / "a.png")
    assert not codes(run) & SCALED


def test_strength_0_with_a_mask_gives_every_pixel_back(hal: Hal) -> None:
    hal(*SD15, "--init-image", "a.png", "--mask", "mask.png", "--strength", "0", "-o", "x.png")
    assert pixels(hal.cwd / "x.png") == pixels(hal.cwd / "a.png")


def test_more_strength_is_farther_from_the_picture(hal: Hal) -> None:
    hal("-p", "a green apple on a table", "-m", "doodle", "--size", "256", "--seed", "3", "-o", "apple.png")
    distances = []
    for strength in ("0", "0.2", "0.6", "1"):
        hal(
            "-p", "a blue ball", "-m", "doodle", "--seed", "4", "--init-image", "apple.png",
            "--strength", strength, "-o", "x.png",
        )  # fmt: skip
        difference = shown(hal.cwd / "x.png").astype(int) - shown(hal.cwd / "apple.png")
        distances.append(np.abs(difference).mean())
    assert distances[0] == 0
    assert distances == sorted(distances)
    assert len(set(distances)) == 4


@pytest.mark.parametrize("feather", ["0", "4", None])
def test_a_mask_protects_every_pixel_outside_and_nothing_inside(hal: Hal, feather: str | None) -> None:
    options = () if feather is None else ("--feather", feather)
    hal(*SD15, "--init-image", "a.png", "--mask", "mask.png", *options, "-o", "x.png")
    before, after = shown(hal.cwd / "a.png"), shown(hal.cwd / "x.png")
    margin = int(feather or 8)
    assert np.array_equal(outside(before, margin), outside(after, margin))
    changed = (before != after).any(axis=-1)
    assert changed[inside(-margin)].mean() > 0.95


def test_a_mask_in_the_alpha_channel(hal: Hal) -> None:
    with Image.open(hal.cwd / "a.png") as image, Image.open(hal.cwd / "mask.png") as mask:
        erased = image.convert("RGBA")
        erased.putalpha(mask.point(lambda value: 255 - value))
        erased.save(hal.cwd / "erased.png")
    for mask_file, name in (("mask.png", "white.png"), ("erased.png", "alpha.png")):
        hal(*SD15, "--init-image", "a.png", "--mask", mask_file, "-o", name)
    assert pixels(hal.cwd / "white.png") == pixels(hal.cwd / "alpha.png")


def test_outpaint_keeps_the_picture_and_adds_around_it(hal: Hal) -> None:
    run = hal(*SD15, "--init-image", "a.png", "--outpaint", "32,16,8,0", "-o", "x.png", "--json")
    after = shown(hal.cwd / "x.png")
    assert after.shape == (96, 136, 3)
    assert np.array_equal(after[16:, 32:128], shown(hal.cwd / "a.png"))
    added = after[:, :24].reshape(-1, 3)
    assert len(np.unique(added, axis=0)) > 10
    image = run.json["data"]["images"][0]
    assert (image["width"], image["height"]) == (136, 96)
    assert not codes(run) & SCALED


def test_a_photo_taken_upright_comes_out_upright(hal: Hal) -> None:
    photo = Image.new("RGB", (64, 96), "blue")  # as a viewer shows it: red above
    ImageDraw.Draw(photo).rectangle((0, 0, 64, 48), fill="red")
    exif = Image.Exif()
    exif[0x0112] = 6
    photo.transpose(Image.Transpose.ROTATE_90).save(hal.cwd / "photo.jpg", exif=exif, quality=95, subsampling=0)
    run = hal(*SD15, "--init-image", "photo.jpg", "--strength", "0", "-o", "x.png", "--json")
    after = shown(hal.cwd / "x.png").astype(int)
    assert after.shape == (96, 64, 3)
    assert np.abs(after[:40] - (255, 0, 0)).max() < 16
    assert np.abs(after[56:] - (0, 0, 255)).max() < 16
    assert not codes(run) & SCALED


@pytest.mark.parametrize("options", [(), ("--mask", "mask.png"), ("--outpaint", "0,32,0,0")])
def test_the_same_seed_makes_the_same_picture_and_another_one_another(hal: Hal, options: tuple[str, ...]) -> None:
    for name, seed in (("a1", "1"), ("b", "2"), ("a2", "1")):
        hal(*SD15, "--seed", seed, "--init-image", "a.png", *options, "-o", f"{name}.png")
    first, other, again = (pixels(hal.cwd / f"{name}.png") for name in ("a1", "b", "a2"))
    assert first == again
    assert first != other


def test_a_picture_that_was_changed_in_its_place_is_read_anew(hal: Hal) -> None:
    hal(*SD15, "--init-image", "a.png", "--strength", "0", "-o", "x.png")
    Image.new("RGB", (96, 80), "red").save(hal.cwd / "a.png")
    hal(*SD15, "--init-image", "a.png", "--strength", "0", "-o", "y.png")
    assert pixels(hal.cwd / "y.png") == pixels(hal.cwd / "a.png") != pixels(hal.cwd / "x.png")


def test_nothing_of_it_stays_with_the_engine(hal: Hal) -> None:
    hal(*SD15, "--init-image", "a.png", "--mask", "mask.png", "-o", "x.png")
    folder = Path(hal.engine()["folder"]) / "input"
    hal.wait_for(lambda: not any(folder.iterdir()))


def test_the_picture_says_what_it_began_with(hal: Hal) -> None:
    run = hal(*SD15, "--init-image", "a.png", "--mask", "mask.png", "--strength", "0.5", "-o", "x.png", "--json")
    own = json.loads(png.read_texts((hal.cwd / "x.png").read_bytes())[metadata.KEYWORD])
    init = own["request"]["init"]
    assert init == run.json["data"]["request"]["init"]
    assert init["image"]["path"] == str(hal.cwd / "a.png")
    assert (init["strength"], init["feather"], init["outpaint"]) == (0.5, 8, [0, 0, 0, 0])


def test_lines_of_a_batch_begin_with_pictures_of_their_own(hal: Hal) -> None:
    Image.new("RGB", (64, 64), "red").save(hal.cwd / "red.png")
    lines = [
        {"prompt": "x", "init_image": "a.png", "strength": 0},
        {"prompt": "x", "init_image": "red.png", "strength": 0},
        {"prompt": "x", "init_image": "a.png", "mask": "mask.png", "feather": 0},
        {"prompt": "x", "init_image": "red.png", "outpaint": "16,0,0,0"},
        {"prompt": "x", "init_image": "no.png"},
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    run = hal("batch", "-", *QUICK[:2], "--steps", "1", "-o", "{index}.png", stdin=text.encode(), code=6)
    results = [json.loads(line) for line in run.lines]
    assert [result["ok"] for result in results] == [True, True, True, True, False]
    assert results[-1]["error"]["code"] == "input_unreadable"
    assert pixels(hal.cwd / "1.png") == pixels(hal.cwd / "a.png")
    assert pixels(hal.cwd / "2.png") == pixels(hal.cwd / "red.png")
    assert np.array_equal(outside(shown(hal.cwd / "3.png")), outside(shown(hal.cwd / "a.png")))
    assert shown(hal.cwd / "4.png").shape == (64, 80, 3)


@pytest.mark.parametrize("file", ["no.png", "text.png"])
def test_nothing_is_written_where_the_picture_cannot_be_read(hal: Hal, file: str) -> None:
    (hal.cwd / "text.png").write_text("a red cube")
    run = hal(*SD15, "--init-image", file, "-o", "out/x.png", "--json", code=2)
    assert run.json["error"]["code"] == ("input_unreadable" if file == "no.png" else "input_not_a_picture")
    assert not (hal.cwd / "out").exists()


@pytest.fixture(scope="module")
def other_families(lent_models: Path) -> None:
    """FLUX's checkpoint is large on paper and small on disk."""
    folder = lent_models / "checkpoints"
    synthetic.write_sdxl(folder / CHECKPOINTS["sdxl"])
    synthetic.write_sd3(folder / CHECKPOINTS["sd35-medium"])
    synthetic.write_flux_checkpoint(folder / CHECKPOINTS["flux"])


@pytest.mark.usefixtures("other_families")
@pytest.mark.parametrize("model", CHECKPOINTS)
def test_every_family_begins_with_pictures(hal: Hal, model: str) -> None:
    options = ("--strength", "0.75", "--mask", "mask.png", "--outpaint", "16,0,0,16", "--feather", "0")
    hal("-p", "", "-m", model, "--steps", "1", "--seed", "5", "--init-image", "a.png", *options, "-o", "x.png")
    before, after = shown(hal.cwd / "a.png"), shown(hal.cwd / "x.png")
    assert after.shape == (96, 112, 3)
    assert np.array_equal(outside(after[:80, 16:]), outside(before))
    assert (after[:80, 16:][inside()] != before[inside()]).any(axis=-1).mean() > 0.95


def test_doodle_draws_on_a_picture(hal: Hal) -> None:
    """What the pictures show, judged by their pixels."""
    common = ("-m", "doodle", "--seed", "3")
    hal("-p", "a red ball on a white background", *common, "--size", "256", "-o", "red.png")
    assert judge(shown(hal.cwd / "red.png"), Expectation(("red",), "white")).ok
    hal("-p", "a green ball on a white background", *common, "--init-image", "red.png", "-o", "green.png")
    assert judge(shown(hal.cwd / "green.png"), Expectation(("green",), "white")).ok
    mask = Image.new("L", (256, 256), 0)
    mask.paste(255, (32, 32, 224, 224))
    mask.save(hal.cwd / "middle.png")
    hal(
        "-p", "a blue cube on a white background", *common, "--init-image", "red.png", "--mask", "middle.png",
        "-o", "blue.png",
    )  # fmt: skip
    assert judge(shown(hal.cwd / "blue.png"), Expectation(("blue",), "white")).ok
    hal(
        "-p",
        "a red ball on a white background",
        *common,
        "--init-image",
        "red.png",
        "--outpaint",
        "64,0,64,0",
        "-o",
        "wide.png",
    )
    assert judge(shown(hal.cwd / "wide.png"), Expectation(("red",), "white")).ok
