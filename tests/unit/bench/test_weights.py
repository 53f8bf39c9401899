"""Checkpoints of full size are as large as the published files, and what we ask of a file they have."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bench.weights import checkpoints
from bench.weights.checkpoints import FULL_SIZE
from hal_image.models import contents
from hal_image.models.registry import default_registry_path, load_registry
from hal_image.models.safetensors_header import read_header
from tests.synthetic.sparse import write_safetensors

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("name", FULL_SIZE)
def test_a_file_of_full_size_is_taken_for_the_published_one(name: str, tmp_path: Path) -> None:
    model = load_registry(default_registry_path()).models[name]
    file_name, tensors = FULL_SIZE[name]
    assert [file.name for file in model.files] == [file_name]
    path = tmp_path / file_name
    # without values it is a hole, and takes no space
    write_safetensors(path, {key: replace(tensor, std=0, value=0) for key, tensor in tensors().items()}, seed="x")
    assert path.stat().st_size == pytest.approx(model.files[0].bytes, rel=2e-4)
    contents.check(read_header(path), path, model, model.files[0])


def test_a_file_that_is_there_is_not_written_again(tmp_path: Path) -> None:
    path = tmp_path / "checkpoints" / FULL_SIZE["sd15"][0]
    path.parent.mkdir()
    path.write_bytes(b"kept")
    assert checkpoints.write("sd15", tmp_path) == path
    assert path.read_bytes() == b"kept"
