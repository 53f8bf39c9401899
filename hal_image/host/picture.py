"""One picture on its way: what is asked for, and how the engine's file becomes the user's."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hal_image import png
from hal_image.errors import HalError, InternalError, JsonObject, UsageError
from hal_image.host import formats, metadata, sparing
from hal_image.host import output as targets
from hal_image.host.result import Warn
from hal_image.wire import WIRE_HINT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hal_image.host.engines import Needs
    from hal_image.host.formats import Encoding, Format
    from hal_image.host.render import Output
    from hal_image.request import ImageRequest
    from hal_image.workflow import Graph


class More(NamedTuple):
    """A further picture of the same job: its number, its seed and where it goes. All else is the first one's."""

    number: int
    seed: int
    file: Path | None


class Batch(NamedTuple):
    """The seeds of pictures that were sampled at once, and which of them, from 1, one has."""

    seeds: tuple[int, ...]
    position: int

    def to_json(self) -> JsonObject:
        """As a picture tells it of itself."""
        return {"seeds": list(self.seeds), "position": self.position}


class Picture(NamedTuple):
    """What is known of a picture before an engine is needed.

    Attributes:
        number: which one of its command, from 1.
        request: what is asked for.
        graph: the same for ComfyUI.
        model: the ``model`` object that the picture carries.
        file: where it goes; ``None`` for standard output. Several that one graph makes are numbered.
        no_clobber: fail rather than replace ``file``.
        keep_alive_s: how long the model stays in memory afterwards.
        needs: what its model asks of the machine; ``None`` once it is in an engine's hands.
        inputs: pictures that the graph loads, bytes of files by the name that it has for them; empty once the engine
            has them.
        encoding: how it is written.
        remade_of: the ``engine`` object of the picture that it is to be the same as; ``None`` where there is none.
        stepwise: folder for pictures of its steps; ``None`` for none.
        preview: whether its steps are drawn on the terminal.
        more: further pictures that the same job makes, in order.
        batch: the batch that it is a part of; before it is made, the one that it has to be a part of.
        batch_size: how many pictures of a job are sampled at once; ``None`` for what is best.
    """

    number: int
    request: ImageRequest
    graph: Graph
    model: JsonObject
    file: Path | None
    no_clobber: bool
    keep_alive_s: float
    needs: Needs | None = None
    inputs: Mapping[str, bytes] = {}
    encoding: Encoding = formats.PNG
    remade_of: JsonObject | None = None
    stepwise: str | None = None
    preview: bool = False
    more: tuple[More, ...] = ()
    batch: Batch | None = None
    batch_size: int | None = None

    @property
    def numbers(self) -> tuple[int, ...]:
        """Of all pictures of its job."""
        return (self.number, *(one.number for one in self.more))

    @property
    def each(self) -> tuple[Picture, ...]:
        """The pictures of its job, each by itself."""
        alone = self._replace(more=())
        others = (
            alone._replace(
                number=one.number,
                file=one.file,
                request=self.request._replace(seed=one.seed),
                graph=self.graph.with_seed(one.seed),
            )
            for one in self.more
        )
        return (alone, *others)


class Origin(NamedTuple):
    """The engine that makes a picture; fields as in ``hal_image.host.engines.Connection``, and the path of its log."""

    kind: str
    output_dir: Path
    facts: JsonObject
    reused: bool
    place: JsonObject
    log: str = ""


class Saved(NamedTuple):
    """A finished picture.

    Attributes:
        image: its entry in ``images`` of the JSON output.
        engine: the ``engine`` object of the JSON output.
        raw: the file.
        others: entries of further pictures, where a workflow made more than one.
    """

    image: JsonObject
    engine: JsonObject
    raw: bytes
    others: tuple[JsonObject, ...] = ()


class Made(NamedTuple):
    """What came from an engine.

    Attributes:
        raws: the PNGs as ComfyUI wrote them, at least one.
        engine: the ``engine`` object of the JSON output.
        engine_in_picture: what of it the picture carries.
    """

    raws: tuple[bytes, ...]
    engine: JsonObject
    engine_in_picture: JsonObject


def fetch(event: JsonObject, origin: Origin, output: Output) -> Made:
    """Reads what the engine made, and passes on what it noticed.

    Args:
        event: the engine's ``done``.
        origin: that engine.
        output: is warned.

    Raises:
        InternalError: ``no_image``, ``wire_invalid``.
        HalError: ``engine_lost`` when the engine's file is gone.
    """
    if not event["images"]:
        raise no_image(origin)
    pass_on_warnings(event, output)
    engine = {
        "kind": origin.kind,
        **origin.facts,
        **{key: event["engine"].get(key) for key in ("device", "torch", "pid")},
        "reused": origin.reused,
    }
    engine_in_picture = {key: value for key, value in engine.items() if key not in {"pid", "reused"}}
    made = tuple(_read(name, origin) for name in event["images"])
    return Made(made, engine | origin.place, engine_in_picture)


def no_image(origin: Origin) -> InternalError:
    """The error for an engine that is done and has sent no picture, or fewer than were asked for."""
    return InternalError(
        "a bug: the engine sent no picture",
        code="no_image",
        hint=f"please report it with the engine's log, {origin.log}",
        details={"log": origin.log},
    )


