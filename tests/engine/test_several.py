"""Several pictures of one call: made at once, each is what it would be alone, and none of them is lost."""

from __future__ import annotations

import json
import signal
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from hal_image.host import metadata, picture_file
from tests import synthetic
from tests.world import LIMIT_S, QUICK, SLOW, Hal, pixels

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.local_only("the engine is the same in a container; what could differ is in test_together.py")

SMALL = ("-p", "a red cube", "--size", "64", "--steps", "3", "--seed", "5")
SD15 = (*SMALL, "--model", "sd15")
SOME_SECONDS = ("-p", "x", "--model", "sd15", "--size", "128", "--steps", "30", "--seed", "5")
ROUNDED = 1
"""How much of 255 a processor rounds otherwise where it computes several at once."""


@pytest.fixture(scope="module")
def families(lent_models: Path) -> None:
    synthetic.write_sdxl(lent_models / "checkpoints" / "sd_xl_base_1.0.safetensors")
    synthetic.write_sd3(lent_models / "checkpoints" / "sd3.5_medium_incl_clips_t5xxlfp8scaled.safetensors")
    synthetic.write_flux_checkpoint(lent_models / "checkpoints" / "flux1-dev-fp8.safetensors")


@pytest.fixture
def given(hal: Hal) -> None:
    """A picture to begin with, and a mask whose middle is white."""
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(hal.cwd / "a.png")
    mask = Image.new("L", (64, 64), 0)
    ImageDraw.Draw(mask).rectangle((16, 16, 47, 47), fill=255)
    mask.save(hal.cwd / "mask.png")


def shown(path: Path) -> np.ndarray:
    """A picture as int [height, width, 3]."""
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def told(path: Path) -> dict[str, Any]:
    """What a picture says of itself."""
    own = picture_file.read(path.read_bytes()).json(metadata.KEYWORD)
    assert own is not None
    return own


def made(hal: Hal, name: str, *options: str, count: int) -> list[Path]:
    """The pictures of one call."""
    run = hal(*options, "--count", str(count), "-o", f"{name}.png", "--json")
    images = run.json["data"]["images"]
    assert [image["path"] for image in images] == [str(hal.cwd / f"{name}-{n}.png") for n in range(1, count + 1)]
    return [hal.cwd / f"{name}-{n}.png" for n in range(1, count + 1)]


# -- what they are ----------------------------------------------------------------------------------------------------


def test_four_at_once_are_what_four_calls_make(hal: Hal) -> None:
    several = made(hal, "several", *SD15, "--batch-size", "4", count=4)
    for position, path in enumerate(several, start=1):
        seed = 4 + position
        hal(*SD15[:-4], "--model", "sd15", "--seed", str(seed), "-o", "alone.png")
        alone = hal.cwd / "alone.png"
        assert abs(shown(path) - shown(alone)).max() <= ROUNDED
        assert told(path).pop("batch") == {"seeds": [5, 6, 7, 8], "position": position}
        own, other = told(path), told(alone)
        del own["batch"]
        assert own == other
        texts = [picture_file.read(file.read_bytes()).texts for file in (path, alone)]
        assert texts[0]["prompt"] == texts[1]["prompt"], "the graph of one picture, with its own seed"
        assert texts[0]["parameters"] == texts[1]["parameters"]


def test_a_processor_makes_one_after_the_other_with_the_same_pixels(hal: Hal) -> None:
    for position, path in enumerate(made(hal, "several", *SD15, count=3)):
        hal(*SD15[:-4], "--model", "sd15", "--seed", str(5 + position), "-o", "alone.png")
        assert pixels(path) == pixels(hal.cwd / "alone.png")
        assert "batch" not in told(path)


