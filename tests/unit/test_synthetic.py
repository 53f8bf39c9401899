"""The made-up checkpoints are whole, repeatable and small. Whether ComfyUI runs them is for tests/engine to say."""

from __future__ import annotations

import math
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest

from hal_image.models.safetensors_header import read_header
from tests.synthetic import sparse, write_flux_parts, write_sd15
from tests.synthetic.__main__ import FAMILIES, main
from tests.synthetic.sparse import DType, Tensor, write_safetensors

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

SIZES: dict[DType, int] = {"F8_E4M3": 1, "F16": 2, "F32": 4, "I64": 8}

MODELS = {
    "sd15": "checkpoints/v1-5-pruned-emaonly-fp16.safetensors",
    "sdxl": "checkpoints/sd_xl_base_1.0.safetensors",
    "sd3": "checkpoints/sd3.5_medium_incl_clips_t5xxlfp8scaled.safetensors",
    "flux": "checkpoints/flux1-dev-fp8.safetensors",
    "flux-schnell": "checkpoints/flux1-schnell-fp8.safetensors",
}
PARTS = {
    "diffusion_models/flux1-dev.safetensors": "model.diffusion_model.",
    "text_encoders/clip_l.safetensors": "text_encoders.clip_l.transformer.",
    "text_encoders/t5xxl_fp16.safetensors": "text_encoders.t5xxl.transformer.",
    "vae/ae.safetensors": "vae.",
}
"""The parts of FLUX, and the prefix that their tensors have in the one file."""


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A models folder with all that ``python -m tests.synthetic`` makes."""
    folder = tmp_path_factory.mktemp("models")
    assert main([str(folder)]) == 0
    yield folder
    shutil.rmtree(folder)  # pytest keeps the folders of its last runs, and this one is half a gigabyte


def read(path: Path, name: str, dtype: str) -> NDArray[np.generic]:
    """One tensor's data as a flat array."""
    data = path.read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    tensor = read_header(path).tensors[name]
    return np.frombuffer(data[start + tensor.begin : start + tensor.end], dtype)


def test_a_reader_finds_every_tensor_and_its_values(tmp_path: Path) -> None:
    tensors = {
        "eight": Tensor((3,), "F8_E4M3", value=1.0),
        "zeros": Tensor((5, 2), "F16"),
        "scalar": Tensor((), "F32", value=0.5),
        "length": Tensor((), "I64", value=7),
        "some": Tensor((4, 2), "F16", value=2.0, rows=(1, 3)),
    }
    path = tmp_path / "new" / "a.safetensors"
    write_safetensors(path, tensors, seed="x", metadata={"note": "text"})

    header = read_header(path)
    assert {name: tensor.shape for name, tensor in header.tensors.items()} == {
        name: tensor.shape for name, tensor in tensors.items()
    }
    assert header.metadata["note"] == "text"
    assert read(path, "eight", "u1").tolist() == [0x38] * 3
    assert read(path, "zeros", "<f2").tolist() == [0] * 10
    assert read(path, "scalar", "<f4").tolist() == [0.5]
    assert read(path, "length", "<i8").tolist() == [7]
    assert read(path, "some", "<f2").tolist() == [0, 0, 2, 2, 2, 2, 0, 0]


def test_every_tensor_is_aligned_to_its_numbers(tmp_path: Path) -> None:
    path = tmp_path / "a"
    odd = {f"{dtype}{value}": Tensor((3,), dtype, value=float(value)) for value in (0, 1) for dtype in SIZES}
    write_safetensors(path, odd, seed="x")
    assert int.from_bytes(path.read_bytes()[:8], "little") % 8 == 0
    assert all(tensor.begin % SIZES[tensor.dtype] == 0 for tensor in read_header(path).tensors.values())  # type: ignore[index]


def test_normal_values_have_the_mean_and_deviation_asked_for(tmp_path: Path) -> None:
    write_safetensors(tmp_path / "a", {"w": Tensor((1000, 100), "F32", value=3.0, std=0.5)}, seed="x")
    values = read(tmp_path / "a", "w", "<f4").astype(float)
    assert values.mean() == pytest.approx(3.0, abs=0.01)
    assert values.std() == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize(
    ("dtype", "value", "pattern"),
    [
        ("F8_E4M3", 1.0, 0x38),
        ("F8_E4M3", -1.0, 0xB8),
        ("F8_E4M3", 448.0, 0x7E),
        ("F8_E4M3", 1e9, 0x7E),  # not 0x7f, which is NaN
        ("F8_E4M3", 2**-9, 0x01),
        ("F8_E4M3", 0.3, 0x2A),  # 0.3125; the next lower is 0.28125
        ("F8_E5M2", 1.0, 0x3C),
        ("F8_E5M2", -57344.0, 0xFB),
        ("F8_E5M2", 2**-16, 0x01),
    ],
)
def test_eight_bit_numbers(tmp_path: Path, dtype: DType, value: float, pattern: int) -> None:
    write_safetensors(tmp_path / "a", {"w": Tensor((2,), dtype, value=value)}, seed="x")
    assert read(tmp_path / "a", "w", "u1").tolist() == [pattern] * 2


def test_values_depend_on_the_seed_and_the_name_only(tmp_path: Path) -> None:
    weight = Tensor((64,), "F32", std=1.0)
    write_safetensors(tmp_path / "a", {"w": weight}, seed="x")
    write_safetensors(tmp_path / "b", {"other": weight, "w": weight}, seed="x")
    write_safetensors(tmp_path / "c", {"w": weight}, seed="y")
    first = read(tmp_path / "a", "w", "<f4")
    # Pinned, so that pictures can be compared between machines and versions of numpy.
    assert first[:3].tolist() == pytest.approx([-1.3538593, 0.2020933, -1.3064303])
    assert np.array_equal(first, read(tmp_path / "b", "w", "<f4"))
    assert not np.array_equal(first, read(tmp_path / "b", "other", "<f4"))
    assert not np.array_equal(first, read(tmp_path / "c", "w", "<f4"))


