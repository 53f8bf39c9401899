"""``ps``: the engines that run, what they are doing, and when they will let go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hal_image.host.durations import show_duration
from hal_image.host.engines.running import RunningEngine, running_engines
from hal_image.host.result import Result
from hal_image.host.table import table

if TYPE_CHECKING:
    import argparse

    from hal_image.host.render import Output


def run(options: argparse.Namespace, output: Output) -> Result:  # noqa: ARG001 - every command has this shape
    """Lists the engines of this user's state directory."""
    engines = running_engines()
    data = {"engines": [_facts(engine) for engine in engines]}
    if not engines:
        return Result("ps", data, ("no engine is running",))
    rows = [("ENGINE", "KIND", "STATE", "DEVICE", "QUEUED", "MODELS", "UP", "IDLE", "MODELS FOLDER")]
    for engine in engines:
        status = engine.status or {}
        rows.append(
            (
                str(engine.pid or "-") if engine.container is None else engine.container.name,
                engine.kind,
                str(status.get("state", "no answer")),
                str(status.get("device") or "-"),
                str(status.get("queued", "-")),
                "loaded" if status.get("models_loaded") else "none",
                show_duration(status.get("uptime_s", 0.0)),
                show_duration(status.get("idle_s", 0.0)),
                engine.models_dir,
            )
        )
    return Result("ps", data, tuple(table(rows)))


def _facts(engine: RunningEngine) -> dict[str, object]:
    return {**engine.to_json(), "folder": str(engine.folder), **(engine.status or {"state": "no answer"})}
