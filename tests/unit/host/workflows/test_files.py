from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hal_image.errors import HalError
from hal_image.host.workflows.files import find, refuse_path
from hal_image.models.registry import default_registry_path, load_registry
from hal_image.workflow.own.check import FileUse
from tests import synthetic
from tests.unit.workflow.own.nodes import node

if TYPE_CHECKING:
    from pathlib import Path

    from hal_image.models.types import Registry

GRAPH = {"1": node("Loader"), "2": node("Loader")}
SDXL = "sd_xl_base_1.0.safetensors"


@pytest.fixture(scope="module")
def models_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    for name in ("checkpoints/deep/mine.safetensors", "unet/net.safetensors"):
        (folder / name).parent.mkdir(parents=True)
        synthetic.write_sd15(folder / name)
    return folder


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry(default_registry_path(), ())


def use(name: str, kind: str = "checkpoints", node_id: str = "1") -> FileUse:
    return FileUse(node_id, "name", (kind,), name)


def test_files_are_found_in_all_folders_of_their_kind_those_that_draw_first(
    models_dir: Path, registry: Registry
) -> None:
    (models_dir / "vae").mkdir(exist_ok=True)
    synthetic.write_sd15(models_dir / "vae" / "v.safetensors")
    uses = [use("v.safetensors", "vae"), use("net.safetensors", "diffusion_models"), use("deep/mine.safetensors")]
    found = find([*uses, uses[0]], GRAPH, models_dir, registry)
    assert [(one.file.role, one.comfy_name) for one in found.files] == [
        ("diffusion_model", "net.safetensors"), ("checkpoint", "deep/mine.safetensors"), ("vae", "v.safetensors"),
    ]  # fmt: skip
    assert found.models == ()
    assert found.family == "sd15"
    assert find([], GRAPH, models_dir, registry).files == ()


def test_all_that_are_missing_are_told_with_the_way_to_get_them(models_dir: Path, registry: Registry) -> None:
    with pytest.raises(HalError) as caught:
        find([use("deep/mime.safetensors"), use(SDXL, node_id="2")], GRAPH, models_dir, registry)
    assert (caught.value.code, caught.value.exit_code) == ("workflow_model_missing", 4)
    assert "models pull sdxl" in caught.value.hint
    first, second = caught.value.details["missing"]
    assert (first["file"], first["nearest"], first["model"]) == ("deep/mime.safetensors", "deep/mine.safetensors", None)
    assert (second["node"], second["folder"], second["model"]) == ("2", str(models_dir / "checkpoints"), "sdxl")
    with pytest.raises(HalError) as caught:
        find([use("x.safetensors", "diffusion_models")], GRAPH, models_dir, registry)
    assert str(models_dir / "diffusion_models") in caught.value.message


def test_what_comes_with_the_tool_need_not_be_there_yet(tmp_path: Path, registry: Registry) -> None:
    file = registry.models["doodle"].files[0]
    found = find([use(file.name)], GRAPH, tmp_path, registry)
    assert [(one.included, one.path) for one in found.files] == [(True, tmp_path / file.folder / file.name)]
    assert found.models == (registry.models["doodle"],)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["old.ckpt", "old.PTH", "x.bin"])
def test_pickles_are_refused(models_dir: Path, registry: Registry, name: str) -> None:
    with pytest.raises(HalError) as caught:
        find([use(name)], GRAPH, models_dir, registry)
    assert caught.value.code == "workflow_model_unsafe"


def test_a_damaged_file_is_told(tmp_path: Path, registry: Registry) -> None:
    (tmp_path / "loras").mkdir()
    (tmp_path / "loras" / "x.safetensors").write_bytes(b"<html>")
    with pytest.raises(HalError) as caught:
        find([use("x.safetensors", "loras")], GRAPH, tmp_path, registry)
    assert caught.value.code == "model_corrupt"


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../x", "a/../../x", "..", "C:\\x", "\\\\server\\x", "..\\x", "a\\..\\..\\x", "x\0.png"]
)
def test_names_that_lead_out_of_a_folder_are_refused(name: str) -> None:
    with pytest.raises(HalError) as caught:
        refuse_path(name, "node 1")
    assert caught.value.code == "workflow_path_refused"


@pytest.mark.parametrize("name", ["x.png", "a/b.png", "..x", "a..b/c", "x [1].png"])
def test_other_names_are_not(name: str) -> None:
    refuse_path(name, "node 1")
