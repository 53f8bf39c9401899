"""Follows one prompt to its end. The socket shows progress; the truth is in queue, history and the process."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from hal_image.activity import Inactivity, Quiet
from hal_image.comfy.client import ComfyClient, ComfyConfused, ComfyUnreachable, Outcome
from hal_image.engine.failures import crashed
from hal_image.engine.step_pictures import StepPictures
from hal_image.errors import HalError

if TYPE_CHECKING:
    from collections.abc import Callable

    from hal_image.comfy.events import EventStream
    from hal_image.engine.comfyui_process import ComfyProcess
    from hal_image.engine.job import Job

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
        saves_later: bool = False,
    ) -> None:
        self.load_s = 0.0
        self.saved = 0
        """Pictures that are whole, or are being written."""
        self._saves_later = saves_later
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
        self._step_pictures = StepPictures(comfy.output_dir, job.id, job.place) if job.step_pictures else None

    def until_ended(self) -> Outcome | None:
        """Waits for the end, passing progress on; ``None`` when all is done but the writing of files.

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
            if outcome is not None or (ended and self._saves_later):
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
            outcome = self._client.outcome(self._job.prompt)
            found = outcome is not None or self._job.prompt in self._client.queued_ids()
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
            self._client.interrupt(self._job.prompt)
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
        if data.get("prompt_id") not in (None, self._job.prompt):
            return False
        if kind == "executing":
            return self._node(data.get("node"))
        if kind == "executed":
            self.saved += len((data.get("output") or {}).get("images", ()))
        if kind == "progress":
            steps = {"value": data.get("value"), "max": data.get("max")}
            self._job.emit({"event": "progress", **steps, **self._job.place})
        if kind == "preview" and self._step_pictures is not None:
            shown = self._step_pictures.keep(data["jpeg"])
            if shown is not None:
                self._job.emit(shown)
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
        self._job.emit({"event": "node", "class_type": class_type, **self._job.place})
        return False
