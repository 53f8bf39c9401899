"""Brings a finished picture to its place, once: from the call that asked for it, or from one that came for it later."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from hal_image import about, job_files, paths
from hal_image.errors import EnvironmentError_, HalError, JsonObject, UsageError
from hal_image.host import hires, init_image, sparing, together, upscale
from hal_image.host import output as targets
from hal_image.host.picture import Picture, Saved, as_written, entry, names_of, no_image, pass_on_warnings, save
from hal_image.verdict import of_error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hal_image.host.job_records import JobRecord, JobRecords
    from hal_image.host.render import Output
    from hal_image.request import Lora

MAX_PROMPT = 2000
"""Characters of prompts that a hint repeats."""


def deliver(record: JobRecord, event: JsonObject, records: JobRecords, output: Output) -> Saved:
    """Saves the picture of a job and removes what the engine has kept of it.

    In this order, so that at every moment the picture is in one of the two places: the file, the record, the engine's
    copy. Of two calls that do it at once both write the same bytes, or the second finds it done.

    Args:
        record: the job.
        event: the engine's ``done``.
        records: where the job is remembered.
        output: is warned of what is not as asked.

    Raises:
        HalError: as ``save``. The engine keeps the picture: ``details.jobs`` names it, the hint how to get it.
    """
    if together.asked(record.picture):
        return _deliver_all(record, event, records, output)
    try:
        saved = save(record.picture, event, record.origin, output)
    except HalError as error:
        delivered = _delivered_by_another(record, records, output)
        if delivered is not None:
            return delivered
        _tell_what_becomes_of_it(record, error, records)
        raise
    records.finish(record, "done", **_told(saved), timings=event["timings"])
    remove_kept(record)
    return saved


def _tell_what_becomes_of_it(record: JobRecord, error: HalError, records: JobRecords) -> None:
    if record.kept and isinstance(error, (UsageError, EnvironmentError_)):  # it is the file that is in the way
        error.details["jobs"] = [record.id]
        error.hint = f"the picture is kept; write it elsewhere: {about.SCRIPT} wait {record.id} --output FILE"
    else:
        records.finish(record, of_error(error.code), error=error.to_json())


class Arrival(NamedTuple):
    """A picture of a job of several that was to be brought to its place.

    Attributes:
        picture: which.
        record: the job's, with what is there by now.
        timings: the engine's, as of a job of its own.
        saved: what came of it; ``None`` where it cannot be written.
        error: why.
    """

    picture: Picture
    record: JobRecord
    timings: JsonObject
    saved: Saved | None
    error: HalError | None = None


def deliver_each(record: JobRecord, event: JsonObject, records: JobRecords, output: Output) -> Iterator[Arrival]:
    """Saves the pictures of a job of several that an event brings, but for those that are where they belong.

    With ``done``, and when all are, the job is over for the host too, and what the engine has kept is removed. One that
    cannot be written is tried again with the next event of the job: only that of ``done`` counts.

    Args:
        record: the job.
        event: the engine's ``pictures`` or ``done``, or its ``failed`` where that has pictures.
        records: where the job is remembered.
        output: is warned of what is not as asked.
    """
    errors = []
    pass_on_warnings(event, output)  # of the whole job, whose pictures may all be there by now
    for picture, piece in together.pieces(record.picture, event):
        if str(picture.number) in record.delivered:
            continue
        try:
            saved = save(picture, piece, record.origin, output)
        except HalError as error:
            other = _one_by_another(record, picture, records, output)
            if other is not None:
                record = record._replace(delivered={**record.delivered, str(picture.number): _told(other)})
                yield Arrival(picture, record, piece["timings"], other)
                continue
            errors.append(error)
            if event["event"] == "done":
                _tell_what_becomes_of_it(record, error, records)
            yield Arrival(picture, record, piece["timings"], None, error)
            continue
        if record.picture.batch is not None:
            from hal_image.host.remake import differences  # noqa: PLC0415 - only with --from-image

            differences.tell_of_batch(record.picture.batch, picture.batch, output)
        record = records.note(record, picture.number, _told(saved))
        yield Arrival(picture, record, piece["timings"], saved)
    if event["event"] != "done":
        return
    for picture in [one for one in record.picture.each if str(one.number) not in record.delivered and not errors]:
        errors.append(no_image(record.origin))
        yield Arrival(picture, record, event["timings"], None, errors[-1])
    if not errors:
        _finish(record, event, records)


def _finish(record: JobRecord, event: JsonObject, records: JobRecords) -> None:
    known = records.read(record.id) if record.kept else None
    if known is not None and known.verdict == "done":  # another call was faster; what we have noted since is no more
        records.forget(record)
    else:
        records.finish(record, "done", **_told_of_all(record), timings=event["timings"])
    remove_kept(record)


def _told_of_all(record: JobRecord) -> JsonObject:
    delivered = [record.delivered[str(number)] for number in record.picture.numbers]
    image, *others = (one["image"] for one in delivered)
    more = {"others": others} if others else {}
    return {"image": image, **more, "engine": delivered[0]["engine"]}


def _deliver_all(record: JobRecord, event: JsonObject, records: JobRecords, output: Output) -> Saved:
    raw = b""
    for arrival in deliver_each(record, event, records, output):
        record = arrival.record
        if arrival.saved is None:
            assert arrival.error is not None
            raise arrival.error
        raw = arrival.saved.raw if arrival.picture.number == record.picture.number else raw
    told = _told_of_all(record)
    return Saved(told["image"], told["engine"], raw, tuple(told.get("others", ())))


def _told(saved: Saved) -> JsonObject:
    """What a job's record keeps of its pictures."""
    others = {"others": list(saved.others)} if saved.others else {}
    return {"image": saved.image, **others, "engine": saved.engine}


