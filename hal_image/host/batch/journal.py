"""What a batch has done, so that ``--resume`` can go on where a run was killed.

One file a batch, below the state directory, of JSON lines that are only ever appended:

=========================================  ============================================================
``date``                                   the first: when the batch was begun, for ``{date}`` in names
``line``, ``of``, ``seed``                 before a line's first picture is asked for
``line``, ``of``, ``picture``, ``image``   after a picture is on the disk
=========================================  ============================================================

A batch is known again by its folder, its input and the options that say what is drawn; a line by its number and the
digest of what it says. So the same command goes on, another one begins anew, and a line that was changed is made anew.

Each record is one ``write``, which survives a kill of this process whenever that comes. It is not flushed to the disk,
which a picture is before its record is written: when the machine itself goes down, what is lost are records, and a few
pictures are made a second time; no record is ever ahead of its picture. The size of the file on the disk is compared
all the same. A record that was cut off in the middle is passed over.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import time
from typing import TYPE_CHECKING

from hal_image import paths
from hal_image.errors import EnvironmentError_
from hal_image.host.batch.lines import FIELDS
from hal_image.host.output import DATE_FORMAT
from hal_image.locking import Lock, try_lock

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from typing_extensions import Self

    from hal_image.errors import JsonObject

FOLDER = "batches"
KEPT_S = 30 * 24 * 3600.0
"""Age at which the journal of a batch that nobody went on with is deleted."""
START = 0
"""Stands for the picture's number in the index where a record is of the line as such."""


class Journal:
    """An open journal; ``with`` closes it.

    Args:
        path: the file.
        lock: held as long as it is open.
        resume: go on with what it says, instead of emptying it.

    Attributes:
        path: the file.
        date: when the batch was begun, as names have it.
        resumed: whether there was something to go on with.

    Raises:
        EnvironmentError_: ``state_dir_unwritable``, ``disk_full``.
    """

    def __init__(self, path: Path, lock: Lock, *, resume: bool) -> None:
        self.path = path
        self._lock = lock
        self._index: dict[tuple[int, int], int] = {}
        """Where the last record of a line and a picture is. The only thing of a batch that grows with what is done:
        about 250 bytes a picture, and only where an earlier run is gone on with."""
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        except OSError as error:
            lock.release()
            raise self._failed(error) from error
        date = self._read() if resume else None
        self.resumed = date is not None
        self.date = date or time.strftime(DATE_FORMAT)
        if not self.resumed:
            os.ftruncate(self._descriptor, 0)
            self._append({"date": self.date})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)
        self._lock.release()

    def seed(self, line: int, of: str) -> int | None:
        """The seed that an earlier run chose for a line; ``None`` when it did not get to it."""
        record = self._record(line, START, of)
        return None if record is None else record.get("seed")

    def images(self, line: int, of: str, picture: int) -> list[JsonObject]:
        """A picture, from 1, that an earlier run has made and that is still there, as ``images`` has it, and those that
        its workflow has made with it; none where one is not there any more.
        """
        record = self._record(line, picture, of)
        if record is None:
            return []
        try:
            images: list[JsonObject] = [record["image"], *record.get("others", ())]
            same = all(os.path.getsize(image["path"]) == image["bytes"] for image in images)  # noqa: PTH202 - text
        except (OSError, KeyError, TypeError, ValueError):
            return []
        return images if same else []

    def begin(self, line: int, of: str, seed: int) -> None:
        """Notes a line before its first picture is asked for.

        Raises:
            EnvironmentError_: ``state_dir_unwritable``, ``disk_full``.
        """
        self._append({"line": line, "of": of, "seed": seed})

    def finish(self, line: int, of: str, picture: int, image: JsonObject, others: tuple[JsonObject, ...] = ()) -> None:
        """Notes a picture, from 1, that is on the disk, with those that came with it.

        Raises:
            EnvironmentError_: ``state_dir_unwritable``, ``disk_full``.
        """
        more = {"others": others} if others else {}
        self._append({"line": line, "of": of, "picture": picture, "image": image, **more})

    def _append(self, record: JsonObject) -> None:
        try:
            os.write(self._descriptor, json.dumps(record).encode() + b"\n")
        except OSError as error:
            raise self._failed(error) from error

    def _read(self) -> str | None:
        """Fills the index; returns the date, or ``None`` when there is nothing to go on with."""
        date = None
        offset = 0
        raw = b"\n"
        with os.fdopen(os.dup(self._descriptor), "rb") as stream:
            for raw in stream:
                record = _decoded(raw)
                if offset == 0:
                    date = record.get("date")
                elif isinstance(record.get("line"), int):
                    self._index[record["line"], record.get("picture", START)] = offset
                offset += len(raw)
        if not raw.endswith(b"\n"):
            os.write(self._descriptor, b"\n")  # what comes next must not be taken for its rest
        return date if isinstance(date, str) else None

    def _record(self, line: int, picture: int, of: str) -> JsonObject | None:
        offset = self._index.get((line, picture))
        if offset is None:
            return None
        with os.fdopen(os.dup(self._descriptor), "rb") as stream:
            stream.seek(offset)
            record = _decoded(stream.readline())
        return record if record.get("of") == of else None

    def _failed(self, error: OSError) -> EnvironmentError_:
        full = error.errno in {errno.ENOSPC, errno.EDQUOT}
        return EnvironmentError_(
            f"cannot note in {self.path} what is done: {error.strerror}",
            code="disk_full" if full else "state_dir_unwritable",
            hint="free some space" if full else "set HAL_STATE_DIR to a folder that you can write to",
            details={"path": str(self.path)},
        )


def _decoded(raw: bytes) -> JsonObject:
    try:
        record = json.loads(raw)
    except ValueError:
        return {}
    return record if isinstance(record, dict) else {}


def open_journal(options: argparse.Namespace, *, resume: bool) -> Journal | None:
    """The journal of a batch; ``None`` while another run of the same one has it.

    Args:
        options: of the call.
        resume: go on with what it says.

    Raises:
        EnvironmentError_: ``state_dir_unwritable``, ``disk_full``, ``lock_failed``.
    """
    folder = paths.make_state_dir(FOLDER)
    _forget_old(folder)
    said = [os.getcwd(), os.path.abspath(options.file) if options.file != "-" else "-"]  # noqa: PTH100, PTH109 - text
    drawn = {name: getattr(options, name) for name in FIELDS if getattr(options, name, None) is not None}
    name = hashlib.sha256(json.dumps([said, drawn, options.models_dir], sort_keys=True).encode()).hexdigest()[:32]
    lock = try_lock(folder / f"{name}.lock")
    return None if lock is None else Journal(folder / f"{name}.jsonl", lock, resume=resume)


def _forget_old(folder: Path) -> None:
    limit = time.time() - KEPT_S
    with contextlib.suppress(OSError):
        for entry in list(os.scandir(folder)):
            if entry.name.endswith(".jsonl") and entry.stat().st_mtime < limit:
                os.unlink(entry.path)  # noqa: PTH108 - scandir gives text
