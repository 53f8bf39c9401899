from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hal_image.errors import ModelError
from hal_image.models import extras, verified
from hal_image.models.registry import load_registry
from tests.synthetic.sparse import Tensor, write_safetensors
from tests.unit.models.registry_documents import GOOD

if TYPE_CHECKING:
    from hal_image.models.types import ExtraKind, Registry

CROSS = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k"


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HAL_STATE_DIR", str(tmp_path / "state"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "models"


def write(path: Path, kind: ExtraKind = "lora", width: int = 768) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = {
        "lora": {f"{CROSS}.lora_down.weight": Tensor((4, width))},
        "controlnet": {
            "zero_convs.0.0.weight": Tensor((4, 4, 1, 1)),
            "input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight": Tensor((4, width)),
        },
        "upscaler": {"conv_first.weight": Tensor((4, 3, 3, 3))},
    }[kind]
    write_safetensors(path, tensors, seed="x")
    return path


def registry(folder: Path, *paths: Path, kind: str = "lora", text: str = "") -> Registry:
    """``GOOD`` with entries for files, each called ``my-`` and the beginning of its file's name."""
    entries = "".join(
        f"  my-{path.stem}:\n    kind: {kind}\n    description: x\n    family: sd15\n    files:\n"
        f"      - {{role: {kind}, folder: {path.parent.name}, name: {path.name}, bytes: {path.stat().st_size}, "
        f'sha256: "{hashlib.sha256(path.read_bytes()).hexdigest()}", licence: MIT, '
        f'sources: [{{url: "http://localhost/x"}}]}}\n'
        for path in paths
    )
    file = folder.parent / "models.yaml"
    file.write_text(GOOD + text + entries, encoding="utf-8")
    return load_registry(file)


def failure(kind: ExtraKind, asked: str, known: Registry, folder: Path) -> ModelError:
    with pytest.raises(ModelError) as raised:
        extras.find(kind, asked, known, folder)
    assert raised.value.hint
    return raised.value


@pytest.mark.parametrize("asked", ["ink", "ink.safetensors", "styles/ink", "styles/ink.safetensors", "INK"])
def test_a_file_that_was_dropped_in_is_found_by_its_name(folder: Path, asked: str) -> None:
    path = write(folder / "loras" / "styles" / "ink.safetensors")
    found = extras.find("lora", asked, registry(folder), folder)
    assert (found.path, found.comfy_name, found.name) == (path, "styles/ink.safetensors", "styles/ink")
    assert found.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (found.family, found.bytes, found.elsewhere) == ("sd15", path.stat().st_size, False)
    assert verified.digest(verified.read(), path) == found.sha256, "the next call need not read it"


def test_each_kind_has_its_folder(folder: Path) -> None:
    for kind, name in {"lora": "loras", "controlnet": "controlnet", "upscaler": "upscale_models"}.items():
        write(folder / name / "one-canny.safetensors", kind)  # type: ignore[arg-type]
        found = extras.find(kind, "one-canny", registry(folder), folder)  # type: ignore[arg-type]
        assert found.kind == kind
        assert found.control == ("canny" if kind == "controlnet" else None)


def test_the_nearest_file_of_a_name_is_taken_and_exact_letters_first(folder: Path) -> None:
    write(folder / "loras" / "a" / "ink.safetensors")
    near = write(folder / "loras" / "z.safetensors")
    write(folder / "loras" / "a" / "z.safetensors")
    capital = write(folder / "loras" / "a" / "INK.safetensors")
    assert extras.find("lora", "z", registry(folder), folder).path == near
    assert extras.find("lora", "INK", registry(folder), folder).path == capital


def test_a_name_of_the_registry_comes_first(folder: Path) -> None:
    mine = write(folder / "loras" / "ink.safetensors")
    write(folder / "loras" / "my-ink.safetensors", width=2048)
    found = extras.find("lora", "my-ink", registry(folder, mine), folder)
    assert (found.name, found.path, found.family) == ("my-ink", mine, "sd15")
    assert extras.find("lora", "ink", registry(folder, mine), folder).name == "my-ink"
    assert extras.names("lora", registry(folder, mine), folder) == ["my-ink", "my-ink"]


