"""The small JSON file that says: everything beside me is complete. Written last, and only once that is on disk."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from hal_image.errors import EnvironmentError_

if TYPE_CHECKING:
    from pathlib import Path


def write(path: Path, content: dict[str, Any]) -> None:
    """Write ``content`` to ``path`` so that it is there completely or not at all, also after a power cut.

    What was written before is flushed first: a marker must not outlive the files that it vouches for.

    Raises:
        OSError: e.g. the disk is full.
    """
    os.sync()
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("w", encoding="utf-8") as stream:
            json.dump(content, stream, indent=2, sort_keys=True)
            stream.write("\n")
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
        sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def read(path: Path) -> dict[str, Any] | None:
    """The content of the marker ``path``; ``None`` when there is none or it is not ours."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def sync_folder(folder: Path) -> None:
    """Flush the names in ``folder``, as far as its file system lets us."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def remove_tree(folder: Path) -> None:
    """Remove ``folder`` and all below it; nothing happens when there is none.

    Raises:
        EnvironmentError_: ``state_dir_unwritable`` when something of it cannot be removed.
    """
    import shutil  # noqa: PLC0415 - every call reads markers, only an installation removes trees

    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return
    except OSError as error:
        raise EnvironmentError_(
            f"cannot remove the incomplete folder {folder}: {error.strerror}",
            code="state_dir_unwritable",
            hint=f"sudo rm -r {folder}",
            details={"path": str(folder)},
        ) from error
