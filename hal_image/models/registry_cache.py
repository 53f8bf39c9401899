"""Keeps a registry that was already read and checked: importing PyYAML takes longer than everything else a warm call
does with models.yaml.

The cache is valid as long as it holds the very text of the files that it was made from and was made by this code;
anything else about it, a damaged or unwritable file included, means that the registry is read again.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hal_image.models.types import Defaults, Entry, Extra, Model, ModelFile, Registry, Source

if TYPE_CHECKING:
    from collections.abc import Sequence


def read(cache: Path, files: Sequence[Path]) -> Registry | None:
    """The registry made from exactly these files, or ``None`` if it is not known. Never raises."""
    try:
        kept = json.loads(cache.read_bytes())
        if kept["key"] != _key(files):
            return None
        entries = {name: entry_of(one) for name, one in kept["entries"].items()}
        models = {name: one for name, one in entries.items() if isinstance(one, Model)}
        extras = {name: one for name, one in entries.items() if isinstance(one, Extra)}
        return Registry(kept["default"], models, kept["default_without_gpu"], extras)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def write(cache: Path, files: Sequence[Path], registry: Registry) -> None:
    """Keep ``registry`` for the next call; does nothing where that is not possible. Never raises."""
    partial = cache.with_name(f"{cache.name}.{os.getpid()}")
    try:
        kept = {
            "key": _key(files),
            "default": registry.default,
            "default_without_gpu": registry.default_without_gpu,
            "entries": {name: fields(entry) for name, entry in registry.entries.items()},
        }
        partial.write_text(json.dumps(kept), encoding="utf-8")
        partial.replace(cache)
    except (OSError, ValueError):
        with suppress(OSError):
            partial.unlink()


def _key(files: Sequence[Path]) -> Any:
    """What the registry depends on: the text of its files, and the code that reads them."""
    code = [path.stat() for path in sorted(Path(__file__).parent.glob("*.py"))]
    return [
        [[stat.st_mtime_ns, stat.st_size] for stat in code],
        [[str(path), path.read_bytes().decode("utf-8")] for path in files],
    ]


def fields(entry: Entry) -> dict[str, Any]:
    """An entry as JSON; ``entry_of`` reads it."""
    files = [{**file._asdict(), "sources": [source._asdict() for source in file.sources]} for file in entry.files]
    if isinstance(entry, Extra):
        return {**entry._asdict(), "files": files}
    return {**entry._asdict(), "files": files, "defaults": entry.defaults._asdict()}


def entry_of(fields: dict[str, Any]) -> Entry:
    """The entry that ``fields`` wrote.

    Raises:
        KeyError, TypeError: it did not.
    """
    files = tuple(
        ModelFile(**{**file, "sources": tuple(Source(**source) for source in file["sources"])})
        for file in fields["files"]
    )
    if "kind" in fields:
        return Extra(**{**fields, "files": files})
    return Model(**{**fields, "files": files, "defaults": Defaults(**fields["defaults"])})