@pytest.mark.usefixtures("given")
@pytest.mark.parametrize(
    "options",
    [
        ("--sampler", "euler_ancestral"),
        ("--sampler", "dpmpp_2m_sde", "--scheduler", "karras"),
        ("--sampler", "dpmpp_sde"),
        ("--sampler", "lcm"),
        ("--sampler", "dpm_adaptive"),
        ("--sampler", "ddim"),
        ("--sampler", "uni_pc"),
        ("--init-image", "a.png", "--strength", "0.6"),
        ("--init-image", "a.png", "--mask", "mask.png", "--feather", "0"),
        ("--init-image", "a.png", "--mask", "mask.png", "--sampler", "ddim"),
        ("--init-image", "a.png", "--mask", "mask.png", "--sampler", "euler_ancestral", "--hires", "1.5"),
        ("--init-image", "a.png", "--strength", "0"),
        ("--init-image", "a.png", "--outpaint", "32,0,0,32"),
        ("--hires", "1.5", "--sampler", "euler_ancestral"),
        ("--hires", "1.5", "--upscale", "2"),
    ],
    ids=" ".join,
)
def test_at_once_and_one_after_the_other_are_the_same(hal: Hal, options: tuple[str, ...]) -> None:
    call = tuple(word for word in SD15 if not ("--init-image" in options and word in {"--size", "64"}))
    together = made(hal, "together", *call, *options, "--batch-size", "3", count=3)
    singly = made(hal, "singly", *call, *options, "--batch-size", "1", count=3)
    for one, other in zip(together, singly, strict=True):
        assert abs(shown(one) - shown(other)).max() <= ROUNDED
    if options[-2:] != ("--strength", "0"):
        assert abs(shown(singly[0]) - shown(singly[1])).max() > 20 * ROUNDED
    if "--feather" in options:
        kept = np.ones((64, 64), dtype=bool)
        kept[16:48, 16:48] = False
        assert all((shown(one)[kept] == shown(hal.cwd / "a.png")[kept]).all() for one in together)


@pytest.mark.usefixtures("families")
@pytest.mark.parametrize("model", ["sdxl", "sd35-medium", "doodle", "flux"])
def test_every_family(hal: Hal, model: str) -> None:
    # FLUX has its prompt read once: its text encoder takes a processor half a minute
    call = ("--prompt=", "--model", model, "--size", "64", "--steps", "2", "--seed", "5")
    together = made(hal, "together", *call, "--batch-size", "2", count=2)
    singly = made(hal, "singly", *call, count=2)
    for one, other in zip(together, singly, strict=True):
        assert abs(shown(one) - shown(other)).max() <= ROUNDED
    assert [told(one)["batch"]["position"] for one in together] == [1, 2]


def test_a_loop_of_smaller_batches(hal: Hal) -> None:
    paths = made(hal, "x", *SD15, "--batch-size", "2", count=5)
    batches = [told(path).get("batch") for path in paths]
    assert [batch and batch["seeds"] for batch in batches] == [[5, 6], [5, 6], [7, 8], [7, 8], None]


# -- made again -------------------------------------------------------------------------------------------------------


def test_one_of_several_is_made_again_pixel_by_pixel(hal: Hal) -> None:
    third = made(hal, "x", *SD15, "--batch-size", "4", count=4)[2]
    run = hal("--from-image", str(third), "-o", "again.png", "--json")
    assert (len(run.json["data"]["images"]), run.json["data"]["images"][0]["seed"]) == (1, 7)
    assert not {warning["code"] for warning in run.json["warnings"]} & {"remake_differs"}
    assert pixels(hal.cwd / "again.png") == pixels(third)
    assert told(hal.cwd / "again.png")["batch"] == told(third)["batch"]
    assert sorted(path.name for path in hal.cwd.glob("*.png")) == ["again.png", *(f"x-{n}.png" for n in range(1, 5))]
    hal("--from-image", "again.png", "-o", "twice.webp", "--lossless")
    assert pixels(hal.cwd / "twice.webp") == pixels(third)


@pytest.mark.parametrize("other", [("--steps", "4"), ("--batch-size", "1"), ("--seed", "9")], ids=" ".join)
def test_what_is_not_the_same_picture_is_made_alone(hal: Hal, other: tuple[str, ...]) -> None:
    first = made(hal, "x", *SD15, "--batch-size", "2", count=2)[0]
    hal("--from-image", str(first), *other, "-o", "other.png")
    assert "batch" not in told(hal.cwd / "other.png")


# -- told as they come ------------------------------------------------------------------------------------------------


def test_each_is_told_as_if_it_were_alone(hal: Hal) -> None:
    # seeds of no other test: ComfyUI samples nothing, and tells of no step, for a picture that it has made before
    lines = hal(*SOME_SECONDS, "--seed", "905", "--count", "5", "--batch-size", "2", "-o", "x.png", "--jsonl").jsonl
    events = [line for line in lines if "event" in line]
    assert [line["index"] for line in events if line["event"] == "saved"] == [1, 2, 3, 4, 5]
    assert [line["seed"] for line in events if line["event"] == "saved"] == [905, 906, 907, 908, 909]
    assert [line["index"] for line in events if line["event"] == "done"] == [1, 2, 3, 4, 5]
    steps = [(line["index"], line["pictures"]) for line in events if line["event"] == "progress"]
    assert list(dict.fromkeys(steps)) == [(1, 2), (3, 2), (5, 1)]
    assert sum(line["event"] == "queued" for line in events) == 1, "one job"
    data = lines[-1]["data"]
    assert [image["seed"] for image in data["images"]] == [905, 906, 907, 908, 909]
    assert data["request"]["count"] == 5


