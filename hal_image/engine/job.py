"""One job: from a graph to a verdict. The socket shows progress; the truth is in queue, history and the process."""

from __future__ import annotations

import errno
import os
import shutil
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hal_image.activity import Inactivity, Quiet
from hal_image.comfy.client import LOG_HINT, ComfyClient, ComfyUnreachable, Outcome, one_line
from hal_image.comfy.events import EventStream
from hal_image.errors import EnvironmentError_, HalError, JsonObject

if TYPE_CHECKING:
    from pathlib import Path

    from hal_image.engine.comfyui_process import ComfyProcess

Emit = Callable[[JsonObject], None]

EVENT_WAIT_S = 0.1
"""How long one look at the socket waits: bounds the reaction to a cancel."""
TRUTH_EVERY_S = 1.0
"""Seconds between two looks at queue and history while the socket says nothing."""
LOST_AFTER = 3
"""Looks in a row that find a prompt neither queued nor ended before it counts as lost: between leaving the queue and
entering the history there is a moment in which it is in neither."""

DEAF_LIMIT_S = 30.0
"""Seconds for which a ComfyUI whose job was taken back may leave every question unanswered; then it is killed, since
the next job waits for it. That it goes on with the job for long is normal: an interrupt is served between two steps.
That it does not even answer happens while something holds Python's interpreter. torch computes without holding it, on
a processor too; what does hold it are safetensors reading one tensor, which for the largest (the 263 MB of T5's
vocabulary) from a disk of 20 MB/s is 13 s, and the loading of CUDA's libraries, 10 s from a slow disk."""
NO_MEMORY = ("out of memory", "not enough memory", "allocate memory")
"""What CUDA, torch's allocators for main memory and the system say, in lower case."""
HUNG_LIMIT_S = 30.0
"""Seconds for which a ComfyUI may neither answer nor do anything at all (``hal_image.activity``) while others wait for
it, or before it has taken the job. A job that is still wanted and holds up nobody is never given up for silence."""


@dataclass(slots=True)
class Job:
    """A graph on its way.

    Attributes:
        id: lowercase uuid4 made by the host; also ComfyUI's prompt id and the name of the output folder.
        graph: ComfyUI's API format.
        keep_alive_s: what to do with the models afterwards; see ``worker``.
        emit: sends an event to the client that submitted it; never raises.
        accepted: ``time.monotonic()`` when it came in.
        cancelled: set when the client took it back or went away.
    """

    id: str
    graph: JsonObject
    keep_alive_s: float
    emit: Emit
    accepted: float = field(default_factory=time.monotonic)
    cancelled: threading.Event = field(default_factory=threading.Event)


class Cancelled(HalError):
    """The client took the job back."""

    default_code = "cancelled"


class Hung(HalError):
    """ComfyUI neither answered nor did anything any more, and was killed."""

    default_code = "comfyui_hung"
    taken = True
    """Whether it had taken the job."""


