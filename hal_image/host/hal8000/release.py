"""A new version of the project, with an entry in its changelog: ``register --bump``, and how that is taken back."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

Part = Literal["major", "minor", "patch"]
PARTS: tuple[Part, ...] = ("major", "minor", "patch")

_VERSION = re.compile(rb"(\s*v?)(\d+)\.(\d+)\.(\d+)(\s*)", re.ASCII)
_HEADING = re.compile(
    r"^## (\[?v?)\d+\.\d+\.\d+(\]?)(?:(\s*(?:-|–|—|\()\s*)\d{4}-\d\d-\d\d(\)?))?".encode(), re.MULTILINE
)
"""A version's heading: brackets or none, and perhaps a date after a dash or in brackets."""
_NEW_HEADING = ("[", "]", " - ", "")
_ENTRY = "- Image generation: a prompt becomes a picture, drawn on this machine."


class Release(NamedTuple):
    """What was done.

    Attributes:
        before: the version before, e.g. ``1.4.2``.
        version: the version now.
        entry: the text that was put into the changelog.
    """

    before: str
    version: str
    entry: str


def bumped(version: bytes, part: Part) -> tuple[bytes, str, str]:
    """The text of a file VERSION with a part of it raised, the version before and the one now.

    Raises:
        ValueError: it is not a version of three numbers.
    """
    found = _VERSION.fullmatch(version)
    if found is None:
        raise ValueError("it is not one version of three numbers, such as 1.4.2")
    numbers = [int(found[at]) for at in (2, 3, 4)]
    at = PARTS.index(part)
    raised = [*numbers[:at], numbers[at] + 1, *(0 for _ in numbers[at + 1 :])]
    now = ".".join(map(str, raised))
    return found[1] + now.encode() + found[5], ".".join(map(str, numbers)), now


def restored(version: bytes, release: Release) -> bytes | None:
    """The text of VERSION with the version before; ``None`` when it is no longer the one that ``release`` made."""
    found = _VERSION.fullmatch(version)
    if found is None or b".".join(found.group(2, 3, 4)) != release.version.encode():
        return None
    return found[1] + release.before.encode() + found[5]


def with_entry(changelog: bytes, version: str, day: str) -> tuple[bytes, str]:
    """The changelog with an entry for ``version`` before those of older ones, and the text that was put in.

    The heading is written as that of the last version is.

    Args:
        changelog: the file.
        version: what the heading names.
        day: ``YYYY-MM-DD``.
    """
    newline = "\r\n" if b"\r\n" in changelog else "\n"
    last = _HEADING.search(changelog)
    opening, closing, dash, bracket = (
        (part.decode() if part else "" for part in last.groups()) if last else _NEW_HEADING
    )
    heading = f"## {opening}{version}{closing}" + (f"{dash}{day}{bracket}" if dash else "")
    entry = newline.join([heading, "", "### Added", "", _ENTRY, "", ""])
    if last is None:
        missing = (
            0 if not changelog or changelog.endswith((b"\n\n", b"\n\r\n")) else 1 if changelog.endswith(b"\n") else 2
        )
        entry = missing * newline + entry.removesuffix(newline)
        return changelog + entry.encode(), entry
    return changelog[: last.start()] + entry.encode() + changelog[last.start() :], entry


def without_entry(changelog: bytes, release: Release) -> bytes | None:
    """The changelog without the entry of ``release``; ``None`` when that is no longer in it as it was written."""
    entry = release.entry.encode()
    if changelog.count(entry) != 1:
        return None
    before, _, after = changelog.partition(entry)
    return before + after
