"""What the tool says, held against its JSON Schemas: the JSON output, the wire, the metadata of a picture."""

from __future__ import annotations

import ast
import copy
import hashlib
import json
import re
import signal
import struct
import sys
import threading
import uuid
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
import yaml

from hal_image import job_files, png, wire
from hal_image.engine.server import EngineServer
from hal_image.engine.worker import Worker
from hal_image.errors import HalError, InternalError
from hal_image.host import gpu_presence, metadata
from hal_image.host import registry as host_registry
from hal_image.host.engines.link import Link, to_socket
from hal_image.host.job_records import JobRecords
from hal_image.host.main import main
from hal_image.host.progress import Progress
from hal_image.host.render import Output
from hal_image.host.result import SCHEMA_VERSION
from hal_image.models import bundled_models
from hal_image.models.registry import default_registry_path
from tests.contract import schemas
from tests.contract.answers import check_answer, check_event
from tests.contract.graph_cases import CASES
from tests.synthetic import bundled
from tests.synthetic.packing import reference, write_packed
from tests.unit.host import job_examples

ENGINE_SOURCES = sorted((Path(wire.__file__).parent / "engine").glob("*.py"))

Call = Callable[..., tuple[int, dict[str, Any]]]

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


@pytest.fixture(autouse=True)
def _own_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the real user's folders."""
    monkeypatch.setenv("HAL_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("HAL_MODELS_DIR", str(tmp_path / "models"))
    monkeypatch.setenv("HAL_REGISTRY", "")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for name in ("HAL_ENGINE_PYTHON", "HAL_COMFYUI_DIR", "HAL_COMFYUI_SOURCE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HAL_DOCKER", str(tmp_path / "no-docker"))
    monkeypatch.setattr(sys, "argv", ["hal_generate_image.py"])


@pytest.fixture
def call(capfdbinary: pytest.CaptureFixture[bytes]) -> Iterator[Call]:
    """Runs the command line with ``--json``; returns the exit code and the object."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}

    def run(*argv: str) -> tuple[int, dict[str, Any]]:
        code = main([*argv, "--json"])
        lines = capfdbinary.readouterr().out.splitlines()
        assert len(lines) == 1, lines
        return code, json.loads(lines[0])

    yield run
    for number, handler in before.items():
        signal.signal(number, handler)


def check(answer: dict[str, Any], command: str, *, ok: bool = True) -> Any:
    """Holds an answer against all that is promised of one; returns its data."""
    check_answer(answer)
    assert answer["command"] == command
    assert answer["ok"] is ok
    return answer["data"]


def write_checkpoint(path: Path) -> None:
    header = json.dumps({"a": {"dtype": "U8", "shape": [4], "data_offsets": [0, 4]}}).encode()
    path.parent.mkdir(parents=True)
    path.write_bytes(struct.pack("<Q", len(header)) + header + b"\0" * 4)


def picture() -> bytes:
    """A black PNG of 2x1 pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", 2, 1, 8, 0, 0, 0, 0)
    return png.SIGNATURE + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0\0\0")) + chunk(b"IEND", b"")


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


@pytest.fixture
def jobs(tmp_path: Path) -> list[str]:
    """Three jobs whose engine is gone: one is done, one failed, one was in the middle of it."""
    records, ids = JobRecords(), []
    for number in (1, 2, 3):
        job = job_examples.write(records, job_examples.record(tmp_path, number, prompt="a\x1b[31mb" * 100))
        ids.append(job.id)
    kept = job.engine_folder / "jobs"
    kept.mkdir(parents=True)
    made = job.origin.output_dir / ids[0]
    made.mkdir(parents=True)
    (made / "image_00001_.png").write_bytes(job_examples.picture())
    job_files.write(kept, ids[0], {"last": job_examples.done(job._replace(id=ids[0]))})
    failed = {"event": "failed", "error": HalError("x", code="out_of_memory", hint="y", retryable=True).to_json()}
    job_files.write(kept, ids[1], {"last": failed})
    return ids


def test_jobs(call: Call, jobs: list[str]) -> None:
    listed = check(call("jobs")[1], "jobs")["jobs"]
    assert [(jobs.index(job["job"]), job["verdict"], job["error"]) for job in listed] == [
        (1, "failed", "out_of_memory"),  # over: what is done has not been fetched, and what is lost may be found
        (0, "done", None),
        (2, "lost", None),
    ]
    assert {len(job["prompt"]) for job in listed} == {100}
    assert "\x1b" not in "".join(job["prompt"] for job in listed)
    cancelled = check(call("jobs", "cancel", "--all")[1], "jobs")["jobs"]
    assert [job["verdict"] for job in cancelled] == ["interrupted", "lost"]
    assert [job["verdict"] for job in check(call("jobs")[1], "jobs")["jobs"]] == ["interrupted", "failed", "lost"]
    assert check(call("jobs", "cancel", jobs[1])[1], "jobs")["jobs"][0]["verdict"] == "failed"


def test_a_long_list_of_jobs_is_cut(call: Call, tmp_path: Path) -> None:
    records = JobRecords()
    assert check(call("jobs")[1], "jobs") == {"jobs": [], "left_out": 0}
    for number in range(1, 31):
        records.finish(job_examples.write(records, job_examples.record(tmp_path, number)), "done")
    data = check(call("jobs", "list")[1], "jobs")
    assert (len(data["jobs"]), data["left_out"]) == (20, 10)
    assert data["jobs"][-1]["job"] == job_examples.job_id(30)
    assert check(call("jobs", "--all")[1], "jobs")["left_out"] == 0


@pytest.mark.parametrize("verb", [("wait",), ("jobs", "wait")])
def test_wait(call: Call, jobs: list[str], verb: tuple[str, ...], tmp_path: Path) -> None:
    code, answer = call(*verb, jobs[0])
    data = check(answer, verb[0])
    assert (code, data["job"], data["verdict"], data["delivered_before"]) == (0, jobs[0], "done", False)
    assert Path(data["images"][0]["path"]).is_file()
    again = check(call(*verb, jobs[0][:8])[1], verb[0])
    assert (again["images"], again["delivered_before"]) == (data["images"], True)
    code, answer = call(*verb)  # both that are left came to nothing: neither is meant more than the other
    assert (code, answer["error"]["code"]) == (2, "job_ambiguous")
    code, answer = call(*verb, jobs[1])
    check(answer, verb[0], ok=False)
    assert (code, answer["error"]["code"], answer["error"]["details"]["verdict"]) == (1, "out_of_memory", "failed")
    code, answer = call(*verb)  # the only one that is left
    check(answer, verb[0], ok=False)
    assert (code, answer["error"]["code"], answer["data"]["job"]) == (1, "job_lost", jobs[2])
    code, answer = call(*verb)
    assert (code, answer["error"]["code"]) == (2, "job_unknown")


def test_wait_without_an_id_means_the_one_with_a_picture(call: Call, jobs: list[str]) -> None:
    assert check(call("wait")[1], "wait")["job"] == jobs[0]


@pytest.mark.parametrize(
    ("argv", "error"),
    [
        (("wait", "../x"), "job_id_invalid"),
        (("wait", "ffffffff"), "job_unknown"),
        (("wait", "00000001", "-o", "-"), "output_invalid"),
        (("jobs", "cancel"), "usage"),
        (("jobs", "cancel", "--all", "00000001"), "usage"),
        (("jobs", "cancel", "../x"), "job_id_invalid"),
        (("jobs", "list", "00000001"), "usage"),
        (("jobs", "list", "--timeout", "3"), "usage"),
        (("jobs", "wait", "00000001", "00000002"), "usage"),
        (("jobs", "paint"), "usage"),
    ],
)
@pytest.mark.usefixtures("jobs")
def test_jobs_that_cannot_be_had(call: Call, argv: tuple[str, ...], error: str) -> None:
    code, answer = call(*argv)
    assert (code, answer["error"]["code"]) == (2, error)
    check_answer(answer)


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
    path.write_bytes(png.with_texts(picture(), texts))
    _, answer = call("info", str(path))
    data = check(answer, "info")
    schemas.strict("picture").validate(data["hal8000"])
    assert (data["width"], data["height"]) == (2, 1)
    assert data["hal8000"]["request"] == case.request.to_json()
    assert data["graph"] == case.graph().to_prompt()


def test_info_of_a_picture_that_says_nothing(call: Call, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(picture())
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


# -- the wire ---------------------------------------------------------------------------------------------------------


def wire_parts(kind: str) -> dict[str, dict[str, Any]]:
    """Requests or events of the schema, by name."""
    prefix = f"{kind}_"
    definitions = schemas.load("wire")["$defs"]
    return {name.removeprefix(prefix): part for name, part in definitions.items() if name.startswith(prefix)}


def test_status_fields_are_those_of_the_code() -> None:
    definitions = schemas.load("wire")["$defs"]
    assert list(definitions["engine_status"]["properties"]) == list(wire.EngineStatus._fields)
    assert definitions["engine_status"]["required"] == list(wire.EngineStatus._fields)
    assert list(definitions["settings"]["properties"]) == list(wire.EngineSettings._fields)
    event = definitions["event_status"]["properties"]
    assert event == {**{name: event[name] for name in ("v", "event")}, **definitions["engine_status"]["properties"]}


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


def documented_lines() -> dict[str, dict[str, list[str]]]:
    """Requests and events as the table in wire's docstring has them: by name, with their fields."""
    found: dict[str, dict[str, list[str]]] = {"request": {}, "event": {}}
    kind = ""
    for line in (wire.__doc__ or "").splitlines():
        if line.startswith("host → engine"):
            kind = "request"
        elif line.startswith("engine → host"):
            kind = "event"
        elif kind and (match := re.match(r"``(\w+)``\s+(?P<fields>(?:\w+(?:, \w+)*)?|…)\s{2,}\S", line)):
            found[kind][match[1]] = re.findall(r"\w+", match["fields"])
    return found


@pytest.mark.parametrize("kind", ["request", "event"])
def test_the_docstring_and_the_schema_name_the_same_lines(kind: str) -> None:
    documented, described = documented_lines()[kind], wire_parts(kind)
    assert set(documented) == set(described)
    for name, fields in documented.items():
        assert set(fields) <= described[name]["properties"].keys(), name


def test_every_event_in_the_engine_is_in_the_schema() -> None:
    described = wire_parts("event")
    seen = set()
    for source in ENGINE_SOURCES:
        if source.stem == "order":  # of containers that talk to the host that started them, and to nobody over the wire
            continue
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Dict):
                continue
            keys = [key.value for key in node.keys if isinstance(key, ast.Constant)]
            if "event" not in keys:
                continue
            value = node.values[node.keys.index(next(k for k in node.keys if getattr(k, "value", "") == "event"))]
            assert isinstance(value, ast.Constant)
            assert isinstance(value.value, str)
            assert set(keys) <= described[value.value]["properties"].keys() | {"job"}, f"{source.name}:{node.lineno}"
            seen.add(value.value)
    assert seen == set(described)


def test_encode_and_decode() -> None:
    line = {
        "op": "submit",
        "job": str(uuid.uuid4()),
        "graph": {"1": {"class_type": "A", "inputs": {}}},
        "keep_alive_s": -1,
    }
    raw = wire.encode(line)
    assert raw.endswith(b"\n")
    assert raw.count(b"\n") == 1
    assert wire.decode(raw) == {"v": wire.WIRE_VERSION, **line}
    schemas.strict("wire").validate(wire.decode(raw))
    assert wire.encode({"op": "x", "text": "é\u2028\N{ROBOT FACE}\x1b"}).isascii()


@pytest.mark.parametrize(
    ("raw", "code"), [(b"no json", "wire_invalid"), (b"[]", "wire_version"), (b'{"v": 99}', "wire_version")]
)
def test_what_is_no_line_is_not_decoded(raw: bytes, code: str) -> None:
    with pytest.raises(InternalError) as caught:
        wire.decode(raw)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "line",
    [
        {},
        {"v": 1},
        {"v": 2, "op": "status"},
        {"v": 1, "op": "paint"},
        {"v": 1, "event": "paint"},
        {"v": 1, "op": "submit", "job": "1", "graph": {}, "keep_alive_s": 1},
        {"v": 1, "op": "cancel"},
        {"v": 1, "event": "queued", "position": 0},
        {"v": 1, "event": "failed", "job": None, "error": None},
    ],
    ids=str,
)
def test_the_schema_refuses_what_is_not_a_line(line: dict[str, Any]) -> None:
    assert not jsonschema.Draft202012Validator(schemas.load("wire")).is_valid(line)


