"""Pictures that are made larger, through the whole tool and real ComfyUI."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import requests
from PIL import Image

from hal_image import png
from hal_image.engine.comfyui_main import EXTRAS_ON_DEMAND
from hal_image.request import Hires
from hal_image.workflow import build, hires
from tests import synthetic
from tests.contract.graph_cases import CASES
from tests.contract.upscale_cases import graphs
from tests.world import QUICK, SD15, booted, pixels

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hal_image.host.engines.link import Link
    from hal_image.install.engine_env import EnginePaths
    from tests.world import Hal

pytestmark = pytest.mark.local_only("what a container could change of it is in test_together.py")

X4 = "synthetic-x4"
X2 = "synthetic-x2"
ABSENT = "a-file-that-no-server-has-"


@pytest.fixture(scope="module", autouse=True)
def _files(lent_models: Path) -> None:
    synthetic.write_upscaler(lent_models / "upscale_models" / f"{X4}.safetensors")
    synthetic.write_upscaler(lent_models / "upscale_models" / "more" / f"{X2}.safetensors", factor=2)


def make(hal: Hal, *arguments: str, name: str = "x.png") -> dict[str, Any]:
    """The answer of a call that makes one picture of sd15."""
    answer = hal("-p", "a robot", *QUICK, "--seed", "7", "-o", name, *arguments, "--json").json
    assert answer["ok"], answer
    assert {warning["code"] for warning in answer["warnings"]} <= {"running_on_cpu", "model_size_differs"}
    return answer


def size(answer: dict[str, Any]) -> tuple[int, int]:
    """Of the one picture: as told, and as it is."""
    (image,) = answer["data"]["images"]
    with Image.open(image["path"]) as picture:
        assert (image["width"], image["height"]) == picture.size
    return image["width"], image["height"]


def values(path: Path) -> NDArray[np.int16]:
    with Image.open(path) as picture:
        return np.asarray(picture).astype(np.int16)


@pytest.mark.parametrize(
    ("arguments", "expected", "facts"),
    [
        (("--upscale", "4"), (256, 256), ("model", f"more/{X2}", 2)),
        (("--upscale", f"4:{X4}"), (256, 256), ("model", X4, 4)),
        (("--upscale", f"2:{X4}"), (128, 128), ("model", X4, 4)),
        (("--upscale", f"2:{X2}"), (128, 128), ("model", f"more/{X2}", 2)),
        (("--upscale", "2:lanczos"), (128, 128), ("lanczos", None, None)),
        (("--hires", "1.5"), (96, 96), None),
        (("--hires", "1.3:0.9", "--upscale", f"4:{X4}"), (320, 320), ("model", X4, 4)),
    ],
)
def test_sizes_are_exactly_those_asked_for(
    hal: Hal, arguments: tuple[str, ...], expected: tuple[int, int], facts: Any
) -> None:
    answer = make(hal, *arguments)
    assert size(answer) == expected
    request = answer["data"]["request"]
    assert (request["width"], request["height"]) == (64, 64)
    told = request.get("upscale")
    assert (told and (told["method"], told["model"], told["factor"])) == facts
    roles = [file["role"] for file in answer["data"]["model"]["files"]]
    assert roles == ["checkpoint", *(["upscale_model"] if facts is not None and facts[1] else [])]


def test_an_upscale_model_makes_other_pixels_than_resampling(hal: Hal) -> None:
    for name in (X4, X2, "lanczos"):
        make(hal, "--upscale", f"4:{name}", name=f"{name}.png")
    assert len({pixels(hal.cwd / f"{name}.png") for name in (X4, X2, "lanczos")}) == 3


def test_resampling_is_lanczos_and_nothing_else_changes(hal: Hal) -> None:
    make(hal, name="plain.png")
    make(hal, "--upscale", "2:lanczos", name="larger.png")
    with Image.open(hal.cwd / "plain.png") as plain:
        expected = plain.convert("RGB").resize((128, 128), Image.Resampling.LANCZOS)
    assert pixels(hal.cwd / "larger.png") == expected.tobytes()


def test_a_second_sampling_is_new_and_the_same_each_time(hal: Hal) -> None:
    for name in ("one.png", "two.png"):
        make(hal, "--hires", "2", name=name)
    make(hal, "--hires", "2", "--seed", "8", name="seed.png")
    make(hal, "--hires", "2:0.9", name="denoise.png")
    make(hal, "--upscale", "2:lanczos", name="resampled.png")
    assert pixels(hal.cwd / "one.png") == pixels(hal.cwd / "two.png")
    others = ("seed.png", "denoise.png", "resampled.png")
    assert len({pixels(hal.cwd / name) for name in ("one.png", *others)}) == 4


def test_what_the_picture_says_makes_it_again(hal: Hal) -> None:
    answer = make(hal, "--hires", "1.5:0.4", "--upscale", f"2:{X4}")
    told = hal("info", "x.png", "--json").json["data"]
    request = {name: value for name, value in answer["data"]["request"].items() if name != "count"}
    assert told["hal8000"]["request"] == request
    assert (told["width"], told["height"]) == (192, 192)
    assert "Size: 64x64, Denoising strength: 0.4, Hires upscale: 1.5, " in told["parameters"]
    assert f"Postprocess upscale by: 2, Postprocess upscaler: {X4}, " in told["parameters"]


def test_a_line_of_a_batch_has_both(hal: Hal) -> None:
    line = {"prompt": "a robot", "seed": 7, "hires": "1.5:0.4", "upscale": 2, "output": "line.png"}
    run = hal("batch", "-", *QUICK, "--json", stdin=json.dumps(line).encode())
    assert run.json["ok"], run
    make(hal, "--hires", "1.5:0.4", "--upscale", "2", name="single.png")
    assert pixels(hal.cwd / "line.png") == pixels(hal.cwd / "single.png")


def test_a_mask_protects_in_the_larger_size(hal: Hal) -> None:
    gradient = Image.linear_gradient("L").resize((64, 64)).convert("RGB")
    gradient.save(hal.cwd / "init.png")
    mask = Image.new("L", (64, 64), 0)
    mask.paste(255, (0, 0, 24, 64))
    mask.save(hal.cwd / "mask.png")
    answer = make(hal, "--init-image", "init.png", "--mask", "mask.png", "--feather", "0", "--hires", "2")
    assert size(answer) == (128, 128)
    made = values(hal.cwd / "x.png")
    expected = np.asarray(gradient.resize((128, 128), Image.Resampling.LANCZOS)).astype(np.int16)
    assert (made[:, 50:] == expected[:, 50:]).all()
    assert (made[:, :46] != expected[:, :46]).mean() > 0.5


def test_the_command_does_what_the_option_does(hal: Hal) -> None:
    """But for the rounding to eight bits in between, which the model makes more of."""
    make(hal, name="plain.png")
    make(hal, "--upscale", f"2:{X4}", name="option.png")
    answer = hal("upscale", "plain.png", "--upscaler", X4, "--json").json
    assert size(answer) == (128, 128)
    assert answer["data"]["images"][0]["path"] == str(hal.cwd / "plain-2x.png")
    assert answer["data"]["upscale"]["model"] == X4
    assert np.abs(values(hal.cwd / "option.png") - values(hal.cwd / "plain-2x.png")).mean() < 2
    before, after = (png.read_texts((hal.cwd / name).read_bytes()) for name in ("plain.png", "plain-2x.png"))
    assert (after["parameters"], after["prompt"]) == (before["parameters"], before["prompt"])
    told = hal("info", "plain-2x.png", "--json").json["data"]
    assert told["hal8000"]["request"] == json.loads(before["hal8000"])["request"]
    assert told["hal8000"]["upscaled"][0]["from_sha256"] == answer["data"]["source"]["sha256"]
    assert f"Postprocess upscaler: {X4}" in told["postprocessing"]


def test_a_photograph_of_another_program(hal: Hal) -> None:
    image = Image.linear_gradient("L").resize((90, 60)).convert("RGB")
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(hal.cwd / "photo.jpg", quality=95, exif=exif)
    run = hal("upscale", "photo.jpg", "--scale", "4", "--upscaler", "lanczos", "-o", "large/{model}.png")
    assert run.lines == [str(hal.cwd / "large" / "lanczos.png")]
    with Image.open(run.lines[0]) as large:
        assert (large.size, large.mode) == ((240, 360), "RGB")
        with Image.open(hal.cwd / "photo.jpg") as photo:
            turned = photo.transpose(Image.Transpose.ROTATE_270)
        expected = turned.resize(large.size, Image.Resampling.LANCZOS)
        assert large.tobytes() == expected.tobytes()
    shown = hal("info", run.lines[0]).out.decode()
    assert "Postprocess upscale by: 4, Postprocess upscaler: Lanczos" in shown


@pytest.mark.parametrize("upscaler", [X4, "lanczos"])
def test_transparency_stays(hal: Hal, upscaler: str) -> None:
    image = Image.new("RGBA", (40, 24), (200, 30, 40, 255))
    image.paste((0, 0, 0, 0), (0, 0, 20, 24))
    image.save(hal.cwd / "half.png")
    answer = hal("upscale", "half.png", "--upscaler", upscaler, "--json").json
    assert (size(answer), answer["data"]["source"]["alpha"]) == ((80, 48), True)
    alpha = values(hal.cwd / "half-2x.png")[:, :, 3]
    assert (alpha[:, :39] == 0).all()
    assert (alpha[:, 41:] == 255).all()


def test_tiles_cannot_be_seen(hal: Hal) -> None:
    """ComfyUI gives the model tiles of 512 pixels. What the model makes of a pixel depends on its surroundings only, so
    two halves, each with some of the other and none larger than a tile, are what the whole is; all but exactly where
    two tiles are mixed, since at its edge a tile knows nothing of what is beyond. Noise is the worst that there is.
    """
    noise = np.random.default_rng(7).integers(0, 256, (40, 640, 3), dtype=np.uint8)
    halves = {"left": (0, 340), "right": (300, 640)}
    Image.fromarray(noise).save(hal.cwd / "whole.png")
    for name, (begin, end) in halves.items():
        Image.fromarray(noise[:, begin:end]).save(hal.cwd / f"{name}.png")
    for name in ("whole", *halves):
        hal("upscale", f"{name}.png", "--upscaler", X4, "--scale", "4")
    whole, left, right = (values(hal.cwd / f"{name}-4x.png") for name in ("whole", *halves))
    single = np.concatenate([left[:, : 320 * 4], right[:, 20 * 4 :]], axis=1)
    assert whole.shape == single.shape == (160, 2560, 3)
    difference = np.abs(whole - single)
    assert difference.max() <= 8
    assert (difference > 1).mean() < 0.005
    assert whole.std() > 1


def test_an_autoencoder_in_tiles_makes_nearly_the_same(hal: Hal, link: Link, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hires, "TILE", 128)
    monkeypatch.setattr(hires, "OVERLAP", 32)
    case = CASES["sd15"]
    request = case.request._replace(
        width=64, height=64, steps=1, seed=7, hires=Hires(4.0), sampler="euler", scheduler="normal"
    )
    pictures = []
    for limit in (hires.TILED_ABOVE, 0):
        monkeypatch.setattr(hires, "TILED_ABOVE", limit)
        graph = build(request, case.model, {"checkpoint": SD15})
        assert ("VAEDecodeTiled" in {node["class_type"] for node in graph.nodes.values()}) == (limit == 0)
        pictures.append(values(run(hal, link, graph.to_prompt())))
    whole, tiled = pictures
    assert whole.shape == tiled.shape == (256, 256, 3)
    assert np.abs(whole - tiled).mean() < 1


def run(hal: Hal, link: Link, graph: dict[str, Any]) -> Path:
    """Runs a graph on the engine; the picture that came of it."""
    job = str(uuid.uuid4())
    link.send(op="submit", job=job, graph=graph, keep_alive_s=300)
    event: dict[str, Any] = hal.wait_for(lambda: next_end(link, job), 120)
    assert event["event"] == "done", event
    return Path(str(hal.engine()["folder"])) / "output" / str(event["images"][0])


def next_end(link: Link, job: str) -> dict[str, Any] | None:
    event = link.next(1.0)
    return event if event is not None and event.get("job") == job and event["event"] in {"done", "failed"} else None


def test_one_that_is_elsewhere(hal: Hal, tmp_path: Path) -> None:
    synthetic.write_upscaler(tmp_path / "mine.safetensors", seed="mine")
    answer = make(hal, "--upscale", "2:./mine.safetensors")
    (tmp_path / "mine.safetensors").unlink()
    again = make(hal, "--upscale", f"2:{answer['data']['request']['upscale']['model']}", name="again.png")
    assert size(answer) == size(again) == (128, 128)
    assert pixels(hal.cwd / "x.png") == pixels(hal.cwd / "again.png")


def test_what_cannot_be_is_refused_and_nothing_is_written(hal: Hal) -> None:
    Image.new("RGB", (4100, 8)).save(hal.cwd / "long.png")
    calls = {
        ("-p", "x", *QUICK, "--upscale", "2:4x-none"): (4, "extra_missing"),
        ("upscale", "long.png", "--scale", "4"): (2, "size_too_large"),
        ("upscale", "none.png"): (2, "input_unreadable"),
        ("upscale", "long.png", "--upscaler", "none"): (4, "extra_missing"),
        ("upscale", "long.png", "--upscaler", SD15): (4, "extra_missing"),
        ("upscale", "long.png", "-o", "x.gif"): (2, "output_invalid"),
    }
    for words, expected in calls.items():
        run = hal(*words, "--json", code=None)
        assert (run.code, run.json["error"]["code"]) == expected
    assert [path.name for path in hal.cwd.iterdir()] == ["long.png"]


def test_bytes_on_standard_output(hal: Hal) -> None:
    Image.new("RGB", (8, 8), (1, 2, 3)).save(hal.cwd / "small.png")
    run = hal("upscale", "small.png", "--upscaler", "lanczos", "-o", "-")
    assert png.size(run.out) == (16, 16)


def test_time_that_is_up_leaves_nothing(hal: Hal) -> None:
    hal("serve")
    noise = np.random.default_rng(7).integers(0, 256, (2000, 2000, 3), dtype=np.uint8)
    Image.fromarray(noise).save(hal.cwd / "large.png")
    run = hal("upscale", "large.png", "--upscaler", X4, "--timeout", "2", "--json", code=5)
    error = run.json["error"]
    assert (error["code"], error["details"]["verdict"], error["retryable"]) == ("timeout", "timed_out", True)
    hal.wait_until_idle()
    assert [job for job in hal("jobs", "--json").json["data"]["jobs"] if job["state"] != "ended"] == []
    assert [path.name for path in hal.cwd.iterdir()] == ["large.png"]
    folder = Path(hal.engine()["folder"])
    hal.wait_for(lambda: not [*(folder / "output").rglob("*.png"), *(folder / "input").rglob("*.png")])


@pytest.mark.parametrize("name", graphs())
def test_the_server_objects_to_nothing_but_the_absent_files(comfyui_url: str, name: str) -> None:
    prompt = graphs(ABSENT)[name].to_prompt()
    response = requests.post(f"{comfyui_url}/prompt", json={"prompt": prompt}, timeout=60)
    assert response.status_code == 400, response.text
    errors = [
        (node["class_type"], error["type"])
        for node in response.json()["node_errors"].values()
        for error in node["errors"]
    ]
    allowed = {"value_not_in_list", "custom_validation_failed"}
    assert {kind for _, kind in errors} <= allowed
    assert {cls for cls, _ in errors} <= {
        "CheckpointLoaderSimple", "UNETLoader", "DualCLIPLoader", "TripleCLIPLoader", "VAELoader", "LoadImage",
        "LoadImageMask", "UpscaleModelLoader", "LoraLoader", "LoraLoaderModelOnly", "ControlNetLoader",
    }  # fmt: skip


def test_only_the_pack_that_is_needed_is_loaded(installed: EnginePaths, models_dir: Path, tmp_path: Path) -> None:
    with booted(installed, models_dir, tmp_path) as url:
        requests.post(f"{url}/prompt", json={"prompt": graphs(ABSENT)["upscale-exact"].to_prompt()}, timeout=60)
        info = requests.get(f"{url}/object_info", timeout=60).json()
    pack = EXTRAS_ON_DEMAND["UpscaleModelLoader"]
    assert {name for name in EXTRAS_ON_DEMAND if name in info} == {
        name for name, of in EXTRAS_ON_DEMAND.items() if of == pack
    }


def test_a_folder_of_models_that_has_gone_takes_no_node_with_it(installed: EnginePaths, tmp_path: Path) -> None:
    folder = tmp_path / "models" / "upscale_models"
    synthetic.write_upscaler(folder / "one.safetensors")
    with booted(installed, tmp_path / "models", tmp_path / "engine") as url:
        requests.post(f"{url}/prompt", json={"prompt": graphs(ABSENT)["upscale-exact"].to_prompt()}, timeout=60)
        assert "UpscaleModelLoader" in requests.get(f"{url}/object_info", timeout=60).json()
        (folder / "one.safetensors").unlink()
        folder.rmdir()
        assert "UpscaleModelLoader" in requests.get(f"{url}/object_info", timeout=60).json()


def test_doodle_larger(hal: Hal) -> None:
    answer = hal(
        "-p", "a red cube", "-m", "doodle", "--size", "128", "--steps", "2", "--hires", "2", "--upscale", "2:lanczos",
        "-o", "cube.png", "--json",
    ).json  # fmt: skip
    assert size(answer) == (512, 512)
