"""What host and engine say to each other: JSON lines, one schema (``schemas/wire.schema.json``), one version.

The same lines go over the engine's unix socket and over standard input and output of ``entrypoint.py submit``.
The engine speaks first (``hello``). Then the host sends requests, the engine sends events, each on one line.
A connection that closes cancels the jobs that it submitted, and only those, unless they were to be kept: these run on,
and how they end is kept in ``jobs`` in the engine's folder (``hal_image.job_files``) until somebody removes it.

============================================  =====================================================================
host → engine (``op``)
``submit``  job, graph, keep_alive_s, seeds   queue one graph, or one for each of several seeds; events follow
``attach``  job                               hear of it too; the first event says how it stands
``cancel``  job                               take it back; ends with ``failed`` and code ``cancelled``
``status``                                    answered with one ``status`` event
``boot``    keep_alive_s                      start ComfyUI if it is down; answered with ``status``
``nodes``                                     what nodes there are; answered with ``nodes``, once ComfyUI is up
``free``                                      unload the models from memory when idle; answered with ``status``
``stop``                                      take no more jobs, finish those there are, end

engine → host (``event``)
=======
``hello``                                     who is speaking: settings, process id, versions
``queued``   job, position                    ``position`` jobs are before it
``booting``  job, seconds                     ComfyUI is not up yet
``running``  job                              ComfyUI has started on it
``node``     job, class_type                  the node that runs now
``progress`` job, value, max                  sampling steps
``step_picture`` job, number, image           how it looks after a step, as a JPEG in the engine's output folder
``pictures`` job, first, images, batches      of a job with several seeds, some of its pictures are there
``done``     job, images, warnings, …         image paths are relative to the engine's output folder
``failed``   job, error                       the job's ``error`` object as in the JSON output
``status``   …                                see ``EngineStatus``
``nodes``    nodes, cloud                     see ``hal_image.workflow.own.definitions``; ``failed`` if not to be had
============================================  =====================================================================
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, NamedTuple

from hal_image.errors import InternalError, is_code

if TYPE_CHECKING:
    from collections.abc import Iterator

WIRE_VERSION = 1
"""Raised when a line changes its meaning; adding a field does not raise it."""

MAX_PICTURES = 64
"""Most pictures of one job that differ in the seed alone."""

MAX_LINE_BYTES = 8 * 1024 * 1024
"""Longest line that is read. A graph with a prompt of 100 000 characters is well below 1 MB."""

LOCK_FILE = "engine.lock"
"""In an engine's folder; held as long as it lives."""
CARD_FILE = "engine.json"
"""In an engine's folder; where it listens and what it was started with."""

Line = dict[str, Any]


class EngineSettings(NamedTuple):
    """What an engine was started with. An engine with other settings is replaced, not reused.

    Attributes:
        tool_version: version of this package.
        models_dir: absolute path of the models folder.
        python: the Python that runs ComfyUI.
        comfyui_dir: ComfyUI's source folder.
        cpu: ``True`` forces the CPU.
        gpu: index of the GPU that is used, as ``nvidia-smi`` counts; ``None`` for what there is.
        hot_dir: folder with copies of models, laid out as the models folder and looked into first; ``None`` without.
    """

    tool_version: str
    models_dir: str
    python: str
    comfyui_dir: str
    cpu: bool
    gpu: str | None = None
    hot_dir: str | None = None


class EngineStatus(NamedTuple):
    """A picture of an engine at one moment.

    Attributes:
        pid: process id of the engine.
        comfyui_pid: process id of ComfyUI, ``None`` while it is down.
        state: ``booting``, ``idle``, ``busy``, ``draining`` or ``down``.
        queued: jobs waiting.
        running: id of the job that runs, or ``None``.
        jobs_done: pictures made since the engine started.
        boots: how often ComfyUI was started.
        models_loaded: whether models may be in memory.
        uptime_s: seconds since the engine started.
        idle_s: seconds since the last job ended; 0 while busy.
        keep_alive_s: seconds of idleness after which the models are unloaded; ``-1`` never.
        device: what ComfyUI runs on, e.g. ``"cpu"`` or ``"cuda:0 NVIDIA GeForce RTX 3090"``; ``None`` until booted.
        vram_total_mb, vram_free_mb: as ComfyUI reported them after the last job, ``None`` until booted.
        torch: version of torch, ``None`` until booted.
        comfyui_version: ``None`` until booted.
        boot_error: why the last boot failed, as an ``error`` object; ``None`` when it did not.
    """

    pid: int
    comfyui_pid: int | None
    state: str
    queued: int
    running: str | None
    jobs_done: int
    boots: int
    models_loaded: bool
    uptime_s: float
    idle_s: float
    keep_alive_s: float
    device: str | None
    vram_total_mb: int | None
    vram_free_mb: int | None
    torch: str | None
    comfyui_version: str | None
    boot_error: Line | None


