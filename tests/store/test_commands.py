"""``models pull``, ``verify``, ``rm``, ``prune``, ``add``, ``import``: as they are called, with their JSON output."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from hal_image.host.engines import running
from hal_image.host.main import main
from hal_image.models import hub as hubs
from hal_image.models import usage, verified
from hal_image.models.pull_events import size
from hal_image.models.registry import default_registry_path, load_registry
from hal_image.models.safetensors_header import read_header
from tests.contract import schemas
from tests.store.conftest import NAME, REGISTRY, TOKEN, left_over
from tests.store.hub_server import COMMIT, Hub
from tests.synthetic import write_flux_parts, write_sd15

MakeHub = Callable[..., Hub]
Call = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole SD 1.5 checkpoint, made up."""
    path = tmp_path_factory.mktemp("synthetic") / "sd.safetensors"
    write_sd15(path)
    return path


@pytest.fixture
def call(capfd: pytest.CaptureFixture[str], keep_signals: None) -> Call:
    def run(*argv: str) -> tuple[int, dict[str, Any]]:
        code = main([*argv, "--json"])
        told = capfd.readouterr()
        assert TOKEN not in told.out + told.err
        answer: dict[str, Any] = json.loads(told.out)
        schemas.strict("result").validate(answer)
        return code, answer

    return run


