"""Reads a file that somebody gives, up to a length: what is no file, as ``/dev/zero``, may never end."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

PICTURE_BYTES = 512 * 1024 * 1024
"""Longest picture that is read."""
WORKFLOW_BYTES = 256 * 1024 * 1024
"""Longest workflow, and longest picture that one loads: a workflow may be in a picture, too."""


class Unreadable(Exception):
    """It cannot be read; the text says why."""


class TooLarge(Unreadable):
    """It is longer than what is read."""


def read(path: Path, most: int) -> bytes:
    """All that is in a file.

    Args:
        path: of the file.
        most: bytes that it may have.

    Raises:
        Unreadable, TooLarge: it cannot be read, or is longer.
    """
    try:
        with path.open("rb") as stream:
            raw = stream.read(most + 1)
    except (OSError, ValueError) as error:  # the latter for names that no file can have
        raise Unreadable(getattr(error, "strerror", None) or str(error)) from error
    if len(raw) > most:
        raise TooLarge(f"it is larger than {most} bytes")
    return raw
