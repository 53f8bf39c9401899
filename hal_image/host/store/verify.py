"""``models verify [NAME…]``: compares files with the registry's digests; ``--repair`` gets those that differ anew."""

from __future__ import annotations

import stat
import sys
from typing import TYPE_CHECKING, NamedTuple

from hal_image.errors import ModelError
from hal_image.host.deadline import Deadline
from hal_image.host.pull import pull
from hal_image.host.pull_display import PullDisplay
from hal_image.host.result import Result
from hal_image.host.store.digest import digest_of
from hal_image.locking import file_lock
from hal_image.models import contents, verified
from hal_image.models.download import LOCK
from hal_image.models.pull_events import size
from hal_image.models.registry import get_entry
from hal_image.models.safetensors_header import read_header
from hal_image.models.store import PART_SUFFIX, find_file, part_of, target

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from hal_image.errors import JsonObject
    from hal_image.host.render import Output
    from hal_image.models.types import Entry, ModelFile, Registry

TOLD = {
    "ok": "is what the registry names",
    "other": "is another file than the registry names, and a whole one",
    "damaged": "is damaged",
    "missing": "is not here",
    "included": "comes with this tool, and is written when it is first used",
    "repaired": "was damaged, and was downloaded anew",
}


class Finding(NamedTuple):
    """A file of the registry and what was found in its place."""

    model: Entry
    file: ModelFile
    path: Path | None
    status: str
    sha256: str | None = None
    reason: str | None = None

    @property
    def can_be_had_again(self) -> bool:
        """Whether it comes with this tool, or from somewhere on the network."""
        return any(source.repo or source.url or source.bundled for source in self.file.sources)

    def repaired(self, models_dir: Path) -> Finding:
        """The same after a repair."""
        if self.file.bundled is not None:
            return self._replace(status="included", path=None, sha256=None, reason=None)
        return self._replace(status="repaired", path=target(self.file, models_dir), sha256=self.file.sha256)

    def to_json(self) -> JsonObject:
        """An entry of ``data.verified``."""
        return {
            "file": self.file.name,
            "path": None if self.path is None else str(self.path),
            "status": self.status,
            "sha256": self.sha256,
            "reason": self.reason,
        }


def run(options: argparse.Namespace, registry: Registry, models_dir: Path, output: Output) -> Result:
    """Verifies the models that are named, or all.

    Raises:
        UsageError: ``unknown_model``.
        ModelError, EnvironmentError_: what stands against a repair.
    """
    models = [get_entry(registry, name) for name in options.names] or list(registry.entries.values())
    deadline = Deadline.after(options.timeout)
    found = _Check(models, models_dir, output, deadline).run()
    damaged = [one for one in found if one.status == "damaged"]
    if damaged and options.repair:
        again = [one for one in damaged if one.can_be_had_again]
        aside = _clear(again, models_dir)
        try:
            wanted = {one.model.name: one.model for one in again if one.file.bundled is None}
            if wanted:
                pull(wanted.values(), registry, models_dir, engine=options.engine, output=output, deadline=deadline)
        finally:
            _end_repair(aside)
        found = [one.repaired(models_dir) if one in again else one for one in found]
        damaged = [one for one in damaged if one not in again]
    named = bool(options.names)
    lines = [_line(one) for one in found if named or one.status not in {"missing", "included"}]
    data = {"models_dir": str(models_dir), "verified": [one.to_json() for one in found]}
    error = None
    if damaged:
        names = " ".join(dict.fromkeys(one.model.name for one in damaged))
        error = ModelError(
            f"{len(damaged)} of {len(found)} files are damaged: {', '.join(one.file.name for one in damaged)}",
            code="models_damaged",
            hint=f"get them anew: models verify {names} --repair"
            if any(one.can_be_had_again for one in damaged)
            else "they were added from this machine: put whole ones in their place, or add them once more",
        )
    return Result("models", data, tuple(lines) or ("there is nothing to verify",), error=error)


def _line(one: Finding) -> str:
    return f"{one.file.name}: {TOLD[one.status]}{f': {one.reason}' if one.reason else ''}"


class _Check:
    """One pass over the files, with progress."""

    def __init__(self, models: list[Entry], models_dir: Path, output: Output, deadline: Deadline) -> None:
        self._known = verified.read()
        self._display = PullDisplay(output, deadline)
        files = {target(file, models_dir): (model, file) for model in models for file in model.files}
        self._files = [(model, file, find_file(file, models_dir)) for model, file in files.values()]
        to_read = [path for _, _, path in self._files if path and verified.digest(self._known, path) is None]
        self._total = sum(path.stat().st_size for path in to_read)
        self._done = 0
        if to_read:
            output.note(f"reading {size(self._total)} in {len(to_read)} files")

    def run(self) -> list[Finding]:
        try:
            return [self._one(model, file, path) for model, file, path in self._files]
        finally:
            self._display.close()

    def _one(self, model: Entry, file: ModelFile, path: Path | None) -> Finding:
        if path is None:
            return Finding(model, file, None, "missing" if file.bundled is None else "included")
        digest = verified.digest(self._known, path)
        if digest is None:
            digest = digest_of(path, self._display, self._done, self._total)
            self._done += path.stat().st_size
        if digest == file.sha256:
            return Finding(model, file, path, "ok", digest)
        try:
            header = read_header(path)
            contents.check(header, path, model, file)
        except ModelError as error:
            return Finding(model, file, path, "damaged", digest, error.message)
        if header.file_bytes == file.bytes:
            return Finding(model, file, path, "damaged", digest, "it has the right size and other bytes")
        return Finding(model, file, path, "other", digest)


def _clear(damaged: list[Finding], models_dir: Path) -> dict[Path, Path]:
    """Make room for whole files. What was merely cut off becomes a download that goes on.

    Returns:
        where the others are meanwhile, and where they were.
    """
    aside: dict[Path, Path] = {}
    with file_lock(models_dir / LOCK):
        for one in damaged:
            assert one.path is not None
            part = part_of(one.file, models_dir)
            info = one.path.lstat()
            # not a link, and not a second name for somebody else's file: it will be written to
            ours = stat.S_ISREG(info.st_mode) and info.st_nlink == 1 and one.file.bundled is None
            if ours and info.st_size < one.file.bytes and not part.exists() and one.path.parent == part.parent:
                one.path.replace(part)
            else:
                moved = one.path.with_name(f".{one.path.name}.damaged{PART_SUFFIX}")
                one.path.replace(moved)
                aside[moved] = one.path
    return aside


def _end_repair(aside: dict[Path, Path]) -> None:
    """Remove what was damaged; where nothing came in its place it comes back: it may be all that there is."""
    failed = sys.exc_info()[0] is not None
    for moved, path in aside.items():
        if failed and not path.exists():
            moved.replace(path)
        else:
            moved.unlink()
