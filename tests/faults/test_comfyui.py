"""ComfyUI killed, and stopped (SIGSTOP: it accepts connections and says nothing), in every phase of a picture."""

from __future__ import annotations

import os
import signal

import pytest

from tests.faults.calls import LARGE, PHASES, Call, comfyui_of, gone, names, picture, reach, running_job
from tests.faults.copies import SHORT_S
from tests.world import SLOW, Hal, identity

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="a signal for a process in a container needs root")
every_phase = pytest.mark.parametrize("phase", PHASES)


def begin(hal: Hal, phase: str, *options: str) -> tuple[Call, int]:
    """A call that has reached a phase, and ComfyUI's process id."""
    hal("serve")
    engine = hal.engine()
    pid = comfyui_of(hal, engine)
    if phase == "booting":
        os.kill(pid, signal.SIGKILL)
        hal.wait_for(lambda: hal.engine()["state"] == "down")
    elif phase == "loading":
        forget_models(hal)
    call = Call(hal, "-p", "x", *(LARGE if phase == "saving" else SLOW), "-o", "x.png", *options)
    reach(phase, call, engine)
    return call, hal.wait_for(lambda: comfyui_of(hal, hal.engine())) if phase == "booting" else pid


def forget_models(hal: Hal) -> None:
    """Has ComfyUI unload its models, and forget what it has loaded."""
    link = hal.link()
    assert link.ask(60, op="free") is not None
    link.close()


@every_phase
def test_comfyui_is_killed(hal: Hal, phase: str) -> None:
    call, pid = begin(hal, phase)
    os.kill(pid, signal.SIGKILL)
    ended = call.end(30)
    assert (ended.code, ended.error) == ((3, "comfyui_boot_failed") if phase == "booting" else (1, "comfyui_crashed"))
    assert "SIGKILL" in ended.result["error"]["message"]
    assert names(hal.cwd) == []
    engine = hal.engine()
    assert identity(picture(hal)["engine"]) == identity(engine)


@every_phase
def test_comfyui_is_stopped(impatient_hal: Hal, phase: str) -> None:
    hal = impatient_hal
    if hal.kind == "docker" and phase in {"loading", "saving"}:
        pytest.skip("in a container it stands still in the same way as while it samples")
    call, pid = begin(hal, phase, "--timeout", "20" if phase == "saving" else "10")
    os.kill(pid, signal.SIGSTOP)
    ended = call.end(40)
    if phase != "booting" or ended.code:  # a boot that stands still is begun anew: in time, or not
        assert (ended.code, ended.error) == (5, "timeout")
        assert names(hal.cwd) == []
    if phase == "booting":
        hal("jobs", "cancel", "--all")  # booted anew it would be made, for minutes; a ComfyUI that stands still ends it
    engine = hal.engine()
    assert identity(picture(hal)["engine"]) == identity(engine)
    assert gone(pid)


def test_comfyui_is_stopped_while_it_has_nothing_to_do(impatient_hal: Hal) -> None:
    hal = impatient_hal
    hal("serve")
    pid = comfyui_of(hal, hal.engine())
    os.kill(pid, signal.SIGSTOP)
    assert picture(hal)["engine"]["reused"] is True
    assert gone(pid)


def test_a_stopped_comfyui_is_no_hindrance_to_others(impatient_hal: Hal) -> None:
    hal = impatient_hal
    call, pid = begin(hal, "sampling")
    os.kill(pid, signal.SIGSTOP)
    picture(hal)
    ended = call.end(10)
    assert (ended.code, ended.error, ended.result["error"]["retryable"]) == (1, "comfyui_hung", True)
    assert gone(pid)


def test_comfyui_is_stopped_with_a_picture_that_nobody_waits_for(impatient_hal: Hal) -> None:
    # No caller is there whose time could be up: the engine itself gives the job up, and says so to whoever comes.
    hal = impatient_hal
    call, pid = begin(hal, "sampling")
    job = running_job(hal)
    os.kill(pid, signal.SIGSTOP)
    call.send(signal.SIGKILL)
    call.end(10)
    hal.wait_for(lambda: gone(pid), 40)
    ended = Call(hal, "wait", job).end(20)
    assert (ended.code, ended.error, ended.result["error"]["retryable"]) == (1, "comfyui_hung", True)
    assert names(hal.cwd) == []
    picture(hal)


def test_comfyui_is_stopped_with_a_picture_that_somebody_else_waits_for(impatient_hal: Hal) -> None:
    # Until then it may stand still: it may have its reasons, and who waits may give it up.
    hal = impatient_hal
    call, pid = begin(hal, "sampling")
    job = running_job(hal)
    waiting = Call(hal, "wait", job, "--timeout", f"{3 * SHORT_S + 3}")
    waiting.wait_for({"event": "progress"})
    os.kill(pid, signal.SIGSTOP)
    call.send(signal.SIGKILL)
    call.end(10)
    ended = waiting.end(40)
    assert (ended.code, ended.error) == (5, "timeout")
    assert not gone(pid)
    hal.wait_for(lambda: gone(pid), 40)
    picture(hal)
