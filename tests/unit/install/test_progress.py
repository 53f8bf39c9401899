from __future__ import annotations

import pytest

from hal_image.install import progress
from hal_image.install.progress import PipProgress

OUTPUT = """\
Looking in indexes: https://index.example/simple
Ignoring colorama: markers 'sys_platform == "win32"' don't match your environment
Collecting certifi==2026.1.1 (from -r engine.txt (line 3))
  Downloading certifi-2026.1.1-py3-none-any.whl.metadata (2 kB)
Downloading certifi-2026.1.1-py3-none-any.whl (134 kB)
  Downloading certifi-2026.1.1-py3-none-any.whl (134 kB)
Collecting idna==3.20 (from -r engine.txt (line 9))
  Using cached idna-3.20-py3-none-any.whl (70 kB)
Collecting torch==2.4.1 (from -r engine.txt (line 12))
  Downloading torch-2.4.1-cp311-cp311-manylinux1_x86_64.whl (797.1 MB)
Processing /mirror/files/yarl-1.25.1-cp311-cp311-linux_x86_64.whl (from -r engine.txt (line 19))
Installing collected packages: yarl, torch, idna, certifi
Successfully installed certifi-2026.1.1 idna-3.20 torch-2.4.1 yarl-1.25.1
"""


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


def test_a_whole_run(clock: Clock) -> None:
    said: list[str] = []
    pip = PipProgress("the engine", 5, said.append)
    for line in OUTPUT.splitlines():
        clock.now += 0.1
        pip.line(line)
    assert said == [
        "preparing the engine: package 1 of 4 (certifi, 134 kB)",
        "preparing the engine: package 3 of 4 (torch, 797.1 MB)",  # idna came within the pause; large ones always tell
        "preparing the engine: installing 4 packages",
    ]
    assert pip.packages == 4


def test_small_packages_tell_now_and_then(clock: Clock) -> None:
    said: list[str] = []
    pip = PipProgress("the engine", 100, said.append)
    for number in range(100):
        clock.now += 0.1
        pip.line(f"Collecting p{number}==1 (from -r engine.txt)")
        pip.line(f"  Downloading p{number}-1-py3-none-any.whl (1.{number} MB)")
    assert 4 <= len(said) <= 6


def test_a_long_silence_is_broken(clock: Clock) -> None:
    said: list[str] = []
    pip = PipProgress("the engine", 1, said.append)
    pip.second()
    assert said == []
    pip.step("compiling")
    for _ in range(40):
        clock.now += 1
        pip.second()
    assert said == [
        "preparing the engine: compiling",
        "preparing the engine: compiling, 15 s",
        "preparing the engine: compiling, 30 s",
    ]