def test_steps_are_shown_of_each(hal: Hal) -> None:
    hal(*SD15, "--count", "2", "--batch-size", "2", "--stepwise", "steps", "-o", "x.png")
    found = sorted(path.name for path in (hal.cwd / "steps").iterdir())
    assert found == [f"x-{picture}-0000{step}.jpg" for picture in (1, 2) for step in (1, 2, 3)]
    assert "batch" not in told(hal.cwd / "x-1.png")


def test_seeds_of_a_grid_are_made_at_once(hal: Hal) -> None:
    small = ("-p", "x", "--model", "sd15", "--size", "64", "--batch-size", "3")
    data = hal(*small, "--vary", "steps=1,2", "--vary", "seed=4..6", "-o", "x.png", "--json").json["data"]
    assert [image["varied"] for image in data["images"]] == [
        {"steps": steps, "seed": seed} for seed in (4, 5, 6) for steps in (1, 2)
    ]
    for image in data["images"]:
        own = told(Path(image["path"]))
        assert (own["batch"]["seeds"], own["request"]["seed"]) == ([4, 5, 6], image["varied"]["seed"])
        assert own["request"]["steps"] == image["varied"]["steps"]
    assert (hal.cwd / "x-grid.png").exists()


# -- lines of a batch -------------------------------------------------------------------------------------------------


def test_lines_that_differ_in_the_seed_alone_are_made_at_once(hal: Hal) -> None:
    lines: list[dict[str, Any]] = [
        {"prompt": "red", "seed": 1}, {"prompt": "red", "seed": 2, "id": "two"}, {"prompt": "blue", "seed": 1},
        {"prompt": "red", "seed": 7, "count": 3}, {"prompt": "red", "seed": 4, "steps": 2},
    ]  # fmt: skip
    (hal.cwd / "lines.jsonl").write_text("\n".join(json.dumps(line) for line in lines))
    run = hal("batch", "lines.jsonl", *QUICK, "--batch-size", "4", "-o", "{index}-{seed}.png")
    results = [json.loads(line) for line in run.lines]
    assert [(one["line"], one["id"], one["ok"]) for one in results] == [
        (1, None, True), (2, "two", True), (3, None, True), (4, None, True), (5, None, True),
    ]  # fmt: skip
    assert [[image["seed"] for image in one["images"]] for one in results] == [[1], [2], [1], [7, 8, 9], [4]]
    batches = {path.stem: told(path).get("batch", {}).get("seeds") for path in hal.cwd.glob("*.png")}
    assert batches == {
        "1-1": [1, 2], "2-2": [1, 2], "3-1": None, "4-7": [7, 8, 9], "4-8": [7, 8, 9], "4-9": [7, 8, 9], "5-4": None,
    }  # fmt: skip
    assert told(hal.cwd / "2-2.png")["request"]["seed"] == 2


def test_a_batch_that_was_killed_goes_on_with_what_is_missing(hal: Hal) -> None:
    (hal.cwd / "lines.jsonl").write_text('{"prompt": "x", "seed": 5, "count": 4}\n')
    words = ("batch", "lines.jsonl", *SOME_SECONDS[2:-2], "-o", "x.png")
    process = hal.start(*words)
    hal.wait_for(lambda: list(hal.cwd.glob("x-1-1.png")))
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=LIMIT_S)
    hal.wait_until_idle()
    there = {path: path.stat().st_mtime_ns for path in hal.cwd.glob("*.png")}
    assert 1 <= len(there) < 4
    run = hal(*words, "--resume")
    (result,) = [json.loads(line) for line in run.lines]
    assert [image["seed"] for image in result["images"]] == [5, 6, 7, 8]
    assert {path: path.stat().st_mtime_ns for path in there} == there


# -- when something is in the way -------------------------------------------------------------------------------------


