"""``models rm NAME…`` and ``models prune --max-size SIZE``: removes files of models, and nothing that is in use.

Only files that the registry names, and downloads that were begun, are ever removed. Of a link, the link.
"""

from __future__ import annotations

import math
import sys
import time
from typing import TYPE_CHECKING, NamedTuple

from hal_image.errors import EnvironmentError_, UsageError
from hal_image.host.engines import running
from hal_image.host.render import printable
from hal_image.host.result import Result
from hal_image.locking import file_lock
from hal_image.models import usage
from hal_image.models.download import LOCK
from hal_image.models.pull_events import size
from hal_image.models.registry import get_entry
from hal_image.models.store import PART_SUFFIX, find_file
from hal_image.models.types import FOLDERS

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from hal_image.errors import JsonObject
    from hal_image.host.render import Output
    from hal_image.models.types import Entry, Registry

GRACE_S = 60.0
"""A file that was used this recently counts as in use also without an engine: a call may just be starting one."""


class Candidate(NamedTuple):
    """A file that may be removed.

    Attributes:
        path: where it is.
        bytes: its size.
        models: names of the models that have it; none for a download that was begun.
        last_used: seconds since the epoch; for a download, when it last grew.
    """

    path: Path
    bytes: int
    models: tuple[str, ...]
    last_used: float


def rm(options: argparse.Namespace, registry: Registry, models_dir: Path, output: Output) -> Result:
    """Removes the files of models, except those that another model that is there needs, too.

    Raises:
        UsageError: no name; ``unknown_model``; ``confirmation_needed``.
        EnvironmentError_: ``models_dir_unwritable``.
    """
    if not options.names:
        raise UsageError("models rm needs a name", hint="models list shows what is there")
    models = [get_entry(registry, name) for name in options.names]
    wanted = {model.name for model in models}
    files = _files(registry.entries.values(), models_dir)
    mine = [one for one in files if wanted & {*one.models}]
    begun = [one for model in models for one in _begun(models_dir, [file.name for file in model.files])]
    whole = {name for name in registry.entries if _is_whole(registry.entries[name], models_dir)}
    kept: list[tuple[Candidate, str]] = []
    going: list[Candidate] = []
    since = _in_use_since(models_dir)
    for one in [*mine, *begun]:
        others = sorted(({*one.models} - wanted) & whole)
        if others:
            kept.append((one, f"{others[0]} needs it, too"))
        elif _in_use(one, since):
            kept.append((one, "it is in use"))
        else:
            going.append(one)
    return _remove(going, kept, options, models_dir, output)


def prune(options: argparse.Namespace, registry: Registry, models_dir: Path, output: Output) -> Result:
    """Removes the files that were not used for longest, until the rest is no more than ``--max-size``.

    Raises:
        UsageError: without ``--max-size``; ``confirmation_needed``.
        EnvironmentError_: ``models_dir_unwritable``.
    """
    if options.max_size is None or options.names:
        raise UsageError("models prune takes --max-size and nothing else", hint="models prune --max-size 40GB")
    files = [*_begun(models_dir, None), *_files(registry.entries.values(), models_dir)]
    left = sum(one.bytes for one in files)
    kept: list[tuple[Candidate, str]] = []
    going: list[Candidate] = []
    since = _in_use_since(models_dir)
    for one in sorted(files, key=lambda one: (bool(one.models), one.last_used, one.path)):
        if left <= options.max_size:
            break
        if _in_use(one, since):
            kept.append((one, "it is in use"))
            continue
        going.append(one)
        left -= one.bytes
    return _remove(going, kept, options, models_dir, output)


def _files(models: Iterable[Entry], models_dir: Path) -> list[Candidate]:
    """Every file of the registry that is there."""
    users: dict[Path, list[str]] = {}
    for model in models:
        for file in model.files:
            path = find_file(file, models_dir)
            if path is not None and model.name not in users.setdefault(path, []):
                users[path].append(model.name)
    return [
        Candidate(path, path.stat().st_size, tuple(names), usage.last_used(path) or path.stat().st_mtime)
        for path, names in users.items()
    ]


def _begun(models_dir: Path, names: Sequence[str] | None) -> list[Candidate]:
    """Downloads that were begun; only of files that are called so."""
    folders = {name for role in FOLDERS.values() for name in role}
    found = []
    for folder in sorted(folders):
        for path in sorted((models_dir / folder).glob(f".*.safetensors.*{PART_SUFFIX}")):
            name = path.name[1:].rsplit(".", 2)[0]
            if names is None or name in names:
                found.append(Candidate(path, path.stat().st_size, (), path.stat().st_mtime))
    return found


def _is_whole(model: Entry, models_dir: Path) -> bool:
    return all(find_file(file, models_dir) is not None for file in model.files)


def _in_use_since(models_dir: Path) -> float:
    """From when on a use counts: an engine that runs for this folder may have loaded since what was used since."""
    here = {"", str(models_dir), str(models_dir.resolve())}
    ages: list[float] = [
        (engine.status or {}).get("uptime_s", math.inf)  # one that does not say counts as there for ever
        for engine in running.running_engines()
        if engine.models_dir in here
    ]
    return time.time() - max([GRACE_S, *ages])


def _in_use(one: Candidate, since: float) -> bool:
    """Whether an engine may have it loaded. A download that goes on holds the lock, which is waited for."""
    used = usage.last_used(one.path) if one.models else None
    return used is not None and used > since


def _remove(
    going: list[Candidate],
    kept: list[tuple[Candidate, str]],
    options: argparse.Namespace,
    models_dir: Path,
    output: Output,
) -> Result:
    if going and not options.dry_run and not options.yes:
        _confirm(going)
    if not options.dry_run and going:
        try:
            with file_lock(models_dir / LOCK, lambda _: output.note("waiting for a download to end")):
                for one in going:
                    one.path.unlink(missing_ok=True)
                    usage.forget(one.path)
        except OSError as error:
            raise EnvironmentError_(
                f"cannot remove {error.filename}: {error.strerror}",
                code="models_dir_unwritable",
                hint="look at the rights of the models folder",
            ) from error
    freed = sum(one.bytes for one in going)
    data: JsonObject = {
        "models_dir": str(models_dir),
        "removed": [{"path": str(one.path), "bytes": one.bytes, "models": list(one.models)} for one in going],
        "kept": [{"path": str(one.path), "bytes": one.bytes, "reason": reason} for one, reason in kept],
        "freed_bytes": freed,
        "dry_run": options.dry_run,
    }
    verb = "would remove" if options.dry_run else "removed"
    lines = [f"{verb} {one.path}, {size(one.bytes)}" for one in going]
    lines += [f"kept {one.path}: {reason}" for one, reason in kept]
    return Result("models", data, (*lines, f"{size(freed)} {'would be ' if options.dry_run else ''}freed"))


def _confirm(going: list[Candidate]) -> None:
    if sys.stdin is None or not sys.stdin.isatty():
        raise UsageError(
            f"this removes {len(going)} files, {size(sum(one.bytes for one in going))}",
            code="confirmation_needed",
            hint="add --yes, or see with --dry-run which they are",
        )
    sys.stderr.write("".join(f"{printable(str(one.path))}  {size(one.bytes)}\n" for one in going))
    sys.stderr.write("remove these files? [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise UsageError("nothing was removed", code="confirmation_needed", hint="answer y, or add --yes")
