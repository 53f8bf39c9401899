"""``stop``: ends the engines, after the jobs that they have."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from typing import TYPE_CHECKING

from hal_image import paths
from hal_image.errors import TimeoutError_
from hal_image.host.engines.link import Link, LinkClosed
from hal_image.host.engines.running import RunningEngine, running_engines, wait_until_gone
from hal_image.host.result import Result

if TYPE_CHECKING:
    import argparse

    from hal_image.host.render import Output

FORCE_GRACE_S = 10.0
"""Seconds that ``--force`` gives an engine to end by itself before it is killed."""


def run(options: argparse.Namespace, output: Output) -> Result:
    """Ends every engine, or that of one models folder, and waits until it is gone.

    Raises:
        TimeoutError_: a job took longer than ``--timeout``.
    """
    engines = running_engines()
    if options.models_dir:
        wanted = str(paths.models_dir(options.models_dir).resolve())
        engines = [engine for engine in engines if engine.models_dir == wanted]
    for engine in engines:
        _ask(engine, force=options.force)
    for engine in engines:
        if (engine.status or {}).get("state") == "busy" and not options.force:
            output.note(f"waiting for engine {engine.pid} to finish its jobs")
        if wait_until_gone(engine.folder, FORCE_GRACE_S if options.force else options.timeout):
            continue
        if not options.force:
            raise TimeoutError_(
                f"engine {engine.pid} still has jobs", hint="wait longer with --timeout, or use --force", retryable=True
            )
        _kill(engine)
    stopped = [{"kind": engine.kind, "pid": engine.pid, "models_dir": engine.models_dir} for engine in engines]
    lines = tuple(f"stopped engine {engine.pid}" for engine in engines) or ("no engine is running",)
    return Result("stop", {"stopped": stopped}, lines)


def _ask(engine: RunningEngine, *, force: bool) -> None:
    try:
        link = Link(engine.socket)
        link.send(op="stop", force=force)
        link.close()
    except LinkClosed:  # it does not answer: a signal is all that is left
        with suppress(ProcessLookupError):
            os.kill(engine.pid, signal.SIGTERM)


def _kill(engine: RunningEngine) -> None:
    # ComfyUI ends by itself when its parent is gone.
    with suppress(ProcessLookupError):
        os.kill(engine.pid, signal.SIGKILL)
    wait_until_gone(engine.folder, FORCE_GRACE_S)
