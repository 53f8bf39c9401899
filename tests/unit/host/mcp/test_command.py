"""``mcp`` up to where the protocol begins."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hal_image.errors import EnvironmentError_, UsageError
from hal_image.host.arguments import parse
from hal_image.host.commands import mcp
from hal_image.host.mcp import server
from hal_image.host.render import Output

if TYPE_CHECKING:
    from hal_image.host.mcp.calls import Server


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[tuple[Server, float, str]]:
    """What the server was started with, and where."""
    calls: list[tuple[Server, float, str]] = []
    monkeypatch.setattr(server, "serve", lambda called, wait_s: calls.append((called, wait_s, str(Path.cwd()))))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["tool.py", "mcp"])
    for name in ("HAL_MODELS_DIR", "HAL_ENGINE"):
        monkeypatch.setenv(name, "before")
    return calls


def run(*argv: str) -> None:
    mcp.run(parse(["mcp", *argv], "tool"), Output("mcp"))


def test_what_the_server_is_told_goes_to_every_call(served: list[tuple[Server, float, str]], tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    run(
        "--root", "project", "--wait", "30s", "--models-dir", "models", "--engine", "local", "--gpu", "1",
        "--keep-alive", "10m", "--hot-cache", "40GB", "--offline", "--low-vram", "-q",
    )  # fmt: skip
    ((called, wait_s, folder),) = served
    assert wait_s == 30
    assert folder == str(tmp_path / "project")
    assert called.program == (sys.executable, str(tmp_path / "tool.py"))
    assert called.quiet == ("--quiet",)
    assert os.environ["HAL_MODELS_DIR"] == str(tmp_path / "models")
    assert os.environ["HAL_ENGINE"] == "local"
    options = parse(["-p", "x", *called.options], "tool")
    assert (options.gpu, options.keep_alive, options.hot_cache) == ("1", 600, 40_000_000_000)
    assert (options.offline, options.low_vram, options.cpu) == (True, True, False)


@pytest.mark.usefixtures("served")
def test_for_ever_stays_for_ever(served: list[tuple[Server, float, str]]) -> None:
    run("--keep-alive=-1")
    ((called, _, _),) = served
    assert parse(["-p", "x", *called.options], "tool").keep_alive == -1


def test_a_folder_that_is_not_there(served: list[tuple[Server, float, str]]) -> None:
    with pytest.raises(UsageError) as caught:
        run("--root", "/no/such")
    assert caught.value.code == "root_invalid"
    assert not served


@pytest.mark.parametrize("name", ["stdin", "stdout"])
def test_without_a_client(name: str, served: list[tuple[Server, float, str]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, name, None)
    with pytest.raises(UsageError, match="closed") as caught:
        run()
    assert caught.value.hint == "start it with pipes"
    assert not served


def test_without_the_sdk(served: list[tuple[Server, float, str]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "hal_image.host.mcp.server")
    monkeypatch.delattr("hal_image.host.mcp.server")
    monkeypatch.setitem(sys.modules, "mcp_types", None)
    with pytest.raises(EnvironmentError_) as caught:
        run()
    assert caught.value.code == "mcp_missing"
    assert "-m pip install 'hal8000-image-gen[mcp]'" in caught.value.hint
    assert not served
