"""What a download tells while it goes on: one JSON object an event, for ``--jsonl``, and as a line for people.

The host shows them; the container that downloads writes them to its standard output, a line each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from hal_image.errors import JsonObject
    from hal_image.models.types import ModelFile


def waiting(pid: int | None) -> JsonObject:
    """Another process, ``pid`` if it is known, downloads into the same folder and is waited for."""
    return {"event": "pull_waiting", "pid": pid}


def planned(files: Sequence[ModelFile], begun: int, models_dir: Path) -> JsonObject:
    """What will be downloaded; ``begun`` bytes of it are there."""
    return {
        "event": "pull_planned",
        "files": [{"file": file.name, "bytes": file.bytes, "licence": file.licence} for file in files],
        "bytes": sum(file.bytes for file in files),
        "begun": begun,
        "models_dir": str(models_dir),
    }


def source(file: ModelFile, host: str, begun: int, reason: str | None) -> JsonObject:
    """A source is asked; ``reason`` is why the one before it was given up."""
    return {
        "event": "pull_source",
        "file": file.name,
        "host": host,
        "bytes": file.bytes,
        "begun": begun,
        "reason": reason,
    }


def parallel(file: ModelFile) -> JsonObject:
    """From now on it comes over several connections at once, from the hub's storage of chunks."""
    return {"event": "pull_parallel", "file": file.name}


def progress(file: ModelFile, here: int, all_here: int, total: int) -> JsonObject:
    """Bytes are there: of this file, and of all files."""
    return {
        "event": "pull_progress",
        "file": file.name,
        "value": here,
        "max": file.bytes,
        "all_value": all_here,
        "all_max": total,
    }


def retry(file: ModelFile, reason: str, pause_s: float) -> JsonObject:
    """The connection was cut off; in ``pause_s`` seconds it goes on."""
    return {"event": "pull_retry", "file": file.name, "reason": reason, "seconds": pause_s}


def downloaded(file: ModelFile, path: Path) -> JsonObject:
    """A file is there."""
    return {
        "event": "pull_done",
        "file": file.name,
        "path": str(path),
        "folder": file.folder,
        "bytes": file.bytes,
        "sha256": file.sha256,
    }


def as_line(event: JsonObject) -> str | None:
    """What people are told; ``None`` for progress, which is shown in another way."""
    kind, file = event["event"], event.get("file")
    if kind == "pull_waiting":
        who = "another process" if event["pid"] is None else f"process {event['pid']}"
        return f"waiting for {who}, which is downloading"
    if kind == "pull_planned":
        files = ", ".join(sorted({f"{one['file']} ({one['licence']})" for one in event["files"]}))
        begun = f", of which {size(event['begun'])} are here" if event["begun"] else ""
        return f"downloading {size(event['bytes'])}{begun} to {event['models_dir']}: {files}"
    if kind == "pull_source":
        why = f"{event['reason']}; trying " if event["reason"] else ""
        begun = f", from {size(event['begun'])} on" if event["begun"] else ""
        return f"{file}: {why}{size(event['bytes'])} from {event['host']}{begun}"
    if kind == "pull_retry":
        after = f" in {event['seconds']:.0f} s" if event["seconds"] >= 1 else ""
        return f"{file}: {event['reason']}; going on{after}"
    what = {"pull_parallel": "over several connections at once (Xet)", "pull_done": "done"}.get(kind)
    return None if what is None else f"{file}: {what}"


def size(count: int) -> str:
    """Bytes for people, in the decimal units of the hub's pages."""
    return f"{count / 1e9:.2f} GB" if count >= 10_000_000 else f"{count / 1e6:.2f} MB"
