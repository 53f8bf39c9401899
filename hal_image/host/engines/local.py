"""The local engine: ComfyUI as a process of this user, one a models folder, found again by later calls."""

from __future__ import annotations

import errno
import json
import os
import signal
import sys
import time
import zlib
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from hal_image import about, paths, wire
from hal_image.errors import EnvironmentError_, HalError
from hal_image.host.engines import Connection, EngineRequest
from hal_image.host.engines.link import HELLO_LIMIT_S, Link, LinkClosed, NoGreeting, to_socket
from hal_image.locking import file_lock, holder
from hal_image.wire import EngineSettings

if TYPE_CHECKING:
    from hal_image.host.deadline import Deadline
    from hal_image.host.render import Output

PACKAGE_PARENT = Path(__file__).resolve().parents[3]
START_LIMIT_S = 60.0
"""Seconds until a started engine must listen; it listens before it boots ComfyUI, after a few tenths."""
POLL_S = 0.02


class LocalEngine:
    """See the module."""

    def connect(self, request: EngineRequest, output: Output, deadline: Deadline) -> Connection:
        """Prepares what is missing, finds the engine of the models folder or starts it, and connects.

        Raises:
            EnvironmentError_: it cannot be installed or started.
            TimeoutError_: the deadline came first.
        """
        from hal_image.install.engine_env import engine_ready, prepare_engine  # noqa: PLC0415 - seldom needed whole

        started = time.monotonic()
        installed = engine_ready()
        prepare_s = 0.0
        if installed is None:
            installed = prepare_engine(output.preparing, offline=request.offline, deadline=deadline.end)
            prepare_s = time.monotonic() - started
        settings = EngineSettings(
            tool_version=about.version(),
            models_dir=str(request.models_dir.resolve()),
            python=str(installed.python),
            comfyui_dir=str(installed.comfyui_dir),
            cpu=request.cpu,
            gpu=None if request.gpu == "all" else request.gpu,
        )
        facts = {
            "comfyui_version": installed.comfyui_version,
            "comfyui_commit": installed.comfyui_commit,
            "comfyui_source": installed.comfyui_source,
        }
        if request.hot_cache_bytes:  # HAL_HOT_CACHE is for whatever engine it fits, and says nothing here
            output.warn(
                "hot_cache_without_effect",
                "--hot-cache: the local engine reads models where they are; only the Docker engine has a hot cache",
            )
        link, reused = _find_or_start(settings, facts, request, output, deadline)
        return Connection("local", link, Path(link.hello["output_dir"]), facts, prepare_s, reused)


def engine_key(models_dir: str) -> str:
    """Short name of the engine of a models folder: there is one a folder."""
    # Telling folders apart is all it is for; the whole path is compared when an engine answers.
    return f"{zlib.crc32(os.fsencode(models_dir)):08x}"


def _find_or_start(
    settings: EngineSettings, facts: dict[str, str | None], request: EngineRequest, output: Output, deadline: Deadline
) -> tuple[Link, bool]:
    key = engine_key(settings.models_dir)
    socket = paths.runtime_socket(key)
    with suppress(NoGreeting):  # seen to below, where only one does
        link = _connect(socket, settings, output, deadline)
        if link is not None:
            return link, True
    folder = paths.make_state_dir("engines", key)

    def tell_wait(pid: int | None) -> None:
        output.detail(f"another process ({pid}) is starting the engine")

    # One starts it, the others wait for that one and then find it.
    patience = None if deadline.end is None else deadline.remaining(deadline.limit_s or 0.0)
    with file_lock(folder / "start.lock", on_wait=tell_wait, timeout=patience):
        while True:
            deadline.check("starting the engine")
            seen = _activity_of_engine(folder)
            try:
                link = _connect(socket, settings, output, deadline)
            except NoGreeting:
                _end_if_stopped(folder, seen, output)
                continue
            if link is not None:
                return link, True
            link = _start(folder, socket, settings, facts, request, deadline)
            if link is not None:
                return link, False


