"""A machine of the test's own, and the command line on it."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

from hal_image.host.main import main

if TYPE_CHECKING:
    from pathlib import Path

    from tests.contract.answers import Call


@pytest.fixture
def own_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the real user's folders."""
    monkeypatch.setenv("HAL_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("HAL_MODELS_DIR", str(tmp_path / "models"))
    monkeypatch.setenv("HAL_REGISTRY", "")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for name in ("HAL_ENGINE_PYTHON", "HAL_COMFYUI_DIR", "HAL_COMFYUI_SOURCE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HAL_DOCKER", str(tmp_path / "no-docker"))
    monkeypatch.setattr(sys, "argv", ["hal_generate_image.py"])


@pytest.fixture
def call(capfdbinary: pytest.CaptureFixture[bytes]) -> Call:
    """Runs the command line with ``--json``; returns the exit code and the object."""

    def run(*argv: str) -> tuple[int, dict[str, Any]]:
        code = main([*argv, "--json"])
        lines = capfdbinary.readouterr().out.splitlines()
        assert len(lines) == 1, lines
        return code, json.loads(lines[0])

    return run
