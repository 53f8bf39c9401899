"""Disks that are full, read-only, or another one; and targets that stand in the way of a picture."""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from tests.faults.calls import PHASES, SHORT, Call, names, picture
from tests.world import QUICK, SLOW, Hal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Disk:
    """A small file system of the test's own.

    Args:
        folder: where it is mounted.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self) -> None:
        """Leaves no room on it."""
        with suppress(OSError), (self.folder / "filler").open("wb", buffering=0) as stream:
            while True:
                stream.write(bytes(4096))

    def clear(self) -> None:
        """Makes room again."""
        (self.folder / "filler").unlink()

    def remount(self, how: str) -> None:
        """Makes it ``ro`` or ``rw``."""
        subprocess.run(["mount", "-o", f"remount,{how}", str(self.folder)], check=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """A disk of 8 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m,mode=0755", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip(f"no disk can be mounted: {mounted.stderr.decode().strip()}")
    yield Disk(folder)
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture
def on_disk(lone_hal: Hal, disk: Disk) -> Iterator[Hal]:
    """The command line with its state directory on that disk, and its pictures on another."""
    hal = Hal({**lone_hal.environment, "HAL_STATE_DIR": str(disk.folder / "state")}, lone_hal.cwd)
    yield hal
    hal("stop", "--force", code=None)


def test_a_state_directory_on_another_disk_that_fills_up(on_disk: Hal, disk: Disk) -> None:
    hal = on_disk
    picture(hal)  # from one disk to the other
    disk.fill()
    full = Call(hal, "-p", "x", *QUICK, "-o", "x.png").end(60)
    assert (full.code, full.error) == (3, "disk_full")
    assert names(hal.cwd) == ["next.png"]
    disk.clear()
    picture(hal)


def test_a_state_directory_that_is_full_from_the_start(on_disk: Hal, disk: Disk) -> None:
    disk.fill()
    full = Call(on_disk, "-p", "x", *QUICK, "-o", "x.png").end(60)
    assert full.code == 3
    assert full.error in {"disk_full", "state_dir_unwritable", "lock_failed", "engine_start_failed"}
    assert "No space left on device" in full.result["error"]["message"]
    assert names(on_disk.cwd) == []
    disk.clear()
    picture(on_disk)


def test_a_state_directory_that_is_read_only(on_disk: Hal, disk: Disk) -> None:
    disk.remount("ro")
    told = Call(on_disk, "-p", "x", *QUICK, "-o", "x.png").end(60)
    assert (told.code, told.error) == (3, "state_dir_unwritable")
    assert names(on_disk.cwd) == []
    disk.remount("rw")
    picture(on_disk)


def test_a_target_on_a_disk_that_is_full(hal: Hal, disk: Disk) -> None:
    disk.fill()
    before = names(disk.folder)
    full = Call(hal, "-p", "x", *QUICK, "-o", str(disk.folder / "x.png")).end(60)
    assert (full.code, full.error) == (3, "disk_full")
    assert names(disk.folder) == before
    picture(hal)


def test_a_target_on_a_disk_that_becomes_read_only(hal: Hal, disk: Disk) -> None:
    call = Call(hal, "-p", "x", *SHORT, "-o", str(disk.folder / "x.png"))
    call.wait_for(PHASES["sampling"])
    disk.remount("ro")
    late = call.end(60)
    assert (late.code, late.error) == (3, "output_unwritable")
    early = Call(hal, "-p", "x", *SLOW, "-o", str(disk.folder / "x.png")).end(10)
    assert (early.code, early.error) == (3, "output_unwritable")
    disk.remount("rw")
    assert names(disk.folder) == []
    picture(hal)


def test_a_target_folder_that_is_missing_is_made_and_one_that_goes_away_is_made_again(hal: Hal) -> None:
    call = Call(hal, "-p", "x", *SHORT, "-o", "a/b/x.png")
    call.wait_for(PHASES["sampling"])
    (hal.cwd / "a").mkdir()
    (hal.cwd / "a").rmdir()
    assert call.end(60).code == 0
    assert names(hal.cwd / "a" / "b") == ["x.png"]


def test_a_target_folder_that_becomes_a_file(hal: Hal) -> None:
    call = Call(hal, "-p", "x", *SHORT, "-o", "a/x.png")
    call.wait_for(PHASES["sampling"])
    (hal.cwd / "a").write_bytes(b"mine")
    ended = call.end(60)
    assert (ended.code, ended.error) == (3, "output_unwritable")
    early = Call(hal, "-p", "x", *SLOW, "-o", "a/x.png").end(10)
    assert (early.code, early.error) == (2, "output_invalid")
    assert names(hal.cwd) == ["a"]
    assert (hal.cwd / "a").read_bytes() == b"mine"
    picture(hal)


def test_a_target_that_somebody_else_has_open(hal: Hal) -> None:
    target = hal.cwd / "next.png"
    target.write_bytes(b"what was there before")
    with target.open("rb") as reader, target.open("r+b") as writer:
        picture(hal)
        writer.write(b"still written")
        writer.flush()
        assert reader.read().startswith(b"still written")
    assert target.read_bytes().startswith(b"\x89PNG")


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
def test_a_target_folder_without_rights(hal: Hal) -> None:
    (hal.cwd / "locked").mkdir(mode=0o555)
    told = Call(hal, "-p", "x", *SLOW, "-o", "locked/x.png").end(10)
    assert (told.code, told.error) == (3, "output_unwritable")
