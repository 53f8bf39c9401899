"""Peers that can't be had are left out with the reason; nothing is installed where that is not wanted."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from bench.peers import bare, packages

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HAL_STATE_DIR", str(tmp_path / "state"))


def test_a_given_command_is_taken_as_it_is() -> None:
    assert packages.comfy_cli("/somewhere/comfy") == "/somewhere/comfy"


def test_nothing_is_installed_with_hal_no_venv(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HAL_NO_VENV", "1")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("something was started"))
    for have in (lambda: packages.comfy_cli(None), packages.diffusers_path):
        with pytest.raises(packages.Unavailable, match="HAL_NO_VENV"):
            have()


def test_without_an_index_the_reason_is_told_and_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HAL_NO_VENV", raising=False)
    for name in ("PIP_NO_INDEX", "PIP_FIND_LINKS"):
        monkeypatch.setenv(name, "1" if name == "PIP_NO_INDEX" else str(tmp_path / "empty"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(packages.Unavailable, match=r"diffusers==\S+ could not be installed"):
        packages.diffusers_path()
    assert list((tmp_path / "state" / "bench").iterdir()) == []


def test_what_is_complete_is_used_and_the_rest_of_an_attempt_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HAL_NO_VENV", "1")
    folder = tmp_path / "state" / "bench" / f"diffusers-{packages.DIFFUSERS}"
    folder.mkdir(parents=True)
    with pytest.raises(packages.Unavailable):
        packages.diffusers_path()
    (folder / packages.READY).touch()
    assert packages.diffusers_path() == folder


def test_seeds_are_changed_wherever_they_are_and_nothing_else() -> None:
    graph: dict[str, Any] = {
        "1": {"class_type": "KSampler", "inputs": {"seed": 1, "steps": 1}},
        "2": {"class_type": "RandomNoise", "inputs": {"noise_seed": 1}},
        "3": {"class_type": "VAEDecode", "inputs": {"samples": ["1", 0]}},
    }
    changed = bare.with_seed(graph, 7)
    assert changed["1"]["inputs"] == {"seed": 7, "steps": 1}
    assert changed["2"]["inputs"] == {"noise_seed": 7}
    assert changed["3"] == graph["3"]
    assert graph["1"]["inputs"]["seed"] == 1
