"""``info IMAGE``: how a picture was made, read from the picture itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from hal_image import png
from hal_image.errors import HalError, JsonObject, UsageError
from hal_image.host.metadata import KEYWORD
from hal_image.host.render import printable
from hal_image.host.result import Result

if TYPE_CHECKING:
    import argparse

    from hal_image.host.render import Output


def run(options: argparse.Namespace, output: Output) -> Result:  # noqa: ARG001 - every command has this shape
    """Reads the metadata of a PNG.

    Raises:
        UsageError: ``image_unreadable``.
        HalError: ``not_a_png``, ``no_metadata``.
    """
    path = Path(options.image).expanduser().absolute()
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise UsageError(
            f"cannot read {path}: {error.strerror}", code="image_unreadable", hint="give the path of a PNG file"
        ) from error
    texts = png.read_texts(raw)
    width, height = png.size(raw)
    own = _json(texts.get(KEYWORD))
    graph = _json(texts.get("prompt"))
    if own is None and graph is None and "parameters" not in texts:
        raise HalError(
            f"{path} says nothing about how it was made",
            code="no_metadata",
            hint="it was made by another program, or its metadata was removed on the way",
        )
    data = {
        "path": str(path),
        "width": width,
        "height": height,
        "hal8000": own,
        "parameters": texts.get("parameters"),
        "graph": graph,
    }
    return Result("info", data, tuple(_lines(data)))


def _json(text: str | None) -> JsonObject | None:
    """A JSON object out of a picture; anything else counts as absent: pictures come from anywhere."""
    if text is None:
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _lines(data: JsonObject) -> list[str]:
    lines = [f"file       {data['path']}", f"size       {data['width']}x{data['height']}"]
    own = data["hal8000"]
    if own is None:
        if data["parameters"]:
            lines += ["", *data["parameters"].splitlines()]
        else:
            lines.append("it carries a ComfyUI graph; --json shows it")
        return [printable(line) for line in lines]
    for section in ("request", "model", "engine", "tool"):
        values = own.get(section)
        if not isinstance(values, dict):
            continue
        for key, value in values.items():
            if key == "files" and isinstance(value, list):
                lines += [
                    f"file       {file.get('name')} sha256 {file.get('sha256')}"
                    for file in value
                    if isinstance(file, dict)
                ]
            elif value not in (None, ""):
                lines.append(f"{(section + ' ' + key).ljust(24)} {value}")
    return [printable(line) for line in lines]
