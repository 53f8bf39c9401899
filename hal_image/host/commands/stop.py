"""``stop``: ends the engines, after the jobs that they have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hal_image import paths
from hal_image.errors import TimeoutError_
from hal_image.host.engines.link import LinkClosed
from hal_image.host.engines.running import RunningEngine, running_engines, wait_until_gone
from hal_image.host.result import Result

if TYPE_CHECKING:
    import argparse

    from hal_image.host.render import Output

ANSWER_LIMIT_S = 5.0
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
            output.note(f"waiting for {engine.title} to finish its jobs")
        if wait_until_gone(engine, FORCE_GRACE_S if options.force else options.timeout):
            continue
        if not options.force:
            raise TimeoutError_(
                f"{engine.title} still has jobs", hint="wait longer with --timeout, or use --force", retryable=True
            )
        engine.kill()
        wait_until_gone(engine, FORCE_GRACE_S)
    stopped = [engine.to_json() for engine in engines]
    lines = tuple(f"stopped {engine.title}" for engine in engines) or ("no engine is running",)
    return Result("stop", {"stopped": stopped}, lines)


def _ask(engine: RunningEngine, *, force: bool) -> None:
    try:
        link = engine.open()
        link.ask(ANSWER_LIMIT_S, op="stop", force=force)  # answered: over a pipe, it could be lost with the sender
        link.close()
    except LinkClosed:
        engine.terminate()
