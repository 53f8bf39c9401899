"""What the host remembers of the hot cache, so that a call whose model is in it need not start a container to know.

One note for all models folders, as there is one volume. It holds only while the volume is mounted by a container that
runs: then nobody can have removed it. It may know too little, which costs a look; what it knows is compared with the
files in the models folder.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from hal_image import paths
from hal_image.models.hot_cache import Copy, Wanted, name_of, read_index, write_index

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

NOTE_FILE = "hot-cache.json"


class Plan(NamedTuple):
    """Which of a model's files go into the cache.

    Attributes:
        fitting: those that do.
        sizes: their bytes and times of change, in ns, as they are now.
        left_out: those for which the limit is too small, beside the others.
    """

    fitting: tuple[Wanted, ...]
    sizes: tuple[tuple[int, int], ...]
    left_out: tuple[Path, ...]


def plan(files: Sequence[tuple[Path, str | None]], models_dir: Path, limit_bytes: int) -> Plan:
    """Chooses what goes into the cache: as many files as the limit allows, in their order.

    Args:
        files: a model's, with their digests as far as they are known.
        models_dir: where they are.
        limit_bytes: of the whole cache.
    """
    fitting, sizes, left_out = [], [], []
    for path, sha256 in files:
        try:
            info = path.stat()
        except OSError:  # gone since it was found: ComfyUI says so
            continue
        if info.st_size <= limit_bytes:
            limit_bytes -= info.st_size
            fitting.append(Wanted(path.relative_to(models_dir).as_posix(), str(path), sha256))
            sizes.append((info.st_size, info.st_mtime_ns))
        else:
            left_out.append(path)
    return Plan(tuple(fitting), tuple(sizes), tuple(left_out))


def is_hot(copies: Mapping[str, Copy], key: str, wanted: Plan, models_dir: Path, limit_bytes: int) -> bool:
    """Whether nothing has to be done: every wanted file is there as it is now, no copy of this models folder is of a
    file that has changed or gone, which ComfyUI could find first, and the limit is kept.
    """
    for path, size in zip((file.path for file in wanted.fitting), wanted.sizes, strict=True):
        copy = copies.get(name_of(key, path))
        if copy is None or (copy.size, copy.mtime_ns) != size:
            return False
    for name, copy in copies.items():
        of, _, path = name.partition("/")
        if of == key:
            try:
                info = (models_dir / path).stat()
            except OSError:
                return False
            if (copy.size, copy.mtime_ns) != (info.st_size, info.st_mtime_ns):
                return False
    return sum(copy.size for copy in copies.values()) <= limit_bytes


def read() -> dict[str, Copy]:
    """What is in the cache, as far as it is known. Never raises."""
    return read_index(paths.state_dir() / NOTE_FILE)


def write(copies: Mapping[str, Copy]) -> None:
    """Keeps what is there; without the note the next call looks, and that is all."""
    with suppress(OSError):
        write_index(paths.state_dir() / NOTE_FILE, copies)


def remove() -> None:
    """Forgets what is there."""
    with suppress(OSError):
        (paths.state_dir() / NOTE_FILE).unlink(missing_ok=True)
