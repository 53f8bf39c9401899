"""Files that were dropped in are read for their digest after the first picture with them, by a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hal_image import job_files, mounts, paths
from hal_image.host import verify_later
from hal_image.host.engines.local import PACKAGE_PARENT
from hal_image.host.main import main
from hal_image.host.store import read_later
from hal_image.locking import try_lock
from hal_image.models import verified
from tests.contract import stand_in_engine
from tests.store.conftest import Call, place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.store.hub_server import Hub

    Draw = Callable[..., dict[str, Any]]

ENOUGH_S = 30.0


def within_time(done: Callable[[], bool]) -> bool:
    end = time.monotonic() + ENOUGH_S
    while not done():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def is_known(path: Path) -> bool:
    return verified.digest(verified.read(), path) is not None


@pytest.fixture
def draw(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Draw:
    """Makes a picture with an engine that does as told."""

    def run(*argv: str) -> dict[str, Any]:
        with (
            tempfile.TemporaryDirectory() as folder,
            stand_in_engine.engine(stand_in_engine.drawing(64, 64), Path(folder), monkeypatch),
        ):
            code, answer = call(*argv, "-o", str(tmp_path / "x.png"), "--cpu")
        assert code == 0, answer["error"]
        return answer

    return run


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What would have been started."""
    seen: list[list[str]] = []
    monkeypatch.setattr(os, "posix_spawn", lambda _program, argv, *_, **__: seen.append(argv))
    return seen


def test_the_next_call_knows_that_a_file_is_right(call: Call, draw: Draw, mine: Hub, folder: Path) -> None:
    path = place(folder, mine.data)
    first = draw("-p", "x", "-m", "mine")
    assert [one["verified"] for one in first["data"]["model"]["files"]] == [False]
    assert within_time(lambda: is_known(path))
    (file,) = draw("-p", "x", "-m", "mine")["data"]["model"]["files"]
    assert (file["verified"], file["sha256"]) == (True, mine.sha256)
    (file,) = call("models", "show", "mine")[1]["data"]["model"]["files"]
    assert (file["verified"], file["known_sha256"]) == (True, mine.sha256)


