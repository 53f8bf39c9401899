"""A model that comes with the tool, from its packed form to a picture, on a machine without a GPU."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from tests.synthetic.bundled import StandIn, registry_with, write_stand_in
from tests.world import ROOT, Hal, is_flat, pixels

if TYPE_CHECKING:
    from pathlib import Path

STAND_IN = "stand-in.safetensors"
LAUNCHER = """\
import sys
from pathlib import Path
sys.path.insert(0, {root!r})
from hal_image.host import gpu_presence
from hal_image.host.main import main
from hal_image.models import bundled_models
gpu_presence.gpu_present = lambda: False
bundled_models.FOLDER = Path({folder!r})
sys.exit(main(sys.argv[1:]))
"""
"""The command line with another package of models, on a machine that has no GPU."""


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> StandIn:
    return write_stand_in(tmp_path_factory.mktemp("bundled"))


@pytest.fixture
def without_gpu(hal: Hal, stand_in: StandIn, models_dir: Path) -> Hal:
    """The command line of a newcomer: no GPU, no model; ``doodle`` is the stand-in."""
    (models_dir / "checkpoints" / STAND_IN).unlink(missing_ok=True)  # which another kind of engine had before
    registry = stand_in.folder / "own.yaml"
    own = registry_with(name=STAND_IN, bytes=stand_in.bytes, sha256=stand_in.sha256)
    registry.write_text(own, encoding="utf-8")
    script = stand_in.folder / "hal.py"
    script.write_text(LAUNCHER.format(root=str(ROOT), folder=str(stand_in.folder)), encoding="utf-8")
    return Hal({**hal.environment, "HAL_REGISTRY": str(registry)}, hal.cwd, script)


def test_a_newcomers_first_picture(without_gpu: Hal, stand_in: StandIn, models_dir: Path) -> None:
    call = ("-p", "a red cat and a zebra", "--size", "64", "--steps", "2", "--seed", "3", "--json")
    first = without_gpu(*call, "-o", "first.png")
    data = first.json["data"]
    assert (data["model"]["name"], data["model"]["chosen"]) == ("doodle", "no_gpu")
    assert {warning["code"]: warning["details"] for warning in first.json["warnings"]} == {
        "default_model_replaced": {"default": "sdxl", "model": "doodle"},
        "unknown_words": {"words": ["zebra"]},
    }
    assert first.err.count("comes with this tool: writing") == 1
    checkpoint = models_dir / "checkpoints" / STAND_IN
    assert hashlib.sha256(checkpoint.read_bytes()).hexdigest() == stand_in.sha256
    assert data["model"]["files"][0]["verified"] is True
    assert data["timings"]["prepare_s"] > 0.05
    assert not is_flat(without_gpu.cwd / "first.png")

    second = without_gpu(*call, "-o", "second.png")
    assert "writing" not in second.err
    assert second.json["data"]["timings"]["prepare_s"] == 0
    assert second.json["data"]["model"]["files"][0]["verified"] is True, "it is remembered as what was written"
    assert pixels(without_gpu.cwd / "second.png") == pixels(without_gpu.cwd / "first.png")

    # the words reach the picture through the laid-out text encoder
    other = without_gpu(*call[2:], "-p", "a blue cube", "-o", "other.png")
    assert "unknown_words" not in {warning["code"] for warning in other.json["warnings"]}
    assert pixels(without_gpu.cwd / "other.png") != pixels(without_gpu.cwd / "first.png")

    info = without_gpu("info", "first.png", "--json").json["data"]["hal8000"]
    assert "chosen" not in info["model"]
