"""Pictures of every format through the whole tool."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from hal_image.host import picture_file
from hal_image.host.formats import FORMATS, SUFFIXES
from tests.world import QUICK, Hal, is_flat, pixels

pytestmark = pytest.mark.local_only("what a container could change of it is in test_together.py")

CALL = ("-p", "ein Würfel, 立方体 🤖", *QUICK, "--seed", "3")


def images(answer: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = answer["data"]["images"]
    return found


@pytest.mark.parametrize("suffix", [*SUFFIXES, ".WEBP"])
def test_the_suffix_says_what_a_picture_becomes(hal: Hal, suffix: str) -> None:
    run = hal(*CALL, "-o", f"x{suffix}", "--json")
    (image,) = images(run.json)
    raw = Path(image["path"]).read_bytes()
    assert (image["format"], image["width"], image["height"]) == (SUFFIXES[suffix.lower()], 64, 64)
    assert (image["bytes"], image["sha256"]) == (len(raw), hashlib.sha256(raw).hexdigest())
    with Image.open(image["path"]) as made:
        assert (made.format, made.size) == (image["format"].upper(), (64, 64))
    assert not is_flat(image["path"])
    info = hal("info", f"x{suffix}", "--json").json["data"]
    assert info["format"] == image["format"]
    assert info["hal8000"]["request"]["prompt"] == CALL[1]
    assert info["parameters"].startswith(CALL[1])
    assert info["graph"]["4"]["inputs"]["text"] == CALL[1]


def test_lossless_webp_has_the_pixels_of_the_png_and_a_low_quality_is_smaller(hal: Hal) -> None:
    hal(*CALL, "-o", "x.png")
    hal(*CALL, "-o", "lossless.webp", "--lossless")
    assert pixels(hal.cwd / "x.png") == pixels(hal.cwd / "lossless.webp")
    for suffix in ("webp", "jpg", "avif"):
        for quality in ("5", "95"):
            hal(*CALL, "-o", f"{quality}.{suffix}", "--quality", quality)
        low, high = ((hal.cwd / f"{quality}.{suffix}").stat().st_size for quality in ("5", "95"))
        assert low < high


def test_standard_output_and_made_up_names(hal: Hal) -> None:
    raw = hal(*CALL, "-o", "-", "--format", "webp").out
    assert picture_file.read(raw).format == "webp"
    with Image.open(io.BytesIO(raw)) as made:
        assert made.format == "WEBP"
    (line,) = hal(*CALL, "-o", "new/", "--format", "jpeg").lines
    assert Path(line).suffix == ".jpeg"
    assert picture_file.read(Path(line).read_bytes()).format == "jpeg"


def test_what_cannot_be_is_told_before_anything_starts(hal: Hal) -> None:
    for code, words in (
        ("output_invalid", ("-o", "x.gif")),
        ("output_invalid", ("-o", "x.png", "--format", "webp")),
        ("lossless_impossible", ("-o", "x.jpg", "--lossless")),
        ("picture_too_large", ("-o", "x.webp", "--size", "16384x64")),
    ):
        error = hal("-p", "x", "-m", "sd15", *words, "--json", "--dry-run", code=2).json["error"]
        assert error["code"] == code
    warnings = hal(*CALL, "-o", "x.png", "--quality", "50", "--json", "--dry-run").json["warnings"]
    assert [warning["code"] for warning in warnings if warning["code"] != "model_size_differs"] == [
        "parameter_without_effect"
    ]


def test_a_prompt_like_a_book_in_a_jpeg(hal: Hal) -> None:
    prompt = "a red cube, " * 2500
    run = hal("-p", prompt, *QUICK, "-o", "x.jpg", "--json")
    cut = [warning["details"] for warning in run.json["warnings"] if warning["code"] == "metadata_cut"]
    assert cut == [{"left_out": ["prompt", "parameters"]}]
    assert hal("info", "x.jpg", "--json").json["data"]["hal8000"]["request"]["prompt"] == prompt


def test_a_batch_has_formats_by_line_and_goes_on_with_all_of_them(hal: Hal) -> None:
    lines = [{"prompt": name, "output": f"x.{name}", "seed": 1} for name in FORMATS]
    (hal.cwd / "lines.jsonl").write_text("\n".join(json.dumps(line) for line in lines))
    call = ("batch", "lines.jsonl", *QUICK, "--quality", "70")
    before = set((Path(hal.environment["HAL_STATE_DIR"]) / "batches").glob("*.jsonl"))
    run = hal(*call)
    results = [json.loads(line) for line in run.lines]
    assert [result["images"][0]["format"] for result in results] == list(FORMATS)
    for result in results:
        told = "parameter_without_effect" in [warning["code"] for warning in result["warnings"]]
        assert told == (result["images"][0]["format"] == "png")
    # as if it had been killed after the pictures and before its notes of them
    (journal,) = {*(Path(hal.environment["HAL_STATE_DIR"]) / "batches").glob("*.jsonl")} - before
    records = [json.loads(line) for line in journal.read_text().splitlines()]
    journal.write_text("".join(json.dumps(record) + "\n" for record in records if "picture" not in record))
    again = [json.loads(line) for line in hal(*call, "--resume").lines]
    assert [result["resumed"] for result in again] == [True] * 4
    assert [result["images"] for result in again] == [result["images"] for result in results]
    journal.unlink()


def left_running(hal: Hal, *arguments: str) -> None:
    """Starts a call and kills it once its job runs."""
    process = hal.start("-p", "x", "-m", "sd15", "--size", "128", "--steps", "40", *arguments, "--jsonl")
    assert process.stdout is not None
    for raw in process.stdout:
        if json.loads(raw)["event"] == "running":
            break
    process.kill()
    process.communicate()


def test_a_picture_that_was_waited_for_becomes_what_its_name_says(hal: Hal) -> None:
    left_running(hal, "-o", "x.webp", "--quality", "40")
    (image,) = images(hal("wait", "--json").json)
    assert image["path"] == str(hal.cwd / "x.webp")
    assert picture_file.read((hal.cwd / "x.webp").read_bytes()).format == "webp"
    left_running(hal, "-o", "y.png")
    (image,) = images(hal("wait", "-o", "y.jpg", "--json").json)
    assert (image["format"], picture_file.read((hal.cwd / "y.jpg").read_bytes()).format) == ("jpeg", "jpeg")


def test_every_step_is_kept_where_somebody_wants_to_see_it(hal: Hal) -> None:
    call = ("-p", "a red cube", "-m", "sd15", "--size", "128x64", "--steps", "4", "--seed", "3")
    hal(*call, "-o", "plain.png")
    for folder in ("new/steps", "again"):  # the second time, ComfyUI remembers what it has sampled
        hal(*call, "-o", "x.png", "--stepwise", folder)
        names = sorted(path.name for path in (hal.cwd / folder).iterdir())
        assert names == [f"x-{step:05}.jpg" for step in (1, 2, 3, 4)]
        shown = [pixels(hal.cwd / folder / name) for name in names]
        assert len(set(shown)) == 4
        with Image.open(hal.cwd / folder / names[0]) as image:
            assert image.width == 2 * image.height
    assert pixels(hal.cwd / "x.png") == pixels(hal.cwd / "plain.png")
    engines = Path(hal.environment["HAL_STATE_DIR"]) / "engines"
    assert list(engines.rglob("step-*.jpg")) == []


def test_steps_of_several_pictures_and_of_a_picture_on_standard_output(hal: Hal) -> None:
    call = ("-p", "a red cube", "-m", "sd15", "--size", "64", "--steps", "2")
    hal(*call, "-b", "2", "-o", "x.webp", "--stepwise", "steps")
    raw = hal(*call, "-o", "-", "--stepwise", "steps").out
    assert picture_file.read(raw).format == "png"
    assert sorted(path.name for path in (hal.cwd / "steps").iterdir()) == sorted(
        f"{name}-{step:05}.jpg" for name in ("picture", "x-1", "x-2") for step in (1, 2)
    )
    (hal.cwd / "file").touch()
    error = hal(*call, "-o", "x.png", "--stepwise", "file", "--json", code=2).json["error"]
    assert error["code"] == "output_invalid"
