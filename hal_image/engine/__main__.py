"""``python -m hal_image.engine serve …``: one engine, in the foreground, until it is stopped or idle for too long.

The host starts it detached; in a container it is the main process. Exactly one engine serves a folder: the second
finds the lock taken and ends with exit code 0. ``submit`` talks to one over standard input and output.
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

from hal_image import about
from hal_image.engine import bridge
from hal_image.engine.server import EngineServer
from hal_image.engine.worker import STOP_AFTER_S, Worker
from hal_image.errors import EXIT_FAILED, EXIT_OK, HalError
from hal_image.locking import try_lock
from hal_image.wire import CARD_FILE, LOCK_FILE, settings_from_json

if TYPE_CHECKING:
    from types import FrameType


def main(argv: list[str] | None = None) -> int:
    """Runs one engine.

    Returns:
        0 when it was stopped, or when another engine already serves the folder; 3 when ComfyUI did not boot.
    """
    options = _parser().parse_args(argv)
    if options.command == "submit":
        return _submit(options.socket)
    lock = try_lock(options.folder / LOCK_FILE)
    if lock is None:
        return EXIT_OK
    with lock:
        return _serve(options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="The engine: runs ComfyUI and the jobs for it.", allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser("serve", help="run an engine until it is stopped or idle for too long")
    serve.add_argument("--folder", type=Path, required=True, help="the engine's own folder: lock, log, output")
    serve.add_argument("--settings", type=json.loads, required=True, help="EngineSettings of hal_image.wire as JSON")
    serve.add_argument("--comfyui", type=json.loads, default={}, help="facts about the source, told in hello")
    serve.add_argument("--keep-alive", type=float, default=300.0, help="idle seconds until models go; -1 for ever")
    serve.add_argument("--stop-after", type=float, default=STOP_AFTER_S, help="further idle seconds until it ends")
    submit = commands.add_parser("submit", help="pass JSON lines from standard input to an engine, and its events back")
    for command in (serve, submit):
        command.add_argument("--socket", type=Path, required=True, help="the engine's unix socket")
    return parser


def _submit(socket: Path) -> int:
    try:
        bridge.run(socket)
    except HalError as error:
        log_line(f"{error.code}: {error.message}")
        return error.exit_code
    except (BrokenPipeError, KeyboardInterrupt):  # the caller went away: so do its jobs, with our connection
        return EXIT_FAILED
    return EXIT_OK


def _serve(options: argparse.Namespace) -> int:
    folder: Path = options.folder
    settings = settings_from_json(options.settings)
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
        "comfyui": options.comfyui,
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
    _write_card(folder, options)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()
    try:
        worker.work()
    except HalError as error:
        log_line(f"{error.code}: {error.message}")
        return error.exit_code
    finally:
        # No new connections first; those that are open hear the end of their jobs before the process goes.
        options.socket.unlink(missing_ok=True)
        (folder / CARD_FILE).unlink(missing_ok=True)
        server.shutdown()
        server.server_close()
    return EXIT_OK


def _write_card(folder: Path, options: argparse.Namespace) -> None:
    """What ``ps`` and ``stop`` find the engine by."""
    card = {"pid": os.getpid(), "socket": str(options.socket), "settings": options.settings, "started": time.time()}
    temporary = folder / f"{CARD_FILE}.tmp"
    temporary.write_text(json.dumps(card), encoding="utf-8")
    temporary.replace(folder / CARD_FILE)


def log_line(text: str) -> None:
    """One line into the engine's log, which is our standard error."""
    sys.stderr.write(f"{time.strftime('%Y-%m-%dT%H:%M:%S%z')} {text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    raise SystemExit(main())
