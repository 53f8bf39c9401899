"""Real ComfyUI on the processor, with synthetic checkpoints, in a state directory of the tests' own.

The engine's venv and ComfyUI's source are those of the normal state directory: the first test run on a machine
installs them there through the same code as the first picture does. Everything else is temporary.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from hal_image import about
from hal_image.engine.comfyui_process import ComfyProcess
from hal_image.install.engine_env import EnginePaths, prepare_engine
from hal_image.wire import EngineSettings
from tests import synthetic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).resolve().parents[2]
SD15 = "v1-5-pruned-emaonly-fp16.safetensors"
QUICK = ("--model", "sd15", "--size", "64", "--steps", "1")
"""A picture in a tenth of a second."""
SLOW = ("--model", "sd15", "--size", "256", "--steps", "400")
"""A picture that takes minutes: for tests that do something to a job while it runs."""
LIMIT_S = 300


@dataclass(frozen=True)
class Run:
    """How one call of the command ended."""

    code: int
    out: bytes
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.decode().splitlines()

    @property
    def json(self) -> dict[str, Any]:
        """Standard output as the one JSON object that it must be."""
        assert len(self.lines) == 1, self.lines
        value: dict[str, Any] = json.loads(self.lines[0])
        return value


@dataclass(frozen=True)
class Hal:
    """The command line in a world of its own."""

    environment: dict[str, str]
    cwd: Path
    script: Path = ROOT / "hal_generate_image.py"

    def __call__(self, *arguments: str, stdin: bytes | None = None, code: int | None = 0) -> Run:
        """Runs one command to its end; ``code=None`` accepts every exit code."""
        process = self.start(*arguments, stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL)
        out, err = process.communicate(stdin, timeout=LIMIT_S)
        run = Run(process.returncode, out, err.decode())
        assert code is None or run.code == code, run
        return run

    def start(self, *arguments: str, stdin: int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
        """Starts one command and returns at once."""
        return subprocess.Popen(
            [sys.executable, str(self.script), *arguments],
            env=self.environment,
            cwd=self.cwd,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def engines(self) -> list[dict[str, Any]]:
        engines: list[dict[str, Any]] = self("ps", "--json").json["data"]["engines"]
        return engines

    def engine(self) -> dict[str, Any]:
        """The one engine that runs."""
        engines = self.engines()
        assert len(engines) == 1, engines
        return engines[0]

    def wait_for(self, what: Callable[[], Any], seconds: float = 60) -> Any:
        """Waits until ``what`` gives something true, and returns that."""
        end = time.monotonic() + seconds
        while not (value := what()):
            assert time.monotonic() < end, "it did not happen"
            time.sleep(0.1)
        return value

    def wait_until_busy(self) -> dict[str, Any]:
        """Waits until a job runs, and returns its engine."""

        def busy() -> dict[str, Any] | None:
            return next((engine for engine in self.engines() if engine["state"] == "busy"), None)

        engine: dict[str, Any] = self.wait_for(busy)
        return engine

    def wait_until_queued(self, jobs: int) -> None:
        self.wait_for(lambda: self.engine()["queued"] == jobs)

    def wait_until_idle(self) -> None:
        self.wait_for(lambda: all(engine["state"] == "idle" for engine in self.engines()))


@pytest.fixture(scope="session")
def installed() -> EnginePaths:
    """The engine's Python and ComfyUI's source, prepared if they are not there yet."""

    def report(text: str) -> None:
        sys.__stderr__.write(text + "\n")  # type: ignore[union-attr]  # minutes of silence would look like a hang

    return prepare_engine(report)


@pytest.fixture(scope="session")
def models_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder with a synthetic checkpoint for SD1.5."""
    folder = tmp_path_factory.mktemp("models")
    (folder / "checkpoints").mkdir()
    synthetic.write_sd15(folder / "checkpoints" / SD15)
    return folder


def environment_for(installed: EnginePaths, models_dir: Path, state_dir: Path) -> dict[str, str]:
    """An environment in which nothing of this user's own setup shows."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HAL_", "XDG_"))}
    return {
        **kept,
        "HAL_NO_VENV": "1",
        "HAL_STATE_DIR": str(state_dir),
        "HAL_MODELS_DIR": str(models_dir),
        "HAL_REGISTRY": "",
        "XDG_CONFIG_HOME": str(state_dir / "config"),
        "HAL_ENGINE_PYTHON": str(installed.python),
        "HAL_COMFYUI_DIR": str(installed.comfyui_dir),
    }


@pytest.fixture(scope="session")
def shared_hal(installed: EnginePaths, models_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hal]:
    hal = Hal(environment_for(installed, models_dir, tmp_path_factory.mktemp("state")), tmp_path_factory.mktemp("cwd"))
    yield hal
    hal("stop", "--force", code=None)


@pytest.fixture
def hal(shared_hal: Hal, tmp_path: Path) -> Iterator[Hal]:
    """The command line, with an engine that the tests share and a current directory of the test's own."""
    yield Hal(shared_hal.environment, tmp_path)
    shared_hal.wait_until_idle()


@pytest.fixture
def lone_hal(installed: EnginePaths, models_dir: Path, tmp_path: Path) -> Iterator[Hal]:
    """The command line with a state directory of the test's own: no engine runs yet."""
    (tmp_path / "cwd").mkdir()
    hal = Hal(environment_for(installed, models_dir, tmp_path / "state"), tmp_path / "cwd")
    yield hal
    hal("stop", "--force", code=None)


@pytest.fixture(scope="session")
def comfyui_url(installed: EnginePaths, models_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a ComfyUI server that was booted as the engine boots it."""
    settings = EngineSettings(
        tool_version=about.version(),
        models_dir=str(models_dir),
        python=str(installed.python),
        comfyui_dir=str(installed.comfyui_dir),
        cpu=True,
    )
    process = ComfyProcess(settings, tmp_path_factory.mktemp("comfyui"))
    process.boot(lambda _seconds: True)
    yield process.url
    process.end()


def pixels(path: str | Path) -> bytes:
    """What a picture shows, whatever it carries besides."""
    with Image.open(path) as image:
        raw: bytes = image.convert("RGB").tobytes()
        return raw


def is_flat(path: str | Path) -> bool:
    """Whether a picture is one solid colour."""
    with Image.open(path) as image:
        return all(low == high for low, high in image.convert("RGB").getextrema())


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def is_running(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