@pytest.fixture
def mine(make_hub: MakeHub, checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hub:
    """A hub with the model ``mine``, and the registry that says so."""
    hub = make_hub(checkpoint.read_bytes())
    use(hub, tmp_path, monkeypatch)
    return hub


def use(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, gated: bool = False) -> None:
    registry = tmp_path / "own.yaml"
    registry.write_text(
        REGISTRY.format(name=NAME, bytes=len(hub.data), sha256=hub.sha256, gated=str(gated).lower()), encoding="utf-8"
    )
    monkeypatch.setenv("HAL_REGISTRY", str(registry))
    monkeypatch.setenv("HF_ENDPOINT", hub.url)


def place(folder: Path, data: bytes) -> Path:
    path = folder / "checkpoints" / NAME
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


# -- pull -------------------------------------------------------------------------------------------------------------


def test_pull(call: Call, mine: Hub, folder: Path) -> None:
    assert call("models", "show", "mine")[1]["data"]["model"]["status"] == "missing"
    code, answer = call("models", "pull", "mine")
    assert code == 0
    (pulled,) = answer["data"]["pulled"]
    assert pulled["files"] == [
        {"file": NAME, "path": str(folder / "checkpoints" / NAME), "bytes": len(mine.data), "downloaded": True}
    ]
    again = call("models", "pull", "mine")[1]["data"]["pulled"][0]["files"][0]
    assert again["downloaded"] is False
    assert len(mine.asked) == 1
    shown = call("models", "show", "mine")[1]["data"]["model"]
    assert (shown["status"], shown["files"][0]["verified"]) == ("present", True)


def test_pull_as_events(mine: Hub, capfd: pytest.CaptureFixture[str], keep_signals: None) -> None:
    assert main(["models", "pull", "mine", "--jsonl"]) == 0
    *events, last = map(json.loads, capfd.readouterr().out.splitlines())
    for event in events:
        schemas.strict("result", "progress_line").validate(event)
    schemas.strict("result").validate(last)
    assert [event["event"] for event in events if event["event"] != "pull_progress"] == [
        "pull_planned", "pull_source", "pull_done",
    ]  # fmt: skip
    assert events[-2]["value"] == events[-2]["all_max"] == len(mine.data)


def test_the_size_is_told_first(mine: Hub, capfd: pytest.CaptureFixture[str], keep_signals: None) -> None:
    assert main(["models", "pull", "mine"]) == 0
    said = capfd.readouterr()
    first = said.err.splitlines()[0]
    assert f"downloading {len(mine.data) / 1e9:.2f} GB to " in first
    assert "(MIT)" in first
    assert said.out.splitlines() == [str(Path(os.environ["HAL_MODELS_DIR"]) / "checkpoints" / NAME)]


def test_a_partial_download_is_shown(call: Call, mine: Hub, folder: Path) -> None:
    part = folder / "checkpoints" / f".{NAME}.{mine.sha256[:12]}.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(mine.data[:1000])
    model = call("models", "show", "mine")[1]["data"]["model"]
    assert (model["status"], model["files"][0]["partial_bytes"]) == ("partial", 1000)


def test_gated_says_which_page_and_which_other_model(
    call: Call, make_hub: MakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = make_hub(b"x" * 1000, token=TOKEN)
    use(hub, tmp_path, monkeypatch, gated=True)
    code, answer = call("models", "pull", "mine")
    assert (code, answer["error"]["code"]) == (4, "model_gated")
    for word in ("https://huggingface.co/who/what", "HF_TOKEN", "sd15"):
        assert word in answer["error"]["hint"]
    token_file = tmp_path / "hf" / "token"
    token_file.parent.mkdir()
    token_file.write_text(f"{TOKEN}\n", encoding="utf-8")
    assert call("models", "pull", "mine")[0] == 0
    assert hub.asked[-1].authorization == f"Bearer {TOKEN}"


def test_hf_hub_offline(call: Call, mine: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    code, answer = call("models", "pull", "mine")
    assert (code, answer["error"]["code"], mine.asked) == (4, "hub_offline", [])


@pytest.mark.parametrize("option", ["--offline", "--no-download", "--dry-run"])
def test_a_picture_without_a_download(call: Call, mine: Hub, option: str) -> None:
    code, answer = call("-p", "x", "-m", "mine", "-o", "x.png", option)
    assert (code, answer["error"]["code"], mine.asked) == (4, "model_missing", [])
    assert "models pull mine" in answer["error"]["hint"]


def test_the_first_picture_downloads_its_model(
    call: Call, mine: Hub, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HAL_ENGINE_PYTHON", str(tmp_path / "none"))  # the engine is not of interest here
    _, answer = call("-p", "x", "-m", "mine", "-o", str(tmp_path / "x.png"))
    assert answer["error"]["code"] == "engine_python_invalid"
    assert (folder / "checkpoints" / NAME).read_bytes() == mine.data
    assert answer["data"]["model"]["files"][0]["verified"] is True


def test_a_time_limit_ends_a_download_whose_bytes_stay(call: Call, mine: Hub, folder: Path) -> None:
    mine.pause_s = 0.05
    code, answer = call("models", "pull", "mine", "--timeout", "1")
    assert (code, answer["error"]["code"]) == (5, "timeout")
    (part,) = left_over(folder)
    assert (folder / "checkpoints" / part).stat().st_size > 0


# -- before a picture -------------------------------------------------------------------------------------------------


def without(path: Path, name: str) -> bytes:
    """A checkpoint, well-formed, without one of its tensors."""
    data = path.read_bytes()
    begin = 8 + int.from_bytes(data[:8], "little")
    header, body = {}, bytearray()
    for key, tensor in read_header(path).tensors.items():
        if key != name:
            place = [len(body), len(body) + tensor.end - tensor.begin]
            header[key] = {"dtype": tensor.dtype, "shape": tensor.shape, "data_offsets": place}
            body += data[begin + tensor.begin : begin + tensor.end]
    assert len(header) == len(read_header(path).tensors) - 1
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + body


@pytest.mark.parametrize(
    ("how", "error"),
    [
        ("cut", "model_corrupt"),
        ("a web page", "model_corrupt"),
        ("a pointer", "model_corrupt"),
        ("a pickle", "model_corrupt"),
        ("empty", "model_corrupt"),
        ("a tensor less", "model_incomplete"),
        ("another network", "model_wrong"),
    ],
)
def test_never_a_garbage_picture(
    call: Call, mine: Hub, checkpoint: Path, folder: Path, tmp_path: Path, how: str, error: str
) -> None:
    data = {
        "cut": mine.data[:-1],
        "a web page": b"<!doctype html><html>Sign in</html>",
        "a pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n",
        "a pickle": b"PK\x03\x04" + b"x" * 100,
        "empty": b"",
    }.get(how)
    if how == "a tensor less":
        data = without(checkpoint, "model.diffusion_model.input_blocks.1.0.out_layers.3.weight")
    elif how == "another network":
        data = write_flux_parts(tmp_path / "parts")["vae"].read_bytes()
    assert data is not None
    place(folder, data)
    code, answer = call("-p", "x", "-m", "mine", "-o", str(tmp_path / "x.png"))
    assert (code, answer["error"]["code"]) == (4, error)
    assert "models verify mine --repair" in answer["error"]["hint"]
    assert "\n" not in answer["error"]["message"] + answer["error"]["hint"]
    assert mine.asked == [], "nothing is replaced unasked"


# -- verify -----------------------------------------------------------------------------------------------------------


def one(answer: dict[str, Any]) -> tuple[str, str | None]:
    (found,) = answer["data"]["verified"]
    return found["status"], found["sha256"]


def test_verify_reads_a_file_once(call: Call, mine: Hub, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert one(call("models", "verify", "mine")[1]) == ("missing", None)
    path = place(folder, mine.data)
    assert one(call("models", "verify", "mine")[1]) == ("ok", mine.sha256)
    path.chmod(0)  # root could read it all the same
    monkeypatch.setattr("hal_image.host.store.verify.digest_of", None)
    assert one(call("models", "verify", "mine")[1]) == ("ok", mine.sha256)


@pytest.mark.parametrize("how", ["same size", "cut", "a web page"])
def test_damage_is_found_and_repaired(call: Call, mine: Hub, folder: Path, how: str) -> None:
    data = {
        "same size": mine.data[:-1] + bytes([mine.data[-1] ^ 1]),
        "cut": mine.data[: len(mine.data) // 2],
        "a web page": b"<!doctype html><p>no",
    }[how]
    path = place(folder, data)
    code, answer = call("models", "verify", "mine")
    assert (code, answer["error"]["code"]) == (4, "models_damaged")
    assert one(answer)[0] == "damaged"
    code, answer = call("models", "verify", "mine", "--repair")
    assert (code, one(answer)) == (0, ("repaired", mine.sha256))
    assert path.read_bytes() == mine.data
    assert left_over(folder) == [NAME]
    if how == "cut":
        assert mine.sent == len(mine.data) - len(data), "what was there is gone on from"


def test_a_repair_that_fails_takes_nothing_away(call: Call, mine: Hub, folder: Path) -> None:
    damaged = mine.data[:-1] + bytes([mine.data[-1] ^ 1])
    path = place(folder, damaged)
    mine.statuses = [404]
    code, answer = call("models", "verify", "mine", "--repair")
    assert (code, answer["error"]["code"]) == (4, "download_refused")
    assert path.read_bytes() == damaged
    assert left_over(folder) in ([NAME], [f".{NAME}.{mine.sha256[:12]}.part", NAME])


def test_a_repair_does_not_write_into_a_file_of_somebody_else(
    call: Call, mine: Hub, folder: Path, tmp_path: Path
) -> None:
    path = place(folder, mine.data[:1000])
    (tmp_path / "theirs").hardlink_to(path)
    assert call("models", "verify", "mine", "--repair")[0] == 0
    assert path.read_bytes() == mine.data
    assert (tmp_path / "theirs").read_bytes() == mine.data[:1000]


def test_what_cannot_be_had_again_is_not_removed(
    call: Call, checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HAL_REGISTRY")
    own = tmp_path / "own.safetensors"
    own.write_bytes(checkpoint.read_bytes())
    added = Path(call("models", "add", str(own), "--name", "own")[1]["data"]["added"]["path"])
    with own.open("r+b") as file:
        file.truncate(1000)
    code, answer = call("models", "verify", "own", "--repair")
    assert (code, answer["error"]["code"]) == (4, "models_damaged")
    assert "added from this machine" in answer["error"]["hint"]
    assert added.stat().st_size == 1000


def test_a_stall_limit_that_is_none(call: Call, mine: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HAL_STALL", "soon")
    code, answer = call("models", "pull", "mine")
    assert (code, answer["error"]["code"], mine.asked) == (2, "usage", [])


def test_a_file_that_changed_is_not_taken_for_verified(call: Call, mine: Hub, folder: Path) -> None:
    path = place(folder, mine.data)
    call("models", "verify", "mine")
    with path.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(bytes([mine.data[-1] ^ 1]))
    assert one(call("models", "verify", "mine")[1])[0] == "damaged"
    shown = call("-p", "x", "-m", "mine", "--dry-run", "-o", "x")[1]
    assert [warning["code"] for warning in shown["warnings"]] == ["model_digest_differs"]


def test_another_whole_file_of_that_name_is_no_damage(call: Call, mine: Hub, folder: Path) -> None:
    path = place(folder, b"")
    write_flux_parts(folder / "other")
    path.unlink()
    write_sd15(path)
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    path.write_bytes((length + 8).to_bytes(8, "little") + data[8 : 8 + length] + b" " * 8 + data[8 + length :])
    code, answer = call("models", "verify", "mine")
    assert (code, one(answer)[0]) == (0, "other")


def test_an_index_that_is_damaged_costs_only_time(call: Call, mine: Hub, folder: Path) -> None:
    place(folder, mine.data)
    call("models", "verify", "mine")
    for content in (b"", b"{", b"[]", b'{"schema_version": 1, "files": {"x": 3}}', b"\xff" * 100):
        verified.index_file().write_bytes(content)
        assert one(call("models", "verify", "mine")[1]) == ("ok", mine.sha256)


# -- rm and prune -----------------------------------------------------------------------------------------------------


def removed(answer: dict[str, Any]) -> list[str]:
    return [Path(one["path"]).name for one in answer["data"]["removed"]]


def test_rm(call: Call, mine: Hub, folder: Path) -> None:
    path = place(folder, mine.data)
    code, answer = call("models", "rm", "mine")
    assert (code, answer["error"]["code"]) == (2, "confirmation_needed")
    _, answer = call("models", "rm", "mine", "--dry-run")
    assert (removed(answer), answer["data"]["freed_bytes"], path.exists()) == ([NAME], len(mine.data), True)
    _, answer = call("models", "rm", "mine", "--yes")
    assert (removed(answer), path.exists()) == ([NAME], False)
    assert call("models", "rm", "mine", "--yes")[1]["data"]["removed"] == []


def test_a_registered_project_knows_what_is_there(
    call: Call, mine: Hub, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "project"
    project.mkdir()
    call("hal8000", "register", "--project", str(project))
    monkeypatch.chdir(project)
    whole = size(len(mine.data))

    def told() -> tuple[Any, Any]:
        entry = json.loads((project / ".claude" / "state.json").read_text())["image-generation"]
        return entry["models_cached"], entry["storage_used"]

    assert told() == ({}, "0.00 MB")
    call("models", "pull", "mine")
    assert told() == ({"mine": whole}, whole)
    call("models", "rm", "mine", "--yes")
    assert told() == ({}, "0.00 MB")
    place(folder, mine.data)
    call("models", "verify", "mine")
    assert told() == ({"mine": whole}, whole)
    call("models", "prune", "--max-size", "1MB", "--yes")
    assert told() == ({}, "0.00 MB")


def test_rm_of_a_link_leaves_what_it_leads_to(call: Call, mine: Hub, folder: Path, tmp_path: Path) -> None:
    real = tmp_path / "real.safetensors"
    real.write_bytes(mine.data)
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "checkpoints" / NAME).symlink_to(real)
    call("models", "rm", "mine", "--yes")
    assert left_over(folder) == []
    assert real.exists()


def test_a_file_that_another_model_needs_is_kept(call: Call, mine: Hub, folder: Path) -> None:
    place(folder, mine.data)
    registry = Path(os.environ["HAL_REGISTRY"])
    content = yaml.safe_load(registry.read_text(encoding="utf-8"))
    content["models"]["twin"] = content["models"]["mine"]
    registry.write_text(json.dumps(content), encoding="utf-8")
    _, answer = call("models", "rm", "mine", "--yes")
    assert [kept["reason"] for kept in answer["data"]["kept"]] == ["twin needs it, too"]
    assert removed(call("models", "rm", "mine", "twin", "--yes")[1]) == [NAME]


def test_what_is_in_use_is_never_removed(call: Call, mine: Hub, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = place(folder, mine.data)
    usage.touch([path])
    for action in (["rm", "mine"], ["prune", "--max-size", "0MB"]):
        _, answer = call("models", *action, "--yes")
        assert [kept["reason"] for kept in answer["data"]["kept"]] == ["it is in use"]
    (marker,) = (Path(os.environ["HAL_STATE_DIR"]) / "used").iterdir()
    an_hour_ago = time.time() - 3600
    os.utime(marker, (an_hour_ago, an_hour_ago))
    engine = running.RunningEngine("local", folder, str(folder), 1, None, None, {"uptime_s": 4000})
    monkeypatch.setattr(running, "running_engines", lambda: [engine])
    assert call("models", "rm", "mine", "--yes")[1]["data"]["removed"] == []
    monkeypatch.setattr(running, "running_engines", lambda: [engine._replace(status={"uptime_s": 60})])
    assert removed(call("models", "rm", "mine", "--yes")[1]) == [NAME]


def test_prune_takes_what_was_not_used_for_longest(call: Call, folder: Path) -> None:
    files = {}
    for age, (where, name) in enumerate(
        [
            ("checkpoints", "sd_xl_base_1.0.safetensors"),
            ("checkpoints", "v1-5-pruned-emaonly-fp16.safetensors"),
            ("vae", "ae.safetensors"),
        ]
    ):
        path = folder / where / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * 1_000_000)
        usage.touch([path])
        files[name] = path
        (marker,) = (m for m in (Path(os.environ["HAL_STATE_DIR"]) / "used").iterdir() if m.name.startswith(name))
        stamp = time.time() - 86400 * (age + 1)
        os.utime(marker, (stamp, stamp))
    own = folder / "checkpoints" / "my own.safetensors"
    own.write_bytes(b"x" * 9_000_000)
    part = folder / "vae" / ".ae.safetensors.0123456789ab.part"
    part.write_bytes(b"x" * 500_000)
    _, answer = call("models", "prune", "--max-size", "2MB", "--yes")
    assert removed(answer) == [part.name, "ae.safetensors"]
    assert own.exists(), "what no registry names is not ours to remove"
    assert removed(call("models", "prune", "--max-size", "2MB", "--yes")[1]) == []
    used = {one["name"]: one["last_used"] for one in call("models", "list")[1]["data"]["models"]}
    assert used["sdxl"] is not None
    assert used["flux"] is None


# -- add and import ---------------------------------------------------------------------------------------------------


def test_add_a_file(
    call: Call, checkpoint: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "My Paint.safetensors"
    path.write_bytes(checkpoint.read_bytes())
    monkeypatch.delenv("HAL_REGISTRY")
    code, answer = call("models", "add", str(path), "--name", "paint")
    assert code == 0, answer
    added = answer["data"]["added"]
    assert added["family"] == "sd15"
    assert added["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert Path(added["path"]).samefile(path), "not a copy"
    _, answer = call("-p", "x", "-m", "paint", "--dry-run", "-o", "x")
    assert answer["data"]["model"]["files"][0]["verified"] is True
    assert answer["data"]["request"]["width"] == 512
    again = call("models", "add", str(path), "--name", "paint")
    assert (again[0], again[1]["error"]["code"]) == (2, "model_exists")


OWN = """\
# my models

default: mine   # the best one
models:
    mine: # a comment
        description: "x"
        family: sd15
        min_vram_gb: 1
        files:
            - {role: checkpoint, folder: checkpoints, name: own.safetensors, bytes: 1, licence: MIT,
               sha256: "%s", sources: [{url: "http://localhost/x"}]}
        defaults: {width: 64, height: 64, steps: 1, cfg: 1, sampler: euler, scheduler: normal}

# the end
"""


@pytest.mark.parametrize("text", [OWN % ("a" * 64), "", "# nothing yet\n", "default: sd15\n"])
def test_add_keeps_what_is_in_the_registry(
    call: Call, checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    registry = tmp_path / "own.yaml"
    if text:
        registry.write_text(text, encoding="utf-8")
    monkeypatch.setenv("HAL_REGISTRY", str(registry) if text else "")
    if not text or text.startswith("# nothing"):
        monkeypatch.delenv("HAL_REGISTRY")
        registry = tmp_path / "config" / "hal8000-image-gen" / "models.yaml"
    code, answer = call("models", "add", str(checkpoint), "--name", "added")
    assert code == 0, answer
    now = registry.read_text(encoding="utf-8")
    lines = now.splitlines()
    assert [line for line in text.splitlines() if line not in lines and not text.startswith("# nothing")] == []
    merged = load_registry(default_registry_path(), [registry])
    assert "added" in merged.models
    assert merged.models["added"].files[0].sources[0].file == str(checkpoint)
    assert not list(registry.parent.glob(".*"))


def test_add_refuses_a_registry_that_it_would_spoil(
    call: Call, checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = tmp_path / "own.yaml"
    registry.write_text("{models: {}}\n", encoding="utf-8")
    monkeypatch.setenv("HAL_REGISTRY", str(registry))
    code, answer = call("models", "add", str(checkpoint), "--name", "added")
    assert (code, answer["error"]["code"]) == (2, "registry_not_editable")
    assert registry.read_text(encoding="utf-8") == "{models: {}}\n"


def test_add_from_the_hub(
    call: Call, make_hub: MakeHub, checkpoint: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HAL_REGISTRY")
    cdn = make_hub(checkpoint.read_bytes())
    hub = make_hub(checkpoint.read_bytes(), cdn=cdn.url, token=TOKEN)
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    code, answer = call("models", "add", "hf:some/body/fine/tune.safetensors", "--name", "tune")
    assert code == 0, answer
    assert (folder / "checkpoints" / "tune.safetensors").read_bytes() == hub.data
    model = load_registry(default_registry_path(), [Path(answer["data"]["added"]["registry"])]).models["tune"]
    assert model.files[0].sources[0].revision == COMMIT
    assert {asked.authorization for asked in cdn.asked} == {None}
    call("models", "rm", "tune", "--yes")
    assert call("models", "pull", "tune")[0] == 0


def test_add_what_is_no_model(
    call: Call, make_hub: MakeHub, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HAL_REGISTRY")
    parts = write_flux_parts(tmp_path / "parts")
    for path, error in [
        (str(parts["vae"]), "model_wrong"),
        (str(tmp_path / "x.ckpt"), "usage"),
        (f"{make_hub(b'<html>' * 100).url}/x.safetensors", "model_corrupt"),
    ]:
        code, answer = call("models", "add", path, "--name", "no")
        assert (code, answer["error"]["code"]) == (2 if error == "usage" else 4, error)
    assert left_over(folder) == []


def test_add_a_transformer_uses_the_other_parts_of_ours(
    call: Call, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HAL_REGISTRY")
    parts = write_flux_parts(tmp_path / "parts", diffusion_model="tuned.safetensors")
    code, answer = call("models", "add", str(parts["diffusion_model"]), "--name", "tuned")
    assert code == 0, answer
    files = call("models", "show", "tuned")[1]["data"]["model"]["files"]
    assert [file["role"] for file in files] == ["diffusion_model", "clip_l", "t5xxl", "vae"]


def test_import_of_another_programs_folder(call: Call, mine: Hub, folder: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache" / "models--who--what"
    (cache / "blobs").mkdir(parents=True)
    (cache / "snapshots" / "abc").mkdir(parents=True)
    blob = cache / "blobs" / mine.sha256
    blob.write_bytes(mine.data)
    (cache / "snapshots" / "abc" / "other name.safetensors").symlink_to(f"../../blobs/{mine.sha256}")
    webui = tmp_path / "cache" / "Stable-diffusion"
    webui.mkdir()
    write_sd15(webui / "unknown.safetensors")
    with (webui / "unknown.safetensors").open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"\x01")
    code, answer = call("models", "import", str(tmp_path / "cache"))
    assert code == 0, answer
    assert [one["file"] for one in answer["data"]["imported"]] == [NAME]
    assert [Path(one["path"]).name for one in answer["data"]["others"]] == ["unknown.safetensors"]
    assert (folder / "checkpoints" / NAME).samefile(blob), "not a copy"
    assert call("models", "show", "mine")[1]["data"]["model"]["files"][0]["verified"] is True
    assert call("models", "import", str(tmp_path / "cache"))[1]["data"]["imported"] == []


# -- options ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "argv",
    [
        ("pull",), ("show",), ("show", "sd15", "sdxl"), ("list", "sd15"), ("rm",), ("prune",), ("add", "x"),
        ("import",), ("list", "--yes"), ("pull", "sd15", "--repair"), ("prune", "--max-size", "40"),
        ("add", "x.safetensors", "--name", "No Name"), ("import", "/nowhere"),
    ],
)  # fmt: skip
def test_calls_that_are_wrong(call: Call, argv: tuple[str, ...]) -> None:
    code, answer = call("models", *argv)
    assert (code, answer["error"]["code"]) == (2, "usage")
    assert answer["error"]["hint"]


def test_the_token_is_found_where_the_library_has_it(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(" hf_1\n", encoding="utf-8")
    for environment, token in [
        ({}, None),
        ({"HF_TOKEN_PATH": str(file)}, "hf_1"),
        ({"HF_HOME": str(tmp_path)}, "hf_1"),
        ({"HF_TOKEN": "hf_2", "HF_TOKEN_PATH": str(file)}, "hf_2"),
        ({"HUGGING_FACE_HUB_TOKEN": "hf_3"}, "hf_3"),
        ({"HF_TOKEN": "hf_2", "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1"}, None),
    ]:
        assert hubs.from_environment({"XDG_CACHE_HOME": str(tmp_path / "no"), **environment}).token == token
