from __future__ import annotations

import argparse
import hashlib
from typing import TYPE_CHECKING

import pytest

from hal_image.errors import EnvironmentError_, ModelError, UsageError
from hal_image.host import hires, upscale
from hal_image.host.arguments import parse
from hal_image.host.delivery import command_again
from hal_image.host.materials import Materials, lay_out
from hal_image.host.metadata import a1111_parameters
from hal_image.host.render import Output
from hal_image.host.upscale_arguments import AskedUpscale
from hal_image.models.registry import load_registry
from hal_image.request import Hires, Upscale
from tests.contract.upscale_cases import LANCZOS, by
from tests.synthetic import write_lora, write_upscaler
from tests.unit.host.job_examples import MODEL, REQUEST, record
from tests.unit.models.registry_documents import GOOD

if TYPE_CHECKING:
    from pathlib import Path

    from hal_image.models.types import Registry

OPTIONS = argparse.Namespace(offline=False, no_download=True, dry_run=False, timeout=None, engine=None)


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HAL_STATE_DIR", str(tmp_path / "state"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "models"


def registry(folder: Path, text: str = "") -> Registry:
    file = folder.parent / "models.yaml"
    file.write_text(GOOD + text, encoding="utf-8")
    return load_registry(file)


def named(name: str) -> str:
    """An entry for the upscaler ``x4.safetensors``."""
    return (
        f"  {name}:\n    kind: upscaler\n    description: x\n    files:\n      - {{role: upscale_model, "
        f'folder: upscale_models, name: x4.safetensors, bytes: 7, sha256: "{"0" * 64}", licence: MIT, '
        f'sources: [{{url: "http://localhost/x"}}]}}\n'
    )


def choose(folder: Path, model: str | None, text: str = "", scale: int = 2) -> tuple[upscale.Chosen, Output]:
    output = Output("generate", quiet=True)
    asked = AskedUpscale(scale, model)
    return upscale.choose(asked, OPTIONS, registry(folder, text), folder, output), output


def test_without_a_model_it_is_resampled_and_that_is_said(folder: Path) -> None:
    chosen, output = choose(folder, None, named("my-x4"))
    assert chosen == upscale.Chosen(LANCZOS)
    assert [warning.code for warning in output.warnings] == ["upscaled_without_model"]
    assert "models pull my-x4" in output.warnings[0].message


def test_asked_for_resampling_is_nothing_to_warn_of(folder: Path) -> None:
    write_upscaler(folder / "upscale_models" / "a.safetensors")
    chosen, output = choose(folder, "lanczos")
    assert (chosen, output.warnings) == (upscale.Chosen(LANCZOS), [])


def test_a_file_that_is_there_is_used_the_first_by_name(folder: Path) -> None:
    write_upscaler(folder / "upscale_models" / "b.safetensors")
    write_upscaler(folder / "upscale_models" / "a.safetensors", factor=2)
    chosen, output = choose(folder, None, named("missing"))
    digest = hashlib.sha256((folder / "upscale_models" / "a.safetensors").read_bytes()).hexdigest()
    assert chosen.upscale == Upscale(2, "model", "a", "a.safetensors", digest, 2)
    (file,) = chosen.files
    assert (file.file.role, file.comfy_name, file.sha256, file.verified) == (
        "upscale_model",
        "a.safetensors",
        digest,
        True,
    )
    assert output.warnings == []


def test_one_of_the_registry_that_is_there_goes_first(folder: Path) -> None:
    write_upscaler(folder / "upscale_models" / "x4.safetensors")
    write_upscaler(folder / "upscale_models" / "a.safetensors")
    chosen, output = choose(folder, None, named("my-x4"))
    assert (chosen.upscale.model, chosen.upscale.file) == ("my-x4", "x4.safetensors")
    assert [warning.code for warning in output.warnings] == ["model_size_differs"]


