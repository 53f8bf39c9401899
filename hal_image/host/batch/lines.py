"""One line of a batch: a prompt, or a JSON object whose fields are options of the command line."""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import re
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from hal_image.errors import HalError, UsageError
from hal_image.host import presets
from hal_image.host.request_builder import given_prompt

if TYPE_CHECKING:
    from hal_image.errors import JsonObject
    from hal_image.host.argument_parser import Parser
    from hal_image.host.batch.source import RawLine
    from hal_image.workflow.own.settings import Setting

FIELDS = (
    "prompt", "prompt_file", "negative_prompt", "model", "width", "height", "size", "steps", "cfg", "guidance",
    "sampler", "scheduler", "seed", "count", "batch_size", "output", "no_clobber", "low_vram",
    "init_image", "strength", "mask", "feather", "outpaint", "lora", "control",
    "format", "quality", "lossless",
    "from_image", "stepwise",
    "preset",
    "hires", "upscale", "turbo",
    "vae_tile", "fp8",
    "workflow", "set",
)  # fmt: skip
"""Options that a line can have, as its fields are called."""
FLAGS = ("no_clobber", "low_vram", "lossless", "turbo", "fp8")
"""Those of them that are there or not."""
REPEATED = ("lora", "control")
"""Those that may be given several times, in a list; a line that has one drops all of those of the command line."""
ONE_ENGINE = "one engine makes the whole batch"
WHOLE_BATCH = "it holds for the whole batch"
OF_THE_CALL = {
    **dict.fromkeys(("engine", "models_dir", "gpu", "cpu", "hot_cache", "keep_alive"), ONE_ENGINE),
    **dict.fromkeys(
        ("timeout", "no_download", "offline", "dry_run", "json", "jsonl", "quiet", "verbose", "resume", "preview"),
        WHOLE_BATCH,
    ),
}
"""Options that a line cannot have, and why."""
NOT_IN_A_BATCH = {"vary": "a grid is one call of its own"}
"""Options that a batch cannot have either."""
SIZES = ({"size"}, {"width", "height"})
"""Options that exclude each other: a line that has one drops the other of the command line."""
ID_CHARACTERS = 200


class Line(NamedTuple):
    """A line that was understood, or not.

    Attributes:
        number: from 1.
        digest: what tells it from what may have stood there at another time: a SHA-256, shortened.
        id: what the line calls itself, to be repeated in its result.
        options: those of the call with those of the line over them; ``None`` when ``error`` is given.
        prompt: the prompt; ``None`` only with a workflow, for none.
        error: what is wrong with it.
    """

    number: int
    digest: str
    id: str | int | float | None
    options: argparse.Namespace | None
    prompt: str | None
    error: HalError | None


def understand(line: RawLine, call: argparse.Namespace) -> Line:
    """Reads a line. Never raises.

    Args:
        line: as it came.
        call: options of the call, which hold where the line does not say otherwise.
    """
    name: str | int | float | None = None
    try:
        text = _decoded(line)
        if text.lstrip().startswith("{"):
            fields = _fields(text)
            name = _id(fields)
            options = _options(fields, call)
        else:
            options = argparse.Namespace(**{**vars(call), "prompt": text, "prompt_file": None})
            options.given = call.given | {"prompt"}
        if options.from_image is not None:
            options = _remade(options)
        options, prompt = presets.reworded(options, _prompt(options))
    except HalError as error:
        return Line(line.number, _digest(line.raw), name, None, "", error)
    read = prompt or "" if options.prompt_file is not None or options.preset else ""
    if options.from_image is not None:
        read += repr(options.remake.past)
    if options.preset:  # what is behind their names may be another thing the next time
        read += repr([getattr(options, field) for field in FIELDS])
    return Line(line.number, _digest(line.raw, read), name, options, prompt, None)


def _remade(options: argparse.Namespace) -> argparse.Namespace:
    from hal_image.host.remake.merge import take_over  # noqa: PLC0415 - no other picture needs it

    return take_over(options, options.given)


def _prompt(options: argparse.Namespace) -> str | None:
    if options.workflow is not None and options.prompt is None and options.prompt_file is None:
        return None  # whether the workflow has a place for one is seen when it is read
    return given_prompt(options.prompt, options.prompt_file)


def _digest(raw: bytes, prompt: str = "") -> str:
    return hashlib.sha256(raw + b"\n" + prompt.encode()).hexdigest()[:32]


def _decoded(line: RawLine) -> str:
    if line.too_long:
        raise _invalid("the line is longer than 1 MB", "text encoders read a few hundred words at most: shorten it")
    try:
        return line.raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _invalid(
            f"the line is not UTF-8 (its byte {error.start})", "convert the input: iconv -f latin1 -t utf-8"
        ) from error


def _fields(text: str) -> JsonObject:
    """The fields of a JSON object, their names with underscores.

    Raises:
        UsageError: ``line_invalid``.
    """
    try:
        pairs = json.loads(text, object_pairs_hook=_Pairs, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        what = error.msg if isinstance(error, json.JSONDecodeError) else str(error) or "nested too deeply"
        where = f", at character {error.pos + 1}" if isinstance(error, json.JSONDecodeError) else ""
        raise _invalid(
            f"the line begins as JSON and is none: {what}{where}",
            'a prompt that begins with a brace is written as {"prompt": "{..."}',
        ) from error
    fields: JsonObject = {}
    for key, value in pairs:
        name = key.replace("-", "_")
        if name in fields:
            raise _invalid(f"{name} is given twice", "give it once")
        fields[name] = value
    return fields


class _Pairs(list[Any]):
    """An object in JSON, with fields that are given twice."""


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no value in JSON")


def _id(fields: JsonObject) -> str | int | float | None:
    value = fields.pop("id", None)
    if value is None or (isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) != math.inf):
        return value  # 1e999 is read as infinity, which JSON cannot tell
    if not isinstance(value, str) or len(value) > ID_CHARACTERS or _has_surrogates(value):
        raise _invalid(f"id: it is a text of at most {ID_CHARACTERS} characters, or a number", "shorten it")
    return value


