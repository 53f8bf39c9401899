"""A model file that was dropped into the folder: used at once, and known by its digest after the first picture."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests import synthetic
from tests.world import QUICK, ROOT, SD15, Hal

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def fresh(lone_hal: Hal, tmp_path: Path) -> Iterator[Hal]:
    """The command line with a models folder in which nothing has been read yet."""
    checkpoint = tmp_path / "models" / "checkpoints" / SD15
    checkpoint.parent.mkdir(parents=True)
    synthetic.write_sd15(checkpoint)
    for folder in (tmp_path, *tmp_path.parents):  # root's container is somebody else
        if folder.is_relative_to("/tmp/pytest-of-root"):
            folder.chmod(folder.stat().st_mode | 0o055)
    registry = yaml.safe_load((ROOT / "models.yaml").read_text(encoding="utf-8"))
    model = registry["models"]["sd15"]
    model["cpu"] = True
    model["files"][0]["bytes"] = checkpoint.stat().st_size
    model["files"][0]["sha256"] = hashlib.sha256(checkpoint.read_bytes()).hexdigest()
    own = tmp_path / "own.yaml"
    own.write_text(json.dumps(registry), encoding="utf-8")
    changed = {"HAL_MODELS_DIR": str(tmp_path / "models"), "HAL_REGISTRY": str(own)}
    hal = Hal({**lone_hal.environment, **changed}, lone_hal.cwd)
    yield hal
    hal("stop", "--force", code=None)


def shown(hal: Hal) -> dict[str, Any]:
    file: dict[str, Any] = hal("models", "show", "sd15", "--json").json["data"]["model"]["files"][0]
    return file


def drawn(hal: Hal) -> dict[str, Any]:
    answer: dict[str, Any] = hal("-p", "a red cube", "-m", "sd15", *QUICK, "-o", "x.png", "--json").json
    return answer


def test_the_second_picture_knows_whether_its_file_is_the_published_one(fresh: Hal) -> None:
    assert [file["verified"] for file in drawn(fresh)["data"]["model"]["files"]] == [False]
    fresh.wait_for(lambda: shown(fresh)["verified"])
    assert [file["verified"] for file in drawn(fresh)["data"]["model"]["files"]] == [True]

    path = Path(shown(fresh)["path"])
    with path.open("r+b") as stream:  # one bit of the last weight: what no look at a header finds
        stream.seek(-1, 2)
        (last,) = stream.read(1)
        stream.seek(-1, 2)
        stream.write(bytes([last ^ 1]))
    assert "model_digest_differs" not in [one["code"] for one in drawn(fresh)["warnings"]]
    fresh.wait_for(lambda: shown(fresh)["known_sha256"])
    assert "model_digest_differs" in [one["code"] for one in drawn(fresh)["warnings"]]
