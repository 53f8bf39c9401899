"""What a command returns: data for machines, lines for people. ``render`` prints it; commands never do."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hal_image.errors import HalError, JsonObject
    from hal_image.request import ImageRequest

SCHEMA_VERSION = 1
"""Version of the JSON output. Adding a field does not raise it, changing or removing one does."""


MOST_TEXT = 500
"""Characters of a prompt that an answer repeats. Who asked knows it, and the picture has all of it; a reader with
little room, such as a language model, has better use for it."""


class Warn(NamedTuple):
    """What the caller should know and is no failure; ``code`` is stable, ``details`` are for programs."""

    code: str
    message: str
    details: JsonObject | None = None

    def to_json(self) -> JsonObject:
        """An entry of ``warnings`` in the JSON output; ``details`` only where there are any."""
        told: JsonObject = {"code": self.code, "message": self.message}
        return {**told, "details": self.details} if self.details else told


class Result(NamedTuple):
    """How a command ended.

    Attributes:
        command: the verb, ``generate`` when none was given.
        data: the ``data`` object of the JSON output.
        lines: what plain standard output shows; none for what was shown already.
        raw: bytes for standard output instead of lines (``--output -``).
        error: what was found wrong by a command that otherwise did its work (``doctor``); told after the lines.
    """

    command: str
    data: JsonObject
    lines: tuple[str, ...] = ()
    raw: bytes | None = None
    error: HalError | None = None


def envelope(command: str, data: JsonObject, warnings: Sequence[Warn], error: HalError | None) -> JsonObject:
    """The one JSON object that ``--json`` prints, on success and on failure."""
    return {
        "schema_version": SCHEMA_VERSION,
        "ok": error is None,
        "command": command,
        "data": data,
        "warnings": [warning.to_json() for warning in warnings],
        "error": None if error is None else error.to_json(),
    }


def told_request(request: ImageRequest, count: int) -> JsonObject:
    """The ``request`` object of the JSON output: long prompts are cut, and ``cut`` says so.

    ``cut`` names the texts that are, each with the characters of the whole; it is absent where none is.
    """
    told: JsonObject = {**request.to_json(), "count": count}
    cut = {name: len(told[name]) for name in ("prompt", "negative_prompt") if len(told[name]) > MOST_TEXT}
    if cut:
        told |= {name: told[name][:MOST_TEXT] for name in cut}
        told["cut"] = cut
    return told
