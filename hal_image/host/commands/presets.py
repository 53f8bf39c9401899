"""``presets list`` and ``presets show NAME``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hal_image import paths
from hal_image.errors import UsageError
from hal_image.host.presets import Preset, get, load
from hal_image.host.result import Result
from hal_image.host.table import table

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping
    from pathlib import Path

    from hal_image.host.render import Output


def run(options: argparse.Namespace, output: Output) -> Result:  # noqa: ARG001 - every command has this shape
    """Does what the action says.

    Raises:
        UsageError: ``unknown_preset``, ``presets_invalid``, ``presets_unreadable``, ``usage``.
    """
    presets = load()
    if options.action == "list":
        if options.preset is not None:
            raise UsageError(f"presets list takes no {options.preset!r}", hint=f"presets show {options.preset}")
        return _list(presets, paths.user_preset_files())
    if options.preset is None:
        raise UsageError("presets show needs a name", hint="presets list shows them")
    preset = get(presets, options.preset)
    lines = [f"{preset.name}: {preset.description}".rstrip(": "), *_fields(preset), f"file             {preset.file}"]
    return Result("presets", {"preset": preset.to_json()}, tuple(lines))


def _list(presets: Mapping[str, Preset], files: tuple[Path, ...]) -> Result:
    told = [preset.to_json() for preset in presets.values()]
    data = {"files": [str(file) for file in files], "presets": told}
    if not presets:
        return Result("presets", data, (f"no presets: they are written in {paths.default_user_presets()}",))
    rows = [("NAME", "WHAT IT IS", "OPTIONS")]
    for preset in told:
        options = ", ".join(f"{name} {value}" for name, value in preset["options"].items())
        rows.append((preset["name"], preset["description"], options))
    return Result("presets", data, tuple(table(rows)))


def _fields(preset: Preset) -> list[str]:
    told = preset.to_json()
    texts = ("prompt_prefix", "prompt_suffix", "negative_prompt")
    values = {**{name: repr(told[name]) for name in texts if told[name]}, **told["options"]}
    return [f"{name.ljust(16)} {value}" for name, value in values.items()]
