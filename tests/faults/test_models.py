"""The models folder goes away: renamed as by somebody who tidies up, removed as by a drive that is pulled out."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.faults.calls import PHASES, SHORT, Call, names, picture
from tests.world import QUICK, SD15, Hal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def folder(models_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder of the test's own."""
    top = tmp_path_factory.mktemp("mine")
    top.chmod(0o755)
    own = top / "models"
    (own / "checkpoints").mkdir(parents=True)
    shutil.copy(models_dir / "checkpoints" / SD15, own / "checkpoints")
    return own


@pytest.fixture
def own_hal(hal: Hal, folder: Path) -> Iterator[Hal]:
    """The command line with that folder; its engine is another than that of the other tests."""
    own = Hal({**hal.environment, "HAL_MODELS_DIR": str(folder)}, hal.cwd)
    yield own
    own("stop", "--force", "--models-dir", str(folder), code=None)


def test_the_models_folder_is_renamed_and_comes_back(own_hal: Hal, folder: Path) -> None:
    # While it loads, while it samples, after it: every call ends as it should, and the folder's return is enough.
    hal = own_hal
    hal("serve")
    call = Call(hal, "-p", "x", *QUICK, "-o", "x.png")
    call.wait_for(PHASES["loading"])
    away = folder.rename(folder.with_name("away"))
    ended = call.end(60)
    # what ComfyUI has opened it keeps; what it had not yet is told as missing, by whoever notices first
    assert (ended.code, ended.error) in {(0, ""), (1, "node_failed"), (1, "graph_refused"), (4, "model_missing")}
    assert names(hal.cwd) == (["x.png"] if ended.code == 0 else [])
    missing = Call(hal, "-p", "x", *QUICK, "--no-download", "-o", "y.png").end(30)
    assert (missing.code, missing.error) == (4, "model_missing")
    away.rename(folder)
    picture(hal)


def test_the_models_folder_is_removed_while_a_picture_is_made(own_hal: Hal, folder: Path) -> None:
    hal = own_hal
    call = Call(hal, "-p", "x", *SHORT, "-o", "x.png")
    call.wait_for(PHASES["sampling"])
    shutil.move(folder, folder.with_name("away"))
    ended = call.end(60)
    assert ended.code == 0, "what is in memory needs no file"
    assert names(hal.cwd) == ["x.png"]
    gone = Call(hal, "-p", "x", *QUICK, "--no-download", "-o", "y.png").end(30)
    assert (gone.code, gone.error) == (4, "model_missing")
    shutil.move(folder.with_name("away"), folder)
    picture(hal)
