"""``upscale IMAGE``: enlarges a picture that is there already, wherever it comes from."""

from __future__ import annotations

import hashlib
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hal_image import paths, png
from hal_image.errors import JsonObject, UsageError
from hal_image.host import formats, picture_to_enlarge, upscaled_texts
from hal_image.host import output as targets
from hal_image.host.deadline import Deadline
from hal_image.host.engines import EngineRequest, Needs
from hal_image.host.materials import Materials, lay_out
from hal_image.host.picture import encoded
from hal_image.host.progress import Progress
from hal_image.host.registry import load
from hal_image.host.result import Result
from hal_image.host.single_job import SingleJob, Work
from hal_image.host.time_limits import enlarging_s, is_cpu, limit_s
from hal_image.host.timings import Timings
from hal_image.host.upscale import check_size, choose
from hal_image.host.upscale_arguments import AskedUpscale
from hal_image.models import usage
from hal_image.workflow.upscale import of_picture

if TYPE_CHECKING:
    import argparse

    from hal_image.host.picture import Made
    from hal_image.host.picture_to_enlarge import PictureToEnlarge
    from hal_image.host.render import Output
    from hal_image.host.upscale import Chosen

INPUT = "picture.png"
"""Name of the picture for the graph."""


def run(options: argparse.Namespace, output: Output) -> Result:
    """Enlarges the picture.

    Raises:
        UsageError: as for ``picture_to_enlarge.read``; ``size_too_large``; the output cannot be used.
        ModelError: the upscale model is not there, or is none.
        HalError: it failed, or no engine can be had.
    """
    timings = Timings()
    to_stdout = options.output == targets.STDOUT
    if to_stdout and output.machine:
        raise UsageError(
            "--output - writes one picture to standard output",
            code="output_invalid",
            hint="leave out --json and --jsonl, or give a file name",
        )
    deadline = Deadline.after(options.timeout)
    models_dir = paths.models_dir(options.models_dir)
    picture = picture_to_enlarge.read(options.image, output)
    asked = AskedUpscale(options.scale, options.upscaler)
    chosen = choose(asked, options, load(), models_dir, output)
    upscale = chosen.upscale
    size = picture.width * upscale.scale, picture.height * upscale.scale
    check_size(upscale, (picture.width, picture.height), size)
    file = None if to_stdout else _target(options, picture, upscale.model or upscale.method)
    encoding = formats.of_file(options, file)
    formats.check_size(encoding.format, *size)
    formats.check_pictures(encoding, options, (), output)
    graph = of_picture(INPUT, upscale, picture.width, picture.height, alpha=picture.alpha)
    data: JsonObject = {"images": [], "source": _source(picture), "upscale": upscale._asdict()}
    if options.dry_run:
        data |= {"targets": [] if file is None else [str(file)], "graph": graph.to_prompt()}
        return Result(options.command, data, () if file is None else (str(file),))

    chosen = chosen._replace(files=lay_out(Materials(files=chosen.files), models_dir).files)
    usage.touch(found.path for found in chosen.files)
    made_of = partial(_limit_s, chosen, picture)
    work = Work(graph, {INPUT: picture.raw}, "enlarging the picture", made_of)
    job = SingleJob(work, output=output, progress=Progress(output, 1), timings=timings, deadline=deadline)
    made = job.run(options.engine, _engine(options, chosen, models_dir))
    began = time.monotonic()
    target = _Target(file, encoding, size, no_clobber=options.no_clobber)
    raw, image = _saved(made, picture, chosen, target, output)
    timings.save_s = time.monotonic() - began
    data |= {"images": [image], "engine": made.engine, "timings": timings.to_json(), "verdict": "done"}
    if file is None:
        return Result(options.command, data, raw=raw)
    return Result(options.command, data, (str(file),))


def _source(picture: PictureToEnlarge) -> JsonObject:
    return {
        "path": picture.file.path,
        "sha256": picture.file.sha256,
        "width": picture.width,
        "height": picture.height,
        "alpha": picture.alpha,
    }


def _target(options: argparse.Namespace, picture: PictureToEnlarge, name: str) -> Path:
    stem = Path(picture.file.path).stem.replace("{", "{{").replace("}", "}}")
    facts = [targets.PictureFacts(0, 1, name.rpartition("/")[2], time.strftime(targets.DATE_FORMAT))]
    default = f"{stem}-{options.scale}x.png"
    (file,) = targets.plan(
        options.output, facts, no_clobber=options.no_clobber, default_name=default, asked_format=options.format
    )
    return file


def _limit_s(chosen: Chosen, picture: PictureToEnlarge, device: str | None) -> float:
    files = sum(found.bytes_found for found in chosen.files)
    load_s = limit_s(0, files, on_cpu=is_cpu(device))
    return load_s + enlarging_s(chosen.upscale, picture.width, picture.height, device)


def _engine(options: argparse.Namespace, chosen: Chosen, models_dir: Path) -> EngineRequest:
    """Any engine will do: an upscale model is small, and takes its time on a processor."""
    needs = Needs(
        model=chosen.upscale.model or chosen.upscale.method,
        min_vram_gb=0.0,
        fit_for_cpu=True,
        files=tuple(found.path for found in chosen.files),
        digests=tuple(found.sha256 for found in chosen.files),
    )
    return EngineRequest(
        models_dir, options.cpu, options.gpu, options.keep_alive, options.offline, needs, options.hot_cache
    )


class _Target(NamedTuple):
    """Where a picture goes, how it is written, and its size in pixels."""

    file: Path | None
    encoding: formats.Encoding
    size: tuple[int, int]
    no_clobber: bool


def _saved(
    made: Made, picture: PictureToEnlarge, chosen: Chosen, target: _Target, output: Output
) -> tuple[bytes, JsonObject]:
    """The file, and its entry in ``images`` of the JSON output."""
    texts = upscaled_texts.texts(picture, chosen.upscale, *target.size, made.engine_in_picture)
    raw = png.with_texts(made.raws[0], texts)
    width, height = png.size(raw)
    if (width, height) != target.size:
        asked = "x".join(str(side) for side in target.size)
        output.warn("size_differs", f"the picture is {width}x{height}, not {asked} as asked")
    if target.encoding.format != "png":
        raw = encoded(made.raws[0], texts, target.encoding, output)
    if target.file is not None:
        targets.write(target.file, raw, no_clobber=target.no_clobber)
    sha256 = hashlib.sha256(raw).hexdigest()
    path = None if target.file is None else str(target.file)
    kind = target.encoding.format
    return raw, {"path": path, "format": kind, "width": width, "height": height, "sha256": sha256, "bytes": len(raw)}
