"""Makes pictures of many lines: prompts, or JSON objects, from a file or pipe."""

from __future__ import annotations

import sys
import time
from contextlib import closing, nullcontext
from typing import TYPE_CHECKING

from hal_image import paths
from hal_image.errors import UsageError
from hal_image.host import output as targets
from hal_image.host import presets, verify_later
from hal_image.host.batch.journal import open_journal
from hal_image.host.batch.pictures import Pictures
from hal_image.host.batch.progress import BatchProgress
from hal_image.host.batch.results import Results
from hal_image.host.batch.session import BatchSession
from hal_image.host.batch.source import STDIN, Source
from hal_image.host.durations import show_duration
from hal_image.host.engines import EngineRequest
from hal_image.host.plan import Planner
from hal_image.host.result import Result
from hal_image.host.time_limits import is_cpu
from hal_image.host.timings import Timings

if TYPE_CHECKING:
    import argparse

    from hal_image.errors import HalError, JsonObject
    from hal_image.host.batch.journal import Journal
    from hal_image.host.picture import Picture, Saved
    from hal_image.host.render import Output


def run(options: argparse.Namespace, output: Output) -> Result:
    """Makes the pictures of all lines, and tells of each line on standard output.

    Raises:
        HalError: what stopped the batch before its end; lines that were done before it stay and have been told.
    """
    options = presets.applied(options)
    if options.output == targets.STDOUT:
        raise UsageError(
            "--output -: a batch writes its results to standard output, and files",
            code="output_invalid",
            hint='give a name like "pictures/{index}.png"',
        )
    with closing(Source.open(options.file)) as source:
        if options.file == STDIN and sys.stdin.isatty():
            output.note("reading prompts, one a line; Ctrl-D ends them")
        planner = Planner(paths.models_dir(options.models_dir), output)
        journal = None if options.dry_run else _journal(options, output)
        with journal or nullcontext():
            return _make(options, output, source, planner, journal)


def _journal(options: argparse.Namespace, output: Output) -> Journal | None:
    journal = open_journal(options, resume=options.resume)
    if journal is None and options.resume:
        raise UsageError(
            "the same batch is running: its journal is in use",
            code="batch_running",
            hint="wait for it, or end it; then --resume goes on",
        )
    if journal is None:
        output.warn(
            "batch_not_resumable", "the same batch is running already: --resume will not know what this one has done"
        )
    elif options.resume and not journal.resumed:
        output.note("there is nothing to go on with: beginning with the first line")
    return journal


def _make(
    options: argparse.Namespace, output: Output, source: Source, planner: Planner, journal: Journal | None
) -> Result:
    timings = Timings()
    total = source.count()
    listener = BatchListener(options, output)
    progress = BatchProgress(output, total, lambda number: listener.pictures.place(number).numbers)
    results = Results(output, progress)
    date = time.strftime(targets.DATE_FORMAT) if journal is None else journal.date
    listener.pictures = Pictures(source, options, planner, journal, date, results, output)
    wanted = EngineRequest(
        paths.models_dir(options.models_dir),
        options.cpu,
        options.gpu,
        options.keep_alive,
        options.offline,
        None,
        options.hot_cache,
    )
    session = BatchSession(
        options.engine,
        wanted,
        listener.pictures,
        listener,
        output=output,
        progress=progress,
        timings=timings,
        limit_s=options.timeout,
    )
    data: JsonObject = {"input": options.file}
    output.partial_data = data
    try:
        session.make_all_lines()
        if listener.images:
            verify_later.begin(planner.used.values())
    finally:
        progress.close()
        data |= {
            "done": results.done,
            "failed": results.failed,
            "resumed": results.resumed,
            "not_tried": None if total is None and not source.ended else max(0, (total or 0) - results.told),
            "pictures": listener.images,
            "failures": results.failures,
            "engine": listener.engine,
            "timings": timings.to_json(),
        }
        _sum_up(data, output, journal)
    if not results.told:
        raise UsageError(
            f"there is no line in {source.name}", code="batch_empty", hint="write a prompt a line, or a JSON object"
        )
    return Result(options.command, data, error=results.verdict())


def _sum_up(data: JsonObject, output: Output, journal: Journal | None) -> None:
    told = [f"{data['done']} done"]
    told += [f"{data[name]} {text}" for name, text in (("resumed", "done before"), ("failed", "failed")) if data[name]]
    if data["not_tried"]:
        told.append(f"{data['not_tried']} not tried")
        if journal is not None:
            told.append("--resume goes on with them")
    output.note(f"{', '.join(told)}, in {show_duration(data['timings']['total_s'])}")


class BatchListener:
    """Hands on what becomes of each picture.

    Attributes:
        pictures: those of the batch.
        images: how many there are.
        engine: the ``engine`` object of the JSON output, of the last one.
    """

    pictures: Pictures

    def __init__(self, options: argparse.Namespace, output: Output) -> None:
        self.images = 0
        self.engine: JsonObject | None = None
        self._options = options
        self._output = output
        self._told_of_cpu = options.cpu

    def running(self, picture: Picture, device: str | None) -> None:
        """Warns once of a processor that nobody asked for."""
        on_cpu = is_cpu(device)
        fit = picture.needs is not None and picture.needs.fit_for_cpu
        if on_cpu and not self._told_of_cpu and not fit:
            self._told_of_cpu = True
            self._output.warn("running_on_cpu", "no GPU was found: this runs on the processor, which is slow")

    def saved(self, picture: Picture, saved: Saved, timings: JsonObject) -> None:
        """Puts it with its line."""
        self.images += 1 + len(saved.others)
        self.engine = saved.engine
        self._output.detail(f"seed {picture.request.seed}, {timings['execution_s']:.1f} s")
        self.pictures.saved(picture.number, saved.image, saved.others)

    def failed(self, picture: Picture, error: HalError) -> None:
        """Goes on with the others, unless they would fail as well."""
        self.pictures.failed(picture.number, error)