def save(picture: Picture, event: JsonObject, origin: Origin, output: Output) -> Saved:
    """Turns what the engine made into the user's file, or files: adds the metadata and writes each whole.

    Args:
        picture: what was asked for.
        event: the engine's ``done``.
        origin: that engine.
        output: is warned of what is not as asked.

    Raises:
        InternalError: ``no_image``, ``wire_invalid``.
        NotAPng: what the engine made is damaged.
        HalError: ``engine_lost`` when the engine's file is gone.
        UsageError, EnvironmentError_: the file cannot be written, or the picture not in that format.
    """
    made = fetch(event, origin, output)
    batch = None if picture.batch is None else picture.batch.to_json()
    request = sparing.as_run(picture.request, event)
    texts = metadata.texts(request, picture.model, picture.graph, made.engine_in_picture, picture.encoding, batch)
    files: list[Path | None] = [None]
    if picture.file is not None:
        files = [*names_of(picture.file, len(made.raws))]
    elif len(made.raws) > 1:
        count = len(made.raws)
        output.warn("pictures_left_out", f"the workflow made {count} pictures; standard output takes the first")
    written = [_save(picture, raw, texts, file, output) for raw, file in zip(made.raws, files, strict=False)]
    if picture.remade_of is not None:
        from hal_image.host.remake import differences  # noqa: PLC0415 - only with --from-image

        differences.tell_after(picture.remade_of, made.engine_in_picture, output)
    (image, raw), *others = written
    return Saved(image, made.engine, raw, tuple(other for other, _ in others))


def _save(
    picture: Picture, made: bytes, texts: Mapping[str, str], file: Path | None, output: Output
) -> tuple[JsonObject, bytes]:
    """Writes one picture; returns its entry in ``images``, and the file."""
    request = picture.request
    raw = png.with_texts(made, texts)
    width, height = png.size(raw)
    if picture.encoding.format != "png":
        raw = encoded(made, texts, picture.encoding, output)
    asked = request.final_size
    if request.workflow is None and (width, height) != asked:
        # only now: it takes a tenth of what a warm call does, and what lies is of no size asked for
        png.check_pixels(made)
        output.warn("size_differs", f"the picture is {width}x{height}, not {asked[0]}x{asked[1]} as asked")
    if file is not None:
        targets.write(file, raw, no_clobber=picture.no_clobber)
    return entry(file, request.seed, raw, picture.encoding.format, (width, height)), raw


def entry(file: Path | None, seed: int, raw: bytes, written: Format, size: tuple[int, int]) -> JsonObject:
    """The entry of a finished picture in ``images`` of the JSON output.

    Args:
        file: where it is; ``None`` for standard output.
        seed: of it.
        raw: the file's bytes.
        written: which format they are.
        size: width and height in pixels.
    """
    import hashlib  # noqa: PLC0415 - loaded while ComfyUI worked (session.py)

    return {
        "path": None if file is None else str(file),
        "format": written,
        "seed": seed,
        "width": size[0],
        "height": size[1],
        "sha256": hashlib.sha256(raw).hexdigest(),
        "bytes": len(raw),
    }


def encoded(made: bytes, texts: Mapping[str, str], encoding: Encoding, output: Output) -> bytes:
    """A PNG in another format, with texts in it; warns of what has no room (``metadata_cut``).

    Raises:
        UsageError, EnvironmentError_: as for ``encoding.encode``.
    """
    from hal_image.host.encoding import encode  # noqa: PLC0415 - a PNG needs no Pillow

    raw, left_out = encode(made, texts, encoding)
    if left_out:
        output.warn(
            "metadata_cut",
            f"{formats.NAMES[encoding.format]} has too little room for all that the picture says of itself, which is "
            f"left without: {', '.join(left_out)}",
            {"left_out": list(left_out)},
        )
    return raw


def as_written(raw: bytes, encoding: Encoding, output: Output) -> bytes:
    """A file that is finished, in the format that is asked for now.

    Raises:
        NotAPng: it is damaged.
        UsageError: ``output_invalid``: there is no way from the one to the other; ``picture_too_large``.
        EnvironmentError_: ``format_unavailable``.
    """
    from hal_image.host import picture_file  # noqa: PLC0415 - seldom needed

    known = picture_file.read(raw)
    if known.format == encoding.format:
        return raw
    if known.format != "png":  # what is lost does not come back
        raise UsageError(
            f"the picture was written as {formats.NAMES[known.format]} already",
            code="output_invalid",
            hint=f"name the file {formats.suffix(known.format)}",
        )
    return encoded(raw, known.texts, encoding, output)


def _told_before(told: Warn, output: Output) -> bool:
    """Whether it was told, with more about it, before the picture was made: what of a LoRA does not fit."""
    if told.code != "lora_keys_not_applied":
        return False
    files = (told.details or {}).get("files")
    return any(one.code == told.code and "of" in one.details and one.details["files"] == files
               for one in output.warnings if one.details)  # fmt: skip


def names_of(file: Path, count: int) -> list[Path]:
    """Where several pictures of one job go, whose only one would go to ``file``: numbered as those of ``--count``."""
    if count == 1:
        return [file]
    return [file.with_name(f"{file.stem}-{number}{file.suffix}") for number in range(1, count + 1)]


def _read(name: str, origin: Origin) -> bytes:
    """A picture of the engine's."""
    source = origin.output_dir / name
    try:
        if not source.resolve().is_relative_to(origin.output_dir.resolve()):
            raise InternalError("the engine's picture is outside its folder", code="wire_invalid", hint=WIRE_HINT)
        return source.read_bytes()
    except (OSError, ValueError, RuntimeError) as error:  # names that no file has, rings of links
        raise HalError(
            f"the engine's picture cannot be read: {error}",
            code="engine_lost",
            hint="run the command again",
            retryable=True,
            details={"log": origin.log},
        ) from error


def pass_on_warnings(event: JsonObject, output: Output) -> None:
    """What was noticed while the picture was made; what holds for several pictures is told once."""
    for warning in event.get("warnings", ()):
        told = Warn(warning["code"], warning["message"], warning.get("details"))
        if told not in output.warnings and not _told_before(told, output):
            output.warn(*told)
