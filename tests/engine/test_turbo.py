"""Faster sampling, on ComfyUI's own modules, and what ``--turbo`` says where it cannot do anything."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.engine.scripts import answer_of
from tests.world import QUICK, Hal, pixels

if TYPE_CHECKING:
    from hal_image.install.engine_env import EnginePaths

ROOT = Path(__file__).resolve().parents[2]


def probe(engine: EnginePaths, folder: Path, *options: str) -> dict[str, Any]:
    return answer_of(engine, "turbo_probe.py", ROOT, *options, cwd=folder, limit_s=600)


@pytest.fixture(scope="module")
def found(installed: EnginePaths, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return probe(installed, tmp_path_factory.mktemp("turbo"))


def test_blocks_that_are_compiled_compute_the_same(found: dict[str, Any]) -> None:
    assert found["prepared_equal"]  # the switch alone changes nothing
    assert found["compiled_failure"] is None
    assert found["compiled_difference"] < 1e-4


def test_blocks_that_are_alike_are_compiled_once(found: dict[str, Any]) -> None:
    # eight transformer blocks and seven ResBlocks, of two and of six kinds, and one that comes in two sizes
    assert 3 <= found["compiled_graphs"] <= 9
    assert found["compiled_again"] == 0  # neither in the next step nor in the next picture


def test_what_a_patch_changes_is_changed_in_spite_of_it(found: dict[str, Any]) -> None:
    assert found["patched_difference"] == 0
    assert found["patch_changes"] > 1e-4


def test_a_compiler_that_does_not_work_costs_no_picture(found: dict[str, Any]) -> None:
    assert found["broken_equal"]
    assert "no C compiler was found" in found["broken_failure"]


def test_cuda_graphs_draw_the_same_pixels(installed: EnginePaths, tmp_path: Path) -> None:
    """On a GPU only; there with: python3 -m tests engine -- -k cuda_graphs."""
    code = "import torch; raise SystemExit(not torch.cuda.is_available())"
    if subprocess.run([str(installed.python), "-c", code], check=False, capture_output=True).returncode != 0:
        pytest.skip("there is no GPU")
    on_card = probe(installed, tmp_path, "--cuda")
    assert on_card["recorded_equal"] == [True, True]
    assert on_card["recorded_bytes"] > 0
    assert on_card["recorded_refused"] == 0
    assert on_card["moved_differs"]
    assert on_card["moved_equal"]
    assert on_card["dropped_bytes"] == 0


def test_on_a_processor_turbo_says_that_it_has_no_effect(hal: Hal) -> None:
    plain = hal("-p", "a red cube", *QUICK, "--seed", "5", "-o", "plain.png")
    assert plain.code == 0
    fast = hal("-p", "a red cube", *QUICK, "--seed", "5", "--turbo", "-o", "fast.png", "--json")
    warning = fast.json["warnings"][-1]
    assert warning["code"] == "turbo_unavailable"
    assert "--turbo had no effect here: it is for GPUs" in warning["message"]
    assert pixels(hal.cwd / "fast.png") == pixels(hal.cwd / "plain.png")
    assert fast.json["data"]["request"]["turbo"] is True


def test_a_picture_remembers_that_it_was_made_with_turbo(hal: Hal) -> None:
    hal("-p", "a red cube", *QUICK, "--seed", "5", "--turbo", "-o", "fast.png")
    again = hal("--from-image", "fast.png", "-o", "again.png", "--json")
    assert again.json["data"]["request"]["turbo"] is True
    assert pixels(hal.cwd / "again.png") == pixels(hal.cwd / "fast.png")
