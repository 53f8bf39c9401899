"""A download that is killed at any moment, and several at once: real processes."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import hal_image
from tests.store.conftest import NAME, left_over
from tests.store.hub_server import Hub

MakeHub = Callable[..., Hub]
ROOT = Path(hal_image.__file__).parent.parent
BYTES = 24_000_000
KILLS = 8


@pytest.fixture(scope="module")
def data() -> bytes:
    return os.urandom(BYTES)


def start(hub: Hub, folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.store.pulling", hub.url, str(folder), str(len(hub.data)), hub.sha256, NAME]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def wait(process: subprocess.Popen[str]) -> str:
    try:
        out, _ = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 0, out
    return out


def test_kills_at_random_points(make_hub: MakeHub, folder: Path, data: bytes) -> None:
    chance = random.Random(5)
    hub = make_hub(data, pause_s=0.002)
    killed = 0
    for number in range(KILLS):
        begun = hub.sent
        process = start(hub, folder)
        enough = begun + chance.randrange(1, int(1.6 * BYTES / KILLS))
        end = time.monotonic() + 60
        while hub.sent < enough and process.poll() is None:
            assert time.monotonic() < end
            time.sleep(0.001)
        killed += process.poll() is None
        process.kill()
        process.communicate()
        names = left_over(folder)
        assert names in ([], [NAME], [f".{NAME}.{hub.sha256[:12]}.part"]), number
        if names == [NAME]:
            assert (folder / "checkpoints" / NAME).read_bytes() == data
    assert killed > KILLS / 2, "most of them hit"
    wait(start(hub, folder))
    assert (folder / "checkpoints" / NAME).read_bytes() == data
    assert left_over(folder) == [NAME]
    assert hub.sent <= len(data) * (1 + 0.05 * KILLS)


def test_two_at_once(make_hub: MakeHub, folder: Path, data: bytes) -> None:
    hub = make_hub(data, pause_s=0.002)
    several = [start(hub, folder) for _ in range(3)]
    said = [wait(process) for process in several]
    assert (folder / "checkpoints" / NAME).read_bytes() == data
    assert left_over(folder) == [NAME]
    assert hub.sent == len(data), "one downloads, the others wait for it"
    assert sum("pull_done" in lines for lines in said) == 1
    assert sum("pull_waiting" in lines for lines in said) == 2