def test_a_registered_file_that_is_not_there_can_be_downloaded(folder: Path) -> None:
    path = write(folder / "loras" / "ink.safetensors")
    known = registry(folder, path)
    path.unlink()
    error = failure("lora", "my-ink", known, folder)
    assert error.code == "model_missing"
    assert error.message.startswith("LoRA 'my-ink' is not installed")


def test_what_is_not_there(folder: Path) -> None:
    write(folder / "loras" / "watercolour.safetensors")
    error = failure("lora", "watercolor", registry(folder), folder)
    assert (error.code, error.exit_code, error.message) == ("extra_missing", 4, "there is no LoRA 'watercolor'")
    assert error.hint.startswith("did you mean 'watercolour'? there are: watercolour; ")
    assert error.details["known"] == ["watercolour"]
    assert "there is none yet" in failure("controlnet", "x", registry(folder), folder).hint
    assert failure("lora", "./x.safetensors", registry(folder), folder).message.startswith("there is no file /")


def test_another_kind_is_refused(folder: Path) -> None:
    path = write(folder / "loras" / "edges.safetensors", "controlnet")
    for kind, asked, found in [
        ("lora", "edges", "a ControlNet"),
        ("lora", "paint", "a model"),
        ("controlnet", "my-ink", "a LoRA"),
    ]:
        known = registry(folder, write(folder / "loras" / "ink.safetensors"))
        error = failure(kind, asked, known, folder)  # type: ignore[arg-type]
        assert (error.code, error.details["found"]) == ("model_wrong", found)
    assert failure("upscaler", str(path), registry(folder), folder).details["found"] == "a ControlNet"


def test_damaged_files_and_pickles_are_refused(folder: Path) -> None:
    top = folder / "upscale_models"
    whole = write(top / "x.safetensors", "upscaler").read_bytes()
    (top / "cut.safetensors").write_bytes(whole[:-10])
    (top / "page.safetensors").write_text("<html></html>", encoding="utf-8")
    (top / "RealESRGAN_x4.pth").write_bytes(b"PK\x03\x04")
    for name, found in [("cut", "cut off"), ("page", "a web page"), ("RealESRGAN_x4", "a pickle")]:
        error = failure("upscaler", name, registry(folder), folder)
        assert error.code == "model_corrupt"
        assert found in error.details["found"]
    assert "never loaded" in error.hint


def test_a_path_into_the_folder_is_the_file_there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(folder / "loras" / "a" / "ink.safetensors")
    monkeypatch.chdir(folder)
    for asked in (str(path), "./loras/a/ink.safetensors", "loras/a/ink.safetensors"):
        found = extras.find("lora", asked, registry(folder), folder)
        assert (found.comfy_name, found.elsewhere) == ("a/ink.safetensors", False)


def test_a_file_that_is_elsewhere_gets_a_name_in_the_folder(folder: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "downloads" / "ink.v2.safetensors")
    found = extras.find("lora", str(path), registry(folder), folder)
    assert (found.name, found.path, found.elsewhere) == (found.comfy_name.removesuffix(".safetensors"), path, True)
    assert found.name.endswith("/ink.v2")
    assert not folder.exists(), "nothing is written by looking"
    placed = extras.lay_out(found, folder)
    assert placed.path == folder / "loras" / placed.comfy_name
    assert placed.path.samefile(path)
    assert extras.lay_out(placed, folder) == placed
    path.unlink()
    write(path, width=2048)  # a new file of that name
    again = extras.lay_out(extras.find("lora", str(path), registry(folder), folder), folder)
    assert again.path == placed.path
    assert again.path.samefile(path)
    assert failure("lora", "ink.v2", registry(folder), folder).code == "extra_missing", "it was asked for by its path"
    assert extras.names("lora", registry(folder), folder) == []


def test_a_folder_that_no_name_can_be_given_in(folder: Path, tmp_path: Path) -> None:
    found = extras.find("lora", str(write(tmp_path / "ink.safetensors")), registry(folder), folder)
    with pytest.raises(ModelError) as raised:
        extras.lay_out(found, Path("/proc/self"))
    assert raised.value.code == "extra_outside"


def test_a_path_without_the_suffix_is_refused(folder: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "ink.sft")
    error = failure("lora", str(path), registry(folder), folder)
    assert (error.code, error.hint) == ("model_wrong", "rename it to ink.safetensors")
