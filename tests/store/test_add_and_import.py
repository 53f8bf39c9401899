"""``models add`` and ``models import``."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hal_image.models.registry import default_registry_path, load_registry
from tests.store.conftest import NAME, TOKEN, Call, MakeHub, left_over
from tests.store.hub_server import COMMIT, Hub
from tests.synthetic import write_flux_parts, write_lora, write_sd15
from tests.synthetic.sparse import Tensor, write_safetensors

if TYPE_CHECKING:
    from hal_image.errors import JsonObject


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
    path.rename(tmp_path / "first")
    path.write_bytes(checkpoint.read_bytes())
    other = call("models", "add", str(path), "--name", "other")
    assert (other[0], other[1]["error"]["code"]) == (2, "file_exists")


def test_add_to_a_registry_that_cannot_be_written(
    call: Call, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HAL_REGISTRY")
    monkeypatch.setenv("XDG_CONFIG_HOME", "/proc/self")
    code, answer = call("models", "add", str(checkpoint), "--name", "paint")
    assert (code, answer["error"]["code"]) == (3, "registry_unwritable")


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


def own_extras(call: Call) -> list[JsonObject]:
    """What `models list` has of what goes with models, without our registry's."""
    ours = set(load_registry(default_registry_path()).extras)
    return [extra for extra in call("models", "list")[1]["data"]["extras"] if extra["name"] not in ours]


def test_add_a_lora_and_use_the_store_for_it(
    call: Call, make_hub: MakeHub, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_lora(tmp_path / "ink.safetensors", prompt=True)
    data = (tmp_path / "ink.safetensors").read_bytes()
    hub = make_hub(data)
    monkeypatch.delenv("HAL_REGISTRY")
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    code, answer = call("models", "add", "hf:some/body/ink.safetensors", "--name", "ink")
    assert code == 0, answer
    added = answer["data"]["added"]
    assert (added["kind"], added["family"], added["control"]) == ("lora", "sd15", None)
    assert Path(added["path"]) == folder / "loras" / "ink.safetensors"
    (extra,) = own_extras(call)
    assert (extra["name"], extra["kind"], extra["status"], extra["bytes"]) == ("ink", "lora", "present", len(data))
    shown = call("models", "show", "ink")[1]["data"]["extra"]
    assert (shown["files"][0]["role"], shown["files"][0]["verified"]) == ("lora", True)
    assert call("models", "verify", "ink")[1]["data"]["verified"][0]["status"] == "ok"
    code, answer = call("-p", "x", "-m", "ink", "--dry-run", "-o", "x")
    assert (code, answer["error"]["code"]) == (2, "unknown_model")
    assert call("models", "rm", "ink", "--yes")[1]["data"]["freed_bytes"] == len(data)
    assert call("models", "show", "ink")[1]["data"]["extra"]["status"] == "missing"
    assert call("models", "pull", "ink")[0] == 0
    (folder / "loras" / "ink.safetensors").write_bytes(data[:-1])
    assert call("models", "verify", "ink")[1]["data"]["verified"][0]["status"] == "damaged"
    assert call("models", "verify", "ink", "--repair")[1]["data"]["verified"][0]["status"] == "repaired"
    assert call("models", "prune", "--max-size", "0GB", "--yes")[1]["data"]["freed_bytes"] == len(data)


def test_add_a_controlnet_and_an_upscaler(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HAL_REGISTRY")
    cross = "input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight"
    control = {"zero_convs.0.0.weight": Tensor((4, 4, 1, 1)), cross: Tensor((4, 2048))}
    write_safetensors(tmp_path / "xl_canny_mid.safetensors", control, seed="x")
    write_safetensors(tmp_path / "larger.safetensors", {"conv_first.weight": Tensor((4, 3, 3, 3))}, seed="x")
    for name, kind, family, shows in [
        ("xl_canny_mid", "controlnet", "sdxl", "canny"),
        ("larger", "upscaler", None, None),
    ]:
        code, answer = call("models", "add", str(tmp_path / f"{name}.safetensors"), "--name", kind)
        assert code == 0, answer
        added = answer["data"]["added"]
        assert (added["kind"], added["family"], added["control"]) == (kind, family, shows)
    assert [extra["name"] for extra in own_extras(call)] == ["controlnet", "upscaler"]


def test_add_a_lora_for_a_family_that_we_do_not_have(
    call: Call, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HAL_REGISTRY")
    name = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k.lora_down.weight"
    write_safetensors(tmp_path / "two.safetensors", {name: Tensor((4, 1024))}, seed="x")
    code, answer = call("models", "add", str(tmp_path / "two.safetensors"), "--name", "two")
    assert (code, answer["error"]["code"]) == (4, "model_wrong")
    assert "a LoRA for Stable Diffusion 2" in answer["error"]["message"]
    assert left_over(folder) == []


def test_what_was_dropped_in_is_listed(call: Call, folder: Path) -> None:
    (folder / "loras").mkdir(parents=True)
    write_lora(folder / "loras" / "ink.safetensors")
    (one,) = call("models", "list")[1]["data"]["by_hand"]
    assert (one["name"], one["kind"], one["path"]) == ("ink", "lora", str(folder / "loras" / "ink.safetensors"))


def test_import_tells_what_goes_with_models(call: Call, tmp_path: Path) -> None:
    (tmp_path / "webui" / "Lora").mkdir(parents=True)
    write_lora(tmp_path / "webui" / "Lora" / "ink.safetensors", prompt=True)
    data = call("models", "import", str(tmp_path / "webui"))[1]["data"]
    assert data["others"] == []
    assert [(one["kind"], one["family"]) for one in data["extras"]] == [("lora", "sd15")]


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
