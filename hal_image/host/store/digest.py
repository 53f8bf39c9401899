"""The digest of a file, with progress; remembered, so that the next one who asks need not read the file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hal_image.errors import ModelError
from hal_image.models import verified

if TYPE_CHECKING:
    from pathlib import Path

    from hal_image.host.pull_display import PullDisplay

BUFFER_BYTES = 1 << 20


def digest_of(path: Path, display: PullDisplay, done: int = 0, total: int | None = None) -> str:
    """The SHA-256 of the file at ``path``, out of the index if it is known.

    Args:
        path: the file.
        display: shows how far it is.
        done: bytes of the files before it.
        total: bytes of all files; ``None`` for those of this one.

    Raises:
        ModelError: ``model_unreadable``.
        TimeoutError_: the display's deadline came.
    """
    known = verified.digest(verified.read(), path)
    if known is not None:
        return known
    import hashlib  # noqa: PLC0415 - most files are known

    digest = hashlib.sha256()
    buffer = memoryview(bytearray(BUFFER_BYTES))
    here = 0
    try:
        before = path.stat()
        with path.open("rb", buffering=0) as content:
            while count := content.readinto(buffer):
                digest.update(buffer[:count])
                here += count
                display.show(
                    {
                        "event": "verify_progress",
                        "file": path.name,
                        "value": here,
                        "max": max(before.st_size, here),
                        "all_value": done + here,
                        "all_max": max(total or before.st_size, done + here),
                    }
                )
    except OSError as error:
        raise ModelError(
            f"{path} cannot be read: {error.strerror}", code="model_unreadable", hint=f"check it with: ls -l {path}"
        ) from error
    verified.remember(path, digest.hexdigest(), before)
    return digest.hexdigest()
