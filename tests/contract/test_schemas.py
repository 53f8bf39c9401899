"""What the tool says, held against its JSON Schemas: the JSON output, the wire, the metadata of a picture."""

from __future__ import annotations

import copy
import hashlib
import json
import re
import uuid
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
import yaml

from hal_image import png
from hal_image.host import gpu_presence, metadata
from hal_image.host import registry as host_registry
from hal_image.host.main import main
from hal_image.host.progress import Progress
from hal_image.host.render import Output
from hal_image.host.result import SCHEMA_VERSION
from hal_image.models import bundled_models
from hal_image.models.registry import default_registry_path
from tests.contract import schemas
from tests.contract.answers import Call, check, check_event
from tests.contract.graph_cases import CASES
from tests.contract.small_files import picture, write_checkpoint
from tests.synthetic import bundled
from tests.synthetic.packing import reference, write_packed

MODEL_FACTS = {
    "name": "sd15",
    "family": "sd15",
    "files": [{"role": "checkpoint", "name": "a.safetensors", "bytes": 1, "sha256": None, "verified": False}],
}
ENGINE_FACTS = {
    "kind": "local",
    "comfyui_version": "0.3.75",
    "comfyui_commit": None,
    "comfyui_source": "external",
    "device": "cpu",
    "torch": "2.4.1",
}


pytestmark = pytest.mark.usefixtures("own_machine")


@pytest.mark.parametrize("name", ["result", "event", "wire", "picture", "models"])
def test_is_a_schema(name: str) -> None:
    schema = schemas.load(name)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$id"] == f"urn:hal8000-image-gen:{name}.schema.json"
    used = set(re.findall(r'"#/\$defs/(\w+)"', json.dumps(schema)))
    assert used <= schema["$defs"].keys()
    assert schema["$defs"].keys() - used <= {"batch_result"}, "nothing refers to it"


# -- the JSON output --------------------------------------------------------------------------------------------------


def test_models_list(call: Call, tmp_path: Path) -> None:
    code, answer = call("models", "list")
    data = check(answer, "models")
    assert code == 0
    assert data["models_dir"] == str(tmp_path / "models")
    assert {model["name"] for model in data["models"] if model["status"] != "missing"} == {"doodle"}
    assert data["models"][-1]["status"] == "included"
    assert [model["name"] for model in data["models"] if model["default"]] == [data["default"]["name"]]


@pytest.mark.parametrize(("gpu", "name", "chosen"), [(True, "sdxl", "default"), (False, "doodle", "no_gpu")])
def test_the_default_that_is_shown_is_the_one_that_is_used(
    call: Call, monkeypatch: pytest.MonkeyPatch, gpu: bool, name: str, chosen: str
) -> None:
    monkeypatch.setattr(gpu_presence, "gpu_present", lambda: gpu)
    for action in (("list",), ("show", "sd15")):
        data = check(call("models", *action)[1], "models")
        assert data["default"] == {"name": name, "chosen": chosen, "usual": "sdxl"}
    found = {one["name"]: one for one in call("doctor")[1]["data"]["checks"]}["models"]
    assert f"without --model it is {name}" in found["found"]
    assert found["status"] == ("warn" if gpu else "pass")
    code, answer = call("-p", "x", "-o", "x.png", "--dry-run")
    if gpu:
        check(answer, "generate", ok=False)
        assert (code, answer["error"]["code"]) == (4, "model_missing")
    else:
        assert (code, check(answer, "generate")["model"]["chosen"]) == (0, chosen)


def test_without_a_model_for_it_the_default_is_kept_without_a_gpu(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpu_presence, "gpu_present", lambda: False)
    ours = yaml.safe_load(default_registry_path().read_text(encoding="utf-8"))
    ours.pop("default_without_gpu", None)
    base = tmp_path / "base.yaml"
    base.write_text(json.dumps(ours), encoding="utf-8")
    monkeypatch.setattr(host_registry, "default_registry_path", lambda: base)
    (tmp_path / "own.yaml").write_text("models: {}\n", encoding="utf-8")
    assert check(call("models", "list")[1], "models")["default"] == {
        "name": "sdxl",
        "chosen": "default",
        "usual": "sdxl",
    }
    found = {one["name"]: one for one in call("doctor")[1]["data"]["checks"]}["models"]
    assert (found["status"], "without --model it is sdxl" in found["found"]) == ("warn", True)
    code, answer = call("-p", "x", "-o", "x.png", "--dry-run")
    check(answer, "generate", ok=False)
    assert (code, answer["error"]["code"], answer["warnings"]) == (4, "model_missing", [])