def _delivered_by_another(record: JobRecord, records: JobRecords, output: Output) -> Saved | None:
    other = records.read(record.id) if record.kept else None
    if other is None or other.verdict != "done" or other.picture.file is None:
        return None
    with suppress(OSError):
        return brought(other, record.picture, output)
    return None


def _one_by_another(record: JobRecord, picture: Picture, records: JobRecords, output: Output) -> Saved | None:
    """One picture of a job of several that another call has brought to its place, and to ours if that is elsewhere."""
    other = records.read(record.id) if record.kept else None
    told = None if other is None else other.delivered.get(str(picture.number))
    if told is None or told["image"]["path"] is None:
        return None
    image = told["image"]
    try:
        raw = Path(image["path"]).read_bytes()
    except OSError:
        return None
    if picture.file is None or str(picture.file) != image["path"]:
        image, raw = _bring(image, raw, picture.file, picture, output)
    return Saved(image, told["engine"], raw)


def brought(known: JobRecord, wanted: Picture, output: Output) -> Saved:
    """The pictures of a job that is done and went to files, brought to where they are wanted now.

    Raises:
        OSError: one is no longer where it was.
        UsageError, EnvironmentError_: one cannot be written there, or not in that format.
    """
    images: list[JsonObject] = [known.result["image"], *known.result.get("others", ())]
    raws = [Path(image["path"]).read_bytes() for image in images]
    if wanted.file != known.picture.file:
        files = [None] if wanted.file is None else _files_of(wanted, wanted.file, len(images))
        pairs = [_bring(*one, wanted, output) for one in zip(images, raws, files, strict=False)]
        images, raws = [image for image, _ in pairs], [raw for _, raw in pairs]
    return Saved(images[0], known.result["engine"], raws[0], tuple(images[1:]))


def _files_of(wanted: Picture, file: Path, count: int) -> list[Path | None]:
    """Where the pictures of a job go."""
    return [file, *(one.file for one in wanted.more)] if wanted.more else [*names_of(file, count)]


