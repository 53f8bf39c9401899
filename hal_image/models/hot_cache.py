"""The hot cache: copies of the model files in use in a folder on a fast disk, no more than a limit allows.

Below a folder for each models folder the copies are laid out as in there, so that ComfyUI finds them by the same names.
A copy is hashed while it is written and gets its name only when it is what it should be. What goes to make room is what
was used longest ago. A program that has an old copy open keeps it: on Linux a file that is removed lives until then.
"""

from __future__ import annotations

import errno
import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hal_image.errors import EnvironmentError_, ModelError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from io import FileIO

    from hal_image.errors import JsonObject

INDEX, LOCK = "index.json", ".lock"
SCHEMA_VERSION = 1
PART_SUFFIX = ".part"
RESERVE_BYTES = 1 << 30
"""Left free on the disk, which is Docker's and so of everything else in there, too."""
CHUNK_BYTES = 1 << 22
TELL_EVERY_S = 0.5


class Copy(NamedTuple):
    """A file in the cache.

    Attributes:
        source: path of what it was copied from, as the host knows it.
        size, mtime_ns: of the source then: one that has others now is another file.
        sha256: of the copy, computed from its bytes.
    """

    source: str
    size: int
    mtime_ns: int
    sha256: str


class Wanted(NamedTuple):
    """A file that shall be in the cache.

    Attributes:
        path: below the models folder.
        source: as for ``Copy``.
        sha256: what its digest must be; ``None`` when nobody knows it.
    """

    path: str
    source: str
    sha256: str | None


class Order(NamedTuple):
    """What is to be done.

    Attributes:
        key: name of the models folder within the cache.
        model: whose files these are, for messages.
        limit_bytes: of the whole cache.
        files: what shall be in it; together no more than the limit.
        used: by name in the cache: when it was last used, in seconds since the epoch. What is not named never was.
    """

    key: str
    model: str
    limit_bytes: int
    files: tuple[Wanted, ...]
    used: Mapping[str, float]


def name_of(key: str, path: str) -> str:
    """A file's name in the cache."""
    return f"{key}/{path}"


