from __future__ import annotations

import os
import sys
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from hal_image.engine import gpu
from hal_image.host import gpu_presence
from hal_image.host.gpu_presence import gpu_present

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _linux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    for name in ("CUDA_VISIBLE_DEVICES", "HAL_ENGINE_PYTHON"):
        monkeypatch.delenv(name, raising=False)


def machine(root: Path, *files: str) -> Path:
    for file in files:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).touch()
    return root


CARD = "proc/driver/nvidia/gpus/0000:01:00.0"
MODPROBE = "usr/bin/nvidia-modprobe"
WSL = "usr/lib/wsl/lib/libcuda.so.1"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ((), False),
        (("dev/null", "dev/dri/card0"), False),
        (("dev/nvidia0",), True),
        (("dev/nvidia11",), True),
        (("dev/nvidiactl", "dev/nvidia-uvm", "dev/nvidia-modeset"), False),  # of the driver, not of a card
        ((CARD, MODPROBE), True),  # the device files come with the first use
        ((CARD,), False),  # a container on a machine with a card that it was not given
        ((MODPROBE, "proc/driver/nvidia/version"), False),
        (("dev/dxg", WSL), True),
        (("dev/dxg",), False),  # WSL2 with a card of another maker
        ((WSL,), False),
        (("dev/kfd",), False),  # the torch that we install is not for AMD
    ],
)
def test_files_that_drivers_leave(tmp_path: Path, files: tuple[str, ...], expected: bool) -> None:
    assert gpu_present(machine(tmp_path, *files)) is expected


def test_an_amd_card_needs_a_python_of_the_users_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HAL_ENGINE_PYTHON", "/opt/rocm/python")
    assert gpu_present(machine(tmp_path, "dev/kfd"))
    assert not gpu_present(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("value", "expected"), [("", False), ("-1", False), ("0", True), ("0,1", True), ("GPU-1", True)]
)
def test_cards_can_be_hidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str, expected: bool) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", value)
    assert gpu_present(machine(tmp_path, "dev/nvidia0")) is expected


@pytest.mark.parametrize(("processor", "expected"), [("arm64", True), ("x86_64", False)])
def test_apple(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, processor: str, expected: bool) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(os, "uname", lambda: SimpleNamespace(machine=processor))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert gpu_present(tmp_path) is expected


def test_it_takes_no_time() -> None:
    began = time.perf_counter()
    for _ in range(100):
        gpu_present()
    assert (time.perf_counter() - began) / 100 < 0.005  # 0.1 ms; the rest is for a machine with other work


def test_the_engine_takes_the_processor_where_every_card_is_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    assert gpu.HIDDEN == gpu_presence.HIDDEN
    monkeypatch.setattr(gpu, "_run", lambda python, code: "0")  # a card that works
    assert gpu.comfyui_device_options("python", cpu=False) == []
    for value in gpu.HIDDEN:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", value)
        assert gpu.comfyui_device_options("python", cpu=False) == ["--cpu"]
