"""The one thread that works an engine's queue off: boots ComfyUI, runs jobs in order, and rests when there are none."""

from __future__ import annotations

import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TYPE_CHECKING

from hal_image import job_inputs
from hal_image.comfy.client import ComfyClient, ComfyUnreachable
from hal_image.engine import batches
from hal_image.engine.boots import Boots
from hal_image.engine.comfyui_facts import facts
from hal_image.engine.comfyui_process import ComfyProcess
from hal_image.engine.failures import bug
from hal_image.engine.idle import STOP_AFTER_S, Idle
from hal_image.engine.job import Emit, Job, remove_output, run
from hal_image.engine.job_queue import JobQueue
from hal_image.engine.kept_jobs import KeptJobs
from hal_image.engine.ladder import Ladder
from hal_image.engine.read_ahead import ReadAhead
from hal_image.engine.saving import Saving
from hal_image.engine.watch import Hung, cancelled
from hal_image.errors import HalError, JsonObject
from hal_image.wire import EngineSettings, EngineStatus

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future
    from pathlib import Path

    from hal_image.engine.ladder import Descent

HOUSEKEEPING_S = 0.5


class Worker:
    """The jobs of an engine, and the thread that runs them.

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
        self._ladder = Ladder()
        self._idle = Idle(keep_alive_s, stop_after_s)
        self._jobs = JobQueue()
        self._boots = Boots()
        self._aborting = False
        self._started = time.monotonic()
        self._models_loaded = False
        self._jobs_done = 0
        self._saving = ThreadPoolExecutor(1, thread_name_prefix="saving")
        self._saved: Future[None] | None = None
        """The end of the last job whose files were written beside the next one."""

    # -- called by connections, from any thread ------------------------------------------------------------------

    def submit(self, job: Job) -> None:
        """Queues a job; its events start with ``queued``.

        Raises:
            HalError: ``engine_draining``; retryable, with a new engine.
            InternalError: ``wire_invalid``: there is a job of that id.
        """
        position = self._jobs.add(job)
        job.emit({"event": "queued", "position": position})
        booting = self._boots.event()
        if booting is not None:
            self._ahead.begin(job.graph)
            job.emit(booting)

    def attach(self, job_id: str, listener: Emit) -> Job | None:
        """Lets somebody hear of a job, first of how it stands. ``None`` when it is over, which is then all to hear."""
        job = self._jobs.find(job_id)
        if job is None:
            listener({"job": job_id, **self.kept.end_of(job_id)})
            return None
        job.listen(listener, lambda: self._standing(job))
        return job

    def _standing(self, job: Job) -> JsonObject:
        booting = self._boots.event()
        if booting is not None:
            return booting
        position = self._jobs.position(job)
        if position is not None:
            return {"event": "queued", "position": position}
        return {"event": "running", "device": self.status().device}

    def cancel(self, job_id: str) -> None:
        """Takes a job back. One that waits ends at once, one that runs as soon as ComfyUI lets go of it."""
        job = self._jobs.cancel(job_id)
        if job is not None:
            if job.made.images:  # it has given way in between
                remove_output(self.comfy.output_dir, job.id)
            self._tell_end(job, {"event": "failed", "error": cancelled().to_json()})

    def drain(self) -> None:
        """Takes no more jobs, finishes those there are, then ends."""
        self._jobs.close()

    def abort(self) -> None:
        """Cancels every job, then ends."""
        self._aborting = True
        self.drain()
        for job in self._jobs.all():
            self.cancel(job.id)

    def request_boot(self, keep_alive_s: float | None) -> None:
        """Starts ComfyUI if it is down, without a job; ``keep_alive_s`` holds until a job says otherwise."""
        if isinstance(keep_alive_s, (int, float)):
            self._idle.keep_alive_s = float(keep_alive_s)
        if not self.comfy.alive:
            self._boots.error = None
            self._boots.wanted = True
        self._jobs.wake()

    def free(self) -> None:
        """Unloads the models as soon as ComfyUI is idle."""
        if self.comfy.alive and not self._boots.now:
            client = ComfyClient(self.comfy.url)
            try:
                client.free()
                self._models_loaded = False
                self._idle.untidy = True
            except ComfyUnreachable:
                return  # dead or dying: then nothing is loaded either
            finally:
                client.close()

    @property
    def ends(self) -> bool:
        """Whether it takes no more jobs, and boots nothing any more."""
        return self._jobs.closed

    @property
    def boot_error(self) -> HalError | None:
        """Why the last boot failed; ``None`` when it did not."""
        return self._boots.error

    def status(self) -> EngineStatus:
        """A picture of this moment."""
        running, error = self._jobs.running, self._boots.error
        return EngineStatus(
            pid=os.getpid(),
            comfyui_pid=self.comfy.pid,
            state=self._state(running),
            queued=self._jobs.waiting,
            running=running.id if running is not None else None,
            jobs_done=self._jobs_done,
            boots=self.comfy.boots,
            models_loaded=self._models_loaded,
            uptime_s=round(time.monotonic() - self._started, 1),
            idle_s=0.0 if running is not None else round(self._idle.seconds, 1),
            keep_alive_s=self._idle.keep_alive_s,
            boot_error=None if error is None else error.to_json(),
            **facts(self.comfy.stats),
        )

    def _state(self, running: Job | None) -> str:
        if self._boots.now or (self._boots.wanted and not self.comfy.alive):
            return "booting"
        if self._jobs.closed:
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
                job = self._jobs.next(HOUSEKEEPING_S, unless=lambda: self._boots.wanted)
                if job is not None:
                    self._work_on(job)
                    continue
                if self._jobs.close_if(self._is_to_end):
                    return
                self._rest()
        finally:
            self.drain()
            self._fail_waiting(
                HalError("the engine ended", code="engine_draining", hint="run the command again", retryable=True)
            )
            self._end_comfyui()

    def _work_on(self, job: Job) -> None:
        picked = time.monotonic()
        self._conclude(job, lambda: self._begin(job, picked))

    def _begin(self, job: Job, picked: float) -> JsonObject | Saving | None:
        """What comes of a job; ``None`` for one that waits again."""
        if not self.comfy.alive:
            self._ahead.begin(job.graph)
            self._boot()
        # Booting is told apart from waiting for others: it is what a person wonders about.
        job.made.boot_s += max(0.0, self._boots.ended - job.accepted)
        job.made.queue_s += max(0.0, picked - max(job.accepted, self._boots.ended))
        if job.cancelled.is_set():
            raise cancelled()
        job.emit({"event": "running", "device": self.status().device})
        self._models_loaded = True
        return batches.run(job, self._run, self.status, self._gives_way) if job.seeds else self._run(job)

    def _conclude(
        self, job: Job, work: Callable[[], JsonObject | Saving | None], *, beside: bool = False
    ) -> None:  # fmt: skip
        """Tells how a job ended; of one whose files are still being written when they are, ``beside`` the next job."""
        try:
            done = work()
        except HalError as error:
            some = batches.partly(job, self.status)
            if not some:
                remove_output(self.comfy.output_dir, job.id)
            if error.code == "job_lost" and not beside:
                self._end_comfyui()  # it would lose the next one too, which starts it anew
            self._ended(job)
            self._tell_end(job, {"event": "failed", "error": error.to_json(), **some})
        except Exception as error:
            self._ended(job)
            self._tell_end(job, {"event": "failed", "error": bug(error, self.comfy).to_json()})
            raise  # into the engine's log; the next call starts a new engine
        else:
            if done is None:
                return
            if isinstance(done, Saving):
                self._ended(job)
                self._saved = self._saving.submit(self._conclude, job, done.finish, beside=True)
                return
            done["timings"] |= {"boot_s": round(job.made.boot_s, 3), "queue_s": round(job.made.queue_s, 3)}
            self._jobs_done += max(1, len(job.seeds))
            self._ended(job)
            self._idle.untidy = True
            self._tell_end(job, {"event": "done", **done, "engine": self.status()._asdict()})

    def _settle(self) -> None:
        """Waits until the files of jobs before are written: what follows may end ComfyUI."""
        if self._saved is not None:
            wait([self._saved])

    def _end_comfyui(self) -> None:
        self._settle()
        self.comfy.end()

    def _run(self, job: Job) -> JsonObject | Saving:
        """Runs it; where memory does not suffice again with less, as far down as the ladder goes."""
        descent = self._ladder.begin(job.graph, offloads=self.comfy.offloads)
        descent.of_several = len(job.seeds) > 1
        return self._ladder.run(
            descent, lambda: self._try(job, descent), on_gpu=lambda: batches.is_on_gpu(self.status())
        )

    def _try(self, job: Job, descent: Descent) -> JsonObject | Saving:
        """One try; anew on a new ComfyUI, once, where the old one was found dead before it had taken the job."""
        if descent.memory.offload and not self.comfy.offloads:
            self._boot(offload=True)
        self._models_loaded = True
        try:
            return run(job, self.comfy, self._others_wait, graph=descent.changed)
        except Hung as error:
            if error.taken:
                raise
        self._boot(offload=descent.memory.offload)
        self._models_loaded = True
        return run(job, self.comfy, self._others_wait, graph=descent.changed)

    def _gives_way(self, job: Job) -> bool:
        """Whether the rest of a job of several waits now, so that another caller need not wait for all of it."""
        job.accepted = time.monotonic()
        if not self._jobs.give_way(job):
            return False
        job.emit({"event": "queued", "position": 1})
        return True

    def _others_wait(self) -> bool:
        return self._jobs.waiting > 0

    def _ended(self, job: Job) -> None:
        """Counts the job as over before its client hears of it, so that a status asked for then is right."""
        self._idle.begin()
        self._idle.keep_alive_s = job.keep_alive_s
        self._jobs.stopped(job)

    def _tell_end(self, job: Job, event: JsonObject) -> None:
        """Keeps how a job ended before anybody hears of it: from then on its client may be gone."""
        job_inputs.remove(self.comfy.folder, job.id)
        if job.kept:
            try:
                self.kept.write(job.id, event)
            except OSError as error:  # into the engine's log; whoever listens hears it all the same
                sys.stderr.write(f"cannot keep how job {job.id} ended: {error}\n")
        job.end(event)
        self._jobs.forget(job)

    def _boot(self, *, offload: bool = False) -> None:
        self._settle()
        self._boots.begin()
        failure = None
        try:
            self.comfy.boot(self._boot_tick, offload=offload)
        except HalError as error:
            failure = error
            raise
        finally:
            self._idle.begin()
            self._boots.end(failure)
            self._ahead.booted()
        self._models_loaded = False

    def _boot_tick(self, seconds: float) -> bool:
        closed, jobs = self._jobs.closed, self._jobs.all()  # in this order: none is added to a closed queue
        if self._boots.is_news(seconds):
            for job in jobs:
                job.emit({"event": "booting", "seconds": round(seconds, 1)})
        return not (self._aborting or (closed and not jobs))

    def _boot_without_job(self) -> None:
        """A boot that nobody waits for with a job of his own; its failure is told to whoever waits by then."""
        try:
            self._boot()
        except HalError as error:  # ``boot_error`` has it for those who ask
            self._fail_waiting(error)

    def _fail_waiting(self, error: HalError) -> None:
        for job in self._jobs.take_waiting():
            self._tell_end(job, {"event": "failed", "error": error.to_json()})

    def _rest(self) -> None:
        self._settle()
        if self._boots.wanted and not self.comfy.alive:
            self._boot_without_job()
        if self._models_loaded and self._idle.outlasts_models:
            self.free()
            self._ladder.forget()
            if self._models_loaded and self.comfy.alive:  # nothing runs that could keep it from answering
                self.comfy.end(grace_s=0)
                self._models_loaded = False
            if self.comfy.offloads:  # the next picture may be a smaller one: it is tried at full speed again
                self.comfy.end()
        self._idle.tidy(self.comfy, self.kept)

    def _is_to_end(self) -> bool:
        return self._idle.is_enough(worked=self._jobs_done > 0, useless=self._boots.error is not None)


def _log(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
