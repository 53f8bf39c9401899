"""One job: from a graph to a verdict. The socket shows progress; the truth is in queue, history and the process."""

from __future__ import annotations

import shutil
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hal_image import job_inputs
from hal_image.activity import Inactivity, Quiet
from hal_image.comfy.client import ComfyClient, ComfyConfused, ComfyUnreachable, Outcome
from hal_image.comfy.events import EventStream
from hal_image.engine import notices
from hal_image.engine.failures import crashed, node_failure
from hal_image.errors import HalError, InternalError, JsonObject

if TYPE_CHECKING:
    from pathlib import Path

    from hal_image.engine.comfyui_process import ComfyProcess

Emit = Callable[[JsonObject], None]

SAVERS = ("SaveImage", "PreviewImage")
"""Nodes whose pictures are a job's, in the order in which they are told."""

EVENT_WAIT_S = 0.1
"""How long one look at the socket waits: bounds the reaction to a cancel."""
TRUTH_EVERY_S = 1.0
"""Seconds between two looks at queue and history while the socket says nothing."""
LOST_AFTER = 3
"""Looks in a row that find a prompt neither queued nor ended before it counts as lost: between leaving the queue and
entering the history there is a moment in which it is in neither. Answers that are none count as such a look."""

DEAF_LIMIT_S = 30.0
"""Seconds for which a ComfyUI whose job was taken back may leave every question unanswered; then it is killed, since
the next job waits for it. That it goes on with the job for long is normal: an interrupt is served between two steps.
That it does not even answer happens while something holds Python's interpreter. torch computes without holding it, on
a processor too; what does hold it are safetensors reading one tensor, which for the largest (the 263 MB of T5's
vocabulary) from a disk of 20 MB/s is 13 s, and the loading of CUDA's libraries, 10 s from a slow disk."""
HUNG_LIMIT_S = 30.0
"""Seconds for which a ComfyUI may neither answer nor do anything at all (``hal_image.activity``) while others wait for
it, when nobody listens who could give the job up, or before it has taken the job. A job that is still wanted and holds
up nobody is never given up for silence."""


@dataclass(slots=True, eq=False)
class Job:
    """A graph on its way.

    Attributes:
        id: lowercase uuid4 made by the host; also ComfyUI's prompt id and the name of the output folder.
        graph: ComfyUI's API format.
        keep_alive_s: what to do with the models afterwards; see ``worker``.
        kept: it goes on when its client hangs up, and how it ended is kept.
        inputs: names of the pictures that came with it (``hal_image.job_inputs``).
        accepted: ``time.monotonic()`` when it came in.
        cancelled: set when it was taken back.
    """

    id: str
    graph: JsonObject
    keep_alive_s: float
    kept: bool = False
    inputs: tuple[str, ...] = ()
    accepted: float = field(default_factory=time.monotonic)
    cancelled: threading.Event = field(default_factory=threading.Event)
    _listeners: list[Emit] = field(default_factory=list)
    _end: JsonObject | None = None
    _telling: threading.Lock = field(default_factory=threading.Lock)

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

    @property
    def is_heard(self) -> bool:
        """Whether somebody listens."""
        return bool(self._listeners)

    def leave(self, listener: Emit) -> None:
        """Takes a listener away."""
        with self._telling:
            self._listeners = [other for other in self._listeners if other != listener]


class Cancelled(HalError):
    """The client took the job back."""

    default_code = "cancelled"


def cancelled(more: str = "") -> Cancelled:
    """The error with which a job ends that was taken back; ``more`` is what else there is to say."""
    return Cancelled(f"the job was cancelled{more}", hint="run the command again, if the picture is wanted after all")


class Hung(HalError):
    """ComfyUI neither answered nor did anything any more, and was killed."""

    default_code = "comfyui_hung"
    taken = True
    """Whether it had taken the job."""


def own_output(graph: JsonObject, job_id: str) -> JsonObject:
    """A copy of the graph in which everything that is saved goes below a folder of this job's own.

    SaveImage is cached: with an unchanged prefix a repeated graph would run nothing, and the history would name the
    file of the job before. Several nodes that save have a prefix each, so that their files cannot be taken for each
    other's, and have the order of ``SAVERS`` by name. PreviewImage is replaced by SaveImage: its pictures are wanted
    too.
    """
    savers = [node_id for kind in SAVERS for node_id, node in graph.items() if node.get("class_type") == kind]
    prefixes = {node_id: f"{job_id}/image-{number:04}" for number, node_id in enumerate(savers, start=1)}
    if len(savers) == 1:
        prefixes[savers[0]] = f"{job_id}/image"
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


