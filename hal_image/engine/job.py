"""One job: from a graph to a verdict; ``watch`` follows it in between."""

from __future__ import annotations

import shutil
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hal_image import job_inputs
from hal_image.comfy.client import ComfyClient, ComfyUnreachable, Outcome
from hal_image.comfy.events import EventStream
from hal_image.engine import comfyui_previews, comfyui_saving, comfyui_turbo, notices, saving
from hal_image.engine.failures import crashed, node_failure
from hal_image.engine.saving import Saving
from hal_image.engine.step_pictures import sampled_anew
from hal_image.engine.watch import Watch, cancelled
from hal_image.errors import InternalError, JsonObject

if TYPE_CHECKING:
    from pathlib import Path

    from hal_image.engine.comfyui_process import ComfyProcess

Emit = Callable[[JsonObject], None]

SAVERS = ("SaveImage", "PreviewImage")
"""Nodes whose pictures are a job's, in the order in which they are told."""


@dataclass(slots=True)
class Made:
    """What there is of a job of several pictures.

    Attributes:
        images: of ``done``, in the order of the seeds.
        batches: how many of them were sampled at once, in that order.
        memories: for each of these batches ``memory`` of its ``done``, ``None`` where nothing was done to need less.
        warnings: what was noticed so far, each once.
        load_s, execution_s: seconds of all parts.
        size: how many were tried at once the last time; ``None`` before the first.
        queue_s: seconds for which the job waited for others, in between too.
        boot_s: seconds for which it waited for ComfyUI.
    """

    images: list[str] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)
    memories: list[JsonObject | None] = field(default_factory=list)
    warnings: list[JsonObject] = field(default_factory=list)
    load_s: float = 0.0
    execution_s: float = 0.0
    size: int | None = None
    queue_s: float = 0.0
    boot_s: float = 0.0

    def add(self, done: JsonObject) -> int:
        """Adds what a part has made; returns how many pictures these are."""
        self.images += done["images"]
        self.batches.append(len(done["images"]))
        self.memories.append(done.get("memory"))
        self.note(done["warnings"])
        self.load_s += done["timings"]["load_s"]
        self.execution_s += done["timings"]["execution_s"]
        return len(done["images"])

    def note(self, warnings: list[JsonObject]) -> None:
        """Adds warnings."""
        self.warnings += [warning for warning in warnings if warning not in self.warnings]

    def done(self) -> JsonObject:
        """The fields of ``done``, or, of a job that did not come to its end, what ``failed`` has of them."""
        timings = {"load_s": round(self.load_s, 3), "execution_s": round(self.execution_s, 3)}
        memories = {"memories": self.memories} if any(self.memories) else {}
        return {
            "images": self.images,
            "batches": self.batches,
            **memories,
            "warnings": self.warnings,
            "timings": timings,
        }


@dataclass(slots=True, eq=False)
class Job:
    """A graph on its way.

    Attributes:
        id: lowercase uuid4 made by the host; also the name of the output folder, and as a rule ComfyUI's prompt id.
        graph: ComfyUI's API format.
        keep_alive_s: what to do with the models afterwards; see ``worker``.
        kept: it goes on when its client hangs up, and how it ended is kept.
        inputs: names of the pictures that came with it (``hal_image.job_inputs``).
        step_pictures: whether it shows the picture after each sampling step.
        turbo: whether its model is compiled.
        seeds: of its pictures, where it makes several that differ in that alone; the graph has the first one's.
        batch_size: how many of them are sampled at once; ``None`` for what is best.
        prompt_id: ComfyUI's id of a part of it, where that is not its own.
        place: what progress of a part of it says besides: which pictures these are.
        made: of several, those that are done.
        accepted: ``time.monotonic()`` when it came in.
        cancelled: set when it was taken back.
    """

    id: str
    graph: JsonObject
    keep_alive_s: float
    kept: bool = False
    inputs: tuple[str, ...] = ()
    step_pictures: bool = False
    turbo: bool = False
    seeds: tuple[int, ...] = ()
    batch_size: int | None = None
    prompt_id: str = ""
    place: JsonObject = field(default_factory=dict)
    made: Made = field(default_factory=Made)
    accepted: float = field(default_factory=time.monotonic)
    cancelled: threading.Event = field(default_factory=threading.Event)
    _listeners: list[Emit] = field(default_factory=list)
    _end: JsonObject | None = None
    _telling: threading.Lock = field(default_factory=threading.Lock)

    @property
    def prompt(self) -> str:
        """ComfyUI's id of what runs for it."""
        return self.prompt_id or self.id

    def emit(self, event: JsonObject) -> None:
        """Sends an event to all who listen; never raises."""
        with self._telling:
            for listener in self._listeners:
                listener({"job": self.id, **event})

    def end(self, event: JsonObject) -> None:
        """Sends the last event; who begins to listen later hears it too."""
        with self._telling:
            self._end = event
            for listener in self._listeners:
                listener({"job": self.id, **event})

    def hear(self, listener: Emit) -> None:
        """Adds a listener to a job that has not begun."""
        with self._telling:
            self._listeners.append(listener)

    def listen(self, listener: Emit, state: Callable[[], JsonObject]) -> None:
        """Adds a listener, which hears first how the job stands: the event of ``state``, or the last one."""
        with self._telling:
            self._listeners.append(listener)
            listener({"job": self.id, **(self._end or state())})

    def has_caller_of(self, other: Job) -> bool:
        """Whether somebody listens to both."""
        return any(listener in other._listeners for listener in self._listeners)

    @property
    def is_heard(self) -> bool:
        """Whether somebody listens."""
        return bool(self._listeners)

    def leave(self, listener: Emit) -> None:
        """Takes a listener away."""
        with self._telling:
            self._listeners[:] = [other for other in self._listeners if other != listener]  # a part of it has them, too