@contextmanager
def first_of_four(hal: Hal, *options: str) -> Iterator[tuple[Any, str]]:
    """A call that has brought the first of four pictures, and its job."""
    hal("serve")
    process = hal.start(*SOME_SECONDS, "--count", "4", "-o", "x.png", "--jsonl", *options)
    assert process.stdout is not None
    job = ""
    for line in process.stdout:
        event = json.loads(line)
        job = event.get("job", job)
        if event.get("event") == "saved":
            break
    yield process, job
    if process.poll() is None:
        process.communicate(timeout=LIMIT_S)


def names(hal: Hal) -> list[str]:
    return sorted(path.name for path in hal.cwd.iterdir())


def test_a_killed_call_keeps_what_it_has_and_wait_brings_the_rest(hal: Hal) -> None:
    with first_of_four(hal, "--no-clobber") as (process, job):
        process.kill()
        process.communicate()
    before = {path: path.stat().st_mtime_ns for path in hal.cwd.glob("*.png")}
    assert 1 <= len(before) < 4
    listed = {one["job"]: one for one in hal("jobs", "--json").json["data"]["jobs"]}
    assert listed[job]["pictures"] == 4
    data = hal("wait", job, "--json").json["data"]
    assert [image["path"] for image in data["images"]] == [str(hal.cwd / f"x-{n}.png") for n in range(1, 5)]
    assert [image["seed"] for image in data["images"]] == [5, 6, 7, 8]
    assert data["request"]["count"] == 4
    assert {path: path.stat().st_mtime_ns for path in before} == before, "not written a second time"
    again = hal("wait", job, "-o", "again.webp", "--json").json["data"]
    assert [image["path"] for image in again["images"]] == [str(hal.cwd / f"again-{n}.webp") for n in range(1, 5)]


def test_after_a_timeout_wait_brings_the_rest(hal: Hal) -> None:
    hal("serve")
    hal(*SOME_SECONDS, "-o", "warm.png")
    call = (*SLOW, "-p", "x", "--count", "3", "--batch-size", "3", "-o", "x.png")
    process = hal.start(*call, "--timeout", "3", "--json")
    out, _ = process.communicate(timeout=LIMIT_S)
    answer = json.loads(out)
    details = answer["error"]["details"]
    assert (process.returncode, answer["data"]["images"]) == (5, [])
    assert (len(details["jobs"]), details["to_come"], details["not_begun"]) == (1, 3, 0)
    assert hal("jobs", "cancel", *details["jobs"], "--json").json["data"]["jobs"][0]["verdict"] == "interrupted"
    hal.wait_until_idle()
    assert names(hal) == ["warm.png"]


def test_ctrl_c_keeps_what_is_there_and_takes_back_the_rest(hal: Hal) -> None:
    with first_of_four(hal) as (process, job):
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=LIMIT_S)
    answer = json.loads(out.splitlines()[-1])
    assert (process.returncode, answer["error"]["code"]) == (130, "interrupted")
    assert [f"x-{n}.png" for n in range(1, len(answer["data"]["images"]) + 1)] == names(hal)
    assert 1 <= len(names(hal)) < 4
    hal.wait_until_idle()
    listed = {one["job"]: one for one in hal("jobs", "--json").json["data"]["jobs"]}
    assert listed[job]["verdict"] == "interrupted"
    assert not any((engine_folder(hal) / "output").iterdir())


def engine_folder(hal: Hal) -> Path:
    return Path(hal.engine()["folder"])


def test_a_job_of_several_is_taken_back(hal: Hal) -> None:
    process = hal.start(*SLOW, "-p", "x", "--count", "3", "--batch-size", "3", "-o", "x.png", "--json")
    hal.wait_until_busy()
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=LIMIT_S)
    assert (process.returncode, json.loads(out)["data"]["images"]) == (130, [])
    hal.wait_until_idle()
    assert names(hal) == []


def test_a_file_in_the_way_costs_only_its_own_picture(hal: Hal) -> None:
    hal("serve")
    with first_of_four(hal, "--no-clobber") as (process, job):
        (hal.cwd / "x-3.png").write_bytes(b"mine")
        out, _ = process.communicate(timeout=LIMIT_S)
    answer = json.loads(out.splitlines()[-1])
    assert (process.returncode, answer["error"]["code"]) == (2, "output_exists")
    assert answer["error"]["details"]["jobs"] == [job]
    assert [image["seed"] for image in answer["data"]["images"]] == [5, 6, 8]
    data = hal("wait", job, "-o", "there/", "--json").json["data"]
    assert [image["seed"] for image in data["images"]] == [5, 6, 7, 8]
    assert (hal.cwd / "x-3.png").read_bytes() == b"mine"
