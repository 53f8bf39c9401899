"""A file gets a name in the models folder without being copied."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def give(path: Path, name: Path) -> None:
    """Makes a file appear under another name, too: as a second name of it, else as a link. What was there is replaced,
    unless it is the same file; folders are made.

    Args:
        path: the file, or a link to it.
        name: where it is to appear.

    Raises:
        OSError: that is not possible there.
    """
    real = path.resolve()
    if name.exists() and name.samefile(real):
        return
    name.parent.mkdir(parents=True, exist_ok=True)
    name.unlink(missing_ok=True)  # also a link to nowhere
    try:
        name.hardlink_to(real)
    except OSError:  # on another file system, or one without second names
        name.symlink_to(real)