def test_one_that_is_elsewhere_gets_a_name_in_the_folder(folder: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "mine.safetensors"
    write_upscaler(elsewhere)
    chosen, _ = choose(folder, str(elsewhere))
    assert chosen.upscale.file is not None
    (laid_out,) = lay_out(Materials(files=chosen.files), folder).files
    assert laid_out.path == folder / "upscale_models" / chosen.upscale.file
    assert laid_out.path.samefile(elsewhere)
    elsewhere.unlink()
    assert choose(folder, chosen.upscale.model)[0].upscale == chosen.upscale


def test_what_is_not_there_or_no_upscaler(folder: Path) -> None:
    write_lora(folder / "loras" / "style.safetensors")
    with pytest.raises(ModelError) as raised:
        choose(folder, "4x-UltraSharp")
    assert raised.value.code == "extra_missing"
    with pytest.raises(ModelError) as raised:
        choose(folder, str(folder / "loras" / "style.safetensors"))
    assert raised.value.code == "model_wrong"
    with pytest.raises(ModelError) as raised:
        choose(folder, "my-x4", named("my-x4"))
    assert raised.value.code == "model_missing"


def test_a_side_that_nothing_can_hold() -> None:
    with pytest.raises(UsageError) as raised:
        upscale.check_size(LANCZOS, (8200, 64), (16400, 128))
    assert raised.value.code == "size_too_large"
    assert raised.value.details == {"width": 16400, "height": 128}
    upscale.check_size(None, (16384, 16384), (16384, 16384))


@pytest.mark.parametrize(
    ("chosen", "memory_gib", "hint"),
    [(by(2, 4), 15.5, "lanczos"), (by(4, 4), 15.5, "smaller"), (LANCZOS, 3.5, "smaller"), (by(2, 2), 3.5, "smaller")],
)
def test_a_picture_that_no_memory_can_hold(
    monkeypatch: pytest.MonkeyPatch, chosen: Upscale, memory_gib: float, hint: str
) -> None:
    monkeypatch.setattr(upscale, "_memory", lambda: int(memory_gib * 2**30))
    side = 4200
    with pytest.raises(EnvironmentError_) as raised:
        upscale.check_size(chosen, (side, side), (2 * side, 2 * side))
    assert raised.value.code == "memory_too_small"
    assert hint in raised.value.hint
    monkeypatch.setattr(upscale, "_memory", lambda: 17 * 2**30)
    upscale.check_size(chosen, (side, side), (2 * side, 2 * side))
    monkeypatch.setattr(upscale, "_memory", lambda: None)
    upscale.check_size(chosen, (16384, 16384), (16384, 16384))


@pytest.mark.parametrize("chosen", [LANCZOS, by(4, 4)])
def test_the_same_can_be_asked_for_again(tmp_path: Path, chosen: Upscale) -> None:
    job = record(tmp_path, hires=Hires(1.5, 0.35), upscale=chosen)
    words = command_again(job).split()[2:]
    options = parse(words[words.index("--model") :], "hal")
    assert {"hires": options.hires} == hires.options_of(job.picture.request)
    assert {"upscale": options.upscale} == upscale.options_of(job.picture.request)
    assert options.upscale.model == (chosen.model or "lanczos")


def test_a_picture_without_either_has_no_word_of_it(tmp_path: Path) -> None:
    assert (hires.options_of(REQUEST), upscale.options_of(REQUEST)) == ({}, {})
    assert "--hires" not in command_again(record(tmp_path))


def test_a1111_says_it_in_its_words() -> None:
    text = a1111_parameters(REQUEST._replace(hires=Hires(2.0), upscale=by(2, 4, "a/x4.safetensors")), MODEL)
    assert "Size: 64x64, Denoising strength: 0.5, Hires upscale: 2.0, Hires upscaler: Lanczos, " in text
    assert "Postprocess upscale by: 2, Postprocess upscaler: x4, " in text
    assert "Hires" not in a1111_parameters(REQUEST, MODEL)
