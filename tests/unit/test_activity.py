from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from hal_image import activity as module
from hal_image.activity import Inactivity, Quiet, activity

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")


@pytest.fixture
def worker() -> Iterator[int]:
    """A process that wakes up a hundred times a second and does nothing else."""
    code = "import time\nprint(flush=True)\nwhile True: time.sleep(0.01)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process.pid
        process.kill()


def test_who_works_is_active_and_who_is_stopped_is_not(worker: int) -> None:
    looking = Inactivity(worker)
    for _ in range(3):
        time.sleep(0.1)
        assert looking.look() == 0
    os.kill(worker, signal.SIGSTOP)
    time.sleep(0.1)
    looking.look()
    time.sleep(0.3)
    assert looking.look() >= 0.3
    os.kill(worker, signal.SIGCONT)
    time.sleep(0.1)
    assert looking.look() == 0


def test_of_who_is_not_there_nothing_is_said(worker: int) -> None:
    os.kill(worker, signal.SIGKILL)
    os.waitpid(worker, 0)
    assert activity(worker) is None
    assert Inactivity(worker).look() == 0


def test_a_pause_of_our_own_counts_as_one_look(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("hal_image.activity.time.monotonic", lambda: now[0])
    quiet = Quiet()
    now[0] = 4.0
    assert quiet.look(sign=False) == 4
    now[0] = 4000.0
    assert quiet.look(sign=False) == 4 + module.LONGEST_LOOK_S
    assert quiet.look(sign=True) == 0
