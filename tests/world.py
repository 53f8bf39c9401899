"""The command line in a world of its own: real ComfyUI on the processor, with synthetic checkpoints, in a state
directory of the tests' own.

Every test that takes ``hal`` or ``lone_hal`` runs against each kind of engine, unless it is marked ``local_only`` or
``docker_only`` with the reason. Those of the Docker engine have the mark ``docker``.

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
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from PIL import Image

from hal_image import about, container
from hal_image.engine.comfyui_process import ComfyProcess
from hal_image.host.docker import commands, program
from hal_image.host.engines.link import Link, to_socket
from hal_image.install.engine_env import EnginePaths, prepare_engine
from hal_image.wire import EngineSettings
from tests import synthetic
from tests.contract.answers import check_answer, check_lines
from tests.docker.image import image_or_skip

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).resolve().parents[1]
SD15 = "v1-5-pruned-emaonly-fp16.safetensors"
QUICK = ("--model", "sd15", "--size", "64", "--steps", "1")
"""A picture in a tenth of a second."""
ENDLESS_STEPS = 5000
SLOW = ("--model", "sd15", "--size", "256", "--steps", str(ENDLESS_STEPS))
"""A picture that takes many minutes, on any machine: for tests that do something to a job while it runs, and end it."""
LIMIT_S = 300
PATIENCE = 3
"""How many times as long as planned a thing may take, on a machine that is busy with others: a hang has no end."""


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
        check_answer(value)
        return value

    @property
    def jsonl(self) -> list[dict[str, Any]]:
        """Standard output as the lines of ``--jsonl``: events, and at last the answer."""
        values = [json.loads(line) for line in self.lines]
        check_lines(values)
        return values


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that takes an engine is run for every kind of engine."""
    if {"shared_hal", "lone_hal", "shared_impatient_hal"} & set(metafunc.fixturenames):
        kinds = {"local": pytest.param("local"), "docker": pytest.param("docker", marks=pytest.mark.docker)}
        for kind in tuple(kinds):
            if metafunc.definition.get_closest_marker(f"{kind}_only"):
                kinds = {kind: kinds[kind]}
        metafunc.parametrize("kind", kinds.values(), scope="session")


@dataclass(frozen=True)
class Hal:
    """The command line in a world of its own."""

    environment: dict[str, str]
    cwd: Path
    script: Path = ROOT / "hal_generate_image.py"
    prefix: tuple[str, ...] = ()
    """What the command is run by, e.g. as another user."""
    python: str = sys.executable

    @property
    def kind(self) -> str:
        return self.environment["HAL_ENGINE"]

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
            [*self.prefix, self.python, str(self.script), *arguments],
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

    def link(self) -> Link:
        """A line to the engine that runs, as the host has it."""
        folder = Path(self.engine()["folder"])
        if self.kind == "local":
            return to_socket(Path(json.loads((folder / "engine.json").read_text())["socket"]))
        call = program.Call(program.require(), commands.submit(self.engine()["container"]["name"]))
        return Link(call, (container.SPOOL, str(folder)))

    def end(self, engine: dict[str, Any], number: signal.Signals = signal.SIGKILL) -> None:
        """Sends a signal to an engine from outside."""
        if self.kind == "local":
            os.kill(engine["pid"], number)
        else:
            docker("kill", "--signal", number.name, engine["container"]["id"])

    def kill_comfyui(self, engine: dict[str, Any]) -> None:
        self.signal_comfyui(engine, signal.SIGKILL)

    def signal_comfyui(self, engine: dict[str, Any], number: signal.Signals) -> None:
        if self.kind == "local":
            os.kill(engine["comfyui_pid"], number)
        else:
            code = f"import os; os.kill({engine['comfyui_pid']}, {number.value})"
            docker("exec", engine["container"]["id"], container.PYTHON, "-c", code)

    def is_running(self, engine: dict[str, Any]) -> bool:
        """Whether anything of an engine still runs."""
        if self.kind == "local":
            return is_running(engine["pid"]) or ("comfyui_pid" in engine and is_running(engine["comfyui_pid"]))
        return engine["container"]["id"] in docker("ps", "--all", "--quiet", "--no-trunc").splitlines()

    def wait_for(self, what: Callable[[], Any], seconds: float = 60) -> Any:
        """Waits until ``what`` gives something true, and returns that."""
        end = time.monotonic() + PATIENCE * seconds
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
    folder.chmod(0o755)  # where root runs the tests, the container does not run as root
    (folder / "checkpoints").mkdir()
    synthetic.write_sd15(folder / "checkpoints" / SD15)
    return folder


