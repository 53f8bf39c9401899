"""What ComfyUI runs on, asked while it boots already. The driver is a stand-in: tests need no GPU."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from hal_image.engine import gpu
from hal_image.engine.comfyui_process import BootFailed, ComfyProcess, Liveness
from hal_image.errors import EnvironmentError_
from hal_image.wire import EngineSettings


class Driver:
    """Answers when it is told to."""

    def __init__(self, answer: list[str] | EnvironmentError_) -> None:
        self.answer = answer
        self.may = threading.Event()

    def __call__(self, python: str, *, cpu: bool) -> list[str]:
        self.may.wait(10)
        if isinstance(self.answer, EnvironmentError_):
            raise self.answer
        return self.answer


def test_what_looks_likely_holds_until_the_driver_has_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = Driver(["--cpu"])
    monkeypatch.setattr(gpu, "comfyui_device_options", driver)
    monkeypatch.setattr(gpu, "likely_device_options", lambda *, cpu: [])
    device = gpu.Device("python", cpu=False)
    assert device.options() == []
    driver.may.set()
    assert device.options(wait=True) == ["--cpu"]


@pytest.mark.parametrize(
    ("platform", "cpu", "visible", "expected"),
    [
        ("linux", True, None, ["--cpu"]),
        ("linux", False, "-1", ["--cpu"]),
        ("darwin", False, None, []),
        ("linux", False, None, None),
    ],
)
def test_what_looks_likely(
    monkeypatch: pytest.MonkeyPatch, platform: str, cpu: bool, visible: str | None, expected: list[str] | None
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    if expected is None:
        there = any(Path("/dev").glob("nvidia[0-9]*")) or Path("/dev/dxg").exists() or Path("/dev/kfd").exists()
        expected = [] if there else ["--cpu"]
    assert gpu.likely_device_options(cpu=cpu) == expected


def boot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, driver: Driver, started: list[list[str]]) -> None:
    """Boots something that never gets ready, and stops it the second time; the driver answers in the first.

    Args:
        tmp_path: of the test.
        monkeypatch: of the test.
        driver: what is asked.
        started: takes the options of each start.
    """
    settings = EngineSettings(tool_version="1", models_dir=str(tmp_path), python="sleep", comfyui_dir="/", cpu=False)
    process = ComfyProcess(settings, tmp_path)

    def start(options: list[str]) -> None:
        started.append(options)
        process._process = subprocess.Popen(["sleep", "60"], start_new_session=True)
        process._liveness = Liveness(process._process)
        process.url = "http://127.0.0.1:9"

    def tick(_seconds: float) -> bool:
        driver.may.set()
        return len(started) < 2

    monkeypatch.setattr(gpu, "comfyui_device_options", driver)
    monkeypatch.setattr(gpu, "likely_device_options", lambda *, cpu: [])
    monkeypatch.setattr(process, "_start", start)
    try:
        process.boot(tick)
    finally:
        assert not process.alive


def test_a_boot_for_another_device_than_there_is_begins_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[list[str]] = []
    with pytest.raises(BootFailed, match="was stopped"):
        boot(tmp_path, monkeypatch, Driver(["--cpu"]), started)
    assert started == [[], ["--cpu"]]


def test_a_gpu_that_cannot_be_used_ends_the_boot_and_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[list[str]] = []
    unusable = EnvironmentError_("it cannot be used", code="gpu_unusable", hint="add --cpu")
    with pytest.raises(EnvironmentError_, match="it cannot be used") as told:
        boot(tmp_path, monkeypatch, Driver(unusable), started)
    assert told.value.code == "gpu_unusable"
    assert started == [[]]
