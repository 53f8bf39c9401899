"""Runs scripts of the tests in the engine's Python, on ComfyUI's own modules."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hal_image.install.engine_env import EnginePaths

HERE = Path(__file__).parent


def answer_of(
    engine: EnginePaths, script: str, *arguments: object, cwd: Path | None = None, limit_s: float = 300
) -> dict[str, Any]:
    """The JSON object in the last line that a script prints.

    Args:
        engine: whose Python it is.
        script: name of the file, beside this one; its first argument is ComfyUI's folder.
        arguments: its further ones.
        cwd: where it runs.
        limit_s: seconds that it may take.
    """
    done = subprocess.run(
        [str(engine.python), str(HERE / script), str(engine.comfyui_dir), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=limit_s,
        check=False,
        cwd=cwd,
        env={name: value for name, value in os.environ.items() if not name.startswith("PYTHON")},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer
