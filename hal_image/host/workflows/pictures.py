"""The pictures that a workflow loads: read here, and given to the engine under names of their own."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from hal_image import paths
from hal_image.errors import UsageError
from hal_image.host import given_file
from hal_image.host.workflows.files import refuse_path
from hal_image.workflow.own.faults import called

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from hal_image.errors import JsonObject
    from hal_image.host.workflows.document import Document
    from hal_image.workflow.own.check import FileUse

PLAIN = re.compile(r"\w[\w .()+-]{0,99}", re.ASCII)
"""Names that are taken over as they are."""
PLACE = re.compile(r"^(.*) \[(input|output|temp)\]$", re.DOTALL)
"""How ComfyUI says in which of its folders a picture is."""


class Loaded(NamedTuple):
    """A workflow with its pictures.

    Attributes:
        graph: a copy in which they have the names of ``inputs``.
        inputs: bytes by name.
        told: for each name where it came from, as ``WorkflowUse.pictures`` has it.
    """

    graph: JsonObject
    inputs: Mapping[str, bytes]
    told: Mapping[str, Mapping[str, str]]


def load(uses: Sequence[FileUse], graph: JsonObject, document: Document, typed: AbstractSet[tuple[str, str]]) -> Loaded:
    """Reads every picture: beside the workflow, in the current folder, or from where the picture that is the workflow
    was made with it, if it is still the same.

    Args:
        uses: what is named.
        graph: the workflow.
        document: its file.
        typed: node and input of what was named on the command line, where any path is right.

    Raises:
        UsageError: ``workflow_path_refused``, ``workflow_picture_unusable``.
    """
    changed = {node_id: {**node, "inputs": dict(node["inputs"])} for node_id, node in graph.items()}
    names: dict[Path, str] = {}
    inputs: dict[str, bytes] = {}
    told: dict[str, Mapping[str, str]] = {}
    for use in uses:
        where = called(use.node, graph[use.node])
        path = _path_of(use, where, document, is_typed=(use.node, use.input) in typed)
        if path not in names:
            data = _read(path, where)
            names[path] = _own_name(path, inputs)
            inputs[names[path]] = data
            told[names[path]] = {"path": str(path), "sha256": hashlib.sha256(data).hexdigest()}
        changed[use.node]["inputs"][use.input] = names[path]
    return Loaded(changed, inputs, told)


def _path_of(use: FileUse, where: str, document: Document, *, is_typed: bool) -> Path:
    placed = PLACE.match(use.name)
    name = placed[1] if placed is not None else use.name
    if is_typed:
        return paths.typed(name).absolute()
    if placed is not None and placed[2] != "input":
        raise UsageError(
            f"{where} loads a picture from ComfyUI's folder {placed[2]!r}",
            code="workflow_path_refused",
            hint=f"give the picture: --set {use.node}.{use.input}=FILE",
            details={"name": use.name[:200]},
        )
    refuse_path(name, where)
    for folder in (document.path.parent, Path.cwd()):
        if (folder / name).is_file():
            return folder / name
    remembered = _remembered(name, document.pictures)
    if remembered is not None:
        return remembered
    raise UsageError(
        f"{where} loads {name[:100]!r}, which is neither in {document.path.parent} nor in the current folder",
        code="workflow_picture_unusable",
        hint=f"put it there, or name another: --set {use.node}.{use.input}=FILE",
        details={"node": use.node, "input": use.input, "name": name[:200]},
    )


def _remembered(name: str, pictures: Mapping[str, Any]) -> Path | None:
    """Where a picture says that it was made with one of that name. It may lie: the bytes must be those it tells of."""
    told = pictures.get(name)
    try:
        path = Path(told["path"])  # type: ignore[index]
        raw = given_file.read(path, given_file.WORKFLOW_BYTES)
        same = hashlib.sha256(raw).hexdigest() == told["sha256"]  # type: ignore[index]
    except (given_file.Unreadable, KeyError, TypeError):
        return None
    return path if same else None


def _read(path: Path, where: str) -> bytes:
    import io  # noqa: PLC0415 - only for workflows that load pictures

    from PIL import Image  # noqa: PLC0415 - likewise

    try:
        data = given_file.read(path, given_file.WORKFLOW_BYTES)
        with Image.open(io.BytesIO(data)) as image:
            image.verify()
    except given_file.Unreadable as error:
        raise _unusable(path, where, str(error)) from error
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise _unusable(path, where, "it is no picture that can be read") from error
    return data


def _unusable(path: Path, where: str, reason: str) -> UsageError:
    return UsageError(
        f"{where} loads {path}: {reason}",
        code="workflow_picture_unusable",
        hint="give the path of a picture, e.g. a PNG or JPEG",
        details={"path": str(path)},
    )


def _own_name(path: Path, taken: Mapping[str, bytes]) -> str:
    """A plain name of its own, as the file is called where that can be."""
    if PLAIN.fullmatch(path.name) and path.name not in taken:
        return path.name
    suffix = path.suffix if PLAIN.fullmatch(path.suffix[1:]) else ""
    return f"picture-{len(taken) + 1}{suffix}"
