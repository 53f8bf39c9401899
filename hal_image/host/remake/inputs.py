"""Looks whether the pictures that went into a picture are still what they were.

A request tells each of them as an object with its absolute ``path`` and the ``sha256`` of the file, wherever it stands.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from hal_image.errors import UsageError
from hal_image.host import given_file

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

OPTION_OF = {"init": "init_image", "mask": "mask", "controls": "control", "workflow": "workflow"}
"""Fields of a request, at whatever depth, in which such objects stand, and the option that gives another file."""


class Given(NamedTuple):
    """A file, and the argparse name of the option that gave it."""

    option: str
    path: str
    sha256: str


def files(request: Any, option: str = "") -> Iterator[Given]:
    """Those of a request in JSON."""
    if isinstance(request, list):
        for item in request:
            yield from files(item, option)
    elif isinstance(request, dict):
        path, sha256 = request.get("path"), request.get("sha256")
        if isinstance(path, str) and isinstance(sha256, str):
            yield Given(option, path, sha256)
        for name, value in request.items():
            yield from files(value, OPTION_OF.get(name, option))


def check(request: Any, given: Collection[str]) -> None:
    """Refuses a file that is gone, or has become another one.

    Args:
        request: in JSON.
        given: argparse names of the options that are given anew; their files are not looked at.

    Raises:
        UsageError: ``remake_input_differs``.
    """
    for file in files(request):
        if file.option not in given:
            state = _state(file)
            if state:
                flag = f"--{file.option.replace('_', '-')}" if file.option else "the option that it came from"
                raise UsageError(
                    f"--from-image: {file.path} {state}",
                    code="remake_input_differs",
                    hint=f"bring the file back, or give another with {flag}",
                    details={"path": file.path, "option": flag},
                )


def _state(file: Given) -> str:
    import hashlib  # noqa: PLC0415 - only where a picture went into it

    try:
        digest = hashlib.sha256(given_file.read(Path(file.path), given_file.PICTURE_BYTES)).hexdigest()
    except given_file.TooLarge:
        return "went into it, and has changed since"
    except given_file.Unreadable:
        return "went into it, and is not there any more"
    return "" if digest == file.sha256 else "went into it, and has changed since"
