"""ComfyUI as a child process: start it, know when it is ready, know whether it lives, end it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from hal_image import job_inputs
from hal_image.activity import Inactivity
from hal_image.comfy.client import ComfyClient, ComfyUnreachable, one_line
from hal_image.engine.comfyui_environment import child_environment, compile_caches
from hal_image.engine.gpu import Device
from hal_image.engine.out_of_memory import kernel_kills
from hal_image.errors import EnvironmentError_, HalError, JsonObject
from hal_image.models.folders import MODEL_FOLDERS

if TYPE_CHECKING:
    from collections.abc import Callable

    from hal_image.wire import EngineSettings

MAIN = Path(__file__).with_name("comfyui_main.py")

BOOT_LIMIT_S = 600.0
"""Seconds after which a boot is given up. torch from a cold, slow disk takes a minute; ten mean that it hangs."""
BOOT_QUIET_LIMIT_S = 30.0
"""Seconds of a boot without any activity (``hal_image.activity``) after which it is tried anew: the process was stopped
or waits for something that does not come. Even a disk that has to spin up first takes ten."""

POLL_S = 0.03
BOOT_ATTEMPTS = 3
END_GRACE_S = 5.0

BOOT_HINTS = (
    ("driver on your system is too old", "update the NVIDIA driver, or add --cpu to run on the processor (slow)"),
    (
        "No kernel image is available",
        "this GPU is too new for the installed torch; set HAL_ENGINE_PYTHON to a newer one",
    ),
    ("No CUDA GPUs are available", "give --gpu a number that `nvidia-smi -L` lists, or leave it out"),
    ("No module named", "set HAL_ENGINE_PYTHON to a Python that has ComfyUI's requirements, or unset it"),
    ("No space left on device", "free some disk space, or set HAL_STATE_DIR to a larger disk"),
)
"""Text in ComfyUI's log → what fixes it. Add a line when a new cause is met."""


class BootFailed(EnvironmentError_):
    """ComfyUI ended, or did not answer, before it was ready."""

    default_code = "comfyui_boot_failed"


class BootStalled(BootFailed):
    """It did nothing at all for ``BOOT_QUIET_LIMIT_S``."""


class OtherDevice(BootFailed):
    """What looked likely (``gpu.likely_device_options``) was not so: to be started anew."""


class Readiness:
    """Ready is when ``/system_stats`` answers."""

    def __init__(self, client: ComfyClient) -> None:
        self._client = client
        self.stats: JsonObject | None = None

    def check(self) -> bool:
        """One try; what the server said is in ``stats`` afterwards."""
        with suppress(ComfyUnreachable):
            self.stats = self._client.system_stats()
        return self.stats is not None