def own_output(graph: JsonObject, job_id: str, part: int = 0) -> JsonObject:
    """A copy of the graph in which everything that is saved goes below a folder of this job's own.

    SaveImage is cached: with an unchanged prefix a repeated graph would run nothing, and the history would name the
    file of the job before. Several nodes that save have a prefix each, so that their files cannot be taken for each
    other's, and have the order of ``SAVERS`` by name. PreviewImage is replaced by SaveImage: its pictures are wanted
    too. ``part`` is the number of the first picture of a part of a job, which has a prefix of its own, too.
    """
    savers = [node_id for kind in SAVERS for node_id, node in graph.items() if node.get("class_type") == kind]
    prefixes = {node_id: f"{job_id}/image-{number:04}" for number, node_id in enumerate(savers, start=1)}
    if len(savers) == 1:
        prefixes[savers[0]] = f"{job_id}/image" + (f"-part-{part:04}" if part else "")
    owned = {}
    for node_id, node in graph.items():
        owned[node_id] = node
        if node_id in prefixes:
            inputs = {**node["inputs"], "filename_prefix": prefixes[node_id]}
            owned[node_id] = {**node, "class_type": SAVERS[0], "inputs": inputs}
        elif "filename_prefix" in node.get("inputs", {}):  # whatever it saves, not outside
            owned[node_id] = {**node, "inputs": {**node["inputs"], "filename_prefix": f"{job_id}/other"}}
    return owned


def remove_output(output_dir: Path, job_id: str) -> None:
    """Removes what a job wrote. ``job_id`` must be a uuid: it is checked again here, because this deletes."""
    shutil.rmtree(output_dir / str(uuid.UUID(job_id)), ignore_errors=True)


def run(
    job: Job, comfy: ComfyProcess, others_wait: Callable[[], bool] = lambda: False, *, graph: JsonObject | None = None
) -> JsonObject | Saving:
    """Runs one job on a booted ComfyUI.

    Args:
        job: what to run.
        comfy: where. It may be down afterwards: it is killed when it does not react to a cancel.
        others_wait: whether other jobs wait for this one to end.
        graph: what is run in place of what was asked for, maybe for a second time.

    Returns:
        the fields of the ``done`` event: ``images``, ``warnings`` and ``timings`` (``load_s``, ``execution_s``). Where
        others wait, what brings them as soon as the files are whole.

    Raises:
        Cancelled: it was taken back.
        Hung: ComfyUI does nothing any more.
        HalError: ``graph_refused``, ``node_failed``, ``out_of_memory``, ``picture_invalid``, ``comfyui_crashed``,
            ``job_lost``, ``no_image``.
        EnvironmentError_: ``disk_full``.
        ModelError: ``lora_not_applied``.
        UsageError: ``prompt_too_nested``.
    """
    client = ComfyClient(comfy.url)
    stream: EventStream | None = None
    client_id = uuid.uuid4().hex
    taken, later = False, others_wait()
    try:
        try:
            stream = EventStream(comfy.url, client_id)
            if graph is not None:
                client.forget(job.prompt)
            graph = own_output(graph or job.graph, job.id, job.place.get("picture", 0))
            graph = job_inputs.of_job(graph, job.id, job.inputs)
            wanted = {
                comfyui_previews.WANTED: job.step_pictures,
                comfyui_turbo.WANTED: job.turbo,
                comfyui_saving.LATER: later,
            }
            extra = {name: True for name, is_wanted in wanted.items() if is_wanted}
            if job.step_pictures or job.turbo:
                graph = sampled_anew(graph, job.id if job.step_pictures else comfyui_turbo.WANTED)
            client.submit(graph, prompt_id=job.prompt, client_id=client_id, extra=extra)
            taken = True
        except ComfyUnreachable as error:
            # Whether the prompt got in is open: what the server knows about our id decides, below.
            if not comfy.alive:
                raise crashed(comfy) from error
        watch = Watch(job, comfy, client, stream, others_wait, taken=taken, saves_later=later)
        outcome = watch.until_ended()
    finally:
        if stream is not None:
            stream.close()
        client.close()
    if outcome is None:
        return Saving(watch.saved, lambda: _verdict(saving.outcome(job.prompt, comfy), watch.load_s, comfy.log))
    return _verdict(outcome, watch.load_s, comfy.log)


def _verdict(outcome: Outcome, load_s: float, log: Path) -> JsonObject:
    if outcome.interrupted:
        raise cancelled()
    if outcome.error is not None or not outcome.succeeded:
        raise node_failure(outcome.error or {})
    if not outcome.images:
        raise InternalError(
            "a bug: ComfyUI finished without an image",
            code="no_image",
            hint=f"please report it with ComfyUI's log, {log}",
            details={"log": str(log)},
        )
    return {
        "images": ["/".join(part for part in image if part) for image in sorted(outcome.images)],
        "warnings": notices.warnings(outcome.notices),
        "timings": {"load_s": round(load_s, 3), "execution_s": round(outcome.execution_s, 3)},
    }
