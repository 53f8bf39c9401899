"""The first call from a checkout, with whatever package index this machine's pip knows."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from hal_image import about
from hal_image.install import comfyui_prepare, comfyui_source, host_env

if TYPE_CHECKING:
    import pytest

SCRIPT = Path(__file__).parents[2] / "hal_generate_image.py"


def call(*argv: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), *argv]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300, env=dict(os.environ))


def test_the_first_call_prepares_and_the_second_does_not() -> None:
    assert host_env.host_python() is None
    first = call("ps")
    assert first.returncode == 0, first.stderr
    assert first.stderr.startswith("preparing the command line: ")
    assert host_env.host_python() is not None
    second = call("ps")
    assert (second.returncode, second.stdout) == (0, first.stdout)
    assert "preparing" not in second.stderr


def test_the_host_venv_has_what_the_host_imports() -> None:
    python = host_env.prepare_host(lambda _: None)
    code = "import yaml, requests, tqdm, websocket; import sys; print(sys.prefix != sys.base_prefix)"
    result = subprocess.run([python, "-I", "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "True\n"


def test_comfyui_out_of_the_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HAL_COMFYUI_SOURCE", "wheel")
    source = comfyui_prepare.ensure_source(Path(sys.executable), lambda _: None)
    assert (source.kind, source.version, source.commit) == ("wheel", about.COMFYUI_VERSION, about.COMFYUI_COMMIT)
    assert (source.folder / "comfy" / "model_management.py").is_file()
    assert not (source.folder / "extra_model_paths.yaml").exists()
    assert list(source.folder.glob("__pycache__/main.*.pyc"))
    assert comfyui_source.found() == source