class Liveness:
    """Alive is when the process has not ended. Silence is no sign of death: a model may load for minutes."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def check(self) -> bool:
        """Whether the process still runs."""
        return self._process.poll() is None

    @property
    def epitaph(self) -> str:
        """How it ended, in words, e.g. ``"was killed by SIGKILL"``."""
        code = self._process.poll()
        if code is None:
            return "is running"
        if code < 0:
            with suppress(ValueError):
                return f"was killed by {signal.Signals(-code).name}"
        return f"ended with exit code {code}"


class ComfyProcess:
    """A ComfyUI server in its own process group, bound to a free port on loopback.

    Args:
        settings: which Python, source and models to use.
        folder: the engine's own folder; ComfyUI's base, output and log live below it.
    """

    def __init__(self, settings: EngineSettings, folder: Path) -> None:
        self.settings = settings
        self.folder = folder
        self.output_dir = folder / "output"
        self.log = folder / "comfyui.log"
        self.offloads = False
        """Whether it was last booted to keep models in main memory."""
        self.boots = 0
        self.stats: JsonObject | None = None
        self.url = ""
        self._kernel_kills: int | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._liveness: Liveness | None = None

    @property
    def alive(self) -> bool:
        """Whether the child process runs."""
        return self._liveness is not None and self._liveness.check()

    @property
    def pid(self) -> int | None:
        """Process id of ComfyUI while it runs."""
        return self._process.pid if self._process is not None and self.alive else None

    @property
    def epitaph(self) -> str:
        """How the last process ended, in words."""
        return self._liveness.epitaph if self._liveness is not None else "was never started"

    def boot(self, tick: Callable[[float], bool], *, offload: bool = False) -> None:
        """Starts ComfyUI and waits until it is ready.

        Args:
            tick: called several times a second with the seconds since the start; returning ``False`` gives up.
            offload: keep models in main memory and bring a layer at a time to the GPU.

        Raises:
            BootFailed: it ended or did not get ready within ``BOOT_LIMIT_S``; the last line of its log is told.
            EnvironmentError_: ``gpu_unusable``, ``engine_python_invalid``.
        """
        device = Device(self.settings.python, cpu=self.settings.cpu)
        self.offloads = offload
        # --lowvram would only keep the text encoders on the processor: it loads as much of the diffusion model as there
        # seems to be room for, as no option does, and that this was too much is why we are here.
        options = ["--novram"] if offload else []
        for attempt in range(BOOT_ATTEMPTS):
            try:
                self._boot_once(device, options, tick)
            except BootFailed as error:
                # Somebody may have taken the free port between our look and ComfyUI's bind.
                again = isinstance(error, (BootStalled, OtherDevice)) or "address already in use" in self.log_tail(4000)
                if attempt + 1 == BOOT_ATTEMPTS or not again:
                    raise
            else:
                self.boots += 1
                return

    def _boot_once(self, device: Device, more_options: list[str], tick: Callable[[float], bool]) -> None:
        self.end()
        self.stats = None
        options = device.options()
        self._start([*options, *more_options])
        assert self._liveness is not None
        assert self._process is not None
        client = ComfyClient(self.url)
        readiness = Readiness(client)
        inactivity = Inactivity(self._process.pid)
        started = time.monotonic()
        try:
            while not readiness.check():
                seconds = time.monotonic() - started
                if not self._liveness.check():
                    raise self._boot_failure(f"ComfyUI {self._liveness.epitaph} while booting")
                if seconds > BOOT_LIMIT_S:
                    raise self._boot_failure(f"ComfyUI did not get ready within {BOOT_LIMIT_S:.0f} s")
                if inactivity.look() > BOOT_QUIET_LIMIT_S:
                    raise BootStalled(
                        f"ComfyUI did nothing for {BOOT_QUIET_LIMIT_S:.0f} s while booting",
                        hint=f"see the log: {self.log}",
                        details={"log": str(self.log)},
                    )
                if not tick(seconds):
                    raise self._boot_failure("the engine was stopped while ComfyUI was booting")
                _hold_to(options, device.options())
                time.sleep(POLL_S)
            _hold_to(options, device.options(wait=True))
        except (BootStalled, OtherDevice):
            self.end(grace_s=0)
            raise
        except HalError:
            self.end()
            device.options(wait=True)  # a GPU that cannot be used is a better reason than what ComfyUI makes of it
            raise
        finally:
            client.close()
        self.stats = readiness.stats

    def model_folders(self) -> dict[str, list[Path]]:
        """Where ComfyUI looks for each of its kinds of model files.

        It opens the first file of a name: a hot copy wins, and what has none is found where it always is.
        """
        tops = [top for top in (self.settings.hot_dir, self.settings.models_dir) if top is not None]
        return {kind: [Path(top, name) for top in tops for name in names] for kind, names in MODEL_FOLDERS.items()}

    def _start(self, options: list[str]) -> None:
        base = self.folder / "base"
        page = self.folder / "no-frontend"
        inputs = self.folder / job_inputs.FOLDER
        for needed in (base, page, self.output_dir, inputs):
            needed.mkdir(parents=True, exist_ok=True)
        with suppress(OSError):  # something is in its place; nobody asks for it
            (page / "index.html").touch()
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        known = {kind: [str(folder) for folder in folders] for kind, folders in self.model_folders().items()}
        launcher = json.dumps({"comfyui_dir": self.settings.comfyui_dir, "models": known})
        # fmt: off
        command = [
            self.settings.python, str(MAIN), launcher,
            "--listen", "127.0.0.1",                   # nobody outside this machine
            "--port", str(port),
            "--base-directory", str(base),             # nothing is written into the source
            "--output-directory", str(self.output_dir),
            "--input-directory", str(inputs),          # the host puts pictures there
            "--front-end-root", str(page),             # headless: no web page, and no package for it
            "--database-url", "sqlite:///:memory:",    # its default writes into the source
            "--disable-all-custom-nodes",              # nothing runs here that we did not pin
            "--disable-api-nodes",                     # 3 s of boot for nodes that call a cloud
            "--disable-metadata",                      # the host writes it, with what ComfyUI does not know
            *options,
        ]
        # fmt: on
        with self.log.open("ab") as log:
            try:
                self._process = subprocess.Popen(
                    command,
                    cwd=self.settings.comfyui_dir,
                    stdin=subprocess.PIPE,  # held open: its end tells the child that we are gone
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,  # a process group of its own: Ctrl-C in our terminal is not its business
                    env={
                        **child_environment(os.environ, cpu="--cpu" in options, gpu=self.settings.gpu),
                        **compile_caches(self.folder),
                    },
                )
            except OSError as error:
                raise EnvironmentError_(
                    f"cannot run {self.settings.python}: {error.strerror}",
                    code="engine_python_invalid",
                    hint="set HAL_ENGINE_PYTHON to a Python that has torch, or unset it",
                ) from error
        self._liveness = Liveness(self._process)
        self._kernel_kills = kernel_kills()

    @property
    def out_of_memory(self) -> bool:
        """Whether the last process was killed by the kernel for want of memory, as far as can be known."""
        killed = self._process is not None and self._process.poll() == -signal.SIGKILL
        return killed and kernel_kills() != self._kernel_kills

    def refresh_stats(self) -> None:
        """Asks anew how much memory is free; a server that does not answer leaves the old figures."""
        client = ComfyClient(self.url)
        with suppress(ComfyUnreachable):
            self.stats = client.system_stats()
        client.close()

    def end(self, grace_s: float = END_GRACE_S) -> None:
        """Ends the process group: SIGTERM, and SIGKILL after ``grace_s``. Does nothing when it is down."""
        process = self._process
        if process is None:
            return
        if process.poll() is None:
            _signal_group(process.pid, signal.SIGTERM if grace_s > 0 else signal.SIGKILL)
            try:
                process.wait(grace_s)
            except subprocess.TimeoutExpired:
                _signal_group(process.pid, signal.SIGKILL)
                process.wait()
        # What the server itself started dies with the group, also when the server was killed from outside.
        _signal_group(process.pid, signal.SIGKILL)
        if process.stdin is not None:
            process.stdin.close()

    def log_tail(self, characters: int = 400) -> str:
        """The end of ComfyUI's log."""
        try:
            text = self.log.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""
        return text[-characters:]

    def _boot_failure(self, message: str) -> BootFailed:
        tail = self.log_tail(6000)
        lines = [line for line in tail.splitlines() if line.strip()]
        hint = next((fix for text, fix in BOOT_HINTS if text.lower() in tail.lower()), f"see the log: {self.log}")
        if self.out_of_memory:
            hint = f"the machine, or the container, ran out of memory: close other programs; log: {self.log}"
        last = one_line(lines[-1], 200) if lines else "its log is empty"
        return BootFailed(f"{message}: {last}", hint=hint, details={"log": str(self.log)})


def _hold_to(started_with: list[str], known: list[str]) -> None:
    if known != started_with:
        raise OtherDevice("ComfyUI was started for another device than there is", hint="run the command again")


def free_port() -> int:
    """A TCP port on loopback that is free right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _signal_group(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)
