"""The pictures of ``--vary``: plans each of them before the first is made, and lays them out on a sheet afterwards."""

from __future__ import annotations

import argparse
import hashlib
import json
import string
import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hal_image import about, png
from hal_image.errors import HalError, JsonObject
from hal_image.host import contact_sheet, formats, metadata
from hal_image.host import output as targets
from hal_image.host.request_builder import random_seed
from hal_image.host.vary import plain, shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hal_image.host.plan import Plan, Planner
    from hal_image.host.render import Output
    from hal_image.host.result import Warn
    from hal_image.host.vary import Cell, Grid
    from hal_image.request import ImageRequest


class GridPlan(NamedTuple):
    """A grid before an engine is needed.

    Attributes:
        grid: with all its values.
        cells: what each picture has, row by row.
        plans: one a picture, in the same order.
        sheet: where the contact sheet goes.
    """

    grid: Grid
    cells: list[Cell]
    plans: list[Plan]
    sheet: Path

    @property
    def labels(self) -> contact_sheet.Labels:
        """What stands on the contact sheet."""
        return contact_sheet.labels(*self.grid.labels())

    def sheet_json(self) -> JsonObject:
        """What is known of the contact sheet before it is drawn."""
        return {"path": str(self.sheet), "columns": self.labels.columns, "rows": self.labels.rows}

    def varied(self, number: int) -> JsonObject:
        """What the picture ``number``, from 1, has of each key, as it is told."""
        return {key: plain(value) for key, value in self.cells[number - 1].items()}


def plan(grid: Grid, options: argparse.Namespace, prompt: str | None, planner: Planner, output: Output) -> GridPlan:
    """Plans every picture; what is wrong with one of them is found before the first is made.

    All have the same seed unless it is varied. What is warned of for several pictures is told once.

    Args:
        grid: what is varied.
        options: as ``--help`` lists them, presets included.
        prompt: the prompt.
        planner: makes the plans.
        output: where warnings go.

    Raises:
        HalError: as for ``Planner.plan``.
    """
    seed = options.seed if options.seed is not None else random_seed()
    grid = grid.with_first_seed(seed)
    cells = grid.cells()
    waiting: deque[Path] = deque()
    sheets: list[Path] = []

    def place(requests: list[ImageRequest]) -> list[Path]:
        if not sheets:  # the first one: where all go is known, and checked before anything is downloaded
            facts = _facts(cells, seed, requests[0].model)
            files = targets.plan(options.output, facts, no_clobber=options.no_clobber, asked_format=options.format)
            varied = [axis.key for axis in grid.axes]
            sheets.append(_sheet_target(options.output, facts[0], varied, files, no_clobber=options.no_clobber))
            waiting.extend(files)
        file = waiting.popleft()
        formats.check_pictures(formats.of_file(options, file), options, requests, output)
        return [file]

    warnings: list[Warn] = []
    try:
        with output.aside(warnings):
            plans = [planner.plan(_with(options, cell, seed), prompt, place) for cell in cells]
    finally:
        output.warnings += [one for index, one in enumerate(warnings) if one not in warnings[:index]]
    return GridPlan(grid, cells, plans, sheets[0])


def _with(options: argparse.Namespace, cell: Cell, seed: int) -> argparse.Namespace:
    """The options of one picture."""
    given = {**vars(options), "seed": seed, "count": 1, **cell}
    if "size" in cell:  # a preset's
        given |= {"width": None, "height": None}
    return argparse.Namespace(**given)


def _facts(cells: Sequence[Cell], seed: int, model: str) -> list[targets.PictureFacts]:
    date = time.strftime(targets.DATE_FORMAT)
    return [
        targets.PictureFacts(
            cell.get("seed", seed),
            number,
            cell.get("model", model),
            date,
            {key: shown(value) for key, value in cell.items() if key not in targets.FIELDS},
        )
        for number, cell in enumerate(cells, start=1)
    ]


def _sheet_target(
    output: str | None, fact: targets.PictureFacts, varied: Sequence[str], files: Sequence[Path], *, no_clobber: bool
) -> Path:
    """The absolute target of a contact sheet: the name of its pictures without what tells them apart, and ``-grid``.

    Args:
        output: value of ``--output``; ``None`` when it was not given.
        fact: of the first picture.
        varied: fields of the template that differ.
        files: where the pictures go; ``output.plan`` has found nothing wrong with ``output``.
        no_clobber: refuse a target that exists.

    Raises:
        UsageError, EnvironmentError_: as for ``output.check``.
    """
    template = targets.template_of(output)
    name, left_out = "", False
    for literal, field, width, _ in string.Formatter().parse(template.removesuffix(Path(template).suffix)):
        # where nothing is left of a part, nor is what set it off from the next
        bare = left_out and (not name or name.endswith("/"))
        name += (literal.lstrip("-_ /") if bare else literal).replace("{", "{{").replace("}", "}}")
        left_out = field in {"index", *varied}
        if left_out:
            name = name.rstrip("-_ ")
        elif field is not None:
            name += f"{{{field}:{width}}}"
    name = name.rstrip("-_ ")
    name += "grid" if not name or name.endswith("/") else "-grid"
    target = targets.render(f"{name}.png", fact)
    while target in files:
        target = target.with_name(f"{target.stem}-grid.png")
    targets.check(target, no_clobber=no_clobber)
    return target


def write_sheet(planned: GridPlan, images: Sequence[JsonObject], *, no_clobber: bool) -> JsonObject:
    """Draws and writes the contact sheet.

    Args:
        planned: the grid.
        images: all its pictures, in order, as the JSON output has them.
        no_clobber: fail rather than replace a file.

    Returns:
        the ``sheet`` object of the JSON output.

    Raises:
        HalError: ``picture_gone``.
        UsageError, EnvironmentError_: as for ``output.write``.
    """
    files = [one.files[0] for one in planned.plans]
    try:
        drawn, layout = contact_sheet.draw(files, planned.labels)
    except OSError as error:
        raise HalError(
            f"a picture is not there any more, and the sheet cannot be made: {error}",
            code="picture_gone",
            hint="leave the pictures where they are until the call has ended; the others are kept",
        ) from error
    raw = png.with_texts(drawn, {metadata.SHEET_KEYWORD: json.dumps(_told(planned, images))})
    targets.write(planned.sheet, raw, no_clobber=no_clobber)
    return {
        **planned.sheet_json(),
        "width": layout.width,
        "height": layout.height,
        "scale": round(layout.scale, 4),
        "sha256": hashlib.sha256(raw).hexdigest(),
        "bytes": len(raw),
    }


def _told(planned: GridPlan, images: Sequence[JsonObject]) -> JsonObject:
    """What the sheet says of itself: what all its pictures have in common, and what each has otherwise. Models have
    other defaults, so this can be more than what was varied.
    """
    requests = [one.requests[0].to_json() for one in planned.plans]
    first = requests[0]
    common = {name for name in first if all(request.get(name) == first[name] for request in requests)}
    return {
        "schema_version": metadata.SCHEMA_VERSION,
        "tool": {"name": about.PROGRAM, "version": about.version()},
        "request": {name: first[name] for name in first if name in common},
        **planned.grid.to_json(),
        "columns": planned.labels.columns,
        "rows": planned.labels.rows,
        "pictures": [
            {
                "name": one.files[0].name,
                "sha256": image["sha256"],
                "varied": image["varied"],
                "request": {name: value for name, value in request.items() if name not in common},
            }
            for one, image, request in zip(planned.plans, images, requests, strict=True)
        ],
    }
