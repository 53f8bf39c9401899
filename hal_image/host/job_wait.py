"""Follows a job of another call to its end and brings its picture to its place."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from hal_image.errors import HalError, JsonObject, TimeoutError_, error_from_json
from hal_image.host import running_on
from hal_image.host.deadline import Deadline
from hal_image.host.delivery import brought, command_again, deliver, deliver_each, remove_kept
from hal_image.host.engines.link import Link, LinkClosed
from hal_image.host.engines.pulse import Pulse
from hal_image.host.job_standing import engine_of, is_unknown, kept_end, lost, may_be_submitted_yet
from hal_image.host.time_limits import default_timeout
from hal_image.verdict import of_error
from hal_image.wire import is_end

if TYPE_CHECKING:
    from hal_image.host.job_records import JobRecord, JobRecords
    from hal_image.host.picture import Saved
    from hal_image.host.progress import Progress
    from hal_image.host.render import Output
    from hal_image.host.timings import Timings

EVENT_WAIT_S = 0.5
SILENCE_LIMIT_S = 120.0
"""Seconds for which an engine that is there and does not answer is asked again, when no limit was given."""
AGAIN_S = 0.2
"""Seconds between two looks while there is nobody to listen to."""


class Wait:
    """One wait for one job.

    Args:
        record: the job, with the target that its picture goes to now.
        records: where it is remembered.
        output: where warnings go.
        progress: shows what the engine says.
        timings: are added up here.
        limit_s: seconds after which it gives up; ``None`` gives the picture the default time once it runs.
    """

    def __init__(
        self,
        record: JobRecord,
        records: JobRecords,
        *,
        output: Output,
        progress: Progress,
        timings: Timings,
        limit_s: float | None,
    ) -> None:
        self._record = record
        self._records = records
        self._output = output
        self._progress = progress
        self._timings = timings
        self._limited = limit_s is not None
        self._heard = time.monotonic()
        self._deadline = Deadline.after(limit_s)
        self.delivered: list[JsonObject] = []
        """Pictures of a job that failed before it had made all of them."""

    def until_delivered(self) -> Saved:
        """Waits for the picture.

        Raises:
            HalError: how the job ended, if not with a picture; ``job_lost``.
            TimeoutError_: time is up; the job runs on.
        """
        try:
            while True:
                known = self._records.read(self._record.id)
                if known is not None and known.verdict is not None:  # its own call, or another wait, was faster
                    saved, measured = delivered_before(known, self._record, self._output)
                    self._add(measured)
                    return saved
                event = kept_end(self._record) or self._hear_of_end()
                if event is not None:
                    return self._ended(event)
                time.sleep(self._deadline.remaining(AGAIN_S))
                self._check()
        finally:
            self._progress.close()

    def _check(self) -> None:
        try:
            self._deadline.check(f"waiting for job {self._record.id}")
        except TimeoutError_ as error:
            running_on.tell(error, [self._record.id])
            raise

    def _hear_of_end(self) -> JsonObject | None:
        """The job's last event; ``None`` to look again, since something has just changed.

        Raises:
            HalError: ``job_lost``.
        """
        engine = engine_of(self._record)
        if engine is None:
            return self._last_look()
        try:
            link = engine.open()
        except LinkClosed:
            if not self._limited:
                self._deadline = Deadline(self._heard + SILENCE_LIMIT_S, SILENCE_LIMIT_S)
            return None
        if not self._limited:
            self._deadline = Deadline.after(None)
        try:
            event = self._follow(link)
        except LinkClosed:
            return None
        finally:
            link.close()
            self._heard = time.monotonic()
        if not is_unknown(event):
            return event
        return None if may_be_submitted_yet(self._record) else self._last_look()

    def _follow(self, link: Link) -> JsonObject:
        link.send(op="attach", job=self._record.id)
        pulse = Pulse(link)
        while True:
            event = link.next(self._deadline.remaining(EVENT_WAIT_S))
            pulse.feel(event)
            if event is None or event.get("job") != self._record.id:
                self._check()
                continue
            if not is_unknown(event):
                self._progress.show(event, 0)
            if is_end(event):
                return event
            if event["event"] == "queued" and not self._limited:  # for the second time, where others go first
                self._deadline = Deadline.after(None)
            if event["event"] == "running" and not self._limited:
                self._deadline = Deadline.after(default_timeout(self._record.picture, event.get("device")))
            self._check()

    def _last_look(self) -> JsonObject | None:
        """What the engine has left, since the job may have ended just after we looked.

        Raises:
            HalError: ``job_lost``.
        """
        event = kept_end(self._record)
        known = self._records.read(self._record.id)
        if event is not None or (known is not None and known.verdict is not None):
            return event  # none: somebody else has come for it, which the next round tells
        error = lost(self._record)
        self._records.finish(self._record, "lost", error=error.to_json())
        remove_kept(self._record)
        raise error

    def _add(self, measured: JsonObject) -> None:
        self._timings.add(measured)
        self._timings.queue_s = measured["queue_s"]

    def _ended(self, event: JsonObject) -> Saved:
        if event["event"] == "done":
            self._add(event["timings"])
            began = time.monotonic()
            saved = deliver(self._record, event, self._records, self._output)
            self._timings.save_s = time.monotonic() - began
            return saved
        if event.get("images"):  # a job of several that has made some of them
            for arrival in deliver_each(self._record, event, self._records, self._output):
                self._record = arrival.record
        self.delivered = [one["image"] for one in self._record.delivered.values()]
        error = error_from_json(event["error"])
        error.details["verdict"] = of_error(error.code)
        self._records.finish(self._record, of_error(error.code), error=error.to_json())
        remove_kept(self._record)
        raise error


def delivered_before(known: JobRecord, wanted: JobRecord, output: Output) -> tuple[Saved, JsonObject]:
    """The picture of a job that is over already, from the place that it was brought to, and the engine's timings.

    Args:
        known: its record.
        wanted: the same with the target that is asked for now.
        output: where warnings go.

    Raises:
        HalError: how it ended, if not with a picture; ``job_lost`` when the picture is no longer where it was.
        UsageError, EnvironmentError_: it cannot be written to another target.
    """
    import hashlib  # noqa: PLC0415 - seldom needed

    if known.verdict != "done":
        error = error_from_json(known.result.get("error") or _no_error(known))
        error.details["verdict"] = known.verdict
        raise error
    image, file = known.result["image"], known.picture.file
    place = "standard output" if file is None else image["path"]
    try:
        raw = b"" if file is None else Path(image["path"]).read_bytes()
    except OSError:
        raw = b""
    gone = HalError(
        f"job {known.id} is done, and its picture went to {place}, where it no longer is",
        code="job_lost",
        hint=f"make it anew: {command_again(wanted)}",
        retryable=False,
        details={"verdict": "done", "jobs": [known.id]},
    )
    if hashlib.sha256(raw).hexdigest() != image["sha256"]:
        raise gone
    try:
        return brought(known, wanted.picture, output), known.result["timings"]
    except OSError as error:
        raise gone from error


def _no_error(known: JobRecord) -> JsonObject:
    return HalError(
        f"job {known.id} was taken back",
        code="cancelled",
        hint=f"make the picture after all: {command_again(known)}",
        details={"verdict": known.verdict, "jobs": [known.id]},
    ).to_json()
