"""What a picture tells of how it was made, as it is needed to make it again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from hal_image.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hal_image.errors import JsonObject
    from hal_image.host.picture import Batch


class WantedModel(NamedTuple):
    """The model that drew it, as far as it is told.

    Attributes:
        name: in this tool's registry.
        files: names of its files, with folders or without, with suffix or without.
        digests: SHA-256 of its files in hex, or their beginnings.
    """

    name: str | None = None
    files: tuple[str, ...] = ()
    digests: tuple[str, ...] = ()

    def __str__(self) -> str:
        """As a message names it."""
        return ", ".join([*([repr(self.name)] if self.name else []), *self.files]) or "one that it does not name"


class Past(NamedTuple):
    """How a picture was made.

    Attributes:
        options: values of options by their argparse names. A text or number is one as it would be typed.
        model: what drew it.
        program: what made it, where that is another program.
        left_out: what it was made with besides, and what cannot be asked for here.
        request: the request as this tool told it; ``None`` for pictures of others.
        model_facts: likewise the model.
        engine: likewise the engine.
        encoding: likewise how it was written.
        batch: likewise the batch that it was sampled in.
    """

    options: Mapping[str, Any]
    model: WantedModel
    program: str | None = None
    left_out: tuple[str, ...] = ()
    request: JsonObject | None = None
    model_facts: JsonObject | None = None
    engine: JsonObject | None = None
    encoding: JsonObject | None = None
    batch: Batch | None = None


def impossible(what: str, hint: str) -> UsageError:
    """The error for a picture that does not say what it takes to make it again."""
    return UsageError(f"--from-image: {what}", code="remake_impossible", hint=hint)
