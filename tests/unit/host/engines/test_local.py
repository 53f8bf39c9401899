from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from hal_image import wire
from hal_image.errors import EnvironmentError_, HalError
from hal_image.host.deadline import Deadline
from hal_image.host.engines import EngineRequest, local
from hal_image.host.render import Output
from hal_image.install import engine_env
from hal_image.locking import file_lock
from hal_image.wire import EngineSettings


class Greeted:
    def __init__(self) -> None:
        self.hello = {"output_dir": "/o"}


@pytest.mark.parametrize(("option", "told"), [(None, []), (0, []), (5, ["hot_cache_without_effect"])])
def test_it_has_no_hot_cache_and_says_so_to_who_asks_for_one(
    monkeypatch: pytest.MonkeyPatch, option: int | None, told: list[str]
) -> None:
    def found(*_: object) -> tuple[Any, bool]:
        return Greeted(), True

    ready = engine_env.EnginePaths(Path(sys.executable), "venv", Path("/c"), "wheel", "f8", "0.3.75")
    monkeypatch.setattr(engine_env, "engine_ready", lambda: ready)
    monkeypatch.setattr(local, "_find_or_start", found)
    monkeypatch.setenv("HAL_HOT_CACHE", "1GB")  # for whatever engine it fits
    output = Output("generate")
    request = EngineRequest(Path("/m"), False, None, 1.0, False, None, option)
    assert local.LocalEngine().connect(request, output, Deadline.after(None)).kind == "local"
    assert [warning.code for warning in output.warnings] == told


def test_an_engine_that_does_not_start_is_told_with_the_end_of_its_log(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho 'no such module' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(broken))
    settings = EngineSettings("0", "/m", sys.executable, "/c", cpu=True)
    request = EngineRequest(Path("/m"), False, None, 1.0, False, None)
    with pytest.raises(EnvironmentError_) as caught:
        local._start(tmp_path, tmp_path / "s", settings, {}, request, Deadline.after(None))
    assert (caught.value.code, caught.value.retryable) == ("engine_start_failed", True)
    assert "no such module" in caught.value.message
    assert caught.value.details == {"log": str(tmp_path / "engine.log")}


def test_an_engine_that_holds_its_lock_and_cannot_be_named_is_told(tmp_path: Path) -> None:
    lock = tmp_path / wire.LOCK_FILE
    with file_lock(lock):
        lock.write_bytes(b"\x00junk")
        with pytest.raises(HalError) as caught:
            local._end_if_stopped(tmp_path, None, Output("generate"))
    assert caught.value.code == "engine_silent"
    assert str(lock) in caught.value.hint


def test_an_engine_is_killed_only_if_it_did_nothing(tmp_path: Path) -> None:
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom hal_image.locking import try_lock\n"
        "lock = try_lock(Path(sys.argv[1]))\nprint(flush=True)\nwhile True: time.sleep(0.01)"
    )
    environment = {**os.environ, "PYTHONPATH": str(local.PACKAGE_PARENT)}
    command = [sys.executable, "-c", code, str(tmp_path / wire.LOCK_FILE)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as engine:
        assert engine.stdout is not None
        engine.stdout.readline()
        seen = local._activity_of_engine(tmp_path)
        time.sleep(0.1)
        local._end_if_stopped(tmp_path, seen, Output("generate"))
        assert engine.poll() is None
        engine.send_signal(signal.SIGSTOP)
        time.sleep(0.1)
        local._end_if_stopped(tmp_path, local._activity_of_engine(tmp_path), Output("generate"))
        assert engine.wait(10) == -signal.SIGKILL
