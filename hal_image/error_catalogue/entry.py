"""What the catalogue says of one code."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hal_image.errors import HalError

NOTHING: Mapping[str, str] = MappingProxyType({})

OF_A_JOB: Mapping[str, str] = MappingProxyType(
    {
        "verdict": "how the job ended: `done`, `failed`, `interrupted`, `timed_out`, `lost` or `crashed`",
        "jobs": "ids of the jobs that it is about, for `wait` and `jobs`",
    }
)
"""Fields that ``details`` of every error about a picture may have, since it may have any cause."""


class Entry(NamedTuple):
    """One code of ``error``. Texts may be Markdown; links are relative to ``docs/reference``.

    Attributes:
        kind: the class that is raised with it, which brings the exit code.
        happened: what went wrong.
        helps: what to do about it; the ``hint`` of an error says it more exactly.
        retry: whether the same call may succeed later without any change: ``retryable`` of every error with this code,
            or ``depends`` where the error itself says so.
        details: the fields that ``details`` may have besides ``OF_A_JOB``, and what they are.
        without_hint: why errors of this code have no ``hint``; empty where they have one.
        general: stands for an error of that class whose code is not known, as a newer engine may send one; nothing
            here raises it.
    """

    kind: type[HalError]
    happened: str
    helps: str = ""
    retry: Literal["no", "yes", "depends"] = "no"
    details: Mapping[str, str] = NOTHING
    without_hint: str = ""
    general: bool = False


class WarningEntry(NamedTuple):
    """One code of ``warnings``; as for ``Entry``."""

    happened: str
    details: Mapping[str, str] = NOTHING
