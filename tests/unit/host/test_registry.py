from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hal_image.errors import UsageError
from hal_image.host import gpu_presence
from hal_image.host.registry import choose_model
from hal_image.models.registry import default_registry_path, load_registry

if TYPE_CHECKING:
    from pathlib import Path

    from hal_image.models.types import Model

OURS = load_registry(default_registry_path())


@pytest.fixture(params=[True, False], ids=["gpu", "no gpu"])
def gpu(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    present: bool = request.param
    monkeypatch.setattr(gpu_presence, "gpu_present", lambda: present)
    return present


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu_presence, "gpu_present", lambda: False)


def put(model: Model, models: Path, *, count: int | None = None) -> None:
    for file in model.files[:count]:
        (models / file.folder).mkdir(parents=True, exist_ok=True)
        (models / file.folder / file.name).touch()


def chosen(models: Path, asked: str | None = None, **changes: str | None) -> tuple[str, str]:
    model, why = choose_model(OURS._replace(**changes), asked, models)  # type: ignore[arg-type]
    return model.name, why


def test_without_a_gpu_and_the_default_it_is_the_small_one(gpu: bool, tmp_path: Path) -> None:
    assert chosen(tmp_path) == (("sdxl", "default") if gpu else ("doodle", "no_gpu"))


@pytest.mark.usefixtures("gpu")
@pytest.mark.parametrize("name", ["sdxl", "sd15", "doodle"])
def test_what_was_asked_for_is_never_replaced(tmp_path: Path, name: str) -> None:
    assert chosen(tmp_path, name) == (name, "asked")


@pytest.mark.usefixtures("gpu")
def test_a_default_that_is_there_is_used(tmp_path: Path) -> None:
    put(OURS.models["sdxl"], tmp_path)
    assert chosen(tmp_path) == ("sdxl", "default")


@pytest.mark.usefixtures("no_gpu")
def test_a_default_that_is_half_there_is_not(tmp_path: Path) -> None:
    put(OURS.models["flux-dev-fp16"], tmp_path, count=3)
    assert chosen(tmp_path, default="flux-dev-fp16") == ("doodle", "no_gpu")
    put(OURS.models["flux-dev-fp16"], tmp_path)
    assert chosen(tmp_path, default="flux-dev-fp16") == ("flux-dev-fp16", "default")


@pytest.mark.usefixtures("no_gpu")
def test_the_registry_decides_which_it_is(tmp_path: Path) -> None:
    assert chosen(tmp_path, default_without_gpu="sd15") == ("sd15", "no_gpu")
    assert chosen(tmp_path, default_without_gpu="sdxl") == ("sdxl", "default")
    assert chosen(tmp_path, default_without_gpu=None) == ("sdxl", "default")
    assert chosen(tmp_path, default="doodle") == ("doodle", "default")
    assert chosen(tmp_path, default="doodle", default_without_gpu="sd15") == ("doodle", "default")  # it comes with us


@pytest.mark.parametrize("asked", [None, ""])
def test_an_empty_name_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: str | None) -> None:
    monkeypatch.setattr(gpu_presence, "gpu_present", lambda: True)
    assert chosen(tmp_path, asked) == ("sdxl", "default")


def test_nobody_looks_for_a_gpu_when_a_model_was_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def gpu_present() -> bool:
        raise AssertionError

    monkeypatch.setattr(gpu_presence, "gpu_present", gpu_present)
    assert chosen(tmp_path, "sdxl") == ("sdxl", "asked")
    with pytest.raises(UsageError):
        chosen(tmp_path, "sdx")