def read_index(file: Path) -> dict[str, Copy]:
    """What an index says is there, by name; nothing when there is none that can be read. Never raises."""
    try:
        kept = json.loads(file.read_bytes())
        if kept["schema_version"] != SCHEMA_VERSION:
            return {}
        return {str(name): Copy(**fields) for name, fields in kept["files"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def write_index(file: Path, copies: Mapping[str, Copy]) -> None:
    """Writes an index, all of it or nothing.

    Raises:
        OSError: it cannot be written.
    """
    partial = file.with_name(f"{file.name}.{os.getpid()}")
    files = {name: copy._asdict() for name, copy in copies.items()}
    partial.write_text(json.dumps({"schema_version": SCHEMA_VERSION, "files": files}), encoding="utf-8")
    partial.replace(file)


def evictions(
    copies: Mapping[str, Copy], used: Mapping[str, float], keep: Iterable[str], excess: int
) -> list[str] | None:
    """Which copies go so that ``excess`` bytes become free: those used longest ago, and none of ``keep``.

    Returns:
        their names, none when nothing has to go; ``None`` when all that may go is not enough.
    """
    kept = set(keep)
    going: list[str] = []
    for name in sorted(copies.keys() - kept, key=lambda name: (used.get(name, 0.0), name)):
        if excess <= 0:
            break
        going.append(name)
        excess -= copies[name].size
    return going if excess <= 0 else None


class HotCache:
    """See the module.

    Args:
        folder: where the cache is.
        models_dir: where the files come from.
        tell: gets an event for each file that is copied, while it is, and for each that finds no room.
    """

    def __init__(self, folder: Path, models_dir: Path, tell: Callable[[JsonObject], None]) -> None:
        self._folder = folder
        self._models_dir = models_dir
        self._tell = tell
        self._copies: dict[str, Copy] = {}

    def fill(self, order: Order) -> dict[str, Copy]:
        """Makes the cache hold the files of ``order``, as far as there is room; returns all that it holds then.

        Raises:
            ModelError: ``model_corrupt``: a file is not the one that its digest names; ``model_unreadable``;
                ``model_changed``: it changed while it was copied.
            EnvironmentError_: ``hot_cache_failed``.
        """
        from hal_image.locking import file_lock  # noqa: PLC0415 - a warm call only reads an index

        try:
            with file_lock(self._folder / LOCK):
                self._copies = read_index(self._folder / INDEX)
                self._sweep(order.key)
                keep = {name_of(order.key, wanted.path) for wanted in order.files}
                excess = sum(copy.size for copy in self._copies.values()) - order.limit_bytes
                self._drop(evictions(self._copies, order.used, keep, excess) or [])
                for wanted in order.files:
                    if name_of(order.key, wanted.path) not in self._copies:
                        self._add(wanted, order, keep)
        except OSError as error:
            raise EnvironmentError_(
                f"the hot cache cannot be used: {error.strerror or error}",
                code="hot_cache_failed",
                hint="call without --hot-cache and HAL_HOT_CACHE, or remove its volume, which `doctor` names",
            ) from error
        return self._copies

    def _sweep(self, key: str) -> None:
        """Removes what is none of the index's, copies of files that changed or are gone, and what was cut off."""
        for name, copy in tuple(self._copies.items()):
            there = self._folder / name
            fits = there.is_file() and there.stat().st_size == copy.size
            of, _, below = name.partition("/")
            if of == key:  # the other models folders are not mounted here: theirs are looked at when they are
                fits = fits and _identity(self._models_dir / below) == (copy.size, copy.mtime_ns)
            if not fits:
                self._drop([name])
        for folder, _, files in os.walk(self._folder):
            for file in files:
                path = Path(folder, file)
                if path.relative_to(self._folder).as_posix() not in {*self._copies, INDEX, LOCK}:
                    path.unlink()

    def _drop(self, names: Iterable[str]) -> None:
        for name in names:
            (self._folder / name).unlink(missing_ok=True)
            del self._copies[name]
            self._save()

    def _save(self) -> None:
        write_index(self._folder / INDEX, self._copies)

    def _add(self, wanted: Wanted, order: Order, keep: set[str]) -> None:
        source = self._models_dir / wanted.path
        identity = _identity(source)
        if identity is None:
            raise _unreadable(wanted)
        size, mtime_ns = identity
        disk = os.statvfs(self._folder)
        room = min(
            order.limit_bytes - sum(copy.size for copy in self._copies.values()),
            disk.f_bavail * disk.f_frsize - RESERVE_BYTES,
        )
        going = evictions(self._copies, order.used, keep, size - room)
        if going is None:
            self._tell({"event": "hot_no_room", "source": wanted.source, "bytes": size, "free": max(0, room)})
            return
        self._drop(going)
        target = self._folder / name_of(order.key, wanted.path)
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{target.name}{PART_SUFFIX}")
        try:
            sha256 = self._copy(source, part, wanted, size)
            if _identity(source) != identity:
                raise ModelError(
                    f"{wanted.source} changed while it was copied",
                    code="model_changed",
                    hint="run it again when nothing writes to it any more",
                    retryable=True,
                )
            if wanted.sha256 not in {None, sha256}:
                raise ModelError(
                    f"{wanted.source} is damaged, or another file of that size: its SHA-256 is {sha256}, not "
                    f"{wanted.sha256}",
                    code="model_corrupt",
                    hint=f"if it is the file that you want, `models verify {order.model}` remembers it as it is; with "
                    "--repair it downloads the published one",
                )
            part.replace(target)
        except OSError as error:
            if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
                raise
            self._tell({"event": "hot_no_room", "source": wanted.source, "bytes": size, "free": 0})
            return
        finally:
            part.unlink(missing_ok=True)
        self._copies[name_of(order.key, wanted.path)] = Copy(wanted.source, size, mtime_ns, sha256)
        self._save()
        self._tell({"event": "hot_copied", "source": wanted.source, "bytes": size, "sha256": sha256})

    def _copy(self, source: Path, part: Path, wanted: Wanted, size: int) -> str:
        """Copies the bytes, onto the disk and not only into its cache, and returns their digest."""
        from hal_image.models.growing_digest import GrowingDigest  # noqa: PLC0415 - loads OpenSSL; as above

        buffer = memoryview(bytearray(CHUNK_BYTES))
        place, told = 0, 0.0
        try:
            reading = source.open("rb", buffering=0)
        except OSError as error:
            raise _unreadable(wanted) from error
        with reading, part.open("w+b", buffering=0) as writing:
            digest = GrowingDigest(writing.fileno(), 0)
            try:
                while place <= size and (count := _read_into(reading, buffer, wanted)):  # one that grows has no end
                    written = 0
                    while written < count:
                        written += writing.write(buffer[written:count])
                    place += count
                    digest.grow(place)
                    if time.monotonic() - told >= TELL_EVERY_S:
                        told = time.monotonic()
                        self._tell({"event": "hot_copying", "source": wanted.source, "bytes": size, "done": place})
                sha256 = digest.hexdigest()
            finally:
                digest.close()
            os.fsync(writing.fileno())
        return sha256


def _read_into(reading: FileIO, buffer: memoryview, wanted: Wanted) -> int:
    """As ``readinto``: what the models' disk says is not to be taken for what the cache's says."""
    try:
        return reading.readinto(buffer) or 0
    except OSError as error:
        raise _unreadable(wanted) from error


def _unreadable(wanted: Wanted) -> ModelError:
    return ModelError(
        f"{wanted.source} cannot be read in the container",
        code="model_unreadable",
        hint=f"check it with: ls -l {wanted.source}",
    )


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        info = path.stat()
    except OSError:
        return None
    return info.st_size, info.st_mtime_ns
