"""Process 1 of a container, tried as an ordinary process: one that orphans come to is enough."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PR_SET_CHILD_SUBREAPER = 36
START = f"""
import ctypes, os, signal, sys, time
assert ctypes.CDLL(None).prctl({PR_SET_CHILD_SUBREAPER}, 1, 0, 0, 0) == 0
from hal_image.engine.init import run_as_child
run_as_child()
"""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="containers run Linux")


def start(program: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", START + program]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def end(process: subprocess.Popen[str]) -> int:
    code = process.wait(20)
    assert process.stdout is not None
    process.stdout.close()
    return code


@pytest.mark.parametrize("code", [0, 3])
def test_it_ends_as_the_program_does(code: int) -> None:
    assert end(start(f"sys.exit({code})")) == code


def test_it_ends_as_a_killed_program_does() -> None:
    assert end(start("os.kill(os.getpid(), signal.SIGKILL)")) == 128 + signal.SIGKILL


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1])
def test_signals_are_passed_on(number: signal.Signals) -> None:
    process = start(
        f"signal.signal({int(number)}, lambda number, frame: sys.exit(40))\nprint('ready', flush=True)\ntime.sleep(30)"
    )
    assert line(process) == "ready"
    process.send_signal(number)
    assert end(process) == 40


def test_a_signal_that_the_program_does_not_handle_ends_it() -> None:
    process = start("print('ready', flush=True)\ntime.sleep(30)")
    assert line(process) == "ready"
    process.send_signal(signal.SIGTERM)
    assert end(process) == 128 + signal.SIGTERM


def test_orphans_are_buried() -> None:
    process = start(
        "import subprocess\n"
        "orphan = subprocess.check_output(['sh', '-c', 'sleep 0.2 >/dev/null & echo $!'], text=True).strip()\n"
        "print(orphan, flush=True)\n"
        "time.sleep(30)"
    )
    orphan = Path("/proc", line(process))
    parent = f"PPid:\t{process.pid}\n"
    assert not orphan.exists() or parent in (orphan / "status").read_text()  # it came to us
    limit = time.monotonic() + 10
    while orphan.exists():  # also as a zombie
        assert time.monotonic() < limit
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGTERM)
    assert end(process) == 128 + signal.SIGTERM