def _options(fields: JsonObject, call: argparse.Namespace) -> argparse.Namespace:
    """The options of the call with ``fields`` over them.

    Raises:
        UsageError: ``line_invalid``; the message begins with the field's name.
    """
    options = argparse.Namespace(**{**vars(call), "prompt": None, "prompt_file": None})
    given = {name: value for name, value in fields.items() if value is not None}
    options.given = call.given | given.keys()
    if "preset" in given:
        options = presets.applied_over(options, _names(given.pop("preset")))
    for these, others in (SIZES, SIZES[::-1]):
        if these & given.keys() and not others & given.keys():
            options.given -= others
            for other in others:
                setattr(options, other, None)
    arguments = []
    for name, value in given.items():
        _check_name(name)
        arguments += _as_typed(name, value, options)
    try:
        _parser().parse_args(arguments, options)
    except UsageError as error:
        raise _invalid(_of_field(error.message), "a field takes what its option takes: see --help") from error
    return options


def _as_typed(name: str, value: Any, options: argparse.Namespace) -> list[str]:
    """A field as it would be typed; a flag is put into ``options`` at once."""
    if name in FLAGS:
        if not isinstance(value, bool):
            raise _invalid(f"{name}: {_short(value)} is neither true nor false", "write true or false, unquoted")
        setattr(options, name, value)
        return []
    if name == "set":
        options.set = [*(options.set or ()), *_settings(value)]
        return []
    option = f"--{name.replace('_', '-')}"
    if name not in REPEATED:
        return [f"{option}={_text(name, value)}"]
    setattr(options, name, None)
    several = value if isinstance(value, list) and not isinstance(value, _Pairs) else [value]
    return [f"{option}={_text(name, one)}" for one in several]


def _settings(value: Any) -> list[Setting]:
    """What ``--set`` says, of an object by ``NODE.INPUT``.

    Raises:
        UsageError: ``line_invalid``.
    """
    from hal_image.workflow.own.settings import Setting  # noqa: PLC0415 - only for workflows

    if not isinstance(value, _Pairs):
        raise _invalid(f"set: {_short(value)} is no object", 'write {"NODE.INPUT": VALUE}, e.g. {"3.steps": 20}')
    for target, _ in value:
        node, _, name = target.rpartition(".")
        if not (node.strip() and name.strip()):
            raise _invalid(
                f"set: {_short(target)} is not NODE.INPUT", 'write {"NODE.INPUT": VALUE}, e.g. {"3.steps": 20}'
            )
    return [Setting(target, _plain(one)) for target, one in value]


def _plain(value: Any) -> Any:
    """A value of JSON with its objects as such."""
    if isinstance(value, _Pairs):
        return {key: _plain(one) for key, one in value}
    return [_plain(one) for one in value] if isinstance(value, list) else value


def _check_name(name: str) -> None:
    if name in NOT_IN_A_BATCH:
        raise _invalid(f"{name}: a line cannot have it: {NOT_IN_A_BATCH[name]}", "write a line for each picture")
    if name in OF_THE_CALL:
        option = f"--{name.replace('_', '-')}"
        raise _invalid(f"{name}: a line cannot have it: {OF_THE_CALL[name]}", f"give {option} to batch itself")
    if name not in FIELDS:
        raise _invalid(f"{_short(name)}: there is no such field", f"the fields are id, {', '.join(FIELDS)}")


def _names(value: Any) -> list[str]:
    """The presets of a line: one name, or a list of them."""
    names = value if isinstance(value, list) and not isinstance(value, _Pairs) else [value]
    if not all(isinstance(name, str) and not _has_surrogates(name) for name in names):
        raise _invalid("preset: it is the name of a preset, or a list of names", "write the names in quotes")
    return list(names)


@cache
def _parser() -> Parser:
    """The one of the command line itself: what is a number, a size or a sampler is known there."""
    from hal_image.host.arguments import generate_parser  # noqa: PLC0415 - that module knows all commands

    return generate_parser("batch")


def _text(name: str, value: Any) -> str:
    """A value as it would be typed."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        kind = {bool: str(value).lower(), _Pairs: "an object", list: "a list", type(None): "null"}[type(value)]
        raise _invalid(f"{name}: {kind} is no value for it", "write a number or a text")
    text = value if isinstance(value, str) else repr(value)
    if _has_surrogates(text) or ("\0" in text and name not in {"prompt", "negative_prompt"}):
        raise _invalid(f"{name}: it has characters that no text has", "leave them out")
    return text


def _has_surrogates(text: str) -> bool:
    return any(0xD800 <= ord(c) <= 0xDFFF for c in text)


def _of_field(message: str) -> str:
    """What argparse says of an option, as said of a field."""
    match = re.fullmatch(r"argument (?:\S+/)?--([\w-]+): (.*)", message, re.DOTALL)
    return f"{match[1].replace('-', '_')}: {match[2]}" if match else message


def _short(value: object) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= 40 else f"{text[:40]}…"


def _invalid(message: str, hint: str) -> UsageError:
    return UsageError(message, code="line_invalid", hint=hint)
