"""Pictures through the whole tool: command line, engine, real ComfyUI, files."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
from pathlib import Path

import pytest
from PIL import Image

from tests import synthetic
from tests.world import QUICK, Hal, identity, is_flat, pixels


def test_a_plain_call_prints_one_line_which_is_the_file(hal: Hal) -> None:
    run = hal("--prompt", "a red cube", *QUICK, "--output", "data/images/robot.png")
    target = hal.cwd / "data" / "images" / "robot.png"
    assert run.out == f"{target}\n".encode()
    assert target.is_file()
    assert [entry.name for entry in target.parent.iterdir()] == ["robot.png"]


@pytest.fixture(scope="module")
def all_models(lent_models: Path) -> None:
    """The other families' checkpoints; FLUX's are large on paper and small on disk."""
    synthetic.write_sdxl(lent_models / "checkpoints" / "sd_xl_base_1.0.safetensors")
    synthetic.write_sd3(lent_models / "checkpoints" / "sd3.5_medium_incl_clips_t5xxlfp8scaled.safetensors")
    synthetic.write_flux_checkpoint(lent_models / "checkpoints" / "flux1-dev-fp8.safetensors")
    synthetic.write_flux_parts(lent_models)


@pytest.mark.usefixtures("all_models")
@pytest.mark.parametrize("model", ["sd15", "sdxl", "sd35-medium", "flux", "flux-dev-fp16"])
def test_every_family_makes_a_picture_of_the_asked_size(hal: Hal, model: str) -> None:
    # Two texts cost the full T5 two passes of half a minute each on a processor; an empty one is its own negative.
    prompt = "" if model == "flux-dev-fp16" else "a red cube"
    run = hal("-p", prompt, "-m", model, "--size", "128x64", "--steps", "1", "--seed", "5", "-o", "x.png", "--json")
    assert pictures(run.json) == [str(hal.cwd / "x.png")]
    with Image.open(hal.cwd / "x.png") as image:
        assert image.size == (128, 64)
        assert image.format == "PNG"
    assert not is_flat(hal.cwd / "x.png")
    assert run.json["data"]["model"]["name"] == model


def pictures(answer: dict[str, object]) -> list[str]:
    return [image["path"] for image in answer["data"]["images"]]  # type: ignore[index]


def test_the_same_seed_gives_the_same_pixels_and_another_seed_others(hal: Hal) -> None:
    for name, seed in (("a", "1"), ("b", "2"), ("c", "1")):
        hal("-p", "a red cube", *QUICK, "--seed", seed, "-o", f"{name}.png")
    a, b, c = (pixels(hal.cwd / f"{name}.png") for name in "abc")
    assert a == c
    assert a != b


@pytest.mark.parametrize(
    "option", [("-p", "a blue ball"), ("-n", "blurry"), ("--cfg", "3"), ("--steps", "2"), ("--sampler", "dpmpp_2m")]
)
def test_every_parameter_changes_the_picture(hal: Hal, option: tuple[str, str]) -> None:
    plain = ("-p", "a red cube", *QUICK, "--steps", "3", "--seed", "3")
    hal(*plain, "-o", "plain.png")
    hal(*plain, *option, "-o", "changed.png")
    assert pixels(hal.cwd / "plain.png") != pixels(hal.cwd / "changed.png")


def test_count_gives_numbered_files_with_seeds_that_count_up(hal: Hal) -> None:
    run = hal("-p", "a red cube", *QUICK, "--seed", "7", "--count", "3", "-o", "cube.png", "--json")
    assert pictures(run.json) == [str(hal.cwd / f"cube-{index}.png") for index in (1, 2, 3)]
    assert [image["seed"] for image in run.json["data"]["images"]] == [7, 8, 9]
    assert len({pixels(path) for path in pictures(run.json)}) == 3
    alone = hal("-p", "a red cube", *QUICK, "--seed", "9", "-o", "alone.png")
    assert pixels(alone.lines[0]) == pixels(hal.cwd / "cube-3.png")


def test_count_prints_a_line_a_picture(hal: Hal) -> None:
    run = hal("-p", "x", *QUICK, "--seed", "1", "-b", "2", "-o", "{model}/{seed}-{index}.png")
    assert run.lines == [str(hal.cwd / "sd15" / name) for name in ("1-1.png", "2-2.png")]
    assert all(Path(line).is_file() for line in run.lines)


@pytest.mark.parametrize("option", [(), ("--prompt", "-")])
def test_a_prompt_can_be_piped_in_and_survives_as_it_was(hal: Hal, option: tuple[str, ...]) -> None:
    prompt = 'ein "Würfel", 立方体 🤖; $(rm -rf) \\n'
    run = hal(*option, *QUICK, "-o", "x.png", "--json", stdin=prompt.encode() + b"\n")
    assert run.json["data"]["request"]["prompt"] == prompt
    info = hal("info", "x.png", "--json").json["data"]
    assert info["hal8000"]["request"]["prompt"] == prompt
    assert info["parameters"].startswith(prompt + "\n")
    assert info["graph"]["4"]["inputs"]["text"] == prompt


def test_a_repeated_call_gives_a_fresh_file(hal: Hal) -> None:
    # ComfyUI runs nothing when a graph is repeated, and names the file of the time before.
    call = ("-p", "a red cube", *QUICK, "--seed", "4")
    hal(*call, "-o", "first.png")
    first = pixels(hal.cwd / "first.png")
    (hal.cwd / "first.png").unlink()
    run = hal(*call, "-o", "second.png")
    assert run.lines == [str(hal.cwd / "second.png")]
    assert pixels(hal.cwd / "second.png") == first


def test_png_bytes_on_standard_output(hal: Hal) -> None:
    run = hal("-p", "a red cube", *QUICK, "-o", "-")
    assert run.out.startswith(b"\x89PNG\r\n\x1a\n")
    assert run.out.endswith(b"IEND\xaeB`\x82")
    assert list(hal.cwd.iterdir()) == []


def test_json_tells_everything_about_a_generation(hal: Hal) -> None:
    hal("serve")
    run = hal("-p", "a red cube", "-n", "blurry", *QUICK, "--seed", "11", "-o", "x.png", "--json")
    assert run.json["ok"] is True
    data = run.json["data"]
    (image,) = data["images"]
    raw = (hal.cwd / "x.png").read_bytes()
    assert image == {
        "path": str(hal.cwd / "x.png"),
        "format": "png",
        "seed": 11,
        "width": 64,
        "height": 64,
        "sha256": hashlib.sha256(raw).hexdigest(),
        "bytes": len(raw),
    }
    assert data["request"]["negative_prompt"] == "blurry"
    assert data["engine"]["kind"] == hal.kind
    assert data["engine"]["comfyui_version"] == "0.3.75"
    timings = data["timings"]
    assert set(timings) == {
        "prepare_s", "boot_s", "load_s", "queue_s", "execution_s", "save_s", "total_s",
    }  # fmt: skip
    assert 0 < timings["execution_s"] < timings["total_s"]
    assert timings["prepare_s"] == timings["boot_s"] == 0
    # in a container the model is one that is fit for a processor, or it would not be run there
    of_processor = {"running_on_cpu"} if hal.kind == "local" else set()
    assert {warning["code"] for warning in run.json["warnings"]} == {"model_size_differs", *of_processor}


def test_a_plain_answer_is_small_also_with_a_long_path_and_a_prompt_as_people_write_them(hal: Hal) -> None:
    prompt = "a friendly robot assistant in a bright workshop, wooden floor, warm light from a window, highly detailed"
    folder = "a folder with a long name/" * 5
    run = hal("-p", prompt, "-n", "blurry, low quality", *QUICK, "-o", f"{folder}robot.png", "--json")
    assert len(run.json["data"]["images"][0]["path"]) > 130
    assert len(run.out) < 2048


def test_of_a_very_long_prompt_the_answer_has_the_beginning_and_the_picture_all(hal: Hal) -> None:
    prompt = "a red cube, " * 200
    run = hal(*QUICK, "-o", "x.png", "--jsonl", stdin=prompt.encode())
    request = run.jsonl[-1]["data"]["request"]
    assert (request["prompt"], request["cut"]) == (prompt[:500], {"prompt": len(prompt)})
    assert hal("info", "x.png", "--json").json["data"]["hal8000"]["request"]["prompt"] == prompt


def test_execution_time_is_comfyuis_own(hal: Hal) -> None:
    said = hal("-p", "a red cube", *QUICK, "--steps", "5", "-o", "x.png", "--json").json["data"]["timings"][
        "execution_s"
    ]
    log = Path(hal.engine()["folder"]) / "comfyui.log"
    logged = re.findall(r"Prompt executed in ([\d.]+) seconds", log.read_text(errors="replace"))[-1]
    # the log's clock starts a little earlier and stops a little later
    assert said == pytest.approx(float(logged), abs=0.2)


def test_jsonl_streams_events_and_ends_with_the_result(hal: Hal) -> None:
    run = hal("-p", "a red cube", *QUICK, "--steps", "3", "-o", "x.png", "--jsonl")
    lines = run.jsonl
    kinds = [line["event"] for line in lines[:-1]]
    assert kinds[0] == "queued"
    assert kinds[-2:] == ["done", "saved"]
    assert [line["value"] for line in lines if line.get("event") == "progress"][-1] == 3
    assert lines[-1]["ok"] is True
    assert "event" not in lines[-1]


def test_quiet_is_quiet(hal: Hal) -> None:
    assert hal("-p", "a red cube", *QUICK, "-o", "x.png", "-q").err == ""


def test_no_clobber_keeps_the_file(hal: Hal) -> None:
    (hal.cwd / "x.png").write_text("mine")
    run = hal("-p", "a red cube", *QUICK, "-o", "x.png", "--no-clobber", code=2)
    assert "output_exists" in hal("-p", "a", *QUICK, "-o", "x.png", "--no-clobber", "--json", code=2).lines[0]
    assert (hal.cwd / "x.png").read_text() == "mine"
    assert "hint:" in run.err
    hal("-p", "a red cube", *QUICK, "-o", "x.png")
    assert (hal.cwd / "x.png").read_bytes().startswith(b"\x89PNG")


def test_a_file_dropped_in_by_hand_is_found_at_once(hal: Hal, models_dir: Path) -> None:
    hal("-p", "warm", *QUICK, "-o", "warm.png")
    own = hal.cwd / "own.yaml"
    entry = {
        "description": "dropped in by hand",
        "family": "sd15",
        "min_vram_gb": 1,
        "cpu": True,
        "defaults": {"width": 64, "height": 64, "steps": 1, "cfg": 7, "sampler": "euler", "scheduler": "normal"},
    }
    target = models_dir / "checkpoints" / "by-hand.safetensors"
    synthetic.write_sd15(target)
    digest = hashlib.sha256(target.read_bytes()).hexdigest()
    file = {
        "role": "checkpoint",
        "folder": "checkpoints",
        "name": target.name,
        "bytes": target.stat().st_size,
        "sha256": digest,
        "licence": "MIT",
        "sources": [{"url": "https://example.org/by-hand.safetensors"}],
    }
    own.write_text(json.dumps({"models": {"by-hand": {**entry, "files": [file]}}}))
    mine = Hal({**hal.environment, "HAL_REGISTRY": str(own)}, hal.cwd)
    answer = mine("-p", "a red cube", "-m", "by-hand", "-o", "x.png", "--json").json
    assert answer["data"]["engine"]["reused"] is True
    assert answer["data"]["model"]["files"][0]["sha256"] == digest
    assert "model_size_differs" not in {warning["code"] for warning in answer["warnings"]}
    assert mine("info", "x.png", "--json").json["data"]["hal8000"]["model"]["files"][0]["sha256"] == digest


def test_a_missing_model_starts_nothing(lone_hal: Hal) -> None:
    run = lone_hal("-p", "x", "-m", "flux-schnell", "--no-download", "--json", code=4)
    assert run.json["error"]["code"] == "model_missing"
    assert lone_hal.engines() == []


def test_a_negative_prompt_without_effect_is_told(hal: Hal) -> None:
    run = hal("-p", "x", "-n", "y", *QUICK, "--cfg", "1", "-o", "x.png", "--json")
    assert "parameter_without_effect" in {warning["code"] for warning in run.json["warnings"]}
    assert "negative prompt" in run.err


def test_two_calls_at_once_start_one_engine_and_both_get_their_own_picture(lone_hal: Hal) -> None:
    calls = {
        color: lone_hal.start("-p", f"a {color} cube", *QUICK, "--seed", "1", "-o", f"{color}.png", "--json")
        for color in ("red", "blue", "green")
    }
    answers = {color: json.loads(process.communicate(timeout=300)[0]) for color, process in calls.items()}
    assert [process.returncode for process in calls.values()] == [0, 0, 0]
    assert len({identity(answer["data"]["engine"]) for answer in answers.values()}) == 1
    lone_hal.engine()
    for color in calls:
        info = lone_hal("info", f"{color}.png", "--json").json["data"]
        assert info["hal8000"]["request"]["prompt"] == f"a {color} cube"
        again = lone_hal("-p", f"a {color} cube", *QUICK, "--seed", "1", "-o", "again.png")
        assert pixels(again.lines[0]) == pixels(lone_hal.cwd / f"{color}.png")


def test_a_reader_that_goes_away_is_no_bug(hal: Hal) -> None:
    process = hal.start("-p", "x", *QUICK, "-b", "3", "-o", "x.png")
    assert process.stdout is not None
    process.stdout.close()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 141
    assert b"Traceback" not in err


def test_the_entry_of_a_clone_makes_the_same_picture(hal: Hal) -> None:
    # Through the host venv, as a user's call goes: the other tests leave that out to be quick.
    environment = {name: value for name, value in hal.environment.items() if name != "HAL_NO_VENV"}
    hal("-p", "a red cube", *QUICK, "--seed", "6", "-o", "a.png")
    command = ["python3", str(Path(__file__).parents[2] / "hal_generate_image.py")]
    arguments = ["-p", "a red cube", *QUICK, "--seed", "6", "-o", "b.png", "-q"]
    done = subprocess.run([*command, *arguments], env=environment, cwd=hal.cwd, capture_output=True, check=True)
    assert done.stdout.decode() == f"{hal.cwd / 'b.png'}\n"
    assert pixels(hal.cwd / "a.png") == pixels(hal.cwd / "b.png")
