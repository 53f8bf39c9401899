from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from hal_image.errors import EnvironmentError_
from hal_image.host.deadline import Deadline
from hal_image.host.engines import EngineRequest, local
from hal_image.host.render import Output
from hal_image.install import engine_env
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
