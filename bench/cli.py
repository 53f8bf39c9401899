"""Runs the parts that were asked for."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
from importlib import import_module
from pathlib import Path

from bench import machine, options, plot
from bench.peers.packages import may_install
from bench.record import Record
from bench.session import Session
from bench.world import World, is_gpu, weights_known
from hal_image.errors import HalError
from hal_image.install.engine_env import prepare_engine
from hal_image.install.host_env import prepare_host


def main(arguments: list[str]) -> int:
    """Measures; returns 0, or 1 when something that was to be measured could not be."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what was started is ended, whoever's time limit it was
    given = options.parse(arguments, gpu=is_gpu())
    unknown = [] if given.models_dir else weights_known(given.models, full=given.weights == "full")
    if unknown:
        print(f"bench: there are no random weights for {unknown[0]!r}; use it with --models-dir", file=sys.stderr)
        return 2
    try:
        if may_install():
            prepare_host(say)
        engine = prepare_engine(say)
    except HalError as error:
        print(f"bench: {error.message}\nhint: {error.hint}", file=sys.stderr)
        return error.exit_code
    with tempfile.TemporaryDirectory(prefix="hal-bench-", ignore_cleanup_errors=True) as folder:
        world = World(Path(folder), given, engine, cpu=given.cpu or not is_gpu())
        record = Record(machine.facts(world), given.json, given.time_limit)
        session = Session(world, record, given, ())
        try:
            session.models = world.models()
            if not session.models:
                print(f"bench: none of the models is in {world.models_dir}", file=sys.stderr)
                return 2
            record.data["settings"]["models"] = list(session.models)
            measure(session)
        finally:
            session.close()
    record.finish()
    if given.plot is not None:
        given.plot.write_text(plot.draw(record.data), encoding="utf-8")
    return 1 if record.failed else 0


def measure(session: Session) -> None:
    """Every part; one that fails is noted, and the others go on."""
    for part in session.options.parts:
        if session.record.time_is_up():
            return
        try:
            import_module(f"bench.parts.{part}").measure(session)
        except (RuntimeError, OSError, ValueError, LookupError, subprocess.SubprocessError, HalError) as error:
            session.record.fail(part, error)


def say(text: str) -> None:
    """Progress of a preparation."""
    print(text, file=sys.stderr)
