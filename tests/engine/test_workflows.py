"""Workflows of the user's own, through the whole tool."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from hal_image import png
from tests.world import SD15, Hal, pixels

pytestmark = pytest.mark.local_only("what a container could change of it is in test_together.py")

Graph = dict[str, Any]


def graph(**changes: Any) -> Graph:
    """A picture of 64x64 in one step, saved as it is and shown inverted."""
    nodes: Graph = {
        "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": SD15}},
        "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 64, "height": 64, "batch_size": 1}},
        "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "a red cube", "clip": ["4", 1]}},
        "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "", "clip": ["4", 1]}},
        "3": {
            "class_type": "KSampler",
            "inputs": {
                "seed": 7, "steps": 1, "cfg": 7, "sampler_name": "euler", "scheduler": "normal", "denoise": 1,
                "model": ["4", 0], "positive": ["6", 0], "negative": ["7", 0], "latent_image": ["5", 0],
            },
            "_meta": {"title": "The sampler"},
        },
        "8": {"class_type": "VAEDecode", "inputs": {"samples": ["3", 0], "vae": ["4", 2]}},
        "9": {"class_type": "SaveImage", "inputs": {"images": ["8", 0], "filename_prefix": "x"}},
    }  # fmt: skip
    for target, value in changes.items():
        node, _, name = target.partition("__")
        nodes[node.removeprefix("n")]["inputs"][name] = value
    return nodes


def write(hal: Hal, nodes: Graph, name: str = "flow.json") -> str:
    (hal.cwd / name).write_text(json.dumps(nodes), encoding="utf-8")
    return name


def code_of(hal: Hal, *arguments: str, code: int) -> dict[str, Any]:
    error: dict[str, Any] = hal(*arguments, "--json", code=code).json["error"]
    assert error["hint"]
    return error


def test_a_workflow_makes_what_the_same_options_make(hal: Hal) -> None:
    hal("--workflow", write(hal, graph()), "-o", "own.png")
    hal("-p", "a red cube", "-m", "sd15", "--size", "64", "--steps", "1", "--seed", "7", "-o", "ours.png")
    assert pixels(hal.cwd / "own.png") == pixels(hal.cwd / "ours.png")


def test_placeholders_get_values_of_the_right_type(hal: Hal) -> None:
    flow = graph(
        n6__text="a {prompt} cube", n7__text="{negative}", n3__seed="{seed}", n5__width="{width}", n5__height="{height}"
    )
    run = hal(
        "--workflow", write(hal, flow), "-p", "red", "-n", "ugly", "--seed", "7", "--size", "128x64", "-o", "x.png",
        "--json",
    )  # fmt: skip
    data = run.json["data"]
    assert [warning["code"] for warning in run.json["warnings"]] in ([], ["running_on_cpu"])
    assert (data["images"][0]["width"], data["images"][0]["height"], data["images"][0]["seed"]) == (128, 64, 7)
    ran = json.loads(png.read_texts((hal.cwd / "x.png").read_bytes())["prompt"])
    assert [ran[node]["inputs"]["text"] for node in "67"] == ["a red cube", "ugly"]
    assert (ran["3"]["inputs"]["seed"], ran["5"]["inputs"]["width"]) == (7, 128)
    assert data["request"]["workflow"]["asked"] == ["prompt", "negative_prompt", "seed", "width", "height"]


def test_a_picture_is_a_workflow_that_makes_it_again(hal: Hal) -> None:
    flow = write(hal, graph(n6__text="{prompt}"))
    hal("--workflow", flow, "-p", "a blue ball", "--seed", "11", "-o", "first.png")
    hal("--workflow", "first.png", "-o", "again.png")
    hal("-p", "a tree", "-m", "sd15", "--size", "64", "--steps", "1", "-o", "ours.png")
    hal("--workflow", "ours.png", "-o", "ours-again.png")
    assert pixels(hal.cwd / "first.png") == pixels(hal.cwd / "again.png")
    assert pixels(hal.cwd / "ours.png") == pixels(hal.cwd / "ours-again.png")
    assert pixels(hal.cwd / "first.png") != pixels(hal.cwd / "ours.png")


def test_the_editor_s_file_makes_what_it_makes_as_a_graph(hal: Hal) -> None:
    editors = {
        "nodes": [
            {"id": 4, "type": "CheckpointLoaderSimple", "mode": 0, "widgets_values": [SD15],
             "outputs": [{"type": "MODEL"}, {"type": "CLIP"}, {"type": "VAE"}]},
            {"id": 5, "type": "EmptyLatentImage", "mode": 0, "widgets_values": [64, 64, 1], "outputs": []},
            {"id": 6, "type": "CLIPTextEncode", "mode": 0, "widgets_values": ["{prompt}"],
             "inputs": [{"name": "clip", "type": "CLIP", "link": 2}]},
            {"id": 7, "type": "CLIPTextEncode", "mode": 0, "widgets_values": [""],
             "inputs": [{"name": "clip", "type": "CLIP", "link": 3}]},
            {"id": 3, "type": "KSampler", "mode": 0,
             "widgets_values": [7, "randomize", 1, 7, "euler", "normal", 1],
             "inputs": [
                 {"name": "model", "type": "MODEL", "link": 1}, {"name": "positive", "type": "CONDITIONING", "link": 4},
                 {"name": "negative", "type": "CONDITIONING", "link": 5},
                 {"name": "latent_image", "type": "LATENT", "link": 6},
             ]},
            {"id": 8, "type": "VAEDecode", "mode": 0, "inputs": [
                {"name": "samples", "type": "LATENT", "link": 7}, {"name": "vae", "type": "VAE", "link": 8}]},
            {"id": 9, "type": "SaveImage", "mode": 0, "widgets_values": ["x"],
             "inputs": [{"name": "images", "type": "IMAGE", "link": 9}]},
            {"id": 10, "type": "Note", "mode": 0, "widgets_values": ["hello"]},
        ],
        "links": [
            [1, 4, 0, 3, 0, "MODEL"], [2, 4, 1, 6, 0, "CLIP"], [3, 4, 1, 7, 0, "CLIP"],
            [4, 6, 0, 3, 1, "CONDITIONING"], [5, 7, 0, 3, 2, "CONDITIONING"], [6, 5, 0, 3, 3, "LATENT"],
            [7, 3, 0, 8, 0, "LATENT"], [8, 4, 2, 8, 1, "VAE"], [9, 8, 0, 9, 0, "IMAGE"],
        ],
    }  # fmt: skip
    hal("--workflow", write(hal, graph()), "-o", "graph.png")
    hal("--workflow", write(hal, editors, "editor.json"), "-p", "a red cube", "-o", "editor.png")
    assert pixels(hal.cwd / "editor.png") == pixels(hal.cwd / "graph.png")


def are_opposite(one: bytes, other: bytes) -> bool:
    """Whether one picture is the other one with its colours turned over, but for rounding."""
    return all(abs(255 - left - right) <= 1 for left, right in zip(one, other, strict=True))


def two_outputs() -> Graph:
    """A workflow that shows the picture inverted, before it saves it."""
    first = {
        "11": {"class_type": "PreviewImage", "inputs": {"images": ["10", 0]}},
        "10": {"class_type": "ImageInvert", "inputs": {"image": ["8", 0]}},
    }
    return {**first, **graph()}


def test_each_output_is_a_file_what_is_saved_first(hal: Hal) -> None:
    flow = write(hal, two_outputs())
    run = hal("--workflow", flow, "-o", "x.png", "--json")
    names = [Path(image["path"]).name for image in run.json["data"]["images"]]
    assert names == ["x-1.png", "x-2.png"]
    saved, shown = (pixels(hal.cwd / name) for name in names)
    assert are_opposite(saved, shown)
    again = hal("--workflow", flow, "-o", "y.png")  # all of it is in ComfyUI's cache
    assert [Path(line).name for line in again.lines] == ["y-1.png", "y-2.png"]
    assert pixels(hal.cwd / "y-1.png") == saved
    assert pixels(hal.cwd / "y-2.png") == shown
    planned = hal("--workflow", flow, "-o", "z.png", "--dry-run").lines
    assert [Path(line).name for line in planned] == ["z-1.png", "z-2.png"]


def test_a_batch_of_latents_gives_a_file_each(hal: Hal) -> None:
    run = hal("--workflow", write(hal, graph(n5__batch_size=3)), "--count", "2", "-o", "x.png")
    assert [Path(line).name for line in run.lines] == [f"x-{job}-{number}.png" for job in "12" for number in "123"]
    assert len({pixels(line) for line in run.lines}) == 6
    raw = hal("--workflow", "flow.json", "-o", "-")
    assert raw.out.startswith(png.SIGNATURE)
    assert "the workflow made 3 pictures" in raw.err
    error = hal("--workflow", write(hal, two_outputs()), "-o", "-", code=2)
    assert "at 2 places" in error.err


def test_seeds_are_the_workflow_s_unless_they_are_given(hal: Hal) -> None:
    flow = write(hal, graph())
    told = hal("--workflow", flow, "--count", "2", "-o", "own.png", "--json").json["data"]
    assert [image["seed"] for image in told["images"]] == [7, 8]
    hal("--workflow", flow, "--seed", "8", "-o", "given.png")
    assert pixels(hal.cwd / "own-2.png") == pixels(hal.cwd / "given.png")
    assert pixels(hal.cwd / "own-1.png") != pixels(hal.cwd / "given.png")


def test_set_changes_an_input_by_id_title_or_class(hal: Hal) -> None:
    flow = write(hal, graph())
    hal("--workflow", flow, "--set", "6.text=a cat", "--set", "The sampler.steps=2", "-o", "set.png")
    told = hal(
        "--workflow", flow, "--set", "KSampler.steps=2", "--set", '6.text="a cat"', "-o", "same.png", "--json"
    ).json["data"]
    assert told["request"]["workflow"]["set"] == {"KSampler.steps": 2, "6.text": "a cat"}
    assert told["request"]["steps"] == 2
    assert pixels(hal.cwd / "set.png") == pixels(hal.cwd / "same.png")
    hal("--workflow", flow, "-o", "plain.png")
    assert pixels(hal.cwd / "plain.png") != pixels(hal.cwd / "set.png")


@pytest.mark.parametrize(
    ("setting", "code", "told"),
    [
        ("3.step=2", "set_unknown", "did you mean 'steps'?"),
        ("KSampleer.steps=2", "set_unknown", "did you mean 'KSampler'?"),
        ("CLIPTextEncode.text=x", "set_ambiguous", "2 nodes"),
        ("3.steps=0", "workflow_wrong", "steps is 0, below its least value 1"),
        ("3.steps=many", "workflow_wrong", "steps is many, which is no number"),
        ("3.sampler_name=eule", "workflow_wrong", "did you mean 'euler'?"),
        ('3.model=["6", 0]', "workflow_wrong", "takes MODEL, and output 0 of node 6 (CLIPTextEncode) is CONDITIONING"),
        ('3.model=["77", 0]', "workflow_wrong", "linked to node 77, which is not there"),
        ('3.model=["4", 5]', "workflow_wrong", "which has 3"),
        ('3.latent_image=["3", 0]', "workflow_invalid", "circle"),
        ("4.ckpt_name=../../etc/x.safetensors", "workflow_path_refused", "outside of its folder"),
        ("3.seed={width}", "placeholder_without_value", "{width}"),
        ("6.text={prompt}", "prompt_missing", "no prompt"),
    ],
)
def test_a_wrong_value_is_named_before_anything_runs(hal: Hal, setting: str, code: str, told: str) -> None:
    error = code_of(hal, "--workflow", write(hal, graph()), "--set", setting, "-o", "x.png", code=2)
    assert error["code"] == code
    assert told in error["message"]
    assert not (hal.cwd / "x.png").exists()


@pytest.mark.parametrize(
    ("node", "code", "told", "reason"),
    [
        ("FaceDetailer", "workflow_node_missing", "custom nodes are not run here", "unknown"),
        ("KSamplr", "workflow_node_missing", "KSamplr", "unknown"),
        ("FluxProUltraImageNode", "workflow_node_missing", "paid service", "cloud"),
    ],
)
def test_a_node_that_is_not_there_is_named(hal: Hal, node: str, code: str, told: str, reason: str) -> None:
    flow = graph()
    flow["20"] = {"class_type": node, "inputs": {"image": ["8", 0]}}
    hal("--workflow", write(hal, copy.deepcopy(flow)), "-o", "unused.png")  # no picture comes from it
    flow["9"]["inputs"]["images"] = ["20", 0]
    error = code_of(hal, "--workflow", write(hal, flow), "-o", "x.png", code=2)
    assert error["code"] == code
    assert told in error["message"]
    assert error["details"]["nodes"][0]["reason"] == reason
    assert error["details"]["nodes"][0]["nearest"] == (
        "KSampler" if node == "KSamplr" else error["details"]["nodes"][0]["nearest"]
    )


@pytest.mark.parametrize(
    ("class_type", "inputs"),
    [
        ("WebcamCapture", {"image": "../../x.png", "width": 0, "height": 0, "capture_on_queue": True}),
        ("LoadImage", {"image": ["21", 0]}),
        ("LoadImage", {"image": {"__value__": "../../x.png"}}),
    ],
)
def test_no_way_leads_to_a_picture_elsewhere(hal: Hal, class_type: str, inputs: dict[str, Any]) -> None:
    flow = graph(n9__images=["20", 0])
    flow["20"] = {"class_type": class_type, "inputs": inputs}
    flow["21"] = {"class_type": "PrimitiveString", "inputs": {"value": "../../x.png"}}
    error = code_of(hal, "--workflow", write(hal, flow), "-o", "x.png", code=2)
    assert error["code"] in {"workflow_wrong", "workflow_path_refused"}


def test_a_node_that_reads_what_others_left_is_refused(hal: Hal) -> None:
    flow = graph(n9__images=["20", 0])
    flow["20"] = {"class_type": "LoadImageOutput", "inputs": {"image": "x.png"}}
    error = code_of(hal, "--workflow", write(hal, flow), "-o", "x.png", code=2)
    assert error["code"] == "workflow_node_refused"


def test_what_saves_no_picture_is_left_out_and_alone_is_an_error(hal: Hal) -> None:
    flow = graph()
    flow["20"] = {"class_type": "SaveLatent", "inputs": {"samples": ["3", 0], "filename_prefix": "../../x"}}
    answer = hal("--workflow", write(hal, flow), "-o", "x.png", "--json").json
    assert "workflow_output_left_out" in [warning["code"] for warning in answer["warnings"]]
    del flow["9"]
    error = code_of(hal, "--workflow", write(hal, flow), "-o", "x.png", code=2)
    assert error["code"] == "workflow_without_picture"
    assert "SaveLatent" in error["message"]


def test_a_model_that_is_not_there_is_named_with_its_folder(hal: Hal, models_dir: Path) -> None:
    flow = write(hal, graph(n4__ckpt_name="v1-5-pruned-emaonly-fp32.safetensors"))
    error = code_of(hal, "--workflow", flow, "-o", "x.png", code=4)
    assert error["code"] == "workflow_model_missing"
    missing = error["details"]["missing"][0]
    assert (missing["node"], missing["folder"]) == ("4", str(models_dir / "checkpoints"))
    assert missing["nearest"] == SD15
    assert "node 4 (CheckpointLoaderSimple)" in error["message"]
    error = code_of(hal, "--workflow", flow, "--set", "4.ckpt_name=sd_xl_base_1.0.safetensors", "-o", "x.png", code=4)
    assert "models pull sdxl" in error["hint"]
    error = code_of(hal, "--workflow", flow, "--set", "4.ckpt_name=old.ckpt", "-o", "x.png", code=4)
    assert error["code"] == "workflow_model_unsafe"


def test_the_model_that_comes_with_the_tool_is_there_for_workflows(hal: Hal, models_dir: Path) -> None:
    own = hal("-p", "a red circle", "-m", "doodle", "--seed", "3", "-o", "doodle.png", "--json").json["data"]
    file = models_dir / "checkpoints" / own["model"]["files"][0]["name"]
    file.unlink()
    hal("--workflow", "doodle.png", "-o", "again.png")
    assert pixels(hal.cwd / "doodle.png") == pixels(hal.cwd / "again.png")
    file.unlink()


@pytest.fixture
def cat(hal: Hal) -> Path:
    """A picture that is no PNG."""
    file = hal.cwd / "pictures" / "cat.jpg"
    file.parent.mkdir()
    Image.effect_noise((96, 64), 80).convert("RGB").save(file)
    return file


def loading(name: str) -> Graph:
    """A workflow that turns a picture's colours over."""
    return {
        "1": {"class_type": "LoadImage", "inputs": {"image": name}},
        "2": {"class_type": "ImageInvert", "inputs": {"image": ["1", 0]}},
        "3": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "x"}},
    }


