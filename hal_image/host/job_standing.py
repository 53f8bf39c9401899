"""How a job stands that is not over as far as our own records know: asks its engine, or what that engine has left."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from hal_image import container, job_files
from hal_image.errors import HalError, JsonObject
from hal_image.host.delivery import command_again
from hal_image.host.engines.link import Link, LinkClosed, as_called_here
from hal_image.host.engines.running import running_engines
from hal_image.verdict import Verdict, of_error
from hal_image.wire import is_end

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hal_image.host.engines.running import RunningEngine
    from hal_image.host.job_records import JobRecord

ANSWER_LIMIT_S = 5.0
SUBMIT_LIMIT_S = 30.0
"""Seconds after its record was written for which an engine may not have heard of a job: its caller is about to tell."""


class Standing(NamedTuple):
    """How a job stands.

    Attributes:
        state: ``queued``, ``running``, ``ended``, or ``unknown`` when its engine does not answer.
        verdict: how it ended.
        event: its last one, when the engine has kept it.
    """

    state: str
    verdict: Verdict | None = None
    event: JsonObject | None = None


def kept_end(record: JobRecord) -> JsonObject | None:
    """The last event of a job as its engine has kept it on the disk; ``None`` when it has not, or it is damaged."""
    event: JsonObject = (job_files.read(record.engine_folder / job_files.FOLDER, record.id) or {}).get("last") or {}
    if not is_end(event):
        return None
    if record.origin.kind == "docker":
        event = as_called_here(event, container.SPOOL, str(record.engine_folder))
    return event


def engine_of(record: JobRecord) -> RunningEngine | None:
    """The engine in whose folder the job is, if one runs there. All are in one state directory, whatever its path."""
    return next((engine for engine in running_engines() if engine.folder.name == record.engine_folder.name), None)


def is_unknown(event: JsonObject) -> bool:
    """Whether an engine says with it that it has never heard of the job, or has forgotten it."""
    error = event.get("error") or {}
    return error.get("code") == "job_lost" and error.get("details", {}).get("known") is False


def may_be_submitted_yet(record: JobRecord) -> bool:
    """Whether the call that wrote the record is just about to submit it."""
    if not 0 <= time.time() - record.created < SUBMIT_LIMIT_S:
        return False
    try:
        os.kill(record.pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def lost(record: JobRecord) -> HalError:
    """The error for a job of which nobody knows what became of it."""
    return HalError(
        f"job {record.id} is lost: its engine ended before it, or has forgotten it",
        code="job_lost",
        hint=f"make the picture anew: {command_again(record)}",
        retryable=True,
        details={"verdict": "lost", "jobs": [record.id]},
    )


def standings(records: Iterable[JobRecord]) -> dict[str, Standing]:
    """How each job stands, by its id; asks every engine once."""
    records = list(records)
    if not records:
        return {}
    engines = {engine.folder.name: engine for engine in running_engines()}
    links: dict[str, Link | None] = {}
    found = {}
    try:
        for record in records:
            folder = record.engine_folder.name
            if folder in engines and folder not in links:
                links[folder] = None
                with suppress(LinkClosed):
                    links[folder] = engines[folder].open()
            found[record.id] = _standing(record, links.get(folder), has_engine=folder in engines)
    finally:
        for link in links.values():
            if link is not None:
                link.close()
    return found


def _standing(record: JobRecord, link: Link | None, *, has_engine: bool) -> Standing:
    event = kept_end(record)
    if event is None and link is not None:
        with suppress(LinkClosed):
            event = first_event(link, record.id)
    event = event or kept_end(record)  # it may have ended, and its engine too, since we looked
    if event is None:
        return Standing("unknown") if has_engine else Standing("ended", "lost")
    if is_unknown(event):
        if may_be_submitted_yet(record):
            return Standing("queued")
        event = kept_end(record)
        return Standing("ended", "lost") if event is None else ended(event)
    if is_end(event):
        return ended(event)
    return Standing("running" if event["event"] == "running" else "queued")


def ended(event: JsonObject) -> Standing:
    """The standing of a job whose last event that is."""
    return Standing("ended", "done" if event["event"] == "done" else of_error(event["error"].get("code")), event)


def first_event(link: Link, job: str) -> JsonObject | None:
    """What an engine says to ``attach``; ``None`` when it is silent.

    Raises:
        LinkClosed: it hung up.
    """
    link.send(op="attach", job=job)
    end = time.monotonic() + ANSWER_LIMIT_S
    while (event := link.next(max(0.0, end - time.monotonic()))) is not None:
        if event.get("job") == job:
            return event
    return None
