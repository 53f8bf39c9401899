"""Reads the file that ``--workflow`` names: JSON, or a PNG that carries it."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, NamedTuple

from hal_image import paths, png
from hal_image.errors import HalError, UsageError
from hal_image.host import given_file
from hal_image.host.metadata import KEYWORD
from hal_image.workflow.own import api_form, editor
from hal_image.workflow.own.faults import no_workflow

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hal_image.errors import JsonObject
    from hal_image.workflow.own.definitions import Definitions

MAX_TEXT = 32 * 1024 * 1024
"""Longest workflow in characters. The largest published one has 0.2 million."""
CHUNKS = ("prompt", "workflow")
"""Where ComfyUI puts graphs into a PNG: as it ran, and as the editor shows it."""


class Document(NamedTuple):
    """A workflow's file.

    Attributes:
        path: absolute.
        sha256: of its bytes.
        content: the JSON in it.
        text: the same as text.
        pictures: of a picture that this tool made of a workflow: the pictures that this loaded, by their names in it.
    """

    path: Path
    sha256: str
    content: Any
    text: str
    pictures: Mapping[str, Any]

    def graph(self, definitions: Definitions) -> JsonObject:
        """The graph in it, in API format.

        Raises:
            UsageError: ``workflow_invalid``, ``workflow_unsupported``.
        """
        found = api_form.graph_in(self.content)
        if found is not None:
            return api_form.normalised(found)
        if editor.is_editors(self.content):
            return editor.convert(self.content, definitions)
        raise no_workflow("it has neither nodes with class_type nor the editor's list of nodes")


def read(name: str) -> Document:
    """Reads the file.

    Raises:
        UsageError: ``workflow_unreadable``, ``workflow_invalid``.
    """
    path = paths.typed(name).absolute()
    try:
        raw = given_file.read(path, given_file.WORKFLOW_BYTES)
    except given_file.TooLarge as error:
        raise no_workflow(str(error)) from error
    except given_file.Unreadable as error:
        raise UsageError(
            f"cannot read the workflow {path}: {error}",
            code="workflow_unreadable",
            hint="give the path of a workflow that ComfyUI saved, or of a PNG that it made",
        ) from error
    sha256 = hashlib.sha256(raw).hexdigest()
    if raw.startswith(png.SIGNATURE):
        texts = _texts(raw)
        for chunk in CHUNKS:
            content = _json_or_none(texts.get(chunk))
            if api_form.graph_in(content) is not None or editor.is_editors(content):
                return Document(path, sha256, content, texts[chunk], _pictures(texts.get(KEYWORD)))
        raise no_workflow("the PNG carries no graph; its metadata may have been removed on the way")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise no_workflow("it is neither a PNG nor UTF-8 text") from error
    return Document(path, sha256, _json(text), text, {})


def _texts(raw: bytes) -> dict[str, str]:
    try:
        return png.read_texts(raw)
    except HalError as error:
        raise no_workflow(error.message) from error


def _json(text: str) -> Any:
    if len(text) > MAX_TEXT:
        raise no_workflow(f"it has more than {MAX_TEXT} characters")
    try:
        return json.loads(text, parse_constant=lambda _name: None)  # ComfyUI writes NaN
    except json.JSONDecodeError as error:
        raise no_workflow(f"it is no JSON: {error.msg} in line {error.lineno}") from error
    except (ValueError, RecursionError) as error:  # numbers of thousands of digits, and what is nested too deep
        raise no_workflow(f"its JSON cannot be read: {str(error)[:80]}") from error


def _json_or_none(text: str | None) -> Any:
    try:
        return None if text is None else _json(text)
    except UsageError:
        return None


def _pictures(own: str | None) -> Mapping[str, Any]:
    """What our own metadata says of the pictures that a workflow loaded; it is no more to be trusted than the rest."""
    told = _json_or_none(own)
    try:
        found = told["request"]["workflow"]["pictures"]
    except (KeyError, TypeError):
        return {}
    return found if isinstance(found, dict) else {}