def own_output(graph: JsonObject, job_id: str) -> JsonObject:
    """A copy of the graph in which every SaveImage writes below a folder of this job's own.

    SaveImage is cached: with an unchanged prefix a repeated graph would run nothing, and the history would name the
    file of the job before.
    """
    return {
        node_id: {**node, "inputs": {**node["inputs"], "filename_prefix": f"{job_id}/image"}}
        if node.get("class_type") == "SaveImage"
        else node
        for node_id, node in graph.items()
    }


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
        the fields of the ``done`` event: ``images`` and ``timings`` (``load_s``, ``execution_s``).

    Raises:
        Cancelled: it was taken back.
        Hung: ComfyUI does nothing any more.
        HalError: ``graph_refused``, ``node_failed``, ``out_of_memory``, ``comfyui_crashed``, ``job_lost``,
            ``no_image``.
    """
    client = ComfyClient(comfy.url)
    stream: EventStream | None = None
    client_id = uuid.uuid4().hex
    taken = False
    try:
        try:
            stream = EventStream(comfy.url, client_id)
            client.submit(own_output(job.graph, job.id), prompt_id=job.id, client_id=client_id)
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
    return _verdict(outcome, watch.load_s)


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
        self._cancel_seen = False

    def until_ended(self) -> Outcome:
        """Waits for the end, passing progress on.

        Raises:
            Cancelled, HalError: as ``run``.
        """
        misses = 0
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
            try:
                outcome = self._client.outcome(self._job.id)
                if outcome is None and self._job.id not in self._client.queued_ids():
                    misses += 1
                else:
                    misses, self._taken = 0, True
            except ComfyUnreachable:
                self._give_up_if_deaf()
                continue  # busy, or dying: the process decides
            self._deaf.look(sign=True)
            if outcome is not None:
                return outcome
            if misses >= LOST_AFTER:
                if self._job.cancelled.is_set():  # deleted while it waited: the history never hears of it
                    raise Cancelled("the job was cancelled")
                raise HalError(
                    "ComfyUI no longer knows the job", code="job_lost", hint="run the command again", retryable=True
                )

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
                raise Cancelled("the job was cancelled; ComfyUI did not react and is started anew for the next one")
        elif min(deaf_s, idle_s) > HUNG_LIMIT_S and (self._others_wait() or not self._taken):
            self._comfy.end(grace_s=0)
            error = Hung(
                f"ComfyUI neither answered nor did anything for {HUNG_LIMIT_S:.0f} s, and was ended",
                hint=f"run the command again, it is started anew; log: {self._comfy.log}",
                retryable=True,
                details={"log": str(self._comfy.log)},
            )
            error.taken = self._taken
            raise error

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


def _verdict(outcome: Outcome, load_s: float) -> JsonObject:
    if outcome.interrupted:
        raise Cancelled("the job was cancelled")
    if outcome.error is not None or not outcome.succeeded:
        raise node_failure(outcome.error or {})
    if not outcome.images:
        raise HalError("ComfyUI finished without an image", code="no_image", hint=f"please report this; {LOG_HINT}")
    return {
        "images": ["/".join(part for part in image if part) for image in outcome.images],
        "timings": {"load_s": round(load_s, 3), "execution_s": round(outcome.execution_s, 3)},
    }


def node_failure(error: JsonObject) -> HalError:
    """The error for a node that raised, in one line."""
    kind = str(error.get("exception_type", "")).rpartition(".")[2] or "Error"
    text = one_line(str(error.get("exception_message", "no message")))
    node = error.get("node_type", "a node")
    details = {"node_type": node, "exception_type": error.get("exception_type"), "node_id": error.get("node_id")}
    if "OutOfMemory" in kind or kind == "MemoryError" or any(said in text.lower() for said in NO_MEMORY):
        return HalError(
            f"out of memory in {node}: {text}",
            code="out_of_memory",
            hint="use a smaller --size or a smaller model, or close other programs that use the GPU",
            retryable=True,
            details=details,
        )
    if os.strerror(errno.ENOSPC).lower() in text.lower():
        return EnvironmentError_(
            f"{node} failed: {text}",
            code="disk_full",
            hint="free some space on the disk of the state directory, or set HAL_STATE_DIR to a larger one",
            details=details,
        )
    return HalError(f"{node} failed: {kind}: {text}", code="node_failed", hint=LOG_HINT, details=details)


def crashed(comfy: ComfyProcess) -> HalError:
    """The error for a ComfyUI that has ended, with the reason if the kernel's want of memory was one."""
    why, fix = "", "run the command again, it is started anew"
    if comfy.out_of_memory:
        why = ": the machine, or the container, ran out of memory"
        fix = "use a smaller --size or a smaller model, or close other programs: there was no memory left"
    return HalError(
        f"ComfyUI {comfy.epitaph} while it made the picture{why}",
        code="comfyui_crashed",
        hint=f"{fix}; log: {comfy.log}",
        retryable=True,
        details={
            "log": str(comfy.log),
            "log_tail": one_line(comfy.log_tail(), 400),
            "out_of_memory": comfy.out_of_memory,
        },
    )
