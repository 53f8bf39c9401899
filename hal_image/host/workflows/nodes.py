"""What nodes the engine's ComfyUI has: asked once, and kept in the state directory for the next call.

What is kept holds for one version of this tool with one ComfyUI and one set of packages; any other is asked anew.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from hal_image import about, paths
from hal_image.errors import EnvironmentError_, HalError, JsonObject, error_from_json
from hal_image.host.engines import EngineRequest, choose
from hal_image.host.engines.link import LinkClosed
from hal_image.host.engines.lost import engine_lost
from hal_image.host.engines.ready import until_ready
from hal_image.install import where
from hal_image.workflow.own.definitions import Definitions, from_json

if TYPE_CHECKING:
    import argparse

    from hal_image.host.deadline import Deadline
    from hal_image.host.engines import Needs
    from hal_image.host.engines.link import Link
    from hal_image.host.render import Output

FOLDER = "nodes"
FORMAT = 1
"""Raised when what is kept of a node becomes another."""
KEPT = 4
"""How many ComfyUIs are remembered."""
ANSWER_LIMIT_S = 120.0
"""Seconds for the answer of a ComfyUI that is up: it loads its node packs first, which takes five on a fast disk."""
LOCKS = Path(where.__file__).with_name("locks")


def known() -> Definitions | None:
    """What is kept; ``None`` when nothing is that holds for what would be used now."""
    try:
        return from_json(json.loads(_file().read_bytes()))
    except (OSError, KeyError, TypeError, ValueError, AttributeError):
        return None


def ask(
    options: argparse.Namespace, models_dir: Path, needs: Needs | None, output: Output, deadline: Deadline
) -> Definitions:
    """Asks an engine, which is started if none runs, and keeps what it says.

    Args:
        options: of the call: they say which engine.
        models_dir: its models folder.
        needs: what is known of the workflow's needs, without its files.
        output: where notes go.
        deadline: when to give up.

    Raises:
        EnvironmentError_: the engine cannot be had; with ``--dry-run`` ``nodes_unknown``.
        TimeoutError_: the deadline came first.
        HalError: ``engine_lost``, ``nodes_unknown``.
    """
    if options.dry_run:
        raise EnvironmentError_(
            "what nodes ComfyUI has is not known yet, and --dry-run starts no engine to ask",
            code="nodes_unknown",
            hint="make one picture of a workflow first, or leave out --dry-run",
        )
    wanted = EngineRequest(
        models_dir, options.cpu, options.gpu, options.keep_alive, options.offline, needs, options.hot_cache
    )
    connection = choose(options.engine).connect(wanted, output, deadline)
    try:
        until_ready(connection.link, wanted.keep_alive_s, output, deadline)
        output.detail("asking ComfyUI what nodes it has")
        told = _told(connection.link, deadline)
        definitions = from_json(told)
    except LinkClosed as error:
        raise engine_lost(connection.link, error, "it was asked for its nodes") from error
    finally:
        connection.link.close()
    _keep(told)
    return definitions


def _told(link: Link, deadline: Deadline) -> JsonObject:
    link.send(op="nodes")
    end = time.monotonic() + ANSWER_LIMIT_S
    while time.monotonic() < end:
        deadline.check("asking ComfyUI what nodes it has")
        event = link.next(deadline.remaining(0.5))
        if event is not None and event["event"] == "nodes":
            return {"nodes": event["nodes"], "cloud": event["cloud"]}
        if event is not None and event["event"] == "failed" and event.get("job") is None:
            raise error_from_json(event["error"])
    raise LinkClosed("it does not answer any more")


def _file() -> Path:
    parts = [
        about.version(),
        str(FORMAT),
        str(where.setting("HAL_ENGINE_PYTHON")),
        str(where.setting("HAL_DOCKER_IMAGE")),
    ]
    for file in (*sorted(LOCKS.glob("*.txt")), *_external_comfyui()):
        with suppress(OSError):
            found = file.stat()
            parts.append(f"{file} {found.st_size} {found.st_mtime_ns}")
    return paths.state_dir() / FOLDER / f"{hashlib.sha256(os.fsencode(' '.join(parts))).hexdigest()[:16]}.json"


def _external_comfyui() -> tuple[Path, ...]:
    """Files of a ComfyUI of the user's own that change with its version."""
    folder = where.setting("HAL_COMFYUI_DIR")
    return () if folder is None else (Path(folder, "nodes.py"), Path(folder, "comfyui_version.py"))


def _keep(told: JsonObject) -> None:
    """Keeps what was told, if that can be done: then the next call need not ask."""
    with suppress(OSError, HalError):
        file = _file()
        folder = paths.make_state_dir(FOLDER)
        temporary = folder / f".{file.name}.{os.getpid()}"
        temporary.write_bytes(json.dumps(told, separators=(",", ":")).encode())
        temporary.replace(file)
        kept = sorted(folder.glob("*.json"), key=lambda one: one.stat().st_mtime, reverse=True)
        for old in kept[KEPT:]:
            old.unlink()
