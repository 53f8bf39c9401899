"""Reads from a picture how it was made, whoever made it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hal_image.errors import HalError, JsonObject, UsageError
from hal_image.host import picture_file
from hal_image.host.metadata import KEYWORD
from hal_image.host.picture import Batch
from hal_image.host.remake import a1111, comfyui
from hal_image.host.remake.past import Past, WantedModel, impossible
from hal_image.request import MAX_SEED
from hal_image.wire import MAX_PICTURES

if TYPE_CHECKING:
    from hal_image.host.picture_file import PictureFile

TEXTS = ("prompt", "negative_prompt", "model", "sampler", "scheduler")
NUMBERS = ("width", "height", "steps", "cfg", "seed")


def read(name: str) -> Past:
    """How the picture in the file ``name`` was made.

    Raises:
        UsageError: ``image_unreadable``, ``remake_impossible``.
        HalError: ``not_a_png``, ``no_metadata``.
    """
    path, raw = picture_file.load(name)
    picture = picture_file.read(raw)
    own = picture.json(KEYWORD)
    if own is not None:
        return _own(own)
    if picture.json("prompt") is None and "parameters" not in picture.texts:
        raise HalError(
            f"{path} says nothing about how it was made",
            code="no_metadata",
            hint="it was made by another program, or its metadata was removed on the way",
        )
    return _of_others(picture)


def _of_others(picture: PictureFile) -> Past:
    """A graph says it exactly, if we have options for all of it; the text says more or less the same."""
    graph, parameters = picture.json("prompt"), picture.texts.get("parameters")
    if graph is None:
        return a1111.read(parameters or "")
    try:
        return comfyui.read(graph)
    except UsageError:
        if parameters is None:
            raise
        return a1111.read(parameters)


def _own(own: JsonObject) -> Past:
    """What this tool has written."""
    request, model = own.get("request"), own.get("model")
    if not isinstance(request, dict) or not isinstance(model, dict):
        raise impossible("what it says of itself is damaged", "give the options yourself, without --from-image")
    for name in (*TEXTS, *NUMBERS):
        kind = str if name in TEXTS else (int, float)
        if not isinstance(request.get(name), kind) or isinstance(request.get(name), bool):
            raise impossible(f"its {name} is damaged", "give the options yourself, without --from-image")
    files = [file for file in _list(model.get("files")) if isinstance(file, dict)]
    return Past(
        {},
        WantedModel(
            request["model"],
            tuple(file["name"] for file in files[:1] if isinstance(file.get("name"), str)),
            tuple(file["sha256"] for file in files[:1] if isinstance(file.get("sha256"), str)),
        ),
        request=request,
        model_facts={**model, "files": files},
        engine=_object(own.get("engine")),
        encoding=_object(own.get("encoding")),
        batch=_batch(own.get("batch"), request["seed"]),
    )


def _batch(told: object, seed: object) -> Batch | None:
    """The batch that it was sampled in; ``None`` for none, and for one that cannot be."""
    if not isinstance(told, dict):
        return None
    seeds, position = _list(told.get("seeds")), told.get("position")
    if not (1 < len(seeds) <= MAX_PICTURES and all(_is_seed(one) for one in seeds)):
        return None
    if not isinstance(position, int) or not 1 <= position <= len(seeds) or seeds[position - 1] != seed:
        return None
    return Batch(tuple(int(str(one)) for one in seeds), position)


def _is_seed(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_SEED


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _object(value: object) -> JsonObject | None:
    return value if isinstance(value, dict) else None