def test_a_picture_that_is_loaded_is_looked_for_beside_the_workflow(hal: Hal, cat: Path) -> None:
    write(hal, loading("cat.jpg"), "pictures/flow.json")
    told = hal("--workflow", "pictures/flow.json", "-o", "out/x.png", "--json").json["data"]
    turned = pixels(hal.cwd / "out" / "x.png")
    assert are_opposite(turned, pixels(cat))
    assert told["request"]["workflow"]["pictures"]["cat.jpg"]["path"] == str(cat)
    assert (told["model"]["files"], told["model"]["family"]) == ([], "other")
    hal("--workflow", "out/x.png", "-o", "again.png")  # it is not beside that, but known from there
    assert pixels(hal.cwd / "again.png") == turned
    hal("--workflow", write(hal, loading("none.png")), "--set", f"LoadImage.image={cat}", "-o", "set.png")
    assert pixels(hal.cwd / "set.png") == turned
    cat.write_bytes(cat.read_bytes() + b"\0")
    error = code_of(hal, "--workflow", "out/x.png", "-o", "y.png", code=2)
    assert error["code"] == "workflow_picture_unusable"


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("../cat.jpg", "workflow_path_refused"),
        ("/etc/passwd", "workflow_path_refused"),
        ("cat.jpg [output]", "workflow_path_refused"),
        ("flow.json", "workflow_picture_unusable"),
        ("nowhere.png", "workflow_picture_unusable"),
    ],
)
def test_a_picture_that_cannot_be_had_is_named(hal: Hal, cat: Path, name: str, code: str) -> None:
    error = code_of(hal, "--workflow", write(hal, loading(name)), "-o", "x.png", code=2)
    assert error["code"] == code


