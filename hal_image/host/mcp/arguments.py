"""The arguments of the MCP tools: which options of the command line they are, and how an option is written.

A new one is a line in ``ARGUMENTS``. What it takes and what it means is known to the parser of the command line, which
also checks it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from hal_image.errors import UsageError
from hal_image.host.arguments import generate_parser

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hal_image.errors import JsonObject

Kind = Literal["string", "integer", "number", "boolean", "strings"]
"""Types of JSON; ``strings`` is a list of them, for an option that is given several times."""


class Argument(NamedTuple):
    """An argument of ``generate_image`` that is an option of the command line.

    Attributes:
        name: the option's name, with underscores.
        kind: what it is in JSON.
        about: what an agent reads; empty for what ``--help`` says.
    """

    name: str
    kind: Kind
    about: str = ""


ARGUMENTS = (
    Argument("prompt", "string", "what to draw; needed but for from_image and workflow"),
    Argument("output", "string", ".png, .webp, .jpg or .avif file, or folder/; {seed} and {index} are filled in"),
    Argument("negative_prompt", "string"),
    Argument("model", "string", "a name from list_models"),
    Argument("size", "string", "WxH, e.g. 768x512"),
    Argument("steps", "integer"),
    Argument("cfg", "number"),
    Argument("guidance", "number"),
    Argument("sampler", "string"),
    Argument("scheduler", "string"),
    Argument("seed", "integer", "random if not given"),
    Argument("count", "integer", "pictures, with seeds that count up"),
    Argument("no_clobber", "boolean"),
    Argument("from_image", "string", "picture to make again, then without prompt; what is given here holds"),
    Argument("init_image", "string", "picture to draw on"),
    Argument("strength", "number", "of it made anew, 0 to 1"),
    Argument("mask", "string", "picture: only what is white changes"),
    Argument("outpaint", "string", "LEFT,TOP,RIGHT,BOTTOM pixels to add"),
    Argument("lora", "strings", "NAME[:WEIGHT]"),
    Argument("control", "strings", "TYPE:FILE[:STRENGTH], e.g. canny:photo.png"),
    Argument("hires", "string", "SCALE[:DENOISE], sampled again larger"),
    Argument("upscale", "string", "2 or 4, [:MODEL]"),
    Argument("turbo", "boolean", "compile the model: the first picture waits a minute"),
    Argument("preset", "strings", "the user's presets"),
    Argument("workflow", "string", "ComfyUI workflow file, in place of model"),
    Argument("set", "strings", "NODE.INPUT=VALUE in it"),
)
"""What ``generate_image`` takes, in the order in which an agent reads it."""

LEFT_OUT = {
    "prompt_file": "an agent has the text",
    "batch_size": "the engine knows best",
    "width": "size is both",
    "height": "size is both",
    "feather": "its default does",
    "vary": "an agent that compares makes calls, and looks",
    "stepwise": "for people who watch",
    "preview": "for people at a terminal",
    "format": "the suffix of output says it",
    "quality": "its default does",
    **dict.fromkeys(("vae_tile", "fp8"), "the engine does it where memory does not suffice"),
    "lossless": "png is",
    "dry_run": "what is wrong is told before anything starts",
    "timeout": "wait_s ends the waiting, cancel the work",
    "no_download": "download is the opposite",
    **dict.fromkeys(
        ("engine", "models_dir", "gpu", "cpu", "hot_cache", "keep_alive", "low_vram", "offline", "quiet", "verbose"),
        "whoever starts the server says so, for all calls",
    ),
    **dict.fromkeys(("json", "jsonl"), "the server reads it"),
}
"""The other options of making a picture, and why an agent has no use for them."""

DOWNLOAD = "download"
"""The argument that allows to download a model: gigabytes are not to come because a name was tried."""


def schema() -> JsonObject:
    """The properties of ``ARGUMENTS``, as JSON Schema has them."""
    helps = {action.dest: action.help or "" for action in generate_parser("mcp")._actions}  # noqa: SLF001 - no other way
    properties: JsonObject = {}
    for argument in ARGUMENTS:
        kind: JsonObject = {"type": argument.kind}
        if argument.kind == "strings":
            kind = {"type": "array", "items": {"type": "string"}}
        properties[argument.name] = {**kind, "description": argument.about or helps[argument.name]}
    return properties


def check_names(given: Mapping[str, Any], known: Mapping[str, Any]) -> None:
    """Refuses what a tool does not take.

    Raises:
        UsageError: ``usage``.
    """
    for name in given:
        if name not in known:
            takes = ", ".join(known) or "none"
            raise UsageError(f"there is no argument {name[:40]!r}", hint=f"the arguments are: {takes}")


def command_line(given: Mapping[str, Any]) -> list[str]:
    """The options that ``given`` stands for; the prompt, which may be too long for one, comes on standard input.

    Args:
        given: arguments of ``generate_image``; those that are no option are left out.

    Raises:
        UsageError: ``usage``: a value is not of the kind that the option takes.
    """
    options = [] if flag(given, DOWNLOAD) else ["--no-download"]
    for argument in ARGUMENTS:
        value = given.get(argument.name)
        if value is None or argument.name == "prompt":
            continue
        option = f"--{argument.name.replace('_', '-')}"
        if argument.kind == "boolean":
            options += [option] if flag(given, argument.name) else []
        else:
            values = value if argument.kind == "strings" and isinstance(value, list) else [value]
            options += [f"{option}={text(argument.name, one)}" for one in values]
    return [*(["--prompt=-"] if given.get("prompt") is not None else []), *options]


def flag(given: Mapping[str, Any], name: str) -> bool:
    """Whether a flag is set.

    Raises:
        UsageError: ``usage``: it is neither true nor false.
    """
    value = given.get(name)
    if value is None or isinstance(value, bool):
        return bool(value)
    raise UsageError(f"{name}: it is neither true nor false", hint="give true or false, unquoted")


def text(name: str, value: object) -> str:
    """A value as it would be typed.

    Raises:
        UsageError: ``usage``: it cannot be typed.
    """
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise UsageError(f"{name}: it is neither a text nor a number", hint="give one")
    if isinstance(value, float) and value.is_integer():  # as some write 20 in JSON
        value = int(value)
    typed = str(value)
    if "\0" in typed or any(0xD800 <= ord(c) <= 0xDFFF for c in typed):
        raise UsageError(f"{name}: it has characters that no text has", hint="leave them out")
    return typed
