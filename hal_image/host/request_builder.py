"""From what was typed to what is asked for: prompt, model and every default, resolved before anything starts."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from hal_image import paths
from hal_image.errors import UsageError
from hal_image.host import given_file, picture_size
from hal_image.host.materials import NOTHING_MORE, Materials
from hal_image.request import MAX_SEED, ImageRequest

if TYPE_CHECKING:
    import argparse

    from hal_image.models.types import Model

RANDOM_SEEDS = 2**32
"""Random seeds stay below it: short to read and to type, and exact in every JSON reader."""

MAX_PROMPT = 1_000_000
"""Characters."""
MAX_FILE_BYTES = 4 * MAX_PROMPT + 5
"""Of a file with a prompt: UTF-8 takes four for a character at most, its mark three, and the line ends with two."""


def read_prompt(options: argparse.Namespace) -> str:
    """The prompt from ``--prompt``, ``--prompt-file`` or standard input.

    Raises:
        UsageError: ``prompt_missing``, ``prompt_twice``, ``prompt_unreadable``.
    """
    asked_for = options.prompt == "-" and options.prompt_file is None
    if not asked_for and (options.prompt is not None or options.prompt_file is not None):
        return given_prompt(options.prompt, options.prompt_file)
    if sys.stdin is None or (sys.stdin.isatty() and not asked_for):
        raise missing_prompt()
    text = _decoded(sys.stdin.buffer.read(MAX_FILE_BYTES + 1), "standard input")
    if not text.strip():
        raise missing_prompt()
    return text


def given_prompt(prompt: str | None, prompt_file: str | None) -> str:
    """The prompt that is ``prompt``, or is in ``prompt_file``.

    Raises:
        UsageError: ``prompt_missing``, ``prompt_twice``, ``prompt_unreadable``, ``prompt_too_long``.
    """
    if prompt is not None and prompt_file is not None:
        raise UsageError("--prompt and --prompt-file exclude each other", code="prompt_twice", hint="give one of them")
    if prompt_file is not None:
        return _from_file(prompt_file)
    if prompt is None:
        raise missing_prompt()
    return checked(prompt)


def _from_file(name: str) -> str:
    path = paths.typed(name)
    try:
        raw = given_file.read(path, MAX_FILE_BYTES)
    except given_file.TooLarge as error:
        raise _too_long("prompt") from error
    except given_file.Unreadable as error:
        raise UsageError(
            f"cannot read the prompt file {path}: {error}",
            code="prompt_unreadable",
            hint="give the path of a text file that exists",
        ) from error
    return _decoded(raw, str(path))


def _decoded(raw: bytes, where: str) -> str:
    if len(raw) > MAX_FILE_BYTES:
        raise _too_long("prompt")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(
            f"the prompt in {where} is not UTF-8 (byte {error.start})",
            code="prompt_unreadable",
            hint=f"convert it, e.g. with: iconv -t utf-8 {where if where != 'standard input' else 'FILE'}",
        ) from error
    return checked(text.rstrip("\r\n"))


def checked(text: str, what: str = "prompt") -> str:
    """The text, if it is one that can be sent.

    Raises:
        UsageError: ``prompt_too_long``, ``prompt_unreadable``.
    """
    if len(text) > MAX_PROMPT:
        raise _too_long(what)
    if any(0xD800 <= ord(c) <= 0xDFFF for c in text):  # how Python hands over arguments that are no UTF-8
        raise UsageError(f"the {what} is not valid UTF-8", code="prompt_unreadable", hint="set LANG to a UTF-8 locale")
    return text


def _too_long(what: str) -> UsageError:
    return UsageError(
        f"the {what} is longer than {MAX_PROMPT} characters",
        code="prompt_too_long",
        hint="text encoders read a few hundred words at most: shorten it",
    )


def missing_prompt() -> UsageError:
    """The error for a picture that nobody has said anything of."""
    return UsageError(
        "no prompt was given", code="prompt_missing", hint='write --prompt "a friendly robot", or pipe one in'
    )


def build(
    options: argparse.Namespace, prompt: str, model: Model, materials: Materials = NOTHING_MORE
) -> list[ImageRequest]:
    """One request a picture; seeds count up from the first.

    Raises:
        UsageError: ``size_invalid`` when the family cannot make that size, ``size_twice``.
    """
    fields = dict(materials.fields)
    if "width" not in fields:
        fields["width"], fields["height"] = picture_size.asked(options, model)
    first = options.seed if options.seed is not None else random_seed()
    defaults = model.defaults
    guidance = None
    if defaults.guidance is not None:
        guidance = options.guidance if options.guidance is not None else defaults.guidance
    return [
        ImageRequest(
            prompt=prompt,
            negative_prompt=checked(options.negative_prompt or "", "negative prompt"),
            model=model.name,
            steps=options.steps if options.steps is not None else defaults.steps,
            cfg=options.cfg if options.cfg is not None else defaults.cfg,
            guidance=guidance,
            sampler=options.sampler or defaults.sampler,
            scheduler=options.scheduler or defaults.scheduler,
            seed=(first + index) % (MAX_SEED + 1),
            turbo=options.turbo,
            **fields,
        )
        for index in range(options.count)
    ]


def options_of(request: ImageRequest) -> dict[str, Any]:
    """The values of the options here that ask for the same again, by their argparse names."""
    names = (
        "prompt",
        "negative_prompt",
        "model",
        "width",
        "height",
        "steps",
        "cfg",
        "guidance",
        "sampler",
        "scheduler",
    )
    return {**{name: getattr(request, name) for name in names}, "seed": request.seed, "turbo": request.turbo}


def random_seed() -> int:
    """A seed for who does not care."""
    return int.from_bytes(os.urandom(8), "big") % RANDOM_SEEDS