def test_options_without_a_place_are_told(hal: Hal) -> None:
    flow = write(hal, graph())
    answer = hal("--workflow", flow, "-p", "x", "--steps", "9", "--model", "sd15", "-o", "x.png", "--json").json
    told = [one["message"] for one in answer["warnings"] if one["code"] == "parameter_without_effect"]
    assert [message.partition(":")[0] for message in told] == ["prompt", "model", "steps"]
    flow = write(hal, loading("x.png"))
    told = hal("--workflow", flow, "--seed", "1", "--count", "2", "-o", "y.png").err.splitlines()
    assert [line.partition(": ")[2] for line in told if "no" in line and "warning" in line][:2] == [
        "seed: the workflow has none",
        "count: the workflow has no seed: all its pictures are the same",
    ]


def test_an_input_that_no_node_has_is_told(hal: Hal) -> None:
    answer = hal("--workflow", write(hal, graph(n3__sede=4)), "-o", "x.png", "--json").json
    (told,) = [one for one in answer["warnings"] if one["code"] != "running_on_cpu"]
    assert told["code"] == "workflow_input_ignored"
    assert "'sede'; did you mean 'seed'?" in told["message"]


def test_a_prompt_comes_from_standard_input_where_there_is_a_place_for_it(hal: Hal) -> None:
    flow = write(hal, graph(n6__text="{prompt}"))
    told = hal("--workflow", flow, "-o", "x.png", "--json", stdin=b"a red cube\n").json["data"]
    assert told["request"]["prompt"] == "a red cube"
    assert pixels(hal.cwd / "x.png")


