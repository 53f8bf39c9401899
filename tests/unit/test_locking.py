from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from hal_image.errors import EnvironmentError_, TimeoutError_
from hal_image.locking import file_lock, holder, try_lock

ROOT = Path(__file__).parents[2]
HOLD = """
import sys, time
from pathlib import Path
from hal_image.locking import try_lock
lock = try_lock(Path(sys.argv[1]))
print("held" if lock else "refused", flush=True)
time.sleep(60)
"""


def hold_elsewhere(path: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def end(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate()


def test_one_holder_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    first = try_lock(path)
    assert first is not None
    assert try_lock(path) is None
    assert holder(path) == os.getpid()
    first.release()
    first.release()
    with pytest.raises(ValueError, match="released"):
        first.fileno()
    again = try_lock(path)
    assert again is not None
    again.release()


def test_the_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    process = hold_elsewhere(path)
    assert try_lock(path) is None
    assert holder(path) == process.pid
    end(process)
    lock = try_lock(path)
    assert lock is not None
    lock.release()


def test_waits_and_says_so_once(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    process = hold_elsewhere(path)
    told: list[int | None] = []
    threading.Timer(0.5, end, [process]).start()
    began = time.monotonic()
    with file_lock(path, told.append):
        assert time.monotonic() - began >= 0.4
        assert holder(path) == os.getpid()
    assert told == [process.pid]


def test_a_free_lock_is_taken_without_a_word(tmp_path: Path) -> None:
    told: list[int | None] = []
    with file_lock(tmp_path / "a.lock", told.append):
        pass
    assert told == []


def test_gives_up_after_the_timeout(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    held = try_lock(path)
    assert held is not None
    began = time.monotonic()
    with (
        pytest.raises(TimeoutError_, match=r"process \d+ still holds a\.lock after 0\.3 s"),
        file_lock(path, timeout=0.3),
    ):
        pass
    assert 0.2 < time.monotonic() - began < 2
    held.release()


def test_released_when_the_block_fails(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    with pytest.raises(KeyError), file_lock(path):
        raise KeyError
    lock = try_lock(path)
    assert lock is not None
    lock.release()


def test_a_removed_lock_file_does_not_split_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    with file_lock(path):
        path.unlink()
        with file_lock(path):
            assert try_lock(path) is None


def test_children_do_not_inherit_it_unless_told_to(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    lock = try_lock(path)
    assert lock is not None
    plain = subprocess.Popen(["sleep", "30"])
    lock.release()
    free = try_lock(path)
    assert free is not None
    heir = subprocess.Popen(["sleep", "30"], pass_fds=[free.fileno()])
    free.release()
    assert try_lock(path) is None
    heir.kill()
    heir.wait()
    last = try_lock(path)
    assert last is not None
    last.release()
    plain.kill()
    plain.wait()


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentError_) as caught:
        try_lock(tmp_path / "missing" / "a.lock")
    assert caught.value.code == "lock_failed"
    assert "HAL_STATE_DIR" in caught.value.hint
