"""What was trained is what ComfyUI computes: numbers, not looks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.engine.scripts import answer_of

if TYPE_CHECKING:
    from pathlib import Path

    from hal_image.install.engine_env import EnginePaths


def test_our_networks_and_comfyuis_agree(installed: EnginePaths, tmp_path: Path) -> None:
    found = answer_of(installed, "forward_pass.py", tmp_path, cwd=tmp_path)
    assert len(found) == 18
    assert {name: value for name, value in found.items() if not value < 5e-5} == {}
