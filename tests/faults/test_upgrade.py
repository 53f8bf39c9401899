"""An engine of an older version that still runs after an upgrade: a new one takes its place, and no job is lost."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

import pytest

from tests.faults.calls import PHASES, SHORT, Call, names, picture
from tests.faults.copies import copy, with_program
from tests.world import Hal, identity

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def older(lone_hal: Hal, tmp_path: Path) -> Hal:
    """The command line as it was one version ago."""
    program = copy(tmp_path / "older")
    program.with_name("VERSION").write_text("0.0.1\n", encoding="utf-8")
    about = program.parent / "hal_image" / "VERSION"
    if about.exists():
        about.write_text("0.0.1\n", encoding="utf-8")
    return with_program(lone_hal, program)


def begin(older: Hal) -> tuple[Call, dict[str, Any]]:
    """A call of the older version whose picture has begun and gets no further, on whatever machine, and its engine."""
    older("serve")
    engine = older.engine()
    call = Call(older, "-p", "x", *SHORT, "-o", "older.png")
    call.wait_for(PHASES["sampling"])
    older.signal_comfyui(engine, signal.SIGSTOP)
    return call, engine


def test_an_idle_engine_of_an_older_version_is_replaced(lone_hal: Hal, older: Hal) -> None:
    first = picture(older)["engine"]
    second = picture(lone_hal)["engine"]
    assert (second["reused"], identity(second) != identity(first)) == (False, True)
    lone_hal.wait_for(lambda: not lone_hal.is_running(first), 10)
    assert identity(lone_hal.engine()) == identity(second)


def test_a_busy_engine_of_an_older_version_finishes_its_job_first(lone_hal: Hal, older: Hal) -> None:
    call, first = begin(older)
    waiting = Call(lone_hal, "-p", "next", *SHORT, "-o", "next.png")
    lone_hal.wait_for(lambda: lone_hal.engine()["state"] == "draining", 20)
    older.signal_comfyui(first, signal.SIGCONT)
    assert call.end(120).code == 0
    ended = waiting.end(120)
    assert ended.code == 0, ended
    second = ended.result["data"]["engine"]
    assert identity(second) != identity(first)
    assert names(lone_hal.cwd) == ["next.png", "older.png"]
    assert identity(lone_hal.engine()) == identity(second)


def test_a_call_that_cannot_wait_for_it_says_so(lone_hal: Hal, older: Hal) -> None:
    call, first = begin(older)
    ended = Call(lone_hal, "-p", "x", *SHORT, "-o", "x.png", "--timeout", "2").end(20)
    older.signal_comfyui(first, signal.SIGCONT)
    assert (ended.code, ended.error) == (5, "timeout")
    assert call.end(120).code == 0
    assert names(lone_hal.cwd) == ["older.png"]
    picture(lone_hal)
