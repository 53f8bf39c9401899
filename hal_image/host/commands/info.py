"""``info IMAGE``: how a picture was made, read from the picture itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hal_image.errors import HalError, JsonObject
from hal_image.host import picture_file
from hal_image.host.metadata import KEYWORD, SHEET_KEYWORD
from hal_image.host.render import printable
from hal_image.host.result import Result
from hal_image.host.upscaled_texts import POSTPROCESSING

if TYPE_CHECKING:
    import argparse

    from hal_image.host.render import Output


def run(options: argparse.Namespace, output: Output) -> Result:  # noqa: ARG001 - every command has this shape
    """Reads what a picture says about itself.

    Raises:
        UsageError: ``image_unreadable``.
        HalError: ``not_a_png``, ``no_metadata``.
    """
    path, raw = picture_file.load(options.image)
    picture = picture_file.read(raw)
    picture_file.check_pixels(picture, raw)
    own, graph, parameters = picture.json(KEYWORD), picture.json("prompt"), picture.texts.get("parameters")
    afterwards = picture.texts.get(POSTPROCESSING)
    sheet = picture.json(SHEET_KEYWORD)
    if own is None and graph is None and sheet is None and parameters is None and afterwards is None:
        raise HalError(
            f"{path} says nothing about how it was made",
            code="no_metadata",
            hint="it was made by another program, or its metadata was removed on the way",
        )
    data: JsonObject = {
        "path": str(path),
        "format": picture.format,
        "width": picture.width,
        "height": picture.height,
        "hal8000": own,
        "parameters": parameters,
        "postprocessing": afterwards,
        "graph": graph,
    }
    if sheet is not None:
        data["sheet"] = sheet
    return Result("info", data, tuple(_lines(data)))


def _shown(value: object) -> object:
    """A value as a person reads it."""
    if isinstance(value, list):
        return ", ".join(str(part) for part in value)
    if not isinstance(value, dict):
        return value
    return ", ".join(f"{key} {part}" for key, part in value.items() if part is not None)


def _lines(data: JsonObject) -> list[str]:
    lines = [f"file       {data['path']}", f"size       {data['width']}x{data['height']}"]
    own = data["hal8000"]
    afterwards = (data["postprocessing"] or "").splitlines()
    if own is None:
        if "sheet" in data:
            lines += _of_sheet(data["sheet"])
        elif data["parameters"]:
            lines += ["", *data["parameters"].splitlines()]
        elif data["graph"] is not None:
            lines.append("it carries a ComfyUI graph; --json shows it")
        return [printable(line) for line in (*lines, *afterwards)]
    for section in ("request", "model", "engine", "batch", "tool"):
        values = own.get(section)
        if not isinstance(values, dict):
            continue
        lines += [line for key, value in values.items() for line in _of_field(section, key, value)]
    lines += [f"{'afterwards'.ljust(24)} {line}" for line in afterwards]
    return [printable(line) for line in lines]


def _of_field(section: str, key: str, value: object) -> list[str]:
    if key == "files" and isinstance(value, list):
        files = [file for file in value if isinstance(file, dict)]
        return [f"file       {file.get('name')} sha256 {file.get('sha256')}" for file in files]
    if key == "workflow" and isinstance(value, dict):
        return [f"workflow   {value.get('name')} sha256 {value.get('sha256')}"]
    return [] if value in (None, "") else [f"{(section + ' ' + key).ljust(24)} {_shown(value)}"]


def _of_sheet(sheet: JsonObject) -> list[str]:
    """Of a contact sheet: what its pictures have in common, and what each has of its own."""
    request, pictures = sheet.get("request"), sheet.get("pictures")
    common = request if isinstance(request, dict) else {}
    told = [one for one in pictures if isinstance(one, dict)] if isinstance(pictures, list) else []
    return [
        *(f"{f'request {key}'.ljust(24)} {value}" for key, value in common.items() if value not in (None, "")),
        *(f"picture    {one.get('name')} {one.get('varied')}" for one in told),
    ]