def test_the_next_call_says_that_a_file_is_wrong(
    call: Call, draw: Draw, mine: Hub, folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = place(folder, mine.data[:-1] + bytes([mine.data[-1] ^ 1]))
    (file,) = call("models", "show", "mine")[1]["data"]["model"]["files"]
    assert (file["verified"], file["known_sha256"]) == (False, None)
    assert "model_digest_differs" not in [one["code"] for one in draw("-p", "x", "-m", "mine")["warnings"]]
    assert within_time(lambda: is_known(path))
    (warning,) = [one for one in draw("-p", "x", "-m", "mine")["warnings"] if one["code"] == "model_digest_differs"]
    assert "models verify mine --repair" in warning["message"]
    (file,) = call("models", "show", "mine")[1]["data"]["model"]["files"]
    assert file["verified"] is False
    assert file["known_sha256"] not in {None, mine.sha256}
    for words, told in ((("list",), "present, not as published"), (("show", "mine"), "present, not the published")):
        assert main(["models", *words]) == 0
        assert told in capfd.readouterr().out


def test_a_batch_has_its_files_read_too(draw: Draw, mine: Hub, folder: Path, tmp_path: Path) -> None:
    path = place(folder, mine.data)
    (tmp_path / "lines").write_text("a\nb\n")
    draw("batch", str(tmp_path / "lines"), "-m", "mine")
    assert within_time(lambda: is_known(path))


def test_what_is_known_is_not_read_again(
    call: Call, draw: Draw, mine: Hub, folder: Path, started: list[list[str]]
) -> None:
    path = place(folder, mine.data)
    call("models", "verify", "mine")
    draw("-p", "x", "-m", "mine")
    assert started == []
    os.utime(path)  # it may have changed
    draw("-p", "x", "-m", "mine")
    assert [argv[-1] for argv in started] == [str(path)]


def test_nothing_is_read_for_a_plan_only_or_without_a_picture(
    call: Call, mine: Hub, folder: Path, tmp_path: Path, started: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    place(folder, mine.data)
    call("-p", "x", "-m", "mine", "--dry-run", "-o", "x")
    monkeypatch.setenv("HAL_ENGINE_PYTHON", str(tmp_path / "nothing"))
    assert call("-p", "x", "-m", "mine", "-o", "x", "--cpu")[0] != 0
    assert started == []


def test_it_can_be_switched_off(
    draw: Draw, mine: Hub, folder: Path, started: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    place(folder, mine.data)
    monkeypatch.setenv("HAL_VERIFY", "0")
    draw("-p", "x", "-m", "mine")
    assert started == []


def test_a_file_of_another_size_has_nothing_to_be_compared_with(
    draw: Draw, mine: Hub, folder: Path, started: list[list[str]]
) -> None:
    path = place(folder, mine.data)
    length = int.from_bytes(mine.data[:8], "little")
    path.write_bytes(
        (length + 8).to_bytes(8, "little") + mine.data[8 : 8 + length] + b" " * 8 + mine.data[8 + length :]
    )
    draw("-p", "x", "-m", "mine")
    assert started == []


def test_a_machine_that_starts_nothing_more_still_has_its_picture(
    draw: Draw, mine: Hub, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> int:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    place(folder, mine.data)
    monkeypatch.setattr(os, "posix_spawn", fail)
    draw("-p", "x", "-m", "mine")


# -- the process ---------------------------------------------------------------------------------------------------


@contextmanager
def reading(path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The process, as it is started after a picture."""
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE_PARENT), "PYTHONSAFEPATH": "1"}
    with subprocess.Popen([sys.executable, "-m", verify_later.MODULE, str(path)], env=environment) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.fixture
def job(mine: Hub) -> Path:
    """The record of a picture that is being made."""
    folder = paths.make_state_dir(job_files.FOLDER)
    job_files.write(folder, job_files.new_id(), {})
    (record,) = folder.iterdir()
    return record


def holds_lock(process: subprocess.Popen[bytes]) -> bool:
    lock = paths.state_dir() / read_later.LOCK
    return lock.exists() and lock.read_text() == f"{process.pid}\n"


def test_it_holds_still_while_a_picture_is_made(mine: Hub, folder: Path, job: Path) -> None:
    path = place(folder, mine.data)
    with reading(path) as process:
        assert within_time(lambda: holds_lock(process))
        time.sleep(1.5 * read_later.PAUSE_S)
        assert process.poll() is None
        assert not is_known(path)
        if sys.platform == "linux":
            assert os.sched_getscheduler(process.pid) == os.SCHED_IDLE
        assert os.getsid(process.pid) == process.pid
        job.unlink()
        assert process.wait(ENOUGH_S) == 0
    assert is_known(path)


def test_there_is_one_at_a_time(mine: Hub, folder: Path) -> None:
    path = place(folder, mine.data)
    lock = try_lock(paths.make_state_dir() / read_later.LOCK)
    assert lock is not None
    with lock, reading(path) as process:
        assert process.wait(ENOUGH_S) == 0
    assert not is_known(path)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_it_can_be_ended_and_the_next_one_reads(mine: Hub, folder: Path, job: Path, number: signal.Signals) -> None:
    path = place(folder, mine.data)
    with reading(path) as process:
        assert within_time(lambda: holds_lock(process))
        process.send_signal(number)
        assert process.wait(ENOUGH_S) == -number
    assert not is_known(path)
    job.unlink()
    with reading(path) as process:
        assert process.wait(ENOUGH_S) == 0
    assert is_known(path)


def test_it_ends_with_the_state_directory_and_does_not_make_it_anew(mine: Hub, folder: Path, job: Path) -> None:
    path = place(folder, mine.data)
    with reading(path) as process:
        assert within_time(lambda: holds_lock(process))
        (paths.state_dir() / read_later.LOCK).unlink()
        job.unlink()
        assert process.wait(ENOUGH_S) == 0
    assert not verified.index_file().exists()


def test_a_file_that_is_gone_or_no_file(mine: Hub, folder: Path, tmp_path: Path) -> None:
    for path in (folder / "gone.safetensors", tmp_path):
        with reading(path) as process:
            assert process.wait(ENOUGH_S) == 0
    assert verified.read() == {}


def test_a_slow_disk_is_read_when_nothing_was_made_for_a_while(
    mine: Hub, folder: Path, job: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = place(folder, mine.data)
    job.unlink()
    drive = mounts.Mount("D:\\", "/mnt/d", "9p", "rw,aname=drvfs;path=D:\\")
    monkeypatch.setattr(read_later, "mount_here", lambda _: drive)
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 3:
            an_hour_ago = time.time() - 3600
            os.utime(job.parent, (an_hour_ago, an_hour_ago))

    monkeypatch.setattr(time, "sleep", sleep)
    reader = read_later._Reader(_lock_file())
    reader.read(path)
    assert (len(slept), is_known(path)) == (3, True)


def test_it_gives_up_where_pictures_are_made_all_day(
    mine: Hub, folder: Path, job: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = place(folder, mine.data)
    monkeypatch.setattr(read_later, "LIMIT_S", -1.0)
    with pytest.raises(read_later.Ended):
        read_later._Reader(_lock_file()).read(path)
    assert not is_known(path)


def test_a_job_whose_caller_was_killed_long_ago_is_in_nobodys_way(mine: Hub, folder: Path, job: Path) -> None:
    path = place(folder, mine.data)
    long_ago = time.time() - read_later.LONGEST_JOB_S - 10
    os.utime(job, (long_ago, long_ago))
    with reading(path) as process:
        assert process.wait(ENOUGH_S) == 0
    assert is_known(path)


def _lock_file() -> Path:
    lock = paths.make_state_dir() / read_later.LOCK
    lock.touch()
    return lock
