"""The queue and the one thread that works it off: boots ComfyUI, runs jobs in order, and rests when there are none."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import deque
from typing import TYPE_CHECKING

from hal_image import job_inputs
from hal_image.comfy.client import ComfyClient, ComfyUnreachable
from hal_image.engine import batches, notices
from hal_image.engine.comfyui_facts import facts
from hal_image.engine.comfyui_process import ComfyProcess
from hal_image.engine.failures import bug
from hal_image.engine.job import Emit, Job, remove_output, run
from hal_image.engine.kept_jobs import KeptJobs
from hal_image.engine.read_ahead import ReadAhead
from hal_image.engine.watch import Hung, cancelled
from hal_image.errors import HalError, InternalError, JsonObject
from hal_image.wire import WIRE_HINT, EngineSettings, EngineStatus

if TYPE_CHECKING:
    from pathlib import Path

STOP_AFTER_S = 1800.0
"""Seconds that an idle engine lives on after it has unloaded its models: booting again is what costs most."""
HOUSEKEEPING_S = 0.5
WITNESS_S = 10.0
"""Seconds that an engine whose ComfyUI does not boot stays, so that those who started it hear why."""
SWEEP_EVERY_S = 3600.0
"""Seconds between two looks for pictures that nobody has come for, by an engine that has no jobs."""


class Worker:
    """FIFO of jobs and the thread that runs them.

    Args:
        settings: what the engine was started with.
        folder: the engine's own folder.
        keep_alive_s: idle seconds until models are unloaded, until a job says otherwise; ``-1`` never, ``0`` ends the
            engine when its queue is empty.
        stop_after_s: further idle seconds until the engine ends.
    """

    def __init__(
        self, settings: EngineSettings, folder: Path, *, keep_alive_s: float, stop_after_s: float = STOP_AFTER_S
    ) -> None:
        self.comfy = ComfyProcess(settings, folder)
        self.kept = KeptJobs(folder, self.comfy.output_dir)
        folders = [folder for folders in self.comfy.model_folders().values() for folder in folders]
        self._ahead = ReadAhead(folders, _log)
        self._keep_alive_s = keep_alive_s
        self._stop_after_s = stop_after_s
        self._changed = threading.Condition()
        self._waiting: deque[Job] = deque()
        self._running: Job | None = None
        self._jobs: dict[str, Job] = {}
        """Those that have not ended, by id."""
        self._draining = False
        self._aborting = False
        self._started = time.monotonic()
        self._booting_since: float | None = self._started
        self._boot_wanted = False
        self._boot_error: HalError | None = None
        self._booting_told = 0
        self._booted_at = 0.0
        self._models_loaded = False
        self._untidy = True  # once after every job, and for what an engine before us left behind
        self._swept = self._started
        self._jobs_done = 0
        self._idle_since = self._started

    # -- called by connections, from any thread ------------------------------------------------------------------

    def submit(self, job: Job) -> None:
        """Queues a job; its events start with ``queued``.

        Raises:
            HalError: ``engine_draining``; retryable, with a new engine.
            InternalError: ``wire_invalid``: there is a job of that id.
        """
        with self._changed:
            if self._draining:
                raise HalError(
                    "the engine is shutting down", code="engine_draining", hint="run the command again", retryable=True
                )
            if job.id in self._jobs:
                raise InternalError("there is a job of that id", code="wire_invalid", hint=WIRE_HINT)
            position = len(self._all_jobs())
            self._jobs[job.id] = job
            self._waiting.append(job)
            booting_since = self._booting_since
            self._changed.notify_all()
        job.emit({"event": "queued", "position": position})
        if booting_since is not None:
            self._ahead.begin(job.graph)
            job.emit({"event": "booting", "seconds": round(time.monotonic() - booting_since, 1)})

    def attach(self, job_id: str, listener: Emit) -> Job | None:
        """Lets somebody hear of a job, first of how it stands. ``None`` when it is over, which is then all to hear."""
        with self._changed:
            job = self._jobs.get(job_id)
        if job is None:
            listener({"job": job_id, **self.kept.end_of(job_id)})
            return None
        job.listen(listener, lambda: self._standing(job))
        return job

    def _standing(self, job: Job) -> JsonObject:
        with self._changed:
            if self._booting_since is not None:
                return {"event": "booting", "seconds": round(time.monotonic() - self._booting_since, 1)}
            if job in self._waiting:
                ahead = self._waiting.index(job) + (self._running is not None)
                return {"event": "queued", "position": ahead}
        return {"event": "running", "device": self.status().device}

    def cancel(self, job_id: str) -> None:
        """Takes a job back. One that waits ends at once, one that runs as soon as ComfyUI lets go of it."""
        with self._changed:
            job = self._jobs.get(job_id)
            if job is None:
                return
            job.cancelled.set()
            waited = job in self._waiting
            if waited:
                self._waiting.remove(job)
        if waited:
            self._tell_end(job, {"event": "failed", "error": cancelled().to_json()})

    def drain(self) -> None:
        """Takes no more jobs, finishes those there are, then ends."""
        with self._changed:
            self._draining = True
            self._changed.notify_all()

    def abort(self) -> None:
        """Cancels every job, then ends."""
        with self._changed:
            self._aborting = True
            jobs = self._all_jobs()
        self.drain()
        for job in jobs:
            self.cancel(job.id)

    def _all_jobs(self) -> list[Job]:
        """Those that wait and the one that runs; asked for while holding the lock."""
        return [*self._waiting, *([self._running] if self._running is not None else [])]

    def request_boot(self, keep_alive_s: float | None) -> None:
        """Starts ComfyUI if it is down, without a job; ``keep_alive_s`` holds until a job says otherwise."""
        with self._changed:
            if isinstance(keep_alive_s, (int, float)):
                self._keep_alive_s = float(keep_alive_s)
            if not self.comfy.alive:
                self._boot_wanted = True
                self._boot_error = None
            self._changed.notify_all()

    def free(self) -> None:
        """Unloads the models as soon as ComfyUI is idle."""
        if self.comfy.alive and self._booting_since is None:
            client = ComfyClient(self.comfy.url)
            try:
                client.free()
                self._models_loaded = False
                self._untidy = True
            except ComfyUnreachable:
                return  # dead or dying: then nothing is loaded either
            finally:
                client.close()

    @property
    def ends(self) -> bool:
        """Whether it takes no more jobs, and boots nothing any more."""
        return self._draining

    @property
    def boot_error(self) -> HalError | None:
        """Why the last boot failed; ``None`` when it did not."""
        return self._boot_error

    def status(self) -> EngineStatus:
        """A picture of this moment."""
        with self._changed:
            running, waiting = self._running, len(self._waiting)
        now = time.monotonic()
        return EngineStatus(
            pid=os.getpid(),
            comfyui_pid=self.comfy.pid,
            state=self._state(running),
            queued=waiting,
            running=running.id if running is not None else None,
            jobs_done=self._jobs_done,
            boots=self.comfy.boots,
            models_loaded=self._models_loaded,
            uptime_s=round(now - self._started, 1),
            idle_s=0.0 if running is not None else round(now - self._idle_since, 1),
            keep_alive_s=self._keep_alive_s,
            boot_error=None if self._boot_error is None else self._boot_error.to_json(),
            **facts(self.comfy.stats),
        )

    def _state(self, running: Job | None) -> str:
        if self._booting_since is not None or (self._boot_wanted and not self.comfy.alive):
            return "booting"
        if self._draining:
            return "draining"
        if running is not None:
            return "busy"
        return "idle" if self.comfy.alive else "down"

    # -- the one thread that works --------------------------------------------------------------------------------

    def work(self) -> None:
        """Boots, then runs jobs until drained or idle for too long; ComfyUI is down when it returns."""
        try:
            self._boot_without_job()
            while True:
                job = self._next_job()
                if job is not None:
                    self._work_on(job)
                    continue
                if self._may_end():
                    return
                self._rest()
        finally:
            self.drain()
            self._fail_waiting(
                HalError("the engine ended", code="engine_draining", hint="run the command again", retryable=True)
            )
            self.comfy.end()

    def _next_job(self) -> Job | None:
        with self._changed:
            if not self._waiting and not self._draining and not self._boot_wanted:
                self._changed.wait(HOUSEKEEPING_S)
            if not self._waiting:
                return None
            self._running = self._waiting.popleft()
            return self._running

    def _work_on(self, job: Job) -> None:
        picked = time.monotonic()
        try:
            if not self.comfy.alive:
                self._ahead.begin(job.graph)
                self._boot()
            # Booting is told apart from waiting for others: it is what a person wonders about.
            boot_s = max(0.0, self._booted_at - job.accepted)
            queue_s = max(0.0, picked - max(job.accepted, self._booted_at))
            if job.cancelled.is_set():
                raise cancelled()
            job.emit({"event": "running", "device": self.status().device})
            self._models_loaded = True
            done = batches.run(job, self._run, self.status) if job.seeds else self._run(job)
        except HalError as error:
            some = batches.partly(job, self.status)
            if not some:
                remove_output(self.comfy.output_dir, job.id)
            if error.code == "job_lost":
                self.comfy.end()  # it would lose the next one too, which starts it anew
            self._ended(job)
            self._tell_end(job, {"event": "failed", "error": error.to_json(), **some})
        except Exception as error:
            self._ended(job)
            self._tell_end(job, {"event": "failed", "error": bug(error, self.comfy).to_json()})
            raise  # into the engine's log; the next call starts a new engine
        else:
            done["timings"] |= {"boot_s": round(boot_s, 3), "queue_s": round(queue_s, 3)}
            self._jobs_done += max(1, len(job.seeds))
            self._ended(job)
            self._untidy = True
            self._tell_end(job, {"event": "done", **done, "engine": self.status()._asdict()})

    def _run(self, job: Job) -> JsonObject:
        """Runs it; anew on a new ComfyUI, once, where the old one was found dead before it had taken the job, or where
        the GPU's memory was too small for the way in which the old one uses it.
        """
        try:
            return run(job, self.comfy, self._others_wait)
        except Hung as error:
            if error.taken:
                raise
            return self._run_anew(job)
        except HalError as error:
            fewer = len(job.seeds) > 1  # is tried first
            if error.code != "out_of_memory" or fewer or self.comfy.offloads or not batches.is_on_gpu(self.status()):
                raise
            done = self._run_anew(job, offload=True)
            done["warnings"] += notices.warnings([notices.offloaded(error)])
            return done

    def _run_anew(self, job: Job, *, offload: bool = False) -> JsonObject:
        self._boot(offload=offload)
        self._models_loaded = True
        return run(job, self.comfy, self._others_wait)

    def _others_wait(self) -> bool:
        with self._changed:
            return bool(self._waiting)

    def _ended(self, job: Job) -> None:
        """Counts the job as over before its client hears of it, so that a status asked for then is right."""
        with self._changed:
            self._running = None
            self._idle_since = time.monotonic()
            self._keep_alive_s = job.keep_alive_s

    def _tell_end(self, job: Job, event: JsonObject) -> None:
        """Keeps how a job ended before anybody hears of it: from then on its client may be gone."""
        job_inputs.remove(self.comfy.folder, job.id)
        if job.kept:
            try:
                self.kept.write(job.id, event)
            except OSError as error:  # into the engine's log; whoever listens hears it all the same
                sys.stderr.write(f"cannot keep how job {job.id} ended: {error}\n")
        job.end(event)
        with self._changed:
            self._jobs.pop(job.id, None)

    def _boot(self, *, offload: bool = False) -> None:
        self._booting_since = time.monotonic()
        self._boot_error = None
        try:
            self.comfy.boot(self._boot_tick, offload=offload)
        except HalError as error:
            self._boot_error = error
            self._idle_since = time.monotonic()
            raise
        finally:
            self._booting_since = None
            self._boot_wanted = False
            self._ahead.booted()
        self._booted_at = self._idle_since = time.monotonic()
        self._models_loaded = False

    def _boot_tick(self, seconds: float) -> bool:
        told = int(seconds) == self._booting_told
        self._booting_told = int(seconds)
        with self._changed:
            jobs = self._all_jobs()
            stop = self._aborting or (self._draining and not jobs)
        if not told:  # once a second is news enough
            for job in jobs:
                job.emit({"event": "booting", "seconds": round(seconds, 1)})
        return not stop

    def _boot_without_job(self) -> None:
        """A boot that nobody waits for with a job of his own; its failure is told to whoever waits by then."""
        try:
            self._boot()
        except HalError as error:  # ``boot_error`` has it for those who ask
            self._fail_waiting(error)

    def _fail_waiting(self, error: HalError) -> None:
        with self._changed:
            jobs, self._waiting = list(self._waiting), deque()
        for job in jobs:
            self._tell_end(job, {"event": "failed", "error": error.to_json()})

    def _may_end(self) -> bool:
        with self._changed:
            if self._waiting:
                return False
            if not self._draining:
                idle = time.monotonic() - self._idle_since
                asked = self._keep_alive_s == 0 and self._jobs_done > 0
                too_long = self._keep_alive_s >= 0 and idle > self._keep_alive_s + self._stop_after_s
                useless = self._boot_error is not None and idle > WITNESS_S
                self._draining = asked or too_long or useless  # under the lock: nobody can submit in between
            return self._draining

    def _rest(self) -> None:
        if self._boot_wanted and not self.comfy.alive:
            self._boot_without_job()
        idle = time.monotonic() - self._idle_since
        if self._models_loaded and 0 <= self._keep_alive_s < idle:
            self.free()
            if self._models_loaded and self.comfy.alive:  # nothing runs that could keep it from answering
                self.comfy.end(grace_s=0)
                self._models_loaded = False
            if self.comfy.offloads:  # the next picture may be a smaller one: it is tried at full speed again
                self.comfy.end()
        if self._untidy:
            self._untidy = False
            self.comfy.refresh_stats()
            self.kept.sweep()
        if time.monotonic() - self._swept > SWEEP_EVERY_S:
            self._swept = time.monotonic()
            self.kept.sweep()


def _log(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
