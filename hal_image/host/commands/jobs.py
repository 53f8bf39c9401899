"""``jobs``: the jobs of this user, those whose calls are gone included; ``jobs wait`` and ``jobs cancel``."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from hal_image.errors import JsonObject, UsageError
from hal_image.host.delivery import remove_kept
from hal_image.host.durations import show_duration
from hal_image.host.engines.link import LinkClosed
from hal_image.host.job_records import JobRecord, JobRecords
from hal_image.host.job_standing import Standing, engine_of, standings
from hal_image.host.render import printable
from hal_image.host.result import Result
from hal_image.host.table import table
from hal_image.wire import is_end

if TYPE_CHECKING:
    import argparse

    from hal_image.host.render import Output

SHOW_ENDED = 20
"""Jobs that are over and shown without ``--all``."""
PROMPT_CHARACTERS = 100
"""How much of a prompt is told: enough to know it by, and no more than a list can bear."""
COLUMN_CHARACTERS = 40
CANCEL_LIMIT_S = 10.0
"""Seconds that ComfyUI is given to let go of a job: it does so between two steps."""


def run(options: argparse.Namespace, output: Output) -> Result:
    """Does what the action says.

    Raises:
        UsageError: ``usage``; ``job_id_invalid``, ``job_unknown``, ``job_ambiguous``.
        HalError: as ``wait``.
    """
    if options.action == "wait":
        from hal_image.host.commands.wait import wait  # noqa: PLC0415 - the others do without

        if len(options.ids) > 1:
            raise UsageError("jobs wait takes one job", hint="wait for one after the other")
        return wait(options, options.ids[0] if options.ids else None, output)
    records = JobRecords()
    if options.action == "cancel":
        return _cancel(options, records)
    if options.ids:
        raise UsageError(f"jobs list takes no {options.ids[0]!r}", hint=f"wait {options.ids[0]}")
    return _list(records, show_all=options.all)


def _list(records: JobRecords, *, show_all: bool) -> Result:
    records.prune()
    unfinished = records.open()
    known = standings(unfinished)
    unfinished = [record for record in unfinished if not _taken_over(record, known[record.id], records)]
    over = records.ended()
    shown = [*(over if show_all else over[-SHOW_ENDED:]), *unfinished]
    jobs = [_facts(record, known.get(record.id)) for record in shown]
    data = {"jobs": jobs, "left_out": len(over) + len(unfinished) - len(shown)}
    if not jobs:
        return Result("jobs", data, ("there are no jobs",))
    now = time.time()
    rows = [("JOB", "STATE", "AGE", "MODEL", "PROMPT", "PICTURE")]
    for job, record in zip(jobs, shown, strict=True):
        state = job["verdict"] or job["state"]
        rows.append(
            (
                job["job"][:8],
                f"{state}, not fetched" if state == "done" and not job["delivered"] else state.replace("_", " "),
                show_duration(max(0.0, now - record.created)),
                job["model"],
                _short(job["prompt"], COLUMN_CHARACTERS),
                printable(job["path"] or "-") + (f" and {job['pictures'] - 1} more" if job["pictures"] > 1 else ""),
            )
        )
    lines = table(rows)
    if data["left_out"]:
        lines += ["", f"{data['left_out']} more that ended before: jobs list --all"]
    return Result("jobs", data, tuple(lines))


def _taken_over(record: JobRecord, standing: Standing, records: JobRecords) -> bool:
    """Whether a job has ended without a picture. Our own records then say so: there is nothing to come for."""
    error = (standing.event or {}).get("error")
    if standing.verdict is None or error is None:
        return False
    records.finish(record, standing.verdict, error=error)
    remove_kept(record)
    return True


def _facts(record: JobRecord, standing: Standing | None) -> JsonObject:
    standing = standing or Standing("ended", record.verdict)
    file, request = record.picture.file, record.picture.request
    error = record.result.get("error") or (standing.event or {}).get("error")
    return {
        "job": record.id,
        "state": standing.state,
        "verdict": standing.verdict,
        "delivered": record.verdict == "done",
        "error": error["code"] if error else None,
        "created": _moment(record.created),
        "ended": None if record.ended is None else _moment(record.ended),
        "model": request.model,
        "prompt": _short(request.prompt, PROMPT_CHARACTERS),
        "seed": request.seed,
        "path": None if file is None else str(file),
        "pictures": len(record.picture.numbers),
        "engine": record.origin.kind,
        "models_dir": record.models_dir,
    }


def _moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def _short(text: str, limit: int) -> str:
    line = printable(text[: limit + 1])
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def _cancel(options: argparse.Namespace, records: JobRecords) -> Result:
    if options.all == bool(options.ids):
        raise UsageError("jobs cancel needs the ids of jobs, or --all", hint="jobs list shows them")
    chosen = records.open() if options.all else [records.find(text) for text in dict.fromkeys(options.ids)]
    # The last one first: while one that runs lets go, the next would begin, and may be done before its turn comes here.
    standings = [
        _end(record, records) if record.verdict is None else Standing("ended", record.verdict)
        for record in reversed(chosen)
    ]
    jobs, lines = [], []
    for record, standing in zip(chosen, reversed(standings), strict=True):
        facts = _facts(record, standing)
        jobs.append(facts)
        lines.append(f"{record.id} {facts['verdict'] or 'ends when ComfyUI is done with its step'}")
    return Result("jobs", {"jobs": jobs, "left_out": 0}, tuple(lines) or ("there are no jobs to cancel",))


def _end(record: JobRecord, records: JobRecords) -> Standing:
    """Takes one job back, and says how it stands then. A picture that nobody fetched is given up."""
    engine = engine_of(record)
    if engine is not None:
        try:
            link = engine.open()
        except LinkClosed:
            return Standing("unknown")
        try:
            link.send(op="attach", job=record.id)
            link.send(op="cancel", job=record.id)
            end = time.monotonic() + CANCEL_LIMIT_S
            while (event := link.next(max(0.0, end - time.monotonic()))) is not None:
                if event.get("job") == record.id and is_end(event):
                    break
        except LinkClosed:
            pass  # it ended: what it has left says how
        finally:
            link.close()
    (standing,) = standings([record]).values()
    known = records.read(record.id)
    if known is not None and known.verdict is not None:  # its own call, or one that waits, was faster to write it down
        return Standing("ended", known.verdict)
    if standing.verdict is not None:
        ended = "interrupted" if standing.verdict == "done" else standing.verdict
        error = (standing.event or {}).get("error")
        records.finish(record, ended, **({"error": error} if error else {}))
        remove_kept(record)
        return standing._replace(verdict=ended)
    return standing
