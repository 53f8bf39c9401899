"""From lines to pictures: plans each line when there is room for it, and leaves out what an earlier run has made."""

from __future__ import annotations

import argparse
import os
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hal_image.errors import EnvironmentError_, HalError, InternalError, JsonObject, UsageError
from hal_image.host import formats, metadata, picture_file, stepwise, terminal_preview, together
from hal_image.host import output as targets
from hal_image.host.batch.lines import Line, understand
from hal_image.host.deadline import Deadline
from hal_image.host.picture import entry, names_of

if TYPE_CHECKING:
    from hal_image.host.batch.journal import Journal
    from hal_image.host.batch.results import OpenLine, Results
    from hal_image.host.batch.source import Source
    from hal_image.host.picture import Picture
    from hal_image.host.plan import Plan, Planner
    from hal_image.host.render import Output
    from hal_image.request import ImageRequest

DEFAULT_NAME = "hal8000-{date}-{index}-{seed}.png"
TARGETS_KEPT = 100_000
"""Of so many pictures, the last ones, it is known where they went, so that no line overwrites what another one made."""
KEEP_ALIVE_S = 300.0
"""For ``--keep-alive 0``, which means the end of the batch and not of each picture."""
OF_ONE_LINE = {"output_unwritable", "gpu_missing", "gpu_memory_too_small"}
"""Where the machine is not as one line needs it: others may be luckier."""


class Place(NamedTuple):
    """Which picture, from 1, of which line."""

    line: OpenLine
    number: int

    @property
    def numbers(self) -> tuple[int, int]:
        """Of the line, and of the picture."""
        return self.line.line.number, self.number


def concerns_all(error: HalError) -> bool:
    """Whether an error would meet every other line, too: no engine, no space on the disk."""
    return isinstance(error, EnvironmentError_) and error.code not in OF_ONE_LINE


