"""What was trained is what ComfyUI computes: numbers, not looks."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hal_image.install.engine_env import EnginePaths

SCRIPT = Path(__file__).with_name("forward_pass.py")


def test_our_networks_and_comfyuis_agree(installed: EnginePaths, tmp_path: Path) -> None:
    done = subprocess.run(
        [str(installed.python), str(SCRIPT), str(installed.comfyui_dir), str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if not name.startswith("PYTHON")},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert len(found) == 18
    assert {name: value for name, value in found.items() if not value < 5e-5} == {}
