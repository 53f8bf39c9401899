"""Remembers which files' digests are known, so that a file of many GB is read for that once in its life.

What is remembered holds for a file as long as its inode, size and time of change are the same. It is kept as JSON in
the state directory. A damaged or missing index means that nothing is known; it costs reading the files again, never a
wrong answer. Writers take turns; a reader sees the index before or after a change, never half of it.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from hal_image import paths
from hal_image.errors import HalError

SCHEMA_VERSION = 1
_LOCK_LIMIT_S = 10.0

Index = dict[str, Any]
"""By real path: ``[inode, size, mtime in ns, sha256]``."""


def index_file() -> Path:
    """Where the index is."""
    return paths.state_dir() / "verified.json"


def read(file: Path | None = None) -> Index:
    """What is known. Never raises."""
    try:
        kept = json.loads((file or index_file()).read_bytes())
        entries = kept["files"]
        return entries if kept["schema_version"] == SCHEMA_VERSION and isinstance(entries, dict) else {}
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return {}


def digest(index: Index, path: Path) -> str | None:
    """The SHA-256 of the file at ``path`` if it is known and the file has not changed since. Never raises."""
    try:
        entry = index.get(os.path.realpath(path))
        if entry is None:
            return None
        inode, size, changed, sha256 = entry
        info = path.stat()
    except (OSError, ValueError, TypeError):
        return None
    same = (info.st_ino, info.st_size, info.st_mtime_ns) == (inode, size, changed)
    return sha256 if same and isinstance(sha256, str) else None


def remember(path: Path, sha256: str, as_of: os.stat_result | None = None, file: Path | None = None) -> None:
    """Keep the digest of the file at ``path``; does nothing where that is not possible. Never raises.

    Args:
        path: the file.
        sha256: its digest.
        as_of: the file as it was before it was read: a change while it was read makes the digest worthless.
        file: the index.
    """
    from hal_image.locking import file_lock  # noqa: PLC0415 - reading needs no lock

    with suppress(OSError, ValueError, HalError):
        info = path.stat()
        if as_of is not None and _identity(as_of) != _identity(info):
            return
        where = file or Path(paths.make_state_dir()) / index_file().name
        with file_lock(where.with_suffix(".lock"), timeout=_LOCK_LIMIT_S):
            entries = {known: entry for known, entry in read(where).items() if os.path.lexists(known)}
            entries[os.path.realpath(path)] = [*_identity(info), sha256]
            partial = where.with_name(f"{where.name}.{os.getpid()}")
            partial.write_text(json.dumps({"schema_version": SCHEMA_VERSION, "files": entries}), encoding="utf-8")
            partial.replace(where)


def _identity(info: os.stat_result) -> tuple[int, int, int]:
    return info.st_ino, info.st_size, info.st_mtime_ns
