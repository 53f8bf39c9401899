"""How the SDK comes to the MCP server: into a venv of its own from a checkout, as an extra with pip."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from mcp import Client, StdioServerParameters

from hal_image.install import where

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A user who has nothing of ours yet."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HAL_", "XDG_"))}
    return {**kept, "HOME": str(tmp_path), "HAL_STATE_DIR": str(tmp_path / "state"), "HAL_ENGINE": "local"}


def listed(command: Sequence[str], environment: dict[str, str], folder: Path) -> dict[str, Any]:
    """What the tool ``list_models`` answers."""

    async def talk() -> dict[str, Any]:
        program, *rest = command
        server = StdioServerParameters(command=program, args=rest, env=environment, cwd=folder)
        async with Client(server) as client:
            (text,) = (await client.call_tool("list_models")).content
            assert text.type == "text"
            models: dict[str, Any] = json.loads(text.text)
            return models

    return anyio.run(talk)


def test_a_checkout_makes_a_venv_once(
    environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HAL_STATE_DIR", environment["HAL_STATE_DIR"])
    command = ["python3", str(ROOT / "hal_generate_image.py"), "mcp"]
    first = subprocess.run(
        command, env=environment, cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True
    )
    assert first.stdout == ""
    assert first.stderr.startswith("preparing the MCP server: ")
    made = [folder.name for folder in (tmp_path / "state" / "venvs").iterdir() if folder.is_dir()]
    assert [name.partition("-")[0] for name in made] == ["mcp"], "nothing else has been installed"
    second = subprocess.run(
        command, env=environment, cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True
    )
    assert (second.stdout, second.stderr) == ("", "")
    # its calls are made as any other call, in the venv of the command line
    assert "doodle" in [model["name"] for model in listed(command, environment, tmp_path)["models"]]
    assert where.ready_python(where.venv_dir("host"))


def test_offline_it_is_told(environment: dict[str, str], tmp_path: Path) -> None:
    command = ["python3", str(ROOT / "hal_generate_image.py"), "mcp", "--offline", "--json"]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, json.loads(done.stdout)["error"]["code"]) == (3, "offline_not_prepared")


def test_with_pip_it_is_an_extra(environment: dict[str, str], tmp_path: Path) -> None:
    # pip builds in the folder that it is given; the copy keeps the checkout clean
    subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", str(ROOT), "source"], cwd=tmp_path, check=True)
    for name in subprocess.check_output(
        ["git", "ls-files", "-m", "-o", "--exclude-standard"], cwd=ROOT, text=True
    ).split():
        (tmp_path / "source" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "source" / name).write_bytes((ROOT / name).read_bytes())
    subprocess.run([sys.executable, "-m", "venv", "venv"], cwd=tmp_path, check=True)
    python, program = (str(tmp_path / "venv" / "bin" / name) for name in ("python", "hal-generate-image"))
    subprocess.run([python, "-m", "pip", "install", "--quiet", "./source"], cwd=tmp_path, check=True)
    done = subprocess.run([program, "mcp", "--json"], env=environment, capture_output=True, text=True, check=False)
    error = json.loads(done.stdout)["error"]
    assert (done.returncode, error["code"]) == (3, "mcp_missing")
    assert "hal8000-image-gen[mcp]" in error["hint"]
    subprocess.run([python, "-m", "pip", "install", "--quiet", "./source[mcp]"], cwd=tmp_path, check=True)
    assert listed([program, "mcp"], environment, tmp_path)["default"]
    assert not (tmp_path / "state" / "venvs").exists()
