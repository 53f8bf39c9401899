"""``python -m hal_image.engine serve …``: one engine, in the foreground, until it is stopped or idle for too long.

The host starts it detached; in a container it is the main process, and every option has a default there. Exactly one
engine serves a folder: the second finds the lock taken and ends with exit code 0. ``submit`` talks to one over standard
input and output, ``selftest`` looks whether an image is as it should be, ``pull`` downloads models, ``hot`` copies them
into the hot cache.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from hal_image import about, container, paths
from hal_image.engine import bridge
from hal_image.engine.idle import STOP_AFTER_S
from hal_image.engine.server import EngineServer
from hal_image.engine.worker import Worker
from hal_image.errors import (
    EXIT_ENVIRONMENT,
    EXIT_FAILED,
    EXIT_OK,
    EnvironmentError_,
    HalError,
    InterruptedError_,
    JsonObject,
)
from hal_image.install import comfyui_source, markers
from hal_image.install.engine_env import engine_ready
from hal_image.locking import try_lock
from hal_image.wire import CARD_FILE, LOCK_FILE, EngineSettings, settings_from_json

if TYPE_CHECKING:
    from types import FrameType


def main(argv: list[str] | None = None) -> int:
    """Runs one command.

    Returns:
        0 when it is done (for ``serve``: it was stopped, or another engine already serves the folder), else the error's
        exit code, e.g. 3 when ComfyUI did not boot.
    """
    options = _parser().parse_args(argv)
    try:
        if options.command == "submit":
            return _submit(options)
        if options.command == "selftest":
            return _selftest(as_json=options.json)
        if options.command in {"pull", "hot"}:
            return _pull(options) if options.command == "pull" else _hot()
        check_folder(options.folder)
        lock = try_lock(options.folder / LOCK_FILE)
        if lock is None:
            log_line(f"another engine serves {options.folder}")
            return EXIT_OK
        with lock:
            return _serve(options)
    except HalError as error:
        log_line(f"{error.code}: {error.message}" + (f"\nhint: {error.hint}" if error.hint else ""))
        return error.exit_code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="The engine: runs ComfyUI and the jobs for it.", allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser("serve", help="run an engine until it is stopped or idle for too long")
    serve.add_argument(
        "--folder", type=Path, default=Path(container.SPOOL), help="the engine's own folder: lock, log, output"
    )
    serve.add_argument(
        "--settings", type=json.loads, help="EngineSettings of hal_image.wire as JSON; else the environment says them"
    )
    serve.add_argument("--comfyui", type=json.loads, help="facts about the source, told in hello; else it says itself")
    serve.add_argument(
        "--hot", metavar="DIR", help="folder with copies of models, looked into before the models folder"
    )
    serve.add_argument("--cpu", action="store_true", help="run on the processor")
    serve.add_argument("--keep-alive", type=float, default=300.0, help="idle seconds until models go; -1 for ever")
    serve.add_argument("--stop-after", type=float, default=STOP_AFTER_S, help="further idle seconds until it ends")
    submit = commands.add_parser("submit", help="pass JSON lines from standard input to an engine, and its events back")
    submit.add_argument("--wait", type=float, default=0.0, help="seconds to wait for an engine that is just starting")
    for command in (serve, submit):
        command.add_argument("--socket", type=Path, default=Path(container.SOCKET), help="the engine's unix socket")
    selftest = commands.add_parser("selftest", help="see that an image has what it should have, and that ComfyUI boots")
    selftest.add_argument("--json", action="store_true", help="the result as one JSON object")
    pull = commands.add_parser("pull", help="download models of the registry into the models folder")
    what = pull.add_mutually_exclusive_group(required=True)
    what.add_argument("names", nargs="*", default=[], metavar="NAME", help="as in models.yaml")
    what.add_argument("--order", action="store_true", help="the host says what, on standard input")
    commands.add_parser("hot", help="copy models into the hot cache, as the host says on standard input")
    return parser


def _submit(options: argparse.Namespace) -> int:
    try:
        bridge.run(str(options.socket), wait_s=options.wait)
    except bridge.NoEngine as error:
        raise EnvironmentError_(
            str(error), code="engine_not_running", hint="start one with: entrypoint.py serve", retryable=True
        ) from error
    except (OSError, KeyboardInterrupt):  # the caller went away, and our connection with it
        return EXIT_FAILED
    return EXIT_OK


def _selftest(*, as_json: bool) -> int:
    from hal_image.engine import selftest  # noqa: PLC0415 - an engine does without

    checks = []
    for check in selftest.run():
        checks.append(check)
        if not as_json:
            sys.stdout.write(f"{'ok  ' if check.ok else 'FAIL'}  {check.name}: {check.detail}\n")
            sys.stdout.flush()
    passed = all(check.ok for check in checks)
    if as_json:
        found = [check._asdict() for check in checks]
        json.dump({"schema_version": selftest.SCHEMA_VERSION, "ok": passed, "checks": found}, sys.stdout)
    return EXIT_OK if passed else EXIT_ENVIRONMENT


def _pull(options: argparse.Namespace) -> int:
    from hal_image.engine import pull  # noqa: PLC0415 - an engine downloads nothing

    try:
        if options.order:
            return pull.by_order()
        for path in pull.by_name(options.names, log_line):
            sys.stdout.write(f"{path}\n")
    except KeyboardInterrupt:
        raise InterruptedError_("interrupted; it goes on where it ended", signal_number=signal.SIGINT) from None
    return EXIT_OK


def _hot() -> int:
    from hal_image.engine import hot  # noqa: PLC0415 - an engine copies nothing

    return hot.by_order()


def check_folder(folder: Path) -> None:
    """See that the engine's folder can be written.

    Raises:
        EnvironmentError_: ``engine_folder_unwritable``.
    """
    if not os.access(folder, os.W_OK | os.X_OK):
        raise EnvironmentError_(
            f"user {os.getuid()} cannot write to the engine's folder {folder}",
            code="engine_folder_unwritable",
            hint=f"in a container mount a folder of that user's there: -v FOLDER:{container.SPOOL}, made beforehand",
        )


def settings_of(options: argparse.Namespace) -> EngineSettings:
    """What ``--settings`` says, else what the environment does: ``HAL_ENGINE_PYTHON`` and so on, which an image sets.

    Raises:
        EnvironmentError_: ``engine_not_prepared``; ``engine_python_invalid``, ``comfyui_dir_invalid``.
    """
    if options.settings is not None:
        given = settings_from_json(options.settings)
        return given._replace(cpu=given.cpu or options.cpu)
    ready = engine_ready()
    if ready is None:
        raise EnvironmentError_(
            "there is no Python with torch, or no ComfyUI, to run",
            code="engine_not_prepared",
            hint="have them prepared: python3 hal_generate_image.py serve; or set HAL_ENGINE_PYTHON, HAL_COMFYUI_DIR",
        )
    return EngineSettings(
        tool_version=about.version(),
        models_dir=str(paths.models_dir()),
        python=str(ready.python),
        comfyui_dir=str(ready.comfyui_dir),
        cpu=options.cpu,
        hot_dir=options.hot,
    )


def source_facts(folder: Path) -> JsonObject:
    """What ``hello`` tells of a ComfyUI folder: its version, commit and where it came from, as far as it says so."""
    marker = markers.read(folder / comfyui_source.MARKER) or {}
    return {
        "comfyui_version": marker.get("version") or comfyui_source.version_in(folder),
        "comfyui_commit": marker.get("commit") or comfyui_source.checked_out_commit(folder),
        "comfyui_source": marker.get("source", "external"),
    }


def _serve(options: argparse.Namespace) -> int:
    folder: Path = options.folder
    settings = settings_of(options)
    # One boot's log is enough, and the one before it: "what happened just now".
    for name in ("comfyui.log",):
        log = folder / name
        if log.exists():
            log.replace(folder / f"{name}.1")
    worker = Worker(settings, folder, keep_alive_s=options.keep_alive, stop_after_s=options.stop_after)
    info = {
        "settings": settings._asdict(),
        "output_dir": str(worker.comfy.output_dir),
        "log": str(worker.comfy.log),
        "comfyui": source_facts(Path(settings.comfyui_dir)) if options.comfyui is None else options.comfyui,
        "tool_version": about.version(),
    }

    def on_signal(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        # The first signal lets the jobs finish, the second does not. In a thread: the handler may have interrupted
        # code that holds the very lock which drain() needs.
        threading.Thread(target=worker.abort if signalled.is_set() else worker.drain).start()
        signalled.set()

    signalled = threading.Event()
    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)

    server = EngineServer(options.socket, worker, info)
    _write_card(folder, options.socket, settings)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()
    try:
        worker.work()
    finally:
        # No new connections first; those that are open hear the end of their jobs before the process goes.
        options.socket.unlink(missing_ok=True)
        (folder / CARD_FILE).unlink(missing_ok=True)
        server.shutdown()
        server.server_close()
    return EXIT_OK


def _write_card(folder: Path, socket: Path, settings: EngineSettings) -> None:
    """What ``ps`` and ``stop`` find the engine by."""
    card = {"pid": os.getpid(), "socket": str(socket), "settings": settings._asdict(), "started": time.time()}
    temporary = folder / f"{CARD_FILE}.tmp"
    temporary.write_text(json.dumps(card), encoding="utf-8")
    temporary.replace(folder / CARD_FILE)


def log_line(text: str) -> None:
    """One line into the engine's log, which is our standard error."""
    sys.stderr.write(f"{time.strftime('%Y-%m-%dT%H:%M:%S%z')} {text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    raise SystemExit(main())
