"""What a file must have in it. Whether the tables are ComfyUI's own is for tests/engine/test_contents.py to say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hal_image.errors import ModelError
from hal_image.models import contents
from hal_image.models.registry import default_registry_path, load_registry
from hal_image.models.safetensors_header import Header, Tensor, read_header
from hal_image.models.store import resolve
from tests.synthetic.__main__ import FAMILIES

if TYPE_CHECKING:
    from pathlib import Path

    from hal_image.models.types import Model

MODELS = load_registry(default_registry_path()).models
OF_FAMILY = {
    "sd15": "sd15",
    "sdxl": "sdxl",
    "sd3": "sd35-medium",
    "flux": "flux",
    "flux-schnell": "flux-schnell",
    "flux-parts": "flux-dev-fp16",
}
"""What ``tests.synthetic`` makes, and our model that it stands in for."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("models")
    for write in FAMILIES.values():
        write(made)
    return made


def header(folder: Path, model: Model, index: int = 0) -> Header:
    file = model.files[index]
    return read_header(folder / file.folder / file.name)


def failure(found: Header, model: Model, index: int = 0) -> ModelError:
    with pytest.raises(ModelError) as caught:
        contents.check(found, default_registry_path(), model, model.files[index])
    assert caught.value.hint
    return caught.value


@pytest.mark.parametrize("family", OF_FAMILY)
def test_whole_files_pass(folder: Path, family: str) -> None:
    model = MODELS[OF_FAMILY[family]]
    assert len(resolve(model, folder).files) == len(model.files)


@pytest.mark.parametrize("family", OF_FAMILY)
def test_any_tensor_that_is_missing_is_seen(folder: Path, family: str) -> None:
    """Of all networks but the tiny autoencoder, which no published model has."""
    model = MODELS[OF_FAMILY[family]]
    for index, file in enumerate(model.files):
        whole = header(folder, model, index)
        names = [
            name for name in whole.tensors if "taesd_" not in name and not name.endswith(("vae_scale", "vae_shift"))
        ]
        optional = {"text_encoders.t5xxl_min_length"}
        for name in [*names[::23], *names[-3:]]:
            if name in optional:
                continue
            rest = {other: tensor for other, tensor in whole.tensors.items() if other != name}
            error = failure(whole._replace(tensors=rest), model, index)
            assert error.code == "model_incomplete", (file.name, name)
            assert "lacks" in error.message


def test_the_first_missing_tensor_is_named(folder: Path) -> None:
    whole = header(folder, MODELS["sd15"])
    name = "model.diffusion_model.out.2.weight"
    rest = {other: tensor for other, tensor in whole.tensors.items() if other != name}
    error = failure(whole._replace(tensors=rest), MODELS["sd15"])
    assert "out.2.weight" in error.message
    assert error.details["network"] == "U-Net"


@pytest.mark.parametrize("part", ["first_stage_model.", "cond_stage_model."])
def test_a_checkpoint_without_one_of_its_parts(folder: Path, part: str) -> None:
    whole = header(folder, MODELS["sd15"])
    rest = {name: tensor for name, tensor in whole.tensors.items() if not name.startswith(part)}
    error = failure(whole._replace(tensors=rest), MODELS["sd15"])
    assert (error.code, part in error.message) == ("model_incomplete", True)


def test_the_older_way_of_naming_clip_passes(folder: Path) -> None:
    whole = header(folder, MODELS["sd15"])
    older = {
        name.replace(".transformer.text_model.", ".transformer."): tensor for name, tensor in whole.tensors.items()
    }
    assert older.keys() != whole.tensors.keys()
    contents.check(whole._replace(tensors=older), default_registry_path(), MODELS["sd15"], MODELS["sd15"].files[0])


@pytest.mark.parametrize(
    ("given", "wanted", "what"),
    [
        ("sd15", "sdxl", "a Stable Diffusion 1.5 model, not a Stable Diffusion XL model"),
        ("sdxl", "sd15", "a Stable Diffusion XL model, not a Stable Diffusion 1.5 model"),
        ("flux", "sd35-medium", "a FLUX model, not a Stable Diffusion 3 model"),
        ("sd35-medium", "flux", "a Stable Diffusion 3 model, not a FLUX model"),
    ],
)
def test_another_family(folder: Path, given: str, wanted: str, what: str) -> None:
    error = failure(header(folder, MODELS[given]), MODELS[wanted])
    assert (error.code, error.exit_code) == ("model_wrong", 4)
    assert error.message.endswith(what)


def test_files_in_each_others_roles(folder: Path) -> None:
    parts = MODELS["flux-dev-fp16"]
    headers = [header(folder, parts, index) for index in range(4)]
    for index, own in enumerate(parts.files):
        for other, found in enumerate(headers):
            if other != index:
                assert failure(found, parts, index).code == "model_wrong", (own.role, parts.files[other].role)
        assert failure(headers[index], MODELS["sd15"]).code == "model_wrong", "none of them is a checkpoint"


def test_an_autoencoder_of_other_channels() -> None:
    parts = MODELS["flux-dev-fp16"]
    found = Header({"decoder.conv_in.weight": Tensor("F16", (512, 4, 3, 3), 0, 0)}, {}, 0)
    assert "4 channels, not one of 16 channels" in failure(found, parts, 3).message


def test_a_lora_is_no_checkpoint() -> None:
    found = Header({"lora_unet_down_blocks_0.lora_down.weight": Tensor("F16", (4, 320), 0, 0)}, {}, 0)
    assert "is a LoRA, not a checkpoint" in failure(found, MODELS["sd15"]).message


@pytest.mark.parametrize("index", range(4))
def test_what_is_not_known_at_all_is_let_through(index: int) -> None:
    found = Header({"a": Tensor("F16", (4,), 0, 8)}, {}, 8)
    for model in (MODELS["sd15"], MODELS["sd35-large"]):
        contents.check(found, default_registry_path(), model, model.files[0])
    parts = MODELS["flux-dev-fp16"]
    contents.check(found, default_registry_path(), parts, parts.files[index])
