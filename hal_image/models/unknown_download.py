"""Downloads a file that no registry knows: its size and, from the hub, its digest are what the server says first."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from hal_image.locking import file_lock
from hal_image.models import pull_events, refusals
from hal_image.models.asking import ask
from hal_image.models.download import LOCK, check_space, sync_folder
from hal_image.models.store import PART_SUFFIX
from hal_image.models.transfer import Watch, receive
from hal_image.models.types import ModelFile

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hal_image.errors import JsonObject
    from hal_image.models.hub import Hub
    from hal_image.models.types import Source


class Announced(NamedTuple):
    """What a server says of a file: its size; ``sha256`` and ``revision`` only from the hub."""

    bytes: int
    sha256: str | None
    revision: str | None


def download_unknown(
    name: str, source: Source, folder: Path, hub: Hub, tell: Callable[[JsonObject], None], stall_s: float
) -> tuple[Path, str | None]:
    """Download ``source`` as the file ``name`` in ``folder``.

    Args:
        name: of the file.
        source: where it is.
        folder: where it goes, a folder of a models folder.
        hub: how hub files are asked for.
        tell: takes events as of ``pull_events``.
        stall_s: seconds without a byte after which a connection is given up.

    Returns:
        its path, and the commit it is from if that is known.

    Raises:
        ModelError, EnvironmentError_: as for ``download``.
    """
    file = ModelFile("checkpoint", folder.name, name, 0, "", "not stated", (source,))
    if source.repo and hub.offline:
        raise refusals.offline(file, source)
    announced = _announced(file, source, hub, stall_s)
    file = file._replace(bytes=announced.bytes, sha256=announced.sha256 or "")
    path = folder / name
    part = folder / f".{name}.{(announced.sha256 or 'unknown')[:12]}{PART_SUFFIX}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with file_lock(folder.parent / LOCK, lambda pid: tell(pull_events.waiting(pid))):
            if path.exists():
                return path, announced.revision
            if announced.sha256 is None:  # whether what is there belongs to this file, nobody can tell
                part.unlink(missing_ok=True)
            begun = part.stat().st_size if part.exists() else 0
            check_space([file], begun, folder)
            tell(pull_events.source(file, urlsplit(hub.address(source)).hostname or "", begun, None))
            watch = Watch(
                lambda here: tell(pull_events.progress(file, here, here, file.bytes)),
                lambda reason, pause_s: tell(pull_events.retry(file, reason, pause_s)),
                lambda: tell(pull_events.parallel(file)),
            )
            descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
            try:
                checked = hub if announced.sha256 else hub._replace(xet=False)  # nothing would tell that it is wrong
                digest = receive(file, source, checked, descriptor, watch, stall_s).sha256
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            if announced.sha256 not in {None, digest}:
                part.unlink()
                raise refusals.damaged(file, source)
            part.replace(path)
            sync_folder(folder)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise refusals.cannot_write(folder, error) from error
    return path, announced.revision


def _announced(file: ModelFile, source: Source, hub: Hub, stall_s: float) -> Announced:
    headers = ask(file, source, hub, stall_s)
    length = headers.get("x-linked-size") or headers.get("content-length", "")
    if not length.isdigit() or int(length) == 0:
        raise refusals.refused(file, source, "it does not say how big the file is")
    digest = headers.get("x-linked-etag", "").strip('"').lower()
    return Announced(
        int(length),
        digest if source.repo and re.fullmatch(r"[0-9a-f]{64}", digest) else None,
        headers.get("x-repo-commit") or None if source.repo else None,
    )
