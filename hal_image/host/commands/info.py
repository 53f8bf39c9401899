"""``info IMAGE``: how a picture was made, read from the picture itself."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

from hal_image import paths, png
from hal_image.errors import HalError, JsonObject, UsageError
from hal_image.host.metadata import KEYWORD
from hal_image.host.render import printable
from hal_image.host.result import Result

if TYPE_CHECKING:
    import argparse

    from hal_image.host.render import Output


MAX_BYTES = 512 * 1024 * 1024
"""Longest picture that is read. What is no file, as ``/dev/zero``, may never end."""


def run(options: argparse.Namespace, output: Output) -> Result:  # noqa: ARG001 - every command has this shape
    """Reads the metadata of a PNG.

    Raises:
        UsageError: ``image_unreadable``.
        HalError: ``not_a_png``, ``no_metadata``.
    """
    path = paths.typed(options.image).absolute()
    try:
        with path.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:  # the latter for names that no file can have
        reason = getattr(error, "strerror", None) or error
        raise UsageError(
            f"cannot read {path}: {reason}", code="image_unreadable", hint="give the path of a PNG file"
        ) from error
    if len(raw) > MAX_BYTES:
        raise UsageError(
            f"{path} is larger than {MAX_BYTES} bytes", code="image_unreadable", hint="give the path of a PNG file"
        )
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
        value = json.loads(text, parse_constant=lambda _name: None, parse_float=_finite)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _finite(digits: str) -> float | None:
    """A number that JSON can tell, else ``None``: ComfyUI writes NaN into its graphs, and others 1e999."""
    number = float(digits)
    return number if math.isfinite(number) else None


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
            elif key == "workflow" and isinstance(value, dict):
                lines.append(f"workflow   {value.get('name')} sha256 {value.get('sha256')}")
            elif value not in (None, ""):
                lines.append(f"{(section + ' ' + key).ljust(24)} {value}")
    return [printable(line) for line in lines]