@pytest.fixture(scope="module")
def lent_models(models_dir: Path) -> Iterator[Path]:
    """The models folder, for files that one module brings: they would change what others get, so they go with it."""
    before = set(models_dir.rglob("*"))
    yield models_dir
    for path in sorted(set(models_dir.rglob("*")) - before, reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()


def environment_for(request: pytest.FixtureRequest, kind: str, models_dir: Path, state_dir: Path) -> dict[str, str]:
    """An environment in which nothing of this user's own setup shows, with the engine ``kind`` as the default."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HAL_", "XDG_"))}
    environment = {
        **kept,
        "HAL_NO_VENV": "1",
        "HAL_STATE_DIR": str(state_dir),
        "HAL_MODELS_DIR": str(models_dir),
        "HAL_REGISTRY": "",
        "XDG_CONFIG_HOME": str(state_dir / "config"),
        "HAL_ENGINE": kind,
    }
    if kind == "docker":
        image = image_or_skip()
        return {**environment, "HAL_DOCKER_IMAGE": image, "HAL_REGISTRY": str(request.getfixturevalue("fit_models"))}
    installed: EnginePaths = request.getfixturevalue("installed")
    return {**environment, "HAL_ENGINE_PYTHON": str(installed.python), "HAL_COMFYUI_DIR": str(installed.comfyui_dir)}


@pytest.fixture(scope="session")
def fit_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Our registry with every model fit for a processor, which their synthetic stand-ins are: without that mark or
    ``--cpu``, a container without a GPU is refused."""
    ours = yaml.safe_load((ROOT / "models.yaml").read_text(encoding="utf-8"))
    for model in ours["models"].values():
        if "kind" not in model:  # what goes with models runs where they do
            model["cpu"] = True
    file = tmp_path_factory.mktemp("registry") / "fit.yaml"
    file.write_text(json.dumps(ours), encoding="utf-8")
    return file


@pytest.fixture(scope="session")
def shared_hal(
    request: pytest.FixtureRequest, kind: str, models_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Hal]:
    state = tmp_path_factory.mktemp("state")
    hal = Hal(environment_for(request, kind, models_dir, state), tmp_path_factory.mktemp("cwd"))
    yield hal
    hal("stop", "--force", code=None)


@pytest.fixture
def hal(shared_hal: Hal, tmp_path: Path) -> Iterator[Hal]:
    """The command line, with an engine that the tests share and a current directory of the test's own."""
    yield Hal(shared_hal.environment, tmp_path)
    try:
        shared_hal.wait_until_idle()
    except AssertionError:
        shared_hal("stop", "--force", code=None)  # what one test has left must not hold up those after it
        raise


@pytest.fixture
def link(hal: Hal) -> Iterator[Link]:
    """A line to the engine that the tests share, as another program would have it."""
    hal("serve")
    line = hal.link()
    yield line
    line.close()


@pytest.fixture
def lone_hal(request: pytest.FixtureRequest, kind: str, models_dir: Path, tmp_path: Path) -> Iterator[Hal]:
    """The command line with a state directory of the test's own: no engine runs yet."""
    (tmp_path / "cwd").mkdir()
    hal = Hal(environment_for(request, kind, models_dir, tmp_path / "state"), tmp_path / "cwd")
    yield hal
    hal("stop", "--force", code=None)


@pytest.fixture(scope="session")
def comfyui_url(installed: EnginePaths, models_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a ComfyUI server that was booted as the engine boots it."""
    with booted(installed, models_dir, tmp_path_factory.mktemp("comfyui")) as url:
        yield url


@contextmanager
def booted(installed: EnginePaths, models_dir: Path, folder: Path) -> Iterator[str]:
    """A ComfyUI as the engine boots it; gives its address."""
    settings = EngineSettings(
        tool_version=about.version(),
        models_dir=str(models_dir),
        python=str(installed.python),
        comfyui_dir=str(installed.comfyui_dir),
        cpu=True,
    )
    process = ComfyProcess(settings, folder)
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


def identity(engine: dict[str, Any]) -> object:
    """What tells an engine from its successor."""
    return engine["container"]["id"] if engine["kind"] == "docker" else engine["pid"]


def docker(*arguments: str) -> str:
    """What the Docker program answers."""
    answer = program.run(program.require(), arguments)
    assert answer.code == 0, answer
    return answer.out


def is_running(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
