"""Puts the options that a picture was made with under those that were given."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any, NamedTuple

from hal_image.errors import ModelError, UsageError
from hal_image.host import controls, formats, hires, init_image, loras, registry, request_builder, sparing, upscale
from hal_image.host.remake import history, inputs
from hal_image.host.remake.past import Past, WantedModel, impossible
from hal_image.request import ImageRequest, from_json

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from hal_image.errors import JsonObject
    from hal_image.models.types import Model, Registry

OPTIONS_OF: tuple[Callable[[ImageRequest], Mapping[str, Any]], ...] = (
    request_builder.options_of,
    init_image.options_of,
    loras.options_of,
    controls.options_of,
    hires.options_of,
    upscale.options_of,
    sparing.options_of,
)
"""For each feature, the option values that ask for the same again, by their argparse names. A text or a number is
checked as if it had been typed, everything else is taken to be what the parser makes."""
INSTEAD = {"size": ("width", "height"), "prompt_file": ("prompt",)}
"""Options that say what others say as well: where the first is given, the others are not taken from the picture."""
SUFFIXES = (".safetensors", ".ckpt", ".gguf")
SHORTEST_DIGEST = 8
"""Characters of a digest by which a model is known."""


class Remake(NamedTuple):
    """What to hold against what is made now.

    Attributes:
        past: how the picture was made.
        given: argparse names of the options that went over it.
    """

    past: Past
    given: frozenset[str]

    @property
    def engine(self) -> JsonObject | None:
        """The engine that made it."""
        return self.past.engine


def take_over(options: argparse.Namespace, given: Collection[str]) -> argparse.Namespace:
    """The options with those of the picture ``--from-image`` under them; ``remake`` is then a ``Remake``.

    Args:
        options: as they were read. Left as they are.
        given: argparse names of those that were given, whatever their value: these hold.

    Raises:
        UsageError: ``image_unreadable``, ``remake_impossible``, ``remake_input_differs``.
        HalError: ``not_a_png``, ``no_metadata``.
        ModelError: ``remake_model_unknown``.
    """
    past = history.read(options.from_image)
    remembered = dict(past.options)
    if past.request is not None:
        remembered |= {**_of_request(past.request), **_of_file(past.encoding, options)}
        inputs.check(past.request, given)
    if "model" not in given and "workflow" not in remembered:
        remembered["model"] = _find(registry.load(), past.model).name
    for option, others in INSTEAD.items():
        if option in given:
            for other in others:
                remembered.pop(other, None)
    merged = argparse.Namespace(**vars(options))
    wanted = {name: value for name, value in remembered.items() if name not in given and value is not None}
    _set(merged, wanted)
    merged.remake = Remake(past, frozenset(given))
    return merged


def _of_request(request: JsonObject) -> dict[str, Any]:
    try:
        asked = from_json(request)
        if asked.workflow is not None:  # all else that it tells is what the graph says
            from hal_image.host.workflows.plan import options_of  # noqa: PLC0415 - only for workflows

            return dict(options_of(asked))
        return {name: value for options_of in OPTIONS_OF for name, value in options_of(asked).items()}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise impossible(
            f"it was made by another version, with what this one does not know ({error})",
            "use that version, or give the options yourself, without --from-image",
        ) from error


def _of_file(encoding: JsonObject | None, options: argparse.Namespace) -> dict[str, Any]:
    """A picture becomes a file like the one that it is of, unless the name says otherwise."""
    kept = encoding or formats.PNG.to_json()
    named = options.format or (formats.known(options.output) if options.output else None)
    if kept.get("format") not in formats.FORMATS or named not in {None, kept["format"]}:
        return {}
    quality, lossless = kept.get("quality"), kept.get("lossless") is True
    if options.lossless or options.quality is not None:  # the one that is given decides about the other
        quality, lossless = None, False
    return {"format": kept["format"], "quality": quality, "lossless": lossless}


def _find(known: Registry, wanted: WantedModel) -> Model:
    """The model of the registry that is the one that drew a picture.

    Raises:
        ModelError: ``remake_model_unknown``.
    """
    if wanted.name in known.models:
        return known.models[wanted.name]
    names = {_bare(name) for name in wanted.files}
    digests = tuple(digest for digest in wanted.digests if len(digest) >= SHORTEST_DIGEST)
    models = list(known.models.values())
    for model in models:
        if digests and any(file.sha256.startswith(digests) for file in model.files):
            return model
    for model in models:
        if names & {_bare(file.name) for file in model.files} or model.name in names:
            return model
    raise ModelError(
        f"--from-image: no registry has the model of the picture: {wanted}",
        code="remake_model_unknown",
        hint="`models add FILE` makes its file a model; --model NAME draws with another",
        details={"files": list(wanted.files), "sha256": list(wanted.digests)},
    )


def _bare(name: str) -> str:
    """A file's name without folders and suffix."""
    last = name.replace("\\", "/").rpartition("/")[2].lower()
    return next((last.removesuffix(suffix) for suffix in SUFFIXES if last.endswith(suffix)), last)


def _set(options: argparse.Namespace, values: Mapping[str, Any]) -> None:
    from hal_image.host.arguments import generate_parser  # noqa: PLC0415 - that module knows all commands

    words = []
    for name, value in values.items():
        if isinstance(value, (str, int, float)) and not isinstance(value, bool):
            text = value if isinstance(value, str) else repr(value)
            words.append(f"--{name.replace('_', '-')}={text}")
        else:
            setattr(options, name, value)
    try:
        generate_parser("from-image").parse_args(words, options)
    except UsageError as error:
        option = error.message.removeprefix("argument ")
        raise impossible(f"it was made with what there is not here: {option}", "give that option yourself") from error