class Pictures:
    """The pictures of a batch.

    Args:
        source: the lines.
        options: of the call.
        planner: resolves what a line asks for.
        journal: of what is done; ``None`` to keep none.
        date: when the batch was begun, for names.
        results: are told of every line.
        output: where warnings go.

    Attributes:
        waits_for: a descriptor that becomes readable when there may be more; ``None`` while that depends on other
            things.
    """

    def __init__(
        self,
        source: Source,
        options: argparse.Namespace,
        planner: Planner,
        journal: Journal | None,
        date: str,
        results: Results,
        output: Output,
    ) -> None:
        self.waits_for: int | None = None
        self._source = source
        self._options = options
        self._planner = planner
        self._journal = journal
        self._date = date
        self._results = results
        self._output = output
        self._template = _numbered(options.output)
        self._preview = terminal_preview.is_shown(options, output)
        self._held: Line | None = None
        """Waits until nothing is being made: its model is to be looked for, and maybe to be downloaded."""
        self._queue: deque[Picture] = deque()
        self._places: dict[int, Place] = {}
        """Of pictures that are being made, by their number."""
        self._made = 0
        self._taken: dict[int, None] = {}

    @property
    def ended(self) -> bool:
        """Whether there will be no more."""
        return self._source.ended and self._held is None and not self._queue

    def next(self, *, wait: bool) -> Picture | None:
        """The next picture, with those after it that differ in the seed alone; ``None`` when there is none, or with
        ``wait=False`` none yet.

        Raises:
            UsageError: ``batch_unreadable``.
            HalError: what a line was met by and every other would be; that line has been told of.
        """
        if not self._fill(wait=wait):
            return None
        group = [self._queue.popleft()]
        while len(group) < together.most(group[0]) and self._fill(wait=False):
            if not together.fits(group[0], self._queue[0]):
                break
            group.append(self._queue.popleft())
        return together.job_of(group)

    def _fill(self, *, wait: bool) -> bool:
        """Sees that there is a picture in the queue; false when there is none, or none yet."""
        while not self._queue:
            line = self._held or self._read(wait=wait)
            self._held = None
            if line is None:
                return False
            if not self._results.idle and line.options is not None and not self._planner.knows(line.options):
                self._held = line
                return False
            self._take_up(line)
            self._results.settle()
        return True

    def place(self, number: int) -> Place:
        """Where the picture ``number`` belongs."""
        return self._places[number]

    def saved(self, number: int, image: JsonObject, others: tuple[JsonObject, ...] = ()) -> None:
        """A picture is there, and others that its workflow has made with it.

        Raises:
            EnvironmentError_: it cannot be noted.
        """
        line, picture = self._places.pop(number)
        line.images[picture] = image
        line.others[picture] = others
        line.fresh = True
        if self._journal is not None:
            self._journal.finish(line.line.number, line.line.digest, picture, image, others)
        self._results.settle()

    def failed(self, number: int, error: HalError) -> None:
        """A picture will not come.

        Raises:
            HalError: the same, when it concerns all.
        """
        line = self._places.pop(number).line
        line.lost += 1
        line.error = line.error or error
        self._results.settle()
        if concerns_all(error):
            raise error

    def _read(self, *, wait: bool) -> Line | None:
        self.waits_for = None
        if self._results.full:
            return None
        raw = self._source.next(wait=wait)
        if raw is None:
            self.waits_for = None if self._source.ended else self._source.fileno()
            return None
        return understand(raw, self._options)

    def _take_up(self, line: Line) -> None:
        opened = self._results.begin(line)
        if line.options is None:
            return
        opened.count = line.options.count
        self._recall(opened)
        if opened.over:
            return
        with self._output.aside(opened.warnings):
            try:
                self._plan(opened, line.options)
            except HalError as error:
                self._lose(opened, error)
                if concerns_all(error):
                    raise
            except Exception as error:  # noqa: BLE001 - a line that meets a bug of ours must not cost the others
                told = f"a bug in this tool: {type(error).__name__}: {error}"
                self._lose(opened, InternalError(told, hint="please report it with the line"))

    def _lose(self, opened: OpenLine, error: HalError) -> None:
        opened.error = error
        opened.lost = opened.count - len(opened.images)
        self._results.settle()

    def _recall(self, opened: OpenLine) -> None:
        """Takes over what an earlier run has made of a line."""
        if self._journal is None or not self._journal.resumed:
            return
        for number in range(1, opened.count + 1):
            images = self._journal.images(opened.line.number, opened.line.digest, number)
            if images:
                opened.images[number], *others = images
                opened.others[number] = tuple(others)
                self._taken[_key(Path(images[0]["path"]))] = None

    def _plan(self, opened: OpenLine, options: argparse.Namespace) -> None:
        line = opened.line
        known = self._journal.seed(line.number, line.digest) if self._journal is not None else None
        if known is not None:
            # a workflow's own seeds stay what they are: only one that was drawn by chance must be the same again
            name = "seed" if options.workflow is None else "chosen_seed"
            options = argparse.Namespace(**{**vars(options), name: known})
        plan = self._planner.plan(options, line.prompt, lambda requests: self._targets(opened, options, requests))
        if options.dry_run:
            seeds = [request.seed for request in plan.requests]
            named = [name for file in plan.files for name in names_of(file, plan.pictures_each)]
            opened.plan = {"targets": [str(file) for file in named], "seeds": seeds}
            opened.count = 0
            return
        plan = self._planner.make_ready(plan, Deadline.after(None))
        if known is not None:
            self._adopt(opened, plan)
        elif self._journal is not None:
            self._journal.begin(line.number, line.digest, plan.requests[0].seed)
        for number, file in enumerate(plan.files, start=1):
            if number not in opened.images:
                targets.check(file, no_clobber=options.no_clobber)
        self._queue_up(opened, plan, options)

    def _targets(self, opened: OpenLine, options: argparse.Namespace, requests: list[ImageRequest]) -> list[Path]:
        template = self._template if options.output == self._options.output else options.output
        if template == targets.STDOUT:
            raise UsageError(
                "output: a batch writes files, and its results to standard output",
                code="output_invalid",
                hint="give a file name",
            )
        facts = [
            targets.PictureFacts(request.seed, opened.line.number, request.model, self._date) for request in requests
        ]
        files = targets.plan(template, facts, no_clobber=False, default_name=DEFAULT_NAME, asked_format=options.format)
        for file in files[:1]:
            formats.check_pictures(formats.of_file(options, file), options, requests, self._output)
        stepwise.folder(options, files)
        for number, file in enumerate(files, start=1):
            if number not in opened.images:
                self._take(file)
        return files

    def _take(self, file: Path) -> None:
        key = _key(file)
        if key in self._taken:
            raise UsageError(
                f"output: an earlier line goes to {file}",
                code="output_taken",
                hint="give it another name, or one with {index}, which is the number of the line",
            )
        self._taken[key] = None
        if len(self._taken) > TARGETS_KEPT:
            del self._taken[next(iter(self._taken))]

    def _adopt(self, opened: OpenLine, plan: Plan) -> None:
        """Takes over what was written just before an earlier run was killed, which could not note it any more."""
        for number, (file, request) in enumerate(zip(plan.files, plan.requests, strict=True), start=1):
            image = None if number in opened.images else _picture_of(file, request)
            if image is not None and self._journal is not None:
                opened.images[number] = image
                self._journal.finish(opened.line.number, opened.line.digest, number, image)

    def _queue_up(self, opened: OpenLine, plan: Plan, options: argparse.Namespace) -> None:
        keep_alive_s = options.keep_alive or KEEP_ALIVE_S
        for picture in plan.pictures(options, keep_alive_s, preview=self._preview):
            if picture.number not in opened.images:
                self._made += 1
                self._places[self._made] = Place(opened, picture.number)
                self._queue.append(picture._replace(number=self._made))


def _numbered(template: str | None) -> str | None:
    """The template of the call, made to give each line a file of its own."""
    # os.path takes what names no file for no folder, where pathlib raises
    is_folder = template is not None and os.path.isdir(os.path.expanduser(template))  # noqa: PTH111, PTH112
    if template is None or template.endswith(("/", os.sep)) or is_folder:
        return template
    if "{index" in template or "{seed" in template:
        return template
    path = Path(template)
    if not path.name:  # what is wrong with it is told with each line
        return template
    return str(path.with_name(f"{path.name.removesuffix(path.suffix)}-{{index}}{path.suffix}"))


def _key(file: Path) -> int:
    """Tells where a file is, links followed, in 64 bits."""
    return hash(os.path.realpath(file))


def _picture_of(file: Path, request: ImageRequest) -> JsonObject | None:
    """The entry in ``images`` of a file that says of itself that it is the picture of ``request``, else ``None``."""
    try:
        raw = file.read_bytes()
        known = picture_file.read(raw)
        picture_file.check_pixels(known, raw)
    except (OSError, HalError):
        return None
    if (known.json(metadata.KEYWORD) or {}).get("request") != request.to_json():
        return None
    return entry(file, request.seed, raw, known.format, (known.width, known.height))