@pytest.fixture
def link(tmp_path: Path) -> Iterator[Link]:
    """A line to an engine that never works: its worker is not started."""
    settings = wire.EngineSettings("0", str(tmp_path), sys.executable, str(tmp_path), cpu=True)
    worker = Worker(settings, tmp_path, keep_alive_s=300.0)
    info = {
        "settings": settings._asdict(),
        "output_dir": str(worker.comfy.output_dir),
        "log": str(worker.comfy.log),
        "comfyui": {},
        "tool_version": "0",
    }
    with EngineServer(tmp_path / "engine.sock", worker, info) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        opened = to_socket(tmp_path / "engine.sock")
        yield opened
        opened.close()
        server.shutdown()
        thread.join()


def test_a_real_conversation(link: Link) -> None:
    job = str(uuid.uuid4())
    graph = CASES["sd15"].graph().to_prompt()
    lines = [link.hello]

    def say(**request: object) -> None:
        schemas.strict("wire").validate(wire.decode(wire.encode(request)))
        link.send(**request)

    def hear(event: str) -> None:
        heard = link.next(5.0)
        while heard is not None and heard["event"] == "booting":
            lines.append(heard)
            heard = link.next(5.0)
        assert heard is not None
        assert heard["event"] == event
        lines.append(heard)

    say(op="submit", job=job, graph=graph, keep_alive_s=300.0, keep=True)
    hear("queued")
    say(op="status")
    hear("status")
    say(op="cancel", job=job)
    hear("failed")
    assert lines[-1]["error"]["code"] == "cancelled"
    say(op="attach", job=str(uuid.uuid4()))
    hear("failed")
    for operation in ("free", "boot"):
        say(op=operation)
        hear("status")
    say(op="stop", force=True)
    hear("status")
    say(op="submit", job=str(uuid.uuid4()), graph=graph, keep_alive_s=300.0)
    hear("failed")
    assert lines[-1]["error"]["code"] == "engine_draining"
    link.send(op="paint")
    hear("failed")
    assert lines[-1]["job"] is None
    assert lines[-1]["error"]["code"] == "wire_invalid"
    for line in lines:
        schemas.strict("wire").validate(line)
