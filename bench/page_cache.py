"""A cold page cache: of the whole machine where we may, else of the files that matter."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

DROP = Path("/proc/sys/vm/drop_caches")


def drop(folders: Iterable[Path]) -> str | None:
    """Take files out of the page cache.

    Args:
        folders: what matters, for where the whole cache can't be dropped: everything in them, link or not.

    Returns:
        How: ``"drop_caches"``, ``"posix_fadvise"``; ``None`` if there is no way on this system.
    """
    os.sync()  # what was not written yet stays
    try:
        DROP.write_text("3\n", encoding="ascii")
    except OSError:
        pass
    else:
        return "drop_caches"
    if not hasattr(os, "posix_fadvise"):
        return None
    for folder in folders:
        for path in folder.resolve().rglob("*"):
            _evict(path)
    return "posix_fadvise"


def _evict(path: Path) -> None:
    try:
        if not path.is_file():
            return
        file = os.open(path, os.O_RDONLY)
    except OSError:
        return
    try:
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(file)


NOTES = {
    "drop_caches": "cold: the machine's page cache was dropped before each run",
    "posix_fadvise": "cold: the page cache could not be dropped as a whole; the files of the engine's Python, of "
    "ComfyUI and of the models were taken out of it before each run, those excepted that another program maps",
    None: "cold: the page cache could not be dropped here, so these runs are warm",
}
