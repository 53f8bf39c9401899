"""The engine stopped and its container paused or removed while a picture is made. Killed and ended in order it is in
``tests/engine/test_life.py`` and ``tests/engine/test_docker_life.py``.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess

import pytest

from tests.faults.calls import PHASES, Call, comfyui_of, engine_of, gone, names, picture
from tests.world import QUICK, SLOW, Hal, docker, identity

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="a signal for a process in a container needs root")


def begin(hal: Hal) -> Call:
    call = Call(hal, "-p", "x", *SLOW, "-o", "x.png")
    call.wait_for(PHASES["sampling"])
    return call


def test_the_engine_is_stopped_while_it_works(impatient_hal: Hal) -> None:
    hal = impatient_hal
    call = begin(hal)
    engine = hal.engine()
    comfyui = comfyui_of(hal, engine)
    os.kill(engine_of(hal, engine), signal.SIGSTOP)
    ended = call.end(40)
    assert (ended.code, ended.error, ended.result["error"]["retryable"]) == (1, "engine_lost", True)
    assert names(hal.cwd) == []
    assert identity(picture(hal)["engine"]) != identity(engine)
    hal.wait_for(lambda: gone(comfyui), 10)


def test_the_engine_is_stopped_with_comfyui(impatient_hal: Hal) -> None:
    # A stopped ComfyUI cannot see that its engine has gone. None may stay for ever, with the GPU's memory.
    hal = impatient_hal
    call = begin(hal)
    engine = hal.engine()
    pids = [comfyui_of(hal, engine), engine_of(hal, engine)]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    os.kill(pids[1], signal.SIGKILL)
    ended = call.end(40)
    assert (ended.code, ended.error) == (1, "engine_lost")
    hal.wait_for(lambda: all(map(gone, pids)), 10)
    picture(hal)


def test_the_engine_is_stopped_between_two_calls(impatient_hal: Hal) -> None:
    hal = impatient_hal
    hal("serve")
    engine = hal.engine()
    pid = engine_of(hal, engine)
    os.kill(pid, signal.SIGSTOP)
    assert identity(picture(hal)["engine"]) != identity(engine)
    assert gone(pid)


def test_the_engine_of_a_batch_is_stopped(impatient_hal: Hal) -> None:
    hal = impatient_hal
    hal("serve")
    engine = hal.engine()
    pid = engine_of(hal, engine)
    (hal.cwd / "in").write_text('{"prompt": "one", "size": 128, "steps": 12}\ntwo\nthree\n')
    call = Call(hal, "batch", "in", *QUICK, "-o", "out/{index}.png")
    call.wait_for(PHASES["sampling"])
    os.kill(pid, signal.SIGSTOP)
    ended = call.end(90)
    assert ended.code == 0, ended
    assert ended.result["data"]["done"] == 3
    assert "does not answer" in ended.err
    assert names(hal.cwd / "out") == ["1.png", "2.png", "3.png"]
    assert identity(ended.result["data"]["engine"]) != identity(engine)
    assert gone(pid)


def test_the_engine_is_stopped_while_a_batch_waits_for_a_line(impatient_hal: Hal) -> None:
    hal = impatient_hal
    process = hal.start("batch", "-", *QUICK, "-o", "out/{index}.png", "--json", stdin=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write(b"one\n")
    process.stdin.flush()
    hal.wait_for((hal.cwd / "out" / "1.png").exists)
    engine = hal.engine()
    pid = engine_of(hal, engine)
    os.kill(pid, signal.SIGSTOP)
    out, err = process.communicate(b"two\n", timeout=90)
    assert process.returncode == 0, err
    assert names(hal.cwd / "out") == ["1.png", "2.png"]
    assert identity(json.loads(out)["data"]["engine"]) != identity(engine)
    hal.wait_for(lambda: gone(pid), 10)


@pytest.mark.docker_only("containers")
@pytest.mark.parametrize("what", ["pause", "stop", "rm"])
def test_its_container_ends_or_stands_still(impatient_hal: Hal, what: str) -> None:
    hal = impatient_hal
    call = begin(hal)
    engine = hal.engine()
    options = {"stop": ["--time", "2"], "rm": ["--force"]}.get(what, [])
    docker(what, *options, engine["container"]["id"])
    ended = call.end(40)
    assert (ended.code, ended.error) == (1, "engine_lost")
    assert names(hal.cwd) == []
    assert identity(picture(hal)["engine"]) != identity(engine)
