"""The engine's command line: what it says of itself and of a wrong setting, before anything is booted."""

from __future__ import annotations

import argparse
import json
import os
import sys
from typing import TYPE_CHECKING

import pytest

from hal_image import about
from hal_image.engine import __main__ as engine
from hal_image.engine import selftest
from hal_image.errors import EnvironmentError_

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def comfyui(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An image's environment, with a ComfyUI folder that is none."""
    folder = tmp_path / "comfyui"
    (folder / "comfy").mkdir(parents=True)
    (folder / "main.py").touch()
    monkeypatch.setenv("HAL_ENGINE_PYTHON", sys.executable)
    monkeypatch.setenv("HAL_COMFYUI_DIR", str(folder))
    monkeypatch.setenv("HAL_MODELS_DIR", "/models")
    return folder


def options(settings: object = None, *, cpu: bool = False, hot: str | None = None) -> argparse.Namespace:
    return argparse.Namespace(settings=settings, cpu=cpu, hot=hot)


@pytest.mark.parametrize("cpu", [False, True])
def test_settings_out_of_the_environment(comfyui: Path, cpu: bool) -> None:
    assert engine.settings_of(options(cpu=cpu))._asdict() == {
        "tool_version": about.version(),
        "models_dir": "/models",
        "python": sys.executable,
        "comfyui_dir": str(comfyui),
        "cpu": cpu,
        "gpu": None,
        "hot_dir": None,
    }


def test_settings_that_are_given_go_before(comfyui: Path) -> None:
    given = {"tool_version": "0", "models_dir": "/m", "python": "/p", "comfyui_dir": "/c", "cpu": False}
    assert engine.settings_of(options(given))._asdict() == {**given, "gpu": None, "hot_dir": None}
    assert engine.settings_of(options(given, cpu=True)).cpu


def test_nothing_to_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HAL_STATE_DIR", str(tmp_path))
    for name in ("HAL_ENGINE_PYTHON", "HAL_COMFYUI_DIR"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(EnvironmentError_) as caught:
        engine.settings_of(options())
    assert caught.value.code == "engine_not_prepared"


def test_facts_of_a_source(comfyui: Path) -> None:
    (comfyui / "comfyui_version.py").write_text('__version__ = "1.2"\n')
    assert engine.source_facts(comfyui) == {
        "comfyui_version": "1.2",
        "comfyui_commit": None,
        "comfyui_source": "external",
    }
    (comfyui / "source.json").write_text(json.dumps({"version": "1.3", "commit": "abc", "source": "wheel"}))
    assert list(engine.source_facts(comfyui).values()) == ["1.3", "abc", "wheel"]


def test_a_folder_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert engine.main(["serve", "--folder", str(tmp_path / "spool"), "--socket", str(tmp_path / "s")]) == 3
    assert f"engine_folder_unwritable: user {os.getuid()} cannot write" in capsys.readouterr().err
    with pytest.raises(EnvironmentError_) as caught:
        engine.check_folder(tmp_path / "spool")
    assert caught.value.code == "engine_folder_unwritable"


def test_a_selftest_tells_all_that_is_wrong(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken() -> str:
        raise ImportError("libcudart.so.12")

    def fine() -> str:
        return "fine"

    monkeypatch.setattr(selftest, "CHECKS", (("torch", broken), ("boot", fine)))
    assert engine.main(["selftest"]) == 3
    assert capsys.readouterr().out == "FAIL  torch: ImportError: libcudart.so.12\nok    boot: fine\n"
    assert engine.main(["selftest", "--json"]) == 3
    told = json.loads(capsys.readouterr().out)
    assert (told["ok"], told["checks"][1]) == (False, {"name": "boot", "ok": True, "detail": "fine"})
    monkeypatch.setattr(selftest, "CHECKS", (("boot", fine),))
    assert engine.main(["selftest"]) == 0


def test_a_hot_cache_is_handed_on(comfyui: Path) -> None:
    assert engine.settings_of(options(hot="/hot/k")).hot_dir == "/hot/k"
