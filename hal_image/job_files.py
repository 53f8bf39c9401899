"""A folder with one JSON file a job: what the engine keeps of a job's end, and what the host remembers of a job.

A file is there whole or not at all, and for this user only, since prompts are private. It is not flushed to the disk:
it has to outlive processes, and after a power cut the job is gone anyway.
"""

from __future__ import annotations

import json
import os
import re
import time
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from hal_image.errors import JsonObject

FOLDER = "jobs"
"""Name of such a folder, in an engine's folder and in the state directory."""
LIFETIME_S = 24 * 3600.0
"""Age at which what is left of a job is removed: long enough to come back the next morning."""

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def new_id() -> str:
    """A random lowercase uuid4. By hand: the uuid module takes 8 ms to import, a twentieth of a warm call."""
    raw = bytearray(os.urandom(16))
    raw[6] = raw[6] & 0x0F | 0x40  # version 4, RFC 9562 section 5.4
    raw[8] = raw[8] & 0x3F | 0x80  # variant
    text = raw.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def is_job_id(text: str) -> bool:
    """Whether it is a uuid in lower case; nothing else may become part of a path."""
    return _ID.fullmatch(text) is not None


def path_of(folder: Path, job: str) -> Path:
    """The file of a job.

    Raises:
        ValueError: it is no job's id.
    """
    if not is_job_id(job):
        raise ValueError(f"{job!r} is no job's id")
    return folder / f"{job}.json"


def write(folder: Path, job: str, record: JsonObject) -> None:
    """Writes or replaces the file of a job; the folder must exist.

    Raises:
        OSError: it cannot be written; what was there before stays.
    """
    path = path_of(folder, job)
    temporary = folder / f".{job}.{os.urandom(4).hex()}.tmp"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as stream:
            json.dump(record, stream)
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise


def read(folder: Path, job: str) -> JsonObject | None:
    """What the file of a job says; ``None`` when there is none, or it is damaged."""
    try:
        record = json.loads(path_of(folder, job).read_bytes())
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) else None


def remove(folder: Path, job: str) -> None:
    """Removes the file of a job if there is one."""
    with suppress(OSError):
        path_of(folder, job).unlink()


def jobs_in(folder: Path) -> list[str]:
    """The jobs that have a file, in no order."""
    try:
        names = os.listdir(folder)  # noqa: PTH208 - half the time of iterdir, on calls that are in a hurry
    except OSError:
        return []
    return [name[:-5] for name in names if name.endswith(".json") and is_job_id(name[:-5])]


def is_old(path: Path, lifetime_s: float = LIFETIME_S) -> bool:
    """Whether nothing has changed at ``path`` for that long, by the clock on the wall.

    What is from the future was written before the clock was set back: its time begins anew, so that it neither goes
    early nor stays until the clock has caught up. What cannot be looked at is not old.
    """
    try:
        age = time.time() - path.stat().st_mtime
        if age < 0:
            os.utime(path)
    except OSError:
        return False
    return age > lifetime_s


def sweep(folder: Path, lifetime_s: float = LIFETIME_S) -> None:
    """Removes files of jobs, and what a process that was killed while it wrote has left, when they are old."""
    with suppress(OSError):
        for path in list(folder.iterdir()):
            if (path.suffix == ".tmp" or is_job_id(path.stem)) and is_old(path, lifetime_s):
                with suppress(OSError):
                    path.unlink()