def _connect(socket: Path, settings: EngineSettings, output: Output, deadline: Deadline) -> Link | None:
    """A line to the engine if its settings are the same; one with other settings is asked to end, and waited for.

    Raises:
        NoGreeting: it accepts connections and does nothing else.
    """
    try:
        link = to_socket(socket)
    except NoGreeting:
        raise
    except LinkClosed:
        return None
    if link.hello.get("settings") == settings._asdict():
        return link
    output.note("the running engine has other settings: waiting for it to finish and starting a new one")
    with suppress(LinkClosed):
        link.send(op="stop")
        while True:
            deadline.check("waiting for the old engine to finish")
            link.next(deadline.remaining(0.5))
    link.close()
    return None


def _activity_of_engine(folder: Path) -> tuple[str, ...] | None:
    """What ``activity`` says of the engine that holds a folder's lock, as far as its lock file names it."""
    from hal_image.activity import activity  # noqa: PLC0415 - a warm call does without

    pid = holder(folder / wire.LOCK_FILE)
    return None if pid is None else activity(pid)


def _end_if_stopped(folder: Path, seen: tuple[str, ...] | None, output: Output) -> None:
    """Kills an engine that has not greeted and has done nothing meanwhile: a stopped one never would. Its ComfyUI ends
    with it. One that works but is slow is left alone: it makes somebody's picture.

    Raises:
        HalError: ``engine_silent``: it cannot be told who that is.
    """
    from hal_image.host.engines.running import lock_is_held  # noqa: PLC0415 - a warm call does without

    pid = holder(folder / wire.LOCK_FILE)
    if not lock_is_held(folder):
        return
    if pid is None:
        raise HalError(
            f"an engine holds {folder / wire.LOCK_FILE} and does not answer",
            code="engine_silent",
            hint=f"end it: `fuser {folder / wire.LOCK_FILE}` tells its process id",
            details={"lock": str(folder / wire.LOCK_FILE)},
        )
    if seen is None or _activity_of_engine(folder) != seen:
        return
    output.note(f"the running engine has not answered for {HELLO_LIMIT_S:.0f} s and does nothing: starting a new one")
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signal.SIGKILL)


def _start(
    folder: Path,
    socket: Path,
    settings: EngineSettings,
    facts: dict[str, str | None],
    request: EngineRequest,
    deadline: Deadline,
) -> Link | None:
    """Starts an engine; ``None`` when one that is just ending still holds the lock: try again.

    Raises:
        EnvironmentError_: ``engine_start_failed`` with the end of its log.
    """
    import subprocess  # noqa: PLC0415 - a warm call starts nothing

    from hal_image.host.engines.running import lock_is_held  # noqa: PLC0415 - likewise

    if lock_is_held(folder):
        time.sleep(0.1)
        return None
    log = folder / "engine.log"
    # fmt: off
    command = [
        sys.executable, "-m", "hal_image.engine", "serve",
        "--folder", str(folder),
        "--socket", str(socket),
        "--settings", json.dumps(settings._asdict()),
        "--comfyui", json.dumps(facts),
        "--keep-alive", str(request.keep_alive_s),
    ]
    # fmt: on
    with log.open("wb") as stream:
        process = subprocess.Popen(
            command,
            cwd="/",  # it outlives us and must not hold the caller's folder
            env={**os.environ, "PYTHONPATH": str(PACKAGE_PARENT), "PYTHONSAFEPATH": "1"},
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C in this terminal is not its business
        )
    limit = time.monotonic() + START_LIMIT_S
    while True:
        with suppress(LinkClosed):
            return to_socket(socket)
        if process.poll() is not None:
            if process.returncode == 0:
                return None
            raise _start_failed(f"the engine ended with exit code {process.returncode}", log)
        if time.monotonic() > limit:
            process.kill()
            raise _start_failed(f"the engine did not listen within {START_LIMIT_S:.0f} s", log)
        deadline.check("starting the engine")
        time.sleep(POLL_S)


def _start_failed(message: str, log: Path) -> EnvironmentError_:
    try:
        lines = [line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    except OSError:
        lines = []
    if not lines and os.statvfs(log.parent).f_bavail == 0:
        return EnvironmentError_(
            f"{message}: {os.strerror(errno.ENOSPC)} in {log.parent}",
            code="disk_full",
            hint="free some space there, or set HAL_STATE_DIR to a larger disk",
        )
    last = f": {lines[-1][:200]}" if lines else ""
    return EnvironmentError_(
        message + last, code="engine_start_failed", hint=f"see the log {log}", retryable=True, details={"log": str(log)}
    )
