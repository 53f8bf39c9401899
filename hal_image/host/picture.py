"""One picture on its way: what is asked for, and how the engine's file becomes the user's."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hal_image import png
from hal_image.errors import HalError, InternalError, JsonObject
from hal_image.host import metadata
from hal_image.host import output as targets
from hal_image.host.result import Warn
from hal_image.wire import WIRE_HINT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hal_image.host.engines import Needs
    from hal_image.host.render import Output
    from hal_image.request import ImageRequest
    from hal_image.workflow import Graph


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
        raw: the PNG.
        others: entries of further pictures, where a workflow made more than one.
    """

    image: JsonObject
    engine: JsonObject
    raw: bytes
    others: tuple[JsonObject, ...] = ()


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
        UsageError, EnvironmentError_: the file cannot be written.
    """
    if not event["images"]:
        raise InternalError(
            "a bug: the engine sent no picture",
            code="no_image",
            hint=f"please report it with the engine's log, {origin.log}",
            details={"log": origin.log},
        )
    _pass_on_warnings(event, output)
    engine = {
        "kind": origin.kind,
        **origin.facts,
        **{key: event["engine"].get(key) for key in ("device", "torch", "pid")},
        "reused": origin.reused,
    }
    engine_in_picture = {key: value for key, value in engine.items() if key not in {"pid", "reused"}}
    engine |= origin.place
    texts = metadata.texts(picture.request, picture.model, picture.graph, engine_in_picture)
    made = [_read(name, origin) for name in event["images"]]
    files: list[Path | None] = [None]
    if picture.file is not None:
        files = [*names_of(picture.file, len(made))]
    elif len(made) > 1:
        output.warn("pictures_left_out", f"the workflow made {len(made)} pictures; standard output takes the first")
    saved = [_save(picture, png.with_texts(data, texts), file, output) for data, file in zip(made, files, strict=False)]
    first, *others = saved
    return Saved(first.image, engine, first.raw, tuple(other.image for other in others))


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


class _Written(NamedTuple):
    """One picture that is where it belongs."""

    image: JsonObject
    raw: bytes


def _save(picture: Picture, raw: bytes, file: Path | None, output: Output) -> _Written:
    import hashlib  # noqa: PLC0415 - ComfyUI worked while we got here: it would cost 4 ms before

    request = picture.request
    width, height = png.size(raw)
    if request.workflow is None and (width, height) != (request.width, request.height):
        output.warn("size_differs", f"the picture is {width}x{height}, not {request.width}x{request.height} as asked")
    image = {
        "path": None,
        "seed": request.seed,
        "width": width,
        "height": height,
        "sha256": hashlib.sha256(raw).hexdigest(),
        "bytes": len(raw),
    }
    if file is not None:
        targets.write(file, raw, no_clobber=picture.no_clobber)
        image["path"] = str(file)
    return _Written(image, raw)


def _pass_on_warnings(event: JsonObject, output: Output) -> None:
    """What was noticed while the picture was made; what holds for several pictures is told once."""
    for warning in event.get("warnings", ()):
        told = Warn(warning["code"], warning["message"], warning.get("details"))
        if told not in output.warnings:
            output.warn(*told)