def run(job: Job, comfy: ComfyProcess, others_wait: Callable[[], bool] = lambda: False) -> JsonObject:
    """Runs one job on a booted ComfyUI.

    Args:
        job: what to run.
        comfy: where. It may be down afterwards: it is killed when it does not react to a cancel.
        others_wait: whether other jobs wait for this one to end.

    Returns:
        the fields of the ``done`` event: ``images``, ``warnings`` and ``timings`` (``load_s``, ``execution_s``).

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
    taken = False
    try:
        try:
            stream = EventStream(comfy.url, client_id)
            graph = job_inputs.of_job(own_output(job.graph, job.id), job.id, job.inputs)
            client.submit(graph, prompt_id=job.id, client_id=client_id)
            taken = True
        except ComfyUnreachable as error:
            # Whether the prompt got in is open: what the server knows about our id decides, below.
            if not comfy.alive:
                raise crashed(comfy) from error
        watch = Watch(job, comfy, client, stream, others_wait, taken=taken)
        outcome = watch.until_ended()
    finally:
        if stream is not None:
            stream.close()
        client.close()
    return _verdict(outcome, watch.load_s, comfy.log)


class Watch:
    """Follows one submitted prompt to its end."""

    def __init__(
        self,
        job: Job,
        comfy: ComfyProcess,
        client: ComfyClient,
        stream: EventStream | None,
        others_wait: Callable[[], bool] = lambda: False,
        *,
        taken: bool = True,
    ) -> None:
        self.load_s = 0.0
        self._others_wait = others_wait
        self._taken = taken
        self._deaf = Quiet()
        self._idle = Inactivity(comfy.pid) if comfy.pid is not None else None
        self._job = job
        self._comfy = comfy
        self._client = client
        self._stream = stream
        self._loading_since: float | None = None
        self._misses = 0
        self._cancel_seen = False

    def until_ended(self) -> Outcome:
        """Waits for the end, passing progress on.

        Raises:
            Cancelled, HalError: as ``run``.
        """
        next_look = time.monotonic() + TRUTH_EVERY_S
        while True:
            ended = self._pass_on_one_event()
            if self._job.cancelled.is_set():
                self._interrupt()
            if not (ended or self._job.cancelled.is_set() or time.monotonic() >= next_look):
                continue
            next_look = time.monotonic() + TRUTH_EVERY_S
            if not self._comfy.alive:
                raise crashed(self._comfy)
            outcome = self._look()
            if outcome is not None:
                return outcome
            if self._misses >= LOST_AFTER:
                if self._job.cancelled.is_set():  # deleted while it waited: the history never hears of it
                    raise cancelled()
                raise HalError(
                    "ComfyUI no longer knows the job", code="job_lost", hint="run the command again", retryable=True
                )

    def _look(self) -> Outcome | None:
        """One look at history and queue: how it ended, if it has; ``_misses`` counts those that did not find it."""
        try:
            outcome = self._client.outcome(self._job.id)
            found = outcome is not None or self._job.id in self._client.queued_ids()
        except ComfyConfused:
            outcome, found = None, False
        except ComfyUnreachable:
            self._give_up_if_deaf()
            return None  # busy, or dying: the process decides
        self._deaf.look(sign=True)
        self._taken = self._taken or found
        self._misses = 0 if found else self._misses + 1
        return outcome

    def _interrupt(self) -> None:
        if not self._cancel_seen:  # the time that counts begins now
            self._cancel_seen = True
            self._deaf.look(sign=True)
        try:
            self._client.interrupt(self._job.id)
        except ComfyUnreachable:
            return  # it is asked again on the next round

    def _give_up_if_deaf(self) -> None:
        """Called when a question was not answered.

        Raises:
            Cancelled, Hung: it was not the first, and ComfyUI was killed.
        """
        deaf_s = self._deaf.look(sign=False)
        idle_s = 0.0 if self._idle is None else self._idle.look()
        if self._job.cancelled.is_set():
            if deaf_s > DEAF_LIMIT_S:
                self._comfy.end(grace_s=0)
                raise cancelled("; ComfyUI did not react and is started anew for the next one")
        elif min(deaf_s, idle_s) > HUNG_LIMIT_S and not self._may_stand_still():
            self._comfy.end(grace_s=0)
            error = Hung(
                f"ComfyUI neither answered nor did anything for {HUNG_LIMIT_S:.0f} s, and was ended",
                hint=f"run the command again, it is started anew; log: {self._comfy.log}",
                retryable=True,
                details={"log": str(self._comfy.log)},
            )
            error.taken = self._taken
            raise error

    def _may_stand_still(self) -> bool:
        return self._taken and self._job.is_heard and not self._others_wait()

    def _pass_on_one_event(self) -> bool:
        """Waits for one event; true when it says that the history is written."""
        if self._stream is None or self._stream.closed:
            self._job.cancelled.wait(EVENT_WAIT_S)
            return False
        event = self._stream.next(EVENT_WAIT_S)
        if event is None:
            return False
        self._deaf.look(sign=True)
        kind, data = event
        if data.get("prompt_id") not in (None, self._job.id):
            return False
        if kind == "executing":
            return self._node(data.get("node"))
        if kind == "progress":
            self._job.emit({"event": "progress", "value": data.get("value"), "max": data.get("max")})
        return False

    def _node(self, node_id: str | None) -> bool:
        now = time.monotonic()
        if self._loading_since is not None:
            self.load_s += now - self._loading_since
            self._loading_since = None
        if node_id is None:
            return True
        class_type = self._job.graph.get(str(node_id), {}).get("class_type", "")
        if "Loader" in class_type:
            self._loading_since = now
        self._job.emit({"event": "node", "class_type": class_type})
        return False


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
