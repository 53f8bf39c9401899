"""The caller killed in every phase of its call: nothing half is left, and its job runs on until it is taken back."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.faults.calls import LARGE, PHASES, Call, names, picture, reach
from tests.faults.test_comfyui import forget_models
from tests.world import ROOT, SLOW, Hal, identity


@pytest.mark.parametrize("phase", PHASES)
def test_the_caller_is_killed(hal: Hal, phase: str) -> None:
    hal("serve")
    engine = hal.engine()
    if phase == "booting":
        hal.kill_comfyui(engine)
        hal.wait_for(lambda: hal.engine()["state"] == "down")
    elif phase == "loading":
        forget_models(hal)
    call = Call(hal, "-p", "x", *(LARGE if phase == "saving" else SLOW), "-o", "x.png")
    reach(phase, call, engine)
    call.send(signal.SIGKILL)
    assert call.end(10).code == -signal.SIGKILL
    assert names(hal.cwd) == []
    taken_back = hal("jobs", "cancel", "--all", "--json").json["data"]["jobs"]
    assert str(hal.cwd / "x.png") in [job["path"] for job in taken_back]
    assert identity(picture(hal)["engine"]) == identity(engine)


def test_the_caller_is_killed_while_it_starts_the_engine(lone_hal: Hal) -> None:
    call = Call(lone_hal, "-p", "x", *SLOW, "-o", "x.png")
    folders = Path(lone_hal.environment["HAL_STATE_DIR"]) / "engines"
    lone_hal.wait_for(lambda: list(folders.glob("*/start.lock")), 20)
    call.send(signal.SIGKILL)
    call.end(10)
    assert names(lone_hal.cwd) == []
    assert lone_hal("jobs", "--json").json["data"]["jobs"] == []  # it had not come to that
    engine = picture(lone_hal)["engine"]
    lone_hal("stop")
    lone_hal.wait_for(lambda: not lone_hal.is_running(engine), 10)


@pytest.mark.parametrize("moment", ["write", "fsync", "replace"])
def test_the_caller_is_killed_while_it_writes_the_picture(hal: Hal, moment: str) -> None:
    # By itself, in the very moment: from outside none of the three could be met.
    launcher = hal.cwd.with_name("killed.py")
    launcher.write_text(
        f"import os, signal, sys, pathlib\nsys.path.insert(0, {str(ROOT)!r})\n"
        "from hal_image.host import output\nfrom hal_image.host.main import main\n"
        "def die(*_, **__): os.kill(os.getpid(), signal.SIGKILL)\n"
        f"output.os = type('Os', (), {{'__getattr__': lambda _, name: getattr(os, name)}})()\n"
        f"moment = {moment!r}\n"
        "if moment == 'write':\n"
        "    def fdopen(*arguments, **options):\n"
        "        stream = os.fdopen(*arguments, **options)\n"
        "        class Half:\n"
        "            def write(self, data): stream.write(data[:100]); stream.flush(); die()\n"
        "            def __enter__(self): return self\n"
        "            def __exit__(self, *_): pass\n"
        "        return Half()\n"
        "    output.os.fdopen = fdopen\n"
        "elif moment == 'fsync':\n    output.os.fsync = die\n"
        "else:\n    output.os.replace = output.Path.replace = output.os.link = die\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    (hal.cwd / "x.png").write_bytes(b"what was there before")
    killed = Hal(hal.environment, hal.cwd, launcher)("-p", "x", "--model", "sd15", "--size", "64", "--steps", "1",
                                                     "-o", "x.png", code=None)  # fmt: skip
    assert killed.code == -signal.SIGKILL, killed
    assert names(hal.cwd) == ["x.png"]
    assert (hal.cwd / "x.png").read_bytes() == b"what was there before"
    picture(hal, "x.png")
