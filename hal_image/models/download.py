"""Downloads the files of models: whole and with the digest that the registry names, or not at all.

The bytes go into a file beside the target and are hashed as they arrive; what was cut off, by whatever, goes on where
it ended. A file under its final name is whole: it was checked, and is on the disk, before it got that name.
"""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from hal_image.errors import ModelError
from hal_image.locking import file_lock
from hal_image.models import pull_events, refusals, verified
from hal_image.models.store import installed_files, part_of, target
from hal_image.models.transfer import STALL_S, Watch, receive

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from hal_image.errors import JsonObject
    from hal_image.models.hub import Hub
    from hal_image.models.types import Entry, ModelFile, Source

LOCK = ".download.lock"
"""In the models folder: one process downloads at a time, on this machine or in a container of it."""


class Pull(NamedTuple):
    """A download.

    Attributes:
        models: what is wanted, whole.
        models_dir: the models folder; made if it is not there.
        hub: how hub files are asked for.
        tell: takes events as of ``pull_events``. What it raises ends the download; what is there stays.
        stall_s: seconds without a byte after which a connection is given up.
    """

    models: tuple[Entry, ...]
    models_dir: Path
    hub: Hub
    tell: Callable[[JsonObject], None]
    stall_s: float = STALL_S


def download(pull: Pull) -> list[Path]:
    """Download what is missing.

    Returns:
        the files that were downloaded.

    Raises:
        ModelError: ``model_gated``, ``download_failed``, ``download_refused``, ``download_damaged``, ``hub_offline``.
        EnvironmentError_: ``disk_full``, ``models_dir_unwritable``, ``lock_failed``.
    """
    models_dir = pull.models_dir
    try:
        models_dir.mkdir(parents=True, exist_ok=True)
        with file_lock(models_dir / LOCK, lambda pid: pull.tell(pull_events.waiting(pid))):
            files = missing(pull.models, models_dir)
            if not files:
                return []
            begun = sum(_size(part_of(file, models_dir)) for file in files)
            check_space(files, begun, models_dir)
            total = sum(file.bytes for file in files)
            pull.tell(pull_events.planned(files, begun, models_dir))
            done = 0
            for file in files:
                _Download(pull, file, done, total).run()
                done += file.bytes
    except BrokenPipeError:  # of who reads what is told: no disk breaks like that
        raise
    except OSError as error:
        raise refusals.cannot_write(models_dir, error) from error
    return [target(file, models_dir) for file in files]


def missing(models: Iterable[Entry], models_dir: Path) -> list[ModelFile]:
    """The files of ``models`` that are not there and have to be downloaded, each once."""
    found = (pair for model in models for pair in installed_files(model, models_dir))
    return list({target(file, models_dir): file for file, path in found if path is None and not file.bundled}.values())


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def check_space(files: list[ModelFile], begun: int, models_dir: Path) -> None:
    """See that all of ``files`` fit on the disk, of which ``begun`` bytes are there.

    Raises:
        EnvironmentError_: ``disk_full``.
    """
    need = sum(file.bytes for file in files) - begun
    free = shutil.disk_usage(models_dir).free
    if need > free:
        raise refusals.no_space(models_dir, need, free)


class _Download:
    """One file, from the first source that has it.

    Args:
        pull: the whole.
        file: this part of it.
        done: bytes of the files before it.
        total: bytes of all files.
    """

    def __init__(self, pull: Pull, file: ModelFile, done: int, total: int) -> None:
        self._pull = pull
        self._file = file
        self._done = done
        self._total = total
        self._path = target(file, pull.models_dir)
        self._part = part_of(file, pull.models_dir)

    def run(self) -> None:
        """Download it. The failure of the first source is told, since it is the one that is meant to be used."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        failures: list[tuple[Source, ModelError]] = []
        for source in self._file.sources:
            try:
                self._from(source, failures[-1][1].message if failures else None)
            except ModelError as error:
                failures.append((source, error))
            else:
                return
        first = failures[0][1]
        if len(failures) > 1:
            first.details["sources"] = [
                {"source": source.address, "code": error.code, "message": error.message} for source, error in failures
            ]
        raise first

    def _from(self, source: Source, reason: str | None) -> None:
        pull, file = self._pull, self._file
        if source.file is not None:
            raise refusals.elsewhere(file, source)
        if source.repo and pull.hub.offline:
            raise refusals.offline(file, source)
        if source.gated and pull.hub.token is None:
            raise refusals.gated(file, source, asked=False)
        host = urlsplit(pull.hub.address(source)).hostname or ""
        pull.tell(pull_events.source(file, host, _size(self._part), reason))
        digest = self._received(source)
        self._part.replace(self._path)
        sync_folder(self._path.parent)
        verified.remember(self._path, digest)
        pull.tell(pull_events.downloaded(file, self._path))

    def _received(self, source: Source) -> str:
        """The digest of the part, which is the right one."""
        hub = self._pull.hub
        while True:
            descriptor = os.open(self._part, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
            try:
                begun = os.fstat(descriptor).st_size
                received = receive(
                    self._file,
                    source,
                    hub,
                    descriptor,
                    Watch(self._arrived, self._retry, self._parallel),
                    self._pull.stall_s,
                )
                if received.sha256 == self._file.sha256:
                    os.fsync(descriptor)
                    return received.sha256
            finally:
                os.close(descriptor)
            self._part.unlink()
            if not begun and not received.over_xet:
                raise refusals.damaged(self._file, source)
            # What was there may have been at fault, a disk that lost its power, another source; or how it was put
            # together from pieces. So from nothing, and in the plainest way.
            what = "what was there before" if begun else "what came over Xet"
            self._pull.tell(pull_events.retry(self._file, f"{what} is damaged; from the beginning", 0.0))
            hub = hub._replace(xet=False)

    def _arrived(self, here: int) -> None:
        self._pull.tell(pull_events.progress(self._file, here, self._done + here, self._total))

    def _retry(self, reason: str, pause_s: float) -> None:
        self._pull.tell(pull_events.retry(self._file, reason, pause_s))

    def _parallel(self) -> None:
        self._pull.tell(pull_events.parallel(self._file))


def sync_folder(folder: Path) -> None:
    """Have the names in ``folder`` on the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
