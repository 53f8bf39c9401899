from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hal_image.errors import ModelError
from hal_image.host.docker import readable
from hal_image.host.engines import EngineRequest, Needs

if TYPE_CHECKING:
    from pathlib import Path


def request_for(file: Path) -> EngineRequest:
    needs = Needs("m", 0, fit_for_cpu=True, files=(file,))
    return EngineRequest(file.parent, cpu=False, gpu=None, keep_alive_s=300.0, offline=False, needs=needs)


def test_a_link_out_of_the_models_folder(tmp_path: Path) -> None:
    models, elsewhere = tmp_path / "models", tmp_path / "elsewhere"
    for folder in (models, elsewhere):
        folder.mkdir(mode=0o755)
        (folder / "own").touch(0o644)
    (models / "inward").symlink_to(models / "own")
    (models / "outward").symlink_to(elsewhere / "own")
    for name in ("own", "inward"):
        readable.check_files(request_for(models / name), models)
    with pytest.raises(ModelError) as caught:
        readable.check_files(request_for(models / "outward"), models)
    assert caught.value.code == "model_outside"
