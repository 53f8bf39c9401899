"""What ensure_venv decides before it starts anything; tests/install makes real venvs."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

import pytest

from hal_image.errors import EnvironmentError_
from hal_image.install import process, where
from hal_image.install.venvs import VenvPlan, ensure_venv, stale_venvs, standard_plan

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("HAL_STATE_DIR", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.fixture(autouse=True)
def nothing_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        pytest.fail("a command was started")

    monkeypatch.setattr(process, "run", refuse)


@pytest.fixture
def plan(tmp_path: Path) -> VenvPlan:
    lock = tmp_path / "test.txt"
    lock.write_text("")
    return VenvPlan("test", "the test", lock, tmp_path / "state" / "venvs" / "test-cp3-0", 1)


def said(_: str) -> None:
    pytest.fail("nothing was to be said")


def test_a_complete_venv_is_used_as_it_is(plan: VenvPlan) -> None:
    (plan.folder / "bin").mkdir(parents=True)
    (plan.folder / "bin" / "python").symlink_to("/bin/sh")
    (plan.folder / where.READY).write_text("{}")
    assert ensure_venv(plan, said, offline=True) == plan.folder / "bin" / "python"


def test_offline(plan: VenvPlan, state: Path) -> None:
    with pytest.raises(EnvironmentError_) as caught:
        ensure_venv(plan, said, offline=True)
    assert caught.value.code == "offline_not_prepared"
    assert not state.exists()


@pytest.mark.parametrize("missing", ["venv", "ensurepip"])
def test_python_without_venv(plan: VenvPlan, state: Path, monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == missing else object())
    with pytest.raises(EnvironmentError_) as caught:
        ensure_venv(plan, said)
    assert caught.value.code == "python_without_venv"
    assert not state.exists()


def test_too_little_room(plan: VenvPlan) -> None:
    greedy = VenvPlan(plan.kind, plan.label, plan.lock_file, plan.folder, 10**18)
    with pytest.raises(EnvironmentError_) as caught:
        ensure_venv(greedy, said)
    assert caught.value.code == "disk_full"
    assert caught.value.details["free_bytes"] > 0
    assert not plan.folder.exists()


def test_stale_venvs(state: Path) -> None:
    assert stale_venvs() == ()
    for name in (where.venv_name("host"), where.venv_name("engine"), "host-cp39-00000000", "engine-cp311-00000000"):
        (state / "venvs" / name).mkdir(parents=True)
    (state / "venvs" / "host-cp39-00000000.lock").write_text("")
    assert [folder.name for folder in stale_venvs()] == ["engine-cp311-00000000", "host-cp39-00000000"]


def test_the_standard_plans_have_their_own_lock(state: Path) -> None:
    host, engine = standard_plan("host", "the host", 1), standard_plan("engine", "the engine", 1)
    assert host.lock_file.name == "host.txt"
    assert engine.folder.parent == host.folder.parent == state / "venvs"
    assert engine.folder != host.folder
    assert engine.log != host.log
    assert engine.what == "preparing the engine"
