from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

import hal_image
from hal_image.errors import ModelError
from hal_image.models import bundled_models, words
from hal_image.models.registry import default_registry_path, load_registry
from hal_image.models.store import resolve, status
from hal_image.models.types import Model, ModelFile, Source
from tests.synthetic.packing import reference, write_packed

if TYPE_CHECKING:
    from hal_image.models.store import ResolvedModel

OURS = load_registry(default_registry_path())
BUNDLED = [file for model in OURS.models.values() for file in model.files if file.bundled]
MOST_BYTES = 24_000_000
"""What a model that comes with us may add to the package."""


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Model:
    """A model like ours, but next to nothing, in a package of its own."""
    monkeypatch.setattr(bundled_models, "FOLDER", tmp_path / "bundled")
    plan = [{"key": "a", "dtype": "F16", "shape": [100, 100], "fill": 0.5, "parts": [{"from": "X"}]}]
    arrays = {"X": np.ones((1, 100), np.float16)}
    write_packed(bundled_models.weights("doodle"), arrays, plan)
    whole = reference(arrays, plan)
    ours = load_registry(default_registry_path()).models["doodle"]
    file = ours.files[0]._replace(bytes=len(whole), sha256=hashlib.sha256(whole).hexdigest())
    return ours._replace(files=(file,))


@pytest.fixture
def models(tmp_path: Path) -> Path:
    return tmp_path / "models"


@pytest.fixture
def locks(tmp_path: Path) -> Path:
    folder = tmp_path / "locks"
    folder.mkdir()
    return folder


def laid_out(model: Model, models: Path, locks: Path) -> ResolvedModel:
    return bundled_models.lay_out(resolve(model, models), locks)


@pytest.mark.usefixtures("model")
def test_names_are_those_of_folders_with_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bundled" / "empty").mkdir()
    assert bundled_models.names() == ["doodle"]
    monkeypatch.setattr(bundled_models, "FOLDER", tmp_path / "nothing")
    assert bundled_models.names() == []


def test_on_first_use_it_is_written_and_then_it_is_there(model: Model, models: Path, locks: Path) -> None:
    (found,) = laid_out(model, models, locks).files
    assert (found.included, found.verified, found.path) == (False, True, models / "checkpoints" / model.files[0].name)
    assert hashlib.sha256(found.path.read_bytes()).hexdigest() == model.files[0].sha256
    (again,) = resolve(model, models).files
    assert again == found._replace(verified=False)


def test_what_is_there_is_not_written_again(model: Model, models: Path, locks: Path) -> None:
    before = laid_out(model, models, locks).files[0].path.stat()
    (found,) = laid_out(model, models, locks).files
    assert (found.path.stat().st_ino, found.verified) == (before.st_ino, False)


def test_an_older_version_is_replaced_where_it_is(model: Model, models: Path, locks: Path) -> None:
    older = models / "checkpoints" / "mine" / model.files[0].name
    older.parent.mkdir(parents=True)
    older.write_bytes(b"older")
    (found,) = laid_out(model, models, locks).files
    assert (found.path, found.comfy_name) == (older, f"mine/{older.name}")
    assert older.stat().st_size == model.files[0].bytes


def test_only_what_comes_with_us_is_written(model: Model, models: Path, locks: Path) -> None:
    first = laid_out(model, models, locks).files[0].path
    other = models / "vae" / "v.safetensors"
    other.parent.mkdir()
    first.rename(other)
    hub = Source("o/r", "v.safetensors", None, None, gated=False)
    file = model.files[0]._replace(role="vae", folder="vae", name="v.safetensors", sources=(hub,))
    files = laid_out(model._replace(files=(*model.files, file)), models, locks).files
    assert [found.verified for found in files] == [True, False]
    assert [found.path for found in files] == [first, other]


def test_a_damaged_package_is_told_and_nothing_is_written(model: Model, models: Path, locks: Path) -> None:
    file = model.files[0]._replace(sha256="0" * 64)
    with pytest.raises(ModelError) as raised:
        laid_out(model._replace(files=(file,)), models, locks)
    assert raised.value.code == "bundled_model_damaged"
    assert list((models / "checkpoints").iterdir()) == []


# --- what really comes with us


@pytest.mark.parametrize("file", BUNDLED, ids=lambda file: str(file.bundled))
def test_our_models_become_what_the_registry_says(file: ModelFile, tmp_path: Path, locks: Path) -> None:
    model = OURS.models["doodle"]._replace(files=(file,))
    (found,) = laid_out(model, tmp_path, locks).files
    assert found.verified
    assert status([(file, found.path)]) == "present"
    assert file.bundled is not None
    folder = bundled_models.weights(file.bundled).parent
    assert (folder / "MODEL_CARD.md").is_file()
    assert sum(path.stat().st_size for path in folder.iterdir()) <= MOST_BYTES
    known = words.of_model(model)
    assert known is not None
    assert all(entry == entry.lower() for entry in known.drawn | known.filler)


def test_no_model_comes_with_us_that_nothing_names() -> None:
    assert bundled_models.names() == sorted({str(file.bundled) for file in BUNDLED})
    assert bundled_models.FOLDER.is_relative_to(Path(hal_image.__file__).parent)
