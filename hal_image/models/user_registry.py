"""Writes an entry into the user's own models.yaml, and leaves everything else in that file as it is.

The new entry goes behind the last model, as text; comments, order and spelling of the rest stay. What comes out is read
by the strict parser before it takes the old file's place.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from hal_image.errors import EnvironmentError_, RegistryError
from hal_image.models.registry_parser import parse_registry
from hal_image.models.types import Extra

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from hal_image.models.types import Entry


def add(entry: Entry, file: Path, project_file: Path, others: Sequence[Path]) -> None:
    """Write ``entry`` into the registry file ``file``, which is made if it is not there.

    Args:
        entry: what to add; no file may have one of that name yet.
        file: the user's registry file.
        project_file: ours.
        others: the user's other registry files, to see that all go together.

    Raises:
        RegistryError: the file, or what would come of it, breaks a rule; ``registry_not_editable``.
        EnvironmentError_: ``registry_unwritable``.
    """
    partial = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        text = file.read_text(encoding="utf-8") if file.exists() else ""
        file.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(_with_entry(text, entry, file), encoding="utf-8")
        parse_registry(project_file, [*(other for other in others if other != file), partial])
        if file.exists():
            partial.chmod(file.stat().st_mode & 0o777)
        with partial.open("rb") as written:
            os.fsync(written.fileno())
        partial.replace(file.resolve())
    except OSError as error:
        raise EnvironmentError_(
            f"cannot write {file}: {error.strerror}",
            code="registry_unwritable",
            hint="set HAL_REGISTRY to a file that you can write to",
        ) from error
    finally:
        with suppress(OSError):
            partial.unlink()


def _with_entry(text: str, entry: Entry, file: Path) -> str:
    import yaml  # noqa: PLC0415 - as everywhere

    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise RegistryError(f"{file} is not YAML: {error}", hint="mend it first") from error
    text = text if not text or text.endswith("\n") else f"{text}\n"
    if root is None:
        return f"{text}models:\n{_entry(entry, 2)}"
    pairs = root.value if isinstance(root, yaml.MappingNode) else []
    models = next((value for key, value in pairs if key.value == "models"), None)
    block = isinstance(root, yaml.MappingNode) and not root.flow_style
    if block and models is None:
        return f"{text}models:\n{_entry(entry, 2)}"
    if not block or not isinstance(models, yaml.MappingNode) or models.flow_style or not models.value:
        raise RegistryError(
            f"{file} is written in a way that cannot be added to",
            code="registry_not_editable",
            hint="write models: as an indented block with at least one model, or name another file in HAL_REGISTRY",
        )
    column = models.value[0][0].start_mark.column
    lines = text.splitlines(keepends=True)
    last = models.value[-1][1].end_mark.line  # of a block: where the next thing begins, comments between included
    end = min(last, len(lines))
    while end > 0 and (not lines[end - 1].strip() or lines[end - 1].lstrip().startswith("#")):
        end -= 1
    return "".join([*lines[:end], _entry(entry, column), *lines[end:]])


def _entry(entry: Entry, indent: int) -> str:
    """The lines of an entry. Texts are written as JSON, which is YAML and needs no thought about quotes."""
    step = " " * indent
    files = []
    for file in entry.files:
        source = file.sources[0]
        fields: dict[str, Any] = {
            "role": file.role,
            "folder": file.folder,
            "name": file.name,
            "bytes": file.bytes,
            "sha256": file.sha256,
            "licence": file.licence,
        }
        where = {name: value for name, value in source._asdict().items() if value not in (None, False)}
        lines = [f"{name}: {json.dumps(value)}" for name, value in fields.items()]
        sources = f"sources: [{json.dumps(where)}]"
        files.append(f"{step * 3}- {lines[0]}\n" + "".join(f"{step * 3}  {line}\n" for line in [*lines[1:], sources]))
    before: dict[str, str | None] = {"description": json.dumps(entry.description, ensure_ascii=False)}
    after = {}
    if isinstance(entry, Extra):
        before |= {"kind": entry.kind, "family": entry.family, "control": entry.control and json.dumps(entry.control)}
    else:
        defaults = {name: value for name, value in entry.defaults._asdict().items() if value is not None}
        before |= {"family": entry.family, "min_vram_gb": f"{entry.min_vram_gb:g}"}
        after = {"defaults": json.dumps(defaults)}
    return "".join(
        (
            f"{step}{entry.name}:\n",
            *(f"{step * 2}{name}: {value}\n" for name, value in before.items() if value is not None),
            f"{step * 2}files:\n{''.join(files)}",
            *(f"{step * 2}{name}: {value}\n" for name, value in after.items()),
        )
    )
