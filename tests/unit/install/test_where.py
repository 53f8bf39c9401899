from __future__ import annotations

import sys
from pathlib import Path

import pytest

from hal_image.install import host_env, where


@pytest.fixture(autouse=True)
def state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("HAL_STATE_DIR", str(tmp_path / "state"))
    return tmp_path / "state"


def test_a_venv_is_named_after_python_and_lock(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(where, "LOCKS", str(tmp_path))
    (tmp_path / "host.txt").write_text("a==1")
    first = where.venv_name("host")
    assert first.startswith(f"host-cp{sys.version_info[0]}{sys.version_info[1]}-")
    (tmp_path / "host.txt").write_text("a==2")
    assert where.venv_name("host") != first


def make(state: Path) -> Path:
    venv = Path(where.venv_dir("host"))
    assert venv.is_relative_to(state / "venvs")
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "python").symlink_to(sys.executable)
    (venv / where.READY).write_text("{}")
    return venv


def test_ready_when_complete(state: Path) -> None:
    assert host_env.host_python() is None
    venv = make(state)
    assert host_env.host_python() == venv / "bin" / "python"


def test_not_ready_without_the_marker(state: Path) -> None:
    (make(state) / where.READY).unlink()
    assert host_env.host_python() is None


def test_not_ready_when_its_base_python_was_removed(state: Path, tmp_path: Path) -> None:
    venv = make(state)
    (venv / "bin" / "python").unlink()
    (venv / "bin" / "python").symlink_to(tmp_path / "gone")
    assert host_env.host_python() is None


def test_inside_is_told_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not where.inside("host")
    monkeypatch.setattr(sys, "prefix", f"/spelled/differently/{where.venv_name('host')}")
    assert where.inside("host")
    assert not where.inside("engine")