def _bring(
    image: JsonObject, raw: bytes, file: Path | None, picture: Picture, output: Output
) -> tuple[JsonObject, bytes]:
    """Writes a picture that is somewhere already to another place, too.

    Returns:
        its entry in ``images``, and the file.

    Raises:
        UsageError, EnvironmentError_: it cannot be written there, or not in that format.
    """
    written = as_written(raw, picture.encoding, output)
    if file is not None:
        targets.write(file, written, no_clobber=picture.no_clobber)
    size = (image["width"], image["height"])
    return entry(file, image["seed"], written, picture.encoding.format, size), written


def remove_kept(record: JobRecord) -> None:
    """Removes what the engine has kept of a job: the picture, and how it ended."""
    folder = record.origin.output_dir / record.id
    with suppress(OSError):
        # A container writes there, too: a link in place of the folder must not lead us elsewhere.
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            for name in os.listdir(descriptor):  # noqa: PTH208 - pathlib knows no descriptors
                os.unlink(name, dir_fd=descriptor)
        finally:
            os.close(descriptor)
        folder.rmdir()
    job_files.remove(record.engine_folder / job_files.FOLDER, record.id)


def lora_again(lora: Lora) -> str:
    """What ``--lora`` takes for it, with its weights."""
    return f"{lora.name}:{lora.weight:g}:{lora.clip_weight:g}"


def command_again(record: JobRecord) -> str:
    """The command that makes the same picture anew, ready for a shell; in words where it would be too long for that."""
    request = record.picture.request
    if len(request.prompt) + len(request.negative_prompt) > MAX_PROMPT:
        return "the command that it came from"
    if request.workflow is not None:
        return _workflow_again(record)
    words = [f"--prompt={request.prompt}", "--model", request.model, "--size", f"{request.width}x{request.height}"]
    if request.negative_prompt:
        words.append(f"--negative-prompt={request.negative_prompt}")
    words += ["--steps", str(request.steps), "--cfg", f"{request.cfg:g}"]
    if request.guidance is not None:
        words += ["--guidance", f"{request.guidance:g}"]
    words += ["--sampler", request.sampler, "--scheduler", request.scheduler, "--seed", str(request.seed)]
    words += [f"--lora={lora_again(lora)}" for lora in request.loras]
    if request.controls:
        from hal_image.host import controls  # noqa: PLC0415 - most pictures have none

        words += [f"--control={controls.as_typed(control)}" for control in request.controls]
    words += [word for option, value in init_image.options_of(request).items() for word in _typed(option, value)]
    words += [*hires.as_typed(request), *upscale.as_typed(request), *sparing.as_typed(request)]
    words += ["--turbo"] if request.turbo else []
    return _shown(words, record)


def _workflow_again(record: JobRecord) -> str:
    from hal_image.host.workflows.plan import options_of  # noqa: PLC0415 - only for workflows

    values = options_of(record.picture.request)
    if not values:
        return "the command that it came from"
    words: list[str] = []
    for name, value in values.items():
        option = f"--{name.replace('_', '-')}"
        words += [f"{option}={one}" for one in (value if isinstance(value, list) else [value])]
    return _shown(words, record)


def _shown(words: list[str], record: JobRecord) -> str:
    """A command of these words, and of what is the same for every picture."""
    picture = record.picture
    if record.models_dir != str(paths.models_dir()):
        words += ["--models-dir", record.models_dir]
    if picture.no_clobber:
        words.append("--no-clobber")
    words += ["--output", "-" if picture.file is None else str(picture.file).replace("{", "{{").replace("}", "}}")]
    import shlex  # noqa: PLC0415 - only for a job that is lost

    return f"{about.SCRIPT} {shlex.join(words)}"


def _typed(option: str, value: Any) -> tuple[str, str]:
    """An option and its value as they would be typed."""
    text = ",".join(str(part) for part in value) if isinstance(value, tuple) else str(value)
    return f"--{option.replace('_', '-')}", text
