"""Calls that are watched while they run, and what has to hold when something went wrong with them."""

from __future__ import annotations

import json
import os
import select
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from hal_image import png
from tests.contract import schemas
from tests.world import PATIENCE, QUICK, docker, is_running

if TYPE_CHECKING:
    import signal

    from tests.world import Hal

PHASES: dict[str, dict[str, Any]] = {
    "booting": {"event": "booting"},
    "loading": {"event": "node", "class_type": "CheckpointLoaderSimple"},
    "sampling": {"event": "progress"},
    "saving": {"event": "node", "class_type": "VAEDecode"},
}
"""The phases of a picture, and the event that announces each; for the last, which is short, the one before it."""
SHORT = ("--model", "sd15", "--size", "128", "--steps", "12")
"""A picture during which something can be done, and which then is made."""
LARGE = ("--model", "sd15", "--size", "256", "--steps", "1")
"""A picture whose file takes long enough to write, 20 ms, that somebody can come in between."""


class Ended(NamedTuple):
    """How a call ended.

    Attributes:
        code: its exit code.
        result: the JSON object that it said last; empty when it was killed.
        err: its standard error.
        seconds: how long it ran.
    """

    code: int
    result: dict[str, Any]
    err: str
    seconds: float

    @property
    def error(self) -> str:
        """The error's code, or nothing."""
        error = self.result.get("error") or {}
        return str(error.get("code", ""))


class Call:
    """A command whose events are read while it runs.

    Args:
        hal: the command line.
        arguments: after the program's name.
    """

    def __init__(self, hal: Hal, *arguments: str) -> None:
        self._began = time.monotonic()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed at its end
        self._process = subprocess.Popen(
            [*hal.prefix, hal.python, str(hal.script), *arguments, "--jsonl"],
            env=hal.environment,
            cwd=hal.cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._errors,
        )
        assert self._process.stdout is not None
        self._out = self._process.stdout.fileno()
        self._rest = b""

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def send(self, number: signal.Signals) -> None:
        """Sends it a signal."""
        self._process.send_signal(number)

    def wait_for(self, wanted: dict[str, Any], seconds: float = 60) -> dict[str, Any]:
        """Reads events until one has the fields of ``wanted``."""
        end = time.monotonic() + PATIENCE * seconds
        while True:
            event = self._next(end)
            assert event is not None, f"it ended before {wanted}"
            if wanted.items() <= event.items():
                return event

    def end(self, seconds: float = 120) -> Ended:
        """Waits for its end, which must come in time."""
        end = time.monotonic() + PATIENCE * seconds
        last: dict[str, Any] = {}
        while (event := self._next(end)) is not None:
            last = event
        code = self._process.wait(max(1.0, end - time.monotonic()))
        taken = time.monotonic() - self._began
        self._errors.seek(0)
        err = self._errors.read().decode()
        self._errors.close()
        assert self._process.stdout is not None
        self._process.stdout.close()
        if "schema_version" in last:
            schemas.strict("result").validate(last)
        assert "Traceback" not in err, err
        return Ended(code, last if "schema_version" in last else {}, err, taken)

    def _next(self, end: float) -> dict[str, Any] | None:
        while b"\n" not in self._rest:
            ready, _, _ = select.select([self._out], [], [], max(0.0, end - time.monotonic()))
            if not ready:
                self._process.kill()
                raise AssertionError("it hangs")
            received = os.read(self._out, 65536)
            if not received:
                return None
            self._rest += received
        line, _, self._rest = self._rest.partition(b"\n")
        event: dict[str, Any] = json.loads(line)
        return event


def reach(phase: str, call: Call, engine: dict[str, Any]) -> None:
    """Waits until a call is in a phase; saving has begun when the file of ComfyUI is there, which is not whole yet."""
    call.wait_for(PHASES[phase])
    if phase == "saving":
        output = Path(engine["folder"]) / "output"
        end = time.monotonic() + 60
        while not any(output.glob("*/*.png")):
            assert time.monotonic() < end, "nothing was saved"


def picture(hal: Hal, name: str = "next.png", seconds: float = 120) -> dict[str, Any]:
    """The next plain call: it must make its picture, and leave nothing else. Returns its ``data``."""
    before = names(hal.cwd)
    ended = Call(hal, "-p", "next", *QUICK, "-o", name).end(seconds)
    assert ended.code == 0, ended
    assert names(hal.cwd) == sorted({*before, name})
    assert png.size((hal.cwd / name).read_bytes()) == (64, 64)
    data: dict[str, Any] = ended.result["data"]
    return data


def names(folder: Path) -> list[str]:
    """Everything in a folder, hidden files too."""
    return sorted(path.name for path in folder.iterdir())


def running_job(hal: Hal) -> str:
    """The one job that runs."""
    (job,) = [one["job"] for one in hal("jobs", "--json").json["data"]["jobs"] if one["state"] == "running"]
    return str(job)


def comfyui_of(hal: Hal, engine: dict[str, Any]) -> int:
    """ComfyUI's process id on this machine, also where it runs in a container: known beforehand, it is hit at once."""
    if hal.kind == "local":
        return int(engine["comfyui_pid"])
    listed = docker("top", engine["container"]["id"], "-eo", "pid,args").splitlines()
    return next(int(line.split()[0]) for line in listed if "comfyui_main.py" in line)


def engine_of(hal: Hal, engine: dict[str, Any]) -> int:
    """The engine's own process id on this machine."""
    if hal.kind == "local":
        return int(engine["pid"])
    listed = docker("top", engine["container"]["id"], "-eo", "pid,args").splitlines()
    found = [line for line in listed if " serve" in line and "comfyui_main.py" not in line]
    return int(found[-1].split()[0])  # the one before it is the container's first process, which only waits


def gone(pid: int) -> bool:
    """Whether a process is no more."""
    return not is_running(pid)