def test_a_default_that_is_there_is_kept_without_a_gpu(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpu_presence, "gpu_present", lambda: False)
    write_checkpoint(tmp_path / "models" / "checkpoints" / "sd_xl_base_1.0.safetensors")
    _, answer = call("-p", "a zebra", "--dry-run", "-o", "x")
    assert [check(answer, "generate")["model"][key] for key in ("name", "chosen")] == ["sdxl", "default"]
    assert [warning["code"] for warning in answer["warnings"]] == ["model_size_differs"]


def test_models_show(call: Call, tmp_path: Path) -> None:
    (tmp_path / "models" / "vae").mkdir(parents=True)
    (tmp_path / "models" / "vae" / "ae.safetensors").touch()
    _, answer = call("models", "show", "flux-dev-fp16")
    assert check(answer, "models")["model"]["status"] == "1 of 4 files"


def test_doctor(call: Call) -> None:
    code, answer = call("doctor")
    data = check(answer, "doctor")
    assert code == (3 if data["failed"] else 0)
    assert data["failed"] == [one["name"] for one in data["checks"] if one["status"] == "fail"]


def test_doctor_of_a_machine_that_is_not_in_order(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HAL_STATE_DIR", "/proc/self/state")
    code, answer = call("doctor")
    assert check(answer, "doctor", ok=False)["failed"]
    assert (code, answer["error"]["code"]) == (3, "checks_failed")


def test_ps_and_stop_without_an_engine(call: Call) -> None:
    assert check(call("ps")[1], "ps") == {"engines": []}
    assert check(call("stop")[1], "stop") == {"stopped": []}


def test_hal8000(call: Call, tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "VERSION").write_text("1.4.2\n")
    (project / "CHANGELOG.md").write_text("")
    here = ("--project", str(project))
    assert check(call("hal8000", "status", *here)[1], "hal8000")["entry"] is None
    data = check(call("hal8000", "register", *here, "--bump", "minor", "--dry-run")[1], "hal8000")
    assert (len(data["changes"]), data["backup"]) == (4, None)
    assert check(call("hal8000", "register", *here, "--bump", "minor")[1], "hal8000")["backup"]
    data = check(call("hal8000", "status", *here)[1], "hal8000")
    assert (data["registered"], data["current"], data["entry"]["bios_documented"]) == (True, True, True)
    assert check(call("hal8000", "unregister", *here)[1], "hal8000")["release"]["before"] == "1.4.2"


def test_completion(call: Call, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert "complete -F" in check(call("completion", "bash")[1], "completion")["script"]
    assert main(["completion", "fish", "--json", "--words", "x"]) == 2
    assert check(json.loads(capfdbinary.readouterr().out), "completion", ok=False) == {}
    assert main(["completion", "next", "--json", "--words", "--model", "sd1"]) == 0
    (word,) = check(json.loads(capfdbinary.readouterr().out), "completion")["words"]
    assert word["text"] == "sd15"


def test_dry_run_with_warnings(call: Call, tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "models" / "checkpoints" / "v1-5-pruned-emaonly-fp16.safetensors")
    code, answer = call(
        "-p", "a\N{ROBOT FACE}", "-m", "sd15", "--count", "2", "--guidance", "3", "--dry-run", "-o", "x"
    )
    data = check(answer, "generate")
    assert code == 0
    assert [warning["code"] for warning in answer["warnings"]] == ["parameter_without_effect", "model_size_differs"]
    assert [Path(target).name for target in data["targets"]] == ["x-1", "x-2"]
    assert data["seeds"][1] == data["seeds"][0] + 1
    assert data["model"]["files"][0]["sha256"] is None


@pytest.fixture
def doodle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package whose ``doodle`` is next to nothing, a registry that says so, and no GPU; the checkpoint's place."""
    monkeypatch.setattr(gpu_presence, "gpu_present", lambda: False)
    monkeypatch.setattr(bundled_models, "FOLDER", tmp_path / "bundled")
    plan = [{"key": "a", "dtype": "F16", "shape": [4], "parts": [{"from": "X"}]}]
    arrays = {"X": np.ones((1, 4), np.float16)}
    write_packed(bundled_models.weights("doodle"), arrays, plan)
    words = {"schema_version": 1, "drawn": ["cat"], "filler": ["a"]}
    bundled_models.words("doodle").write_text(json.dumps(words), encoding="utf-8")
    whole = reference(arrays, plan)
    registry = tmp_path / "own.yaml"
    own = bundled.registry_with(name="little.safetensors", bytes=len(whole), sha256=hashlib.sha256(whole).hexdigest())
    registry.write_text(own, encoding="utf-8")
    monkeypatch.setenv("HAL_REGISTRY", str(registry))
    return tmp_path / "models" / "checkpoints" / "little.safetensors"


def test_dry_run_without_a_gpu_draws_with_doodle_and_writes_nothing(call: Call, doodle: Path) -> None:
    code, answer = call("-p", "a cat and a zebra", "--dry-run", "-o", "x")
    data = check(answer, "generate")
    assert code == 0
    assert not doodle.exists()
    assert (data["model"]["name"], data["model"]["chosen"]) == ("doodle", "no_gpu")
    assert data["graph"]["1"]["inputs"] == {"ckpt_name": doodle.name}
    assert [(warning["code"], warning["details"]) for warning in answer["warnings"]] == [
        ("default_model_replaced", {"default": "sdxl", "model": "doodle"}),
        ("unknown_words", {"words": ["and", "zebra"]}),
    ]
    _, asked = call("-p", "a cat", "-m", "doodle", "--dry-run", "-o", "x")
    assert (check(asked, "generate")["model"]["chosen"], asked["warnings"]) == ("asked", [])


def test_doodle_is_written_before_the_engine_is_asked(call: Call, doodle: Path) -> None:
    for again in (False, True):
        # the engine that is not there ends the command where it would draw
        _, answer = call("-p", "a cat", "--engine", "docker", "-o", "x")
        data = check(answer, "generate", ok=False)
        assert answer["error"]["code"] == "docker_not_found"
        assert data["model"]["files"][0]["verified"] is True, "it was checked while it was written"
        assert (data["timings"]["prepare_s"] == 0) is again
        assert doodle.is_file()
    assert check(call("models", "show", "doodle")[1], "models")["model"]["status"] == "present"


def test_info(call: Call, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    case = CASES["sd15"]
    texts = metadata.texts(case.request, MODEL_FACTS, case.graph(), ENGINE_FACTS)
    path.write_bytes(png.with_texts(picture(2, 1), texts))
    _, answer = call("info", str(path))
    data = check(answer, "info")
    schemas.strict("picture").validate(data["hal8000"])
    assert (data["width"], data["height"]) == (2, 1)
    assert data["hal8000"]["request"] == case.request.to_json()
    assert data["graph"] == case.graph().to_prompt()


def test_info_of_a_picture_that_says_nothing(call: Call, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(picture(2, 1))
    code, answer = call("info", str(tmp_path / "a.png"))
    check(answer, "info", ok=False)
    assert (code, answer["error"]["code"]) == (1, "no_metadata")


@pytest.mark.parametrize("name", CASES)
def test_picture_of_every_graph(name: str) -> None:
    case = CASES[name]
    own = metadata.texts(case.request, MODEL_FACTS, case.graph(), ENGINE_FACTS)[metadata.KEYWORD]
    validator = schemas.strict("picture")
    validator.validate(json.loads(own))
    broken = {**json.loads(own), "request": {**case.request.to_json(), "seed": -1}}
    assert not validator.is_valid(broken)


@pytest.mark.parametrize(
    ("argv", "exit_code", "error", "command"),
    [
        (("--steps", "0"), 2, "usage", "generate"),
        (("paint",), 2, "unknown_command", "paint"),
        (("models", "show"), 2, "usage", "models"),
        (("models", "show", "sdx"), 2, "unknown_model", "models"),
        (("-p", "x", "-m", "sd15", "--size", "100"), 2, "size_invalid", "generate"),
        (("-p", "x", "-m", "sdxl", "-o", "x.png", "--no-download"), 4, "model_missing", "generate"),
        (("-p", "x", "-m", "flux-dev-fp16", "-o", "x.png", "--offline"), 4, "model_missing", "generate"),
        (("info", "/"), 2, "image_unreadable", "info"),
        (("info", __file__), 1, "not_a_png", "info"),
        (("-p", "x", "-m", "sd15", "--size", "64", "--width", "64"), 2, "size_twice", "generate"),
    ],
)
def test_failures(call: Call, argv: tuple[str, ...], exit_code: int, error: str, command: str) -> None:
    code, answer = call(*argv)
    assert check(answer, command, ok=False) == {}
    assert (code, answer["error"]["exit_code"], answer["error"]["code"]) == (exit_code, exit_code, error)


def test_a_failure_after_the_plan_keeps_what_is_known(call: Call, tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "models" / "checkpoints" / "v1-5-pruned-emaonly-fp16.safetensors")
    code, answer = call("-p", "x", "-m", "sd15", "--engine", "docker", "-o", str(tmp_path / "x.png"))
    data = check(answer, "generate", ok=False)
    assert (code, answer["error"]["code"]) == (3, "docker_not_found")
    assert (data["images"], data["request"]["prompt"]) == ([], "x")


def test_the_schema_refuses_what_is_not_an_answer() -> None:
    validator = jsonschema.Draft202012Validator(schemas.load("result"))
    good = {
        "schema_version": SCHEMA_VERSION,
        "ok": True,
        "command": "ps",
        "data": {"engines": []},
        "warnings": [],
        "error": None,
    }
    assert validator.is_valid(good)
    assert validator.is_valid({**good, "later": 1}), "a field may be added"
    changes: list[dict[str, Any]] = [
        {"schema_version": SCHEMA_VERSION + 1},
        {"ok": False},
        {"data": {}},
        {"command": "paint"},
        {"command": "generate"},
        {"warnings": ["text"]},
        {"error": {"code": "usage"}},
    ]
    for change in changes:
        assert not validator.is_valid({**good, **change}), change


def test_lines_of_jsonl(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    job = str(uuid.uuid4())
    progress = Progress(Output("generate", as_jsonl=True, quiet=True), 1)
    timings = {"boot_s": 0.0, "queue_s": 0.1, "load_s": 0.2, "execution_s": 0.3}
    events: list[dict[str, Any]] = [
        {"event": "queued", "position": 1},
        {"event": "booting", "seconds": 0.5},
        {"event": "running", "device": None},
        {"event": "node", "class_type": "KSampler"},
        {"event": "progress", "value": 2, "max": 2},
        {"event": "done", "images": ["a/b.png"], "timings": timings, "engine": {}},
        {"event": "failed", "error": {"code": "failed"}},
    ]
    for event in events:
        progress.show({"v": 1, "job": job, **event}, 0)
    lines = [json.loads(line) for line in capfdbinary.readouterr().out.splitlines()]
    assert [line["event"] for line in lines] == [event["event"] for event in events]
    for line in lines:
        check_event(line)
        assert line["index"] == 1


def test_what_two_schemas_share_is_the_same() -> None:
    result, wires, pictures = (schemas.load(name)["$defs"] for name in ("result", "wire", "picture"))
    for name in ("error", "node"):
        assert result[name] == wires[name]
    assert result["model_file"] == pictures["model_file"]
    saved = schemas.load("event")["$defs"]["saved"]
    assert {name: saved["properties"][name] for name in result["image"]["properties"]} == result["image"]["properties"]
    assert set(saved["required"]) == {"event", "index", *result["image"]["required"]}
    used = copy.deepcopy(result["model_used"])
    del used["properties"]["chosen"]  # how a call came by its model is nothing that a picture needs to be made again
    used["required"].remove("chosen")
    assert used == pictures["model_used"]
    states = wires["engine_status"]["properties"]["state"]["enum"]
    assert result["ps_engine"]["properties"]["state"]["enum"] == [*states, "no answer"]
    served = result["served_engine"]["properties"]
    for name, field in wires["engine_status"]["properties"].items():
        assert name == "state" or result["ps_engine"]["properties"][name] == field
        # comfyui_version is also a fact of the installation, and a boot that failed is serve's own failure
        assert name in {"comfyui_version", "boot_error"} or served[name] == field
    assert pictures["request"]["properties"].keys() | {"count", "cut"} == result["request"]["properties"].keys()
