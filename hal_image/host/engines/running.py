"""Which engines of this user run right now: what ``ps`` shows and ``stop`` ends."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hal_image import paths, wire
from hal_image.host.engines.link import Link, LinkClosed
from hal_image.locking import try_lock

if TYPE_CHECKING:
    from hal_image.errors import JsonObject

ANSWER_LIMIT_S = 5.0


class RunningEngine(NamedTuple):
    """An engine that holds its lock.

    Attributes:
        kind: ``local``.
        folder: its folder in the state directory.
        models_dir: the models folder that it serves.
        pid: its process id.
        socket: where it listens.
        status: the fields of ``EngineStatus``, or ``None`` when it does not answer.
    """

    kind: str
    folder: Path
    models_dir: str
    pid: int
    socket: Path
    status: JsonObject | None


def running_engines() -> list[RunningEngine]:
    """Every engine of this state directory, the longest running first. Cards of dead ones are removed."""
    found = []
    for card_file in sorted((paths.state_dir() / "engines").glob(f"*/{wire.CARD_FILE}")):
        try:
            card = json.loads(card_file.read_text(encoding="utf-8"))
            engine = RunningEngine(
                kind="local",
                folder=card_file.parent,
                models_dir=card["settings"]["models_dir"],
                pid=int(card["pid"]),
                socket=Path(card["socket"]),
                status=_status(Path(card["socket"])),
            )
        except (OSError, ValueError, KeyError, TypeError):
            continue  # just written, just gone, or damaged: no engine that could be shown
        if engine.status is None and not lock_is_held(card_file.parent):
            with suppress(OSError):
                card_file.unlink()
            continue
        found.append(engine)
    return sorted(found, key=lambda engine: -(engine.status or {}).get("uptime_s", 0))


def _status(socket: Path) -> JsonObject | None:
    try:
        link = Link(socket)
    except LinkClosed:
        return None
    try:
        answer = link.ask(ANSWER_LIMIT_S, op="status")
    except LinkClosed:
        return None
    finally:
        link.close()
    if answer is None:
        return None
    return wire.without_frame(answer)


def lock_is_held(folder: Path) -> bool:
    """Whether an engine holds the lock of its folder: it is the proof of life that cannot go stale."""
    lock = try_lock(folder / wire.LOCK_FILE)
    if lock is None:
        return True
    lock.release()
    return False


def wait_until_gone(folder: Path, timeout_s: float) -> bool:
    """Waits until nobody holds the lock of ``folder``; ``False`` when that takes longer than ``timeout_s``."""
    end = time.monotonic() + timeout_s
    while lock_is_held(folder):
        if time.monotonic() >= end:
            return False
        time.sleep(0.05)
    return True