def test_a_batch_has_workflows_with_settings(hal: Hal) -> None:
    flow = write(hal, two_outputs())
    lines = [
        {"workflow": flow, "set": {"6.text": "a cat", "3.steps": 2}},
        {"workflow": flow, "set": {"3.steps": 0}},
        {"prompt": "a red cube", "workflow": flow},
    ]
    (hal.cwd / "lines.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    run = hal("batch", "lines.jsonl", "-o", "b-{index}.png", code=6)
    told = [json.loads(line) for line in run.lines]
    names = [[Path(image["path"]).name for image in line["images"]] for line in told]
    assert names == [["b-1-1.png", "b-1-2.png"], [], ["b-3-1.png", "b-3-2.png"]]
    assert told[1]["error"]["code"] == "workflow_wrong"
    assert "parameter_without_effect" in [warning["code"] for warning in told[2]["warnings"]]
    again = hal("batch", "lines.jsonl", "-o", "b-{index}.png", "--resume", code=6)
    resumed = [json.loads(line) for line in again.lines]
    assert [line["resumed"] for line in resumed] == [True, False, True]
    assert [line["images"] for line in resumed] == [line["images"] for line in told]


def test_info_names_the_workflow(hal: Hal) -> None:
    hal("--workflow", write(hal, graph()), "-o", "x.png")
    assert "flow.json" in hal("info", "x.png").out.decode()
    own = hal("info", "x.png", "--json").json["data"]["hal8000"]["request"]["workflow"]
    assert own["name"] == "flow.json"
    assert len(own["sha256"]) == 64


def test_before_an_engine_was_asked_a_dry_run_says_so(lone_hal: Hal) -> None:
    flow = write(lone_hal, graph())
    error = code_of(lone_hal, "--workflow", flow, "-o", "x.png", "--dry-run", code=3)
    assert error["code"] == "nodes_unknown"
    assert lone_hal.engines() == []
    events = lone_hal("--workflow", flow, "-o", "x.png", "--jsonl").jsonl
    assert [event["event"] for event in events if event.get("event") in {"booting", "saved"}][-2:] == [
        "booting",
        "saved",
    ]
    lone_hal("stop")
    planned = lone_hal("--workflow", flow, "-o", "y.png", "--dry-run", "--json").json["data"]
    assert planned["graph"]["9"]["class_type"] == "SaveImage"
    assert lone_hal.engines() == []


def test_a_job_that_outlives_its_call_brings_all_its_pictures(hal: Hal) -> None:
    flow = write(hal, {**two_outputs(), **graph(n5__width=256, n5__height=256, n3__steps=40)})
    process = hal.start("--workflow", flow, "-o", "x.png")
    job = hal.wait_until_busy()["running"]
    process.kill()
    process.communicate()
    answer = hal("wait", job, "--json").json
    assert [Path(image["path"]).name for image in answer["data"]["images"]] == ["x-1.png", "x-2.png"]
    moved = hal("wait", job, "-o", "moved.png").lines
    assert [Path(line).name for line in moved] == ["moved-1.png", "moved-2.png"]
    assert pixels(moved[1]) == pixels(hal.cwd / "x-2.png")
