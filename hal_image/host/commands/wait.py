"""``wait``: comes for the picture of a job whose own call gave up or died."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from hal_image.errors import JsonObject, UsageError
from hal_image.host import formats
from hal_image.host import output as targets
from hal_image.host.job_records import JobRecord, JobRecords
from hal_image.host.job_standing import standings
from hal_image.host.job_wait import Wait
from hal_image.host.progress import Progress
from hal_image.host.result import Result
from hal_image.host.timings import Timings

if TYPE_CHECKING:
    import argparse

    from hal_image.host.render import Output

MOST_JOBS = 20
"""Ids that an error names."""


def run(options: argparse.Namespace, output: Output) -> Result:
    """Waits for one job, named by its id or the beginning of it, or for the one that there is.

    Raises:
        UsageError: ``job_id_invalid``, ``job_unknown``, ``job_ambiguous``; ``output_invalid``, ``output_exists``.
        TimeoutError_: ``--timeout`` ran out; the job runs on.
        HalError: how the job ended, if not with a picture; ``job_lost``.
    """
    return wait(options, options.id, output)


def wait(options: argparse.Namespace, job: str | None, output: Output) -> Result:
    """As ``run``, for ``job``."""
    timings = Timings()
    records = JobRecords()
    known = records.find(job) if job else _the_open_one(records)
    record = _with_target(known, options, output)
    request = {**record.picture.request.to_json(), "count": len(record.picture.numbers)}
    data: JsonObject = {"job": record.id, "images": [], "request": request, "model": record.picture.model}
    output.partial_data = data
    waiting = Wait(
        record,
        records,
        output=output,
        progress=Progress(output, len(record.picture.numbers)),
        timings=timings,
        limit_s=options.timeout,
    )
    try:
        saved = waiting.until_delivered()
    finally:
        data["images"] = waiting.delivered
    data |= {
        "images": [saved.image, *saved.others],
        "engine": saved.engine,
        "timings": timings.to_json(),
        "verdict": "done",
        "delivered_before": known.verdict is not None,
    }
    if known.verdict is not None:
        output.note(f"job {record.id} was done before")
    for image in (saved.image, *saved.others):
        output.event({"event": "saved", "index": 1, **image})
    if saved.image["path"] is None:
        return Result(options.command, data, raw=saved.raw)
    return Result(options.command, data, tuple(image["path"] for image in (saved.image, *saved.others)))


def _the_open_one(records: JobRecords) -> JobRecord:
    """The one job whose picture is to come; one that is lost only where there is no other.

    Raises:
        UsageError: ``job_unknown``, ``job_ambiguous``: there is none, or there are more.
    """
    found = records.open()
    if len(found) > 1:
        known = standings(found)
        found = [record for record in found if known[record.id].verdict in {None, "done"}] or found
    if not found:
        raise UsageError("there is no job to wait for", code="job_unknown", hint="jobs list shows those that ended")
    if len(found) > 1:
        jobs = [record.id for record in found]
        raise UsageError(
            f"there are {len(jobs)} jobs to wait for",
            code="job_ambiguous",
            hint=f"name one: {', '.join(jobs[:3])}; jobs list shows them all",
            details={"jobs": jobs[:MOST_JOBS]},
        )
    return found[0]


def _with_target(record: JobRecord, options: argparse.Namespace, output: Output) -> JobRecord:
    """The record with the file that the picture goes to now, which is looked at before anything is waited for.

    Raises:
        UsageError: ``output_invalid``, ``output_exists``.
        EnvironmentError_: ``output_unwritable``.
    """
    picture = record.picture
    if options.output == targets.STDOUT or (options.output is None and picture.file is None):
        if output.machine or options.output is None:
            raise UsageError(
                "--output - writes one picture to standard output"
                if output.machine and options.output
                else f"job {record.id} was to go to standard output",
                code="output_invalid",
                hint="say where it goes now with --output FILE",
            )
        return record._replace(picture=picture._replace(file=None, more=()), delivered={})
    if options.output is not None:
        request = picture.request
        date = time.strftime("%Y%m%d-%H%M%S")
        seeds = [request.seed, *(one.seed for one in picture.more)]
        facts = [targets.PictureFacts(seed, index, request.model, date) for index, seed in enumerate(seeds, start=1)]
        kept = picture.encoding.format
        file, *others = targets.plan(options.output, facts, no_clobber=options.no_clobber, asked_format=kept)
        named = formats.known(file.name) or kept
        encoding = picture.encoding if named == kept else formats.checked(named, quality=None, lossless=False)
        more = tuple(one._replace(file=other) for one, other in zip(picture.more, others, strict=True))
        wanted = picture._replace(file=file, more=more, no_clobber=options.no_clobber, encoding=encoding)
        return record._replace(picture=wanted, delivered={})
    if record.verdict is None:
        for one in picture.each:
            if one.file is not None and str(one.number) not in record.delivered:
                targets.check(one.file, no_clobber=picture.no_clobber)
    return record
