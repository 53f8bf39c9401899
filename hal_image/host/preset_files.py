"""Reads presets.yaml. Every value goes through the parser of the command line, so a preset can say what could be typed.

::

    presets:
      portrait:
        description: Faces in soft light
        prompt_suffix: ", soft light, 85mm"
        steps: 30
"""

from __future__ import annotations

import argparse
import re
from typing import TYPE_CHECKING, Any

from hal_image.errors import RegistryError, UsageError
from hal_image.host.arguments import generate_parser
from hal_image.host.batch.lines import FIELDS as OF_A_PICTURE
from hal_image.host.presets import Preset
from hal_image.models.located_yaml import Located, compose

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from hal_image.host.argument_parser import Parser

NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*"
TEXTS = {
    "description": "one line of text for people",
    "prompt_prefix": "text before the prompt",
    "prompt_suffix": "text behind the prompt",
    "negative_prompt": "text for the negative prompt",
}
OF_THE_CALL = {"prompt", "prompt_file", "output", "no_clobber", "preset", *TEXTS}
"""What a line of a batch may say and is no way to draw, or is no option here."""
FIELDS = tuple(name for name in OF_A_PICTURE if name not in OF_THE_CALL)
"""Options that a preset can have."""
ROOT = {"presets": "a mapping of names to presets"}


def read(files: Sequence[Path]) -> dict[str, Preset]:
    """The presets of all files; a later file replaces one of the same name.

    Raises:
        UsageError: ``presets_invalid``, with ``file:line:column`` in the message; ``presets_unreadable``.
    """
    parser = generate_parser("presets")
    presets: dict[str, Preset] = {}
    try:
        for file in files:
            top = compose(file, "write a mapping with the key presets:").mapping(ROOT)
            for key, value in top["presets"].entries():
                presets[key.text(NAME)] = _preset(key.text(), value, parser)
    except RegistryError as error:
        if error.code == "registry_unreadable":
            raise UsageError(error.message, code="presets_unreadable", hint=error.hint) from error
        raise UsageError(error.message, code="presets_invalid", hint=error.hint, details=error.details) from error
    return presets


def _preset(name: str, place: Located, parser: Parser) -> Preset:
    advice = {field: f"what --{field.replace('_', '-')} takes" for field in FIELDS}
    fields = place.mapping({}, {**TEXTS, **advice})
    texts = {field: fields[field].text() if field in fields else "" for field in TEXTS}
    actions = {action.dest: action for action in parser._actions}  # noqa: SLF001 - argparse has no other way
    options = {field: _value(field, fields[field], actions[field], parser) for field in fields if field not in TEXTS}
    for other in ("width", "height"):
        if "size" in options and other in options:
            fields[other].fail("and size exclude each other", "give one of them")
    return Preset(name=name, options=options, file=place.file, **texts)


def _value(field: str, place: Located, action: argparse.Action, parser: Parser) -> Any:
    if action.nargs == 0:
        return place.flag()
    several = isinstance(action, argparse._AppendAction)  # noqa: SLF001 - likewise
    places = place.items() if several and isinstance(place.node.value, list) else [place]
    option = f"--{field.replace('_', '-')}"
    found = argparse.Namespace()
    for one in places:
        try:
            parser.parse_args([f"{option}={_text(one)}"], found)
        except UsageError as error:
            one.fail(f"is wrong: {re.sub(r'^argument [^:]*: ', '', error.message)}", f"what {option} takes: see --help")
    return getattr(found, field)


def _text(place: Located) -> str:
    """A value as it would be typed."""
    if not isinstance(place.node.value, str):
        place.fail("must be a text or a number")
    if place.node.tag.endswith((":bool", ":null")):
        place.fail(f"must be a text or a number, not {place.node.value!r}", "put it in quotes")
    value: str = place.node.value
    if "\0" in value:
        place.fail("has characters that no text has", "leave them out")
    return value