def encode(line: Line) -> bytes:
    """One line, newline included. Plain ASCII, so that no terminal escape or line separator gets through raw."""
    return json.dumps({"v": WIRE_VERSION, **line}, separators=(",", ":")).encode("ascii") + b"\n"


def _number(text: str) -> float:
    """A number that JSON has: Python also reads NaN, and makes infinity of 1e999."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is no number")
    return number


def decode(raw: bytes) -> Line:
    """The opposite of ``encode``.

    Raises:
        InternalError: ``wire_invalid`` when it is not JSON, ``wire_version`` when not an object of this version.
    """
    try:
        line = json.loads(raw, parse_constant=_number, parse_float=_number)
    except (ValueError, RecursionError) as error:  # the latter for what is nested too deep
        raise InternalError(
            f"the other side sent something that is not JSON: {raw[:80]!r}", code="wire_invalid", hint=WIRE_HINT
        ) from error
    if not isinstance(line, dict) or line.get("v") != WIRE_VERSION:
        raise InternalError(
            f"the other side does not speak wire version {WIRE_VERSION}", code="wire_version", hint=WIRE_HINT
        )
    return line


EVENT_FIELDS: dict[str, dict[str, type | tuple[type, ...]]] = {
    "hello": {"output_dir": str},
    "queued": {"job": str, "position": int},
    "booting": {"job": str, "seconds": (int, float)},
    "running": {"job": str, "device": (str, type(None))},
    "node": {"job": str, "class_type": str},
    "progress": {"job": str},
    "step_picture": {"job": str, "number": int, "image": str},
    "done": {"job": str, "images": list, "timings": dict, "engine": dict},
    "pictures": {"job": str, "first": int, "images": list, "batches": list, "timings": dict, "engine": dict},
    "failed": {"error": dict},
    "status": {"state": str},
    "nodes": {"nodes": dict, "cloud": list},
}
"""What the host relies on in an event, by name; ``schemas/wire.schema.json`` has all of it."""


def check_event(line: Line) -> Line:
    """``line`` if it is an event that the host can work with; one of a name that is not known here passes.

    Raises:
        InternalError: ``wire_invalid``.
    """
    name = line.get("event")
    fields = EVENT_FIELDS.get(name, {}) if isinstance(name, str) else {"event": str}
    wrong = [
        field
        for field, kind in fields.items()
        if not isinstance(line.get(field), kind) or isinstance(line.get(field), bool)
    ]
    if not wrong and name in {"done", "pictures"}:
        wrong = list(_wrong_in_done(line))
    if name == "progress":
        wrong += [side for side in ("value", "max") if not isinstance(line.get(side), (int, float, type(None)))]
    if wrong:
        raise InternalError(
            f"the engine sent a line that is no event: {str(name)[:40]!r} with a wrong {wrong[0]}",
            code="wire_invalid",
            hint=WIRE_HINT,
        )
    return line


def _wrong_in_done(line: Line) -> Iterator[str]:
    for timing in ("boot_s", "queue_s", "load_s", "execution_s"):
        if not isinstance(line["timings"].get(timing), (int, float)):
            yield "timings"
    if not all(isinstance(image, str) for image in line["images"]):
        yield "images"
    batches = line.get("batches", [])
    if not isinstance(batches, list) or not all(isinstance(size, int) and size > 0 for size in batches):
        yield "batches"
    warnings = line.get("warnings", [])
    if not isinstance(warnings, list) or not all(
        isinstance(one, dict)
        and is_code(one.get("code"))
        and isinstance(one.get("message"), str)
        and isinstance(one.get("details"), (dict, type(None)))
        for one in warnings
    ):
        yield "warnings"


def without_frame(line: Line) -> Line:
    """What an event says: its fields without those that every event has."""
    return {key: value for key, value in line.items() if key not in {"v", "event"}}


def is_end(event: object) -> bool:
    """Whether it is the last event of a job, with all that one has to have."""
    if not isinstance(event, dict) or event.get("event") not in ("done", "failed"):
        return False
    try:
        check_event({"job": "", **event})  # what is kept of a job has its id in the name of the file
    except InternalError:
        return False
    return True


WIRE_HINT = "stop the engine (hal_generate_image.py stop) and run the command again"


def settings_from_json(value: Line) -> EngineSettings:
    """``EngineSettings`` out of its fields by name; unknown fields of a newer version are ignored."""
    return EngineSettings(
        **{
            name: value[name]
            for name in EngineSettings._fields
            if name in value or name not in EngineSettings._field_defaults
        }
    )
