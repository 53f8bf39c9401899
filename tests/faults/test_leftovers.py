"""Files of the state directory that are not what they were: empty, garbage, somebody else's, a folder in their place.

None of them may stand between a call and its picture, nor make a command fail with more than a word of what is wrong.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.faults.calls import Call, gone, names, picture
from tests.world import QUICK, Hal

if TYPE_CHECKING:
    from collections.abc import Callable

GARBAGE = b"\x00\xff{[garbage" * 20


def empty(file: Path) -> None:
    file.write_bytes(b"")


def garbage(file: Path) -> None:
    file.write_bytes(GARBAGE)


def other_type(file: Path) -> None:
    file.write_text("[1, null, {}]")


def folder(file: Path) -> None:
    file.unlink()
    file.mkdir()
    (file / "something").write_bytes(b"in it")


def of_another(file: Path) -> None:
    file.unlink()
    file.write_bytes(GARBAGE)
    file.chmod(0o600)
    if os.getuid() == 0:
        os.chown(file, 4711, 4711)


WAYS: tuple[Callable[[Path], None], ...] = (empty, garbage, other_type, folder, of_another)
LOCKS = {"engine.lock", "start.lock"}


def kept_files(state: Path) -> list[Path]:
    """What an engine and its callers have left in the state directory, logs and ComfyUI's own folder aside."""
    found = [path for path in state.rglob("*") if path.is_file() and not path.is_socket()]
    return sorted(path for path in found if path.suffix not in {".log", ".1"} and "base" not in path.parts)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: str(way.__name__))
def test_every_file_of_an_engine_that_has_ended_is_damaged(lone_hal: Hal, way: Callable[[Path], None]) -> None:
    if lone_hal.kind == "docker" and way in {empty, other_type}:
        pytest.skip("in a container they are read by the same code")
    picture(lone_hal)
    lone_hal("stop")
    state = Path(lone_hal.environment["HAL_STATE_DIR"])
    damaged = kept_files(state)
    assert {path.name for path in damaged} >= LOCKS if lone_hal.kind == "local" else damaged
    in_the_way = []
    for file in damaged:
        way(file)
        if way is folder and file.suffix == ".lock":
            in_the_way.append(file)
    for command in ("ps", "stop", "models list", "doctor"):
        run = lone_hal(*command.split(), "--json", code=None)
        assert "Traceback" not in run.err
        assert run.json["command"]
    if in_the_way:  # a lock cannot be a folder: this one thing is told
        ended = Call(lone_hal, "-p", "x", *QUICK, "-o", "x.png").end(60)
        assert (ended.code, ended.error) == (3, "lock_failed")
        assert any(str(file) in ended.result["error"]["message"] for file in in_the_way)
        for file in in_the_way:
            shutil.rmtree(file)
    picture(lone_hal)


@pytest.mark.local_only("in a container the card is for those inside")
@pytest.mark.parametrize("way", [garbage, other_type], ids=lambda way: str(way.__name__))
def test_the_card_and_the_lock_of_an_engine_that_runs_are_damaged(lone_hal: Hal, way: Callable[[Path], None]) -> None:
    lone_hal("serve")
    engine = lone_hal.engine()
    place = Path(engine["folder"])
    for name in ("engine.json", "engine.lock", "start.lock"):
        way(place / name)
    assert picture(lone_hal)["engine"]["pid"] == engine["pid"]
    lone_hal("stop")
    lone_hal.wait_for(lambda: gone(engine["pid"]), 20)


def test_pictures_that_nobody_fetched_and_what_is_not_ours_in_the_output_folder(lone_hal: Hal) -> None:
    picture(lone_hal)
    engine = lone_hal.engine()
    output = Path(engine["folder"]) / "output"
    (output / "not-a-job").mkdir()
    (output / "file.png").write_bytes(GARBAGE)
    old: Any = output / "0d5c7f0a-8f3c-4f0e-9b7e-3a5d1c2b4e6f"
    old.mkdir()
    (old / "image_00001_.png").write_bytes(GARBAGE)
    for path in (old / "image_00001_.png", old, output / "not-a-job"):
        os.chown(path, output.stat().st_uid, output.stat().st_gid)  # as if the engine had written it
        os.utime(path, (1, 1))
    picture(lone_hal)
    lone_hal.wait_for(lambda: not old.exists(), 20)
    assert names(output) == ["file.png", "not-a-job"]