def test_a_failure_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(sparse, "_values", full)
    with pytest.raises(OSError, match="No space left"):
        write_sd15(tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


def test_the_same_file_every_time(models: Path, tmp_path: Path) -> None:
    write_sd15(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == (models / MODELS["sd15"]).read_bytes()


@pytest.mark.parametrize("name", [*MODELS.values(), *PARTS])
def test_every_file_is_whole_and_says_that_it_is_synthetic(models: Path, name: str) -> None:
    assert "synthetic" in read_header(models / name).metadata["modelspec.title"]


def test_all_of_it_is_small_on_disk(models: Path) -> None:
    files = [models / name for name in (*MODELS.values(), *PARTS)]
    if all(path.stat().st_blocks * 512 >= path.stat().st_size for path in files):
        pytest.skip("this file system keeps no holes")
    assert sum(path.stat().st_size for path in files) > 16e9
    assert sum(path.stat().st_blocks * 512 for path in files) < 0.7e9


def test_sd15_has_the_projection_and_context_that_tell_it_apart(models: Path) -> None:
    tensors = read_header(models / MODELS["sd15"]).tensors
    block = "model.diffusion_model.input_blocks.1.1."
    assert tensors[f"{block}proj_in.weight"].shape == (320, 320, 1, 1)
    assert tensors[f"{block}transformer_blocks.0.attn2.to_k.weight"].shape == (320, 768)
    assert tensors["first_stage_model.taesd_decoder.1.weight"].shape == (64, 4, 3, 3)


def test_sdxl_has_transformer_depths_that_comfyui_knows(models: Path) -> None:
    tensors = read_header(models / MODELS["sdxl"]).tensors
    blocks = "model.diffusion_model.input_blocks."
    depths = [
        len({name.split(".")[6] for name in tensors if name.startswith(f"{blocks}{block}.1.transformer_blocks.")})
        for block in (1, 3, 5)
    ]
    assert depths == [0, 2, 5]
    assert tensors["model.diffusion_model.label_emb.0.0.weight"].shape == (1280, 2816)
    assert tensors["conditioner.embedders.1.model.text_projection"].shape == (1280, 1280)


def test_sd3_has_the_depth_that_its_width_tells_and_both_kinds_of_block(models: Path) -> None:
    tensors = read_header(models / MODELS["sd3"]).tensors
    prefix = "model.diffusion_model."
    width = tensors[f"{prefix}x_embedder.proj.weight"].shape[0]
    blocks = {name.split(".")[3] for name in tensors if name.startswith(f"{prefix}joint_blocks.")}
    assert blocks == {str(index) for index in range(width // 64)}
    ends = [f"{prefix}joint_blocks.{index}.context_block.attn.proj.weight" in tensors for index in range(width // 64)]
    assert ends == [True, False]
    assert f"{prefix}pos_embed" not in tensors
    assert tensors["first_stage_model.taesd_decoder.1.weight"].shape == (64, 16, 3, 3)


@pytest.mark.parametrize(("model", "guidance"), [("flux", True), ("flux-schnell", False)])
def test_only_flux_dev_has_guidance(models: Path, model: str, guidance: bool) -> None:
    names = read_header(models / MODELS[model]).tensors
    assert ("model.diffusion_model.guidance_in.in_layer.weight" in names) is guidance


def test_flux_parts_hold_what_the_one_file_holds(models: Path) -> None:
    whole = {name: (t.dtype, t.shape) for name, t in read_header(models / MODELS["flux"]).tensors.items()}
    del whole["text_encoders.t5xxl_min_length"]  # only a checkpoint can say this
    parts = {
        prefix + name: (t.dtype, t.shape)
        for file, prefix in PARTS.items()
        for name, t in read_header(models / file).tensors.items()
    }
    assert parts == whole


def test_t5_has_all_its_weights(models: Path) -> None:
    tensors = read_header(models / "text_encoders/t5xxl_fp16.safetensors").tensors
    assert sum(math.prod(tensor.shape) for tensor in tensors.values()) == 4_762_310_656  # T5 1.1 XXL's encoder


def test_flux_parts_take_other_names(tmp_path: Path) -> None:
    parts = write_flux_parts(
        tmp_path, guidance=False, diffusion_model="d.safetensors", clip_l="c.safetensors", t5xxl="t.safetensors",
        vae="v.safetensors",
    )  # fmt: skip
    assert parts == {
        "diffusion_model": tmp_path / "diffusion_models" / "d.safetensors",
        "clip_l": tmp_path / "text_encoders" / "c.safetensors",
        "t5xxl": tmp_path / "text_encoders" / "t.safetensors",
        "vae": tmp_path / "vae" / "v.safetensors",
    }
    assert all(path.is_file() for path in parts.values())
    assert "guidance_in.in_layer.weight" not in read_header(parts["diffusion_model"]).tensors


def test_the_command_writes_only_the_families_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path), "--family", "sd15", "--family", "flux-parts"]) == 0
    wanted = {str(tmp_path / name) for name in (MODELS["sd15"], *PARTS)}
    assert set(capsys.readouterr().out.splitlines()) == wanted
    assert {str(path) for path in tmp_path.rglob("*") if path.is_file()} == wanted


def test_the_command_names_the_families_it_knows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main([str(tmp_path), "--family", "sd4"])
    assert stop.value.code == 2
    error = capsys.readouterr().err
    assert all(family in error for family in FAMILIES)
