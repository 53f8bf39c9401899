"""``models list`` and ``models show NAME``; what else ``models`` does is in ``hal_image.host.store``."""

from __future__ import annotations

import importlib
import time
from typing import TYPE_CHECKING

from hal_image import paths
from hal_image.errors import JsonObject, UsageError
from hal_image.host.registry import choose_model, load
from hal_image.host.result import Result
from hal_image.host.table import table
from hal_image.models import usage, verified
from hal_image.models.registry import get_model
from hal_image.models.store import installed_files, part_of, status, target
from hal_image.models.types import COMES_WITH_US

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from hal_image.host.render import Output
    from hal_image.models.types import Model, ModelFile, Registry

GB = 1e9


ACTIONS = {
    "pull": ("pull", "run"),
    "verify": ("verify", "run"),
    "rm": ("remove", "rm"),
    "prune": ("remove", "prune"),
    "add": ("add", "run"),
    "import": ("adopt", "run"),
}
"""Module and function of what is not done here."""


def run(options: argparse.Namespace, output: Output) -> Result:
    """Does what the action says.

    Raises:
        UsageError: ``unknown_model``, ``usage``.
        RegistryError: the registry is wrong.
        HalError: as for the action.
    """
    registry = load()
    models_dir = paths.models_dir(options.models_dir)
    if options.action in ACTIONS:
        from hal_image.host.hal8000 import registration  # noqa: PLC0415 - not for `models list`

        module, function = ACTIONS[options.action]
        act = getattr(importlib.import_module(f"hal_image.host.store.{module}"), function)
        try:
            result: Result = act(options, registry, models_dir, output)
        finally:  # what came or went before a failure did so all the same
            registration.refresh(models_dir, output)
        return result
    if options.action == "list":
        if options.names:
            raise UsageError(f"models list takes no {options.names[0]!r}", hint=f"models show {options.names[0]}")
        return _list(registry, models_dir)
    if len(options.names) != 1:
        raise UsageError("models show needs one name", hint=f"one of {', '.join(registry.models)}")
    return _show(get_model(registry, options.names[0]), registry, models_dir)


def _list(registry: Registry, models_dir: Path) -> Result:
    used = _used(registry, models_dir)
    models = [_facts(model, used["name"], models_dir) for model in registry.models.values()]
    rows = [("NAME", "STATUS", "SIZE", "VRAM", "LAST USED", "LICENCE", "WHAT IT IS")]
    for model in models:
        name = f"{model['name']}{_mark(model['name'], used)}"
        licence = model["files"][0]["licence"]
        vram = f"{model['min_vram_gb']:g} GB"
        used_on = (model["last_used"] or "never")[:10]
        size = f"{model['bytes'] / GB:.1f} GB"
        rows.append((name, model["status"], size, vram, used_on, licence, model["description"]))
    lines = [*table(rows), "", f"models folder: {models_dir}"]
    if used["chosen"] == "no_gpu":
        lines.append(f"no GPU and no {used['usual']} here: without --model it is {used['name']}")
    return Result("models", {"models_dir": str(models_dir), "default": used, "models": models}, tuple(lines))


def _used(registry: Registry, models_dir: Path) -> JsonObject:
    """Which model is used without ``--model``, here and now, and the registry's default, which usually is."""
    model, chosen = choose_model(registry, None, models_dir)
    return {"name": model.name, "chosen": chosen, "usual": registry.default}


def _mark(name: str, used: JsonObject) -> str:
    if name == used["name"]:
        return " (default)" if used["chosen"] == "default" else " (default here)"
    return " (default with a GPU)" if name == used["usual"] else ""


def _show(model: Model, registry: Registry, models_dir: Path) -> Result:
    used = _used(registry, models_dir)
    facts = _facts(model, used["name"], models_dir)
    defaults = facts["defaults"]
    values = ", ".join(f"{key} {value}" for key, value in defaults.items() if value is not None)
    lines = [
        f"{model.name}: {model.description}",
        f"family    {model.family}",
        f"status    {facts['status']}",
        f"VRAM      {model.min_vram_gb:g} GB or more",
        f"defaults  {values}",
        f"registry  {model.registry}",
    ]
    for known, told in zip(model.files, facts["files"], strict=True):
        downloads = [source for source in known.sources if source.bundled is None]
        lines += [
            "",
            f"{known.role}: {known.folder}/{known.name}",
            f"  {_place(known, told['path'], told['target'], told['partial_bytes'], verified_file=told['verified'])}",
            f"  {known.bytes} bytes, sha256 {known.sha256}",
            f"  licence {known.licence}{', gated' if known.gated else ''}",
            *(f"  from {source.address}{' (gated)' if source.gated else ''}" for source in downloads),
        ]
    return Result("models", {"models_dir": str(models_dir), "default": used, "model": facts}, tuple(lines))


def _place(file: ModelFile, path: str | None, expected: str, part: int, *, verified_file: bool) -> str:
    if path is not None:
        return f"present{', verified' if verified_file else ''}: {path}"
    if part:
        return f"partial, {part / GB:.2f} GB of {file.bytes / GB:.2f} GB: models pull goes on with it"
    if file.bundled is not None:
        return f"included: {COMES_WITH_US}, and is written to {expected} when it is first used"
    return f"missing, expected at: {expected}"


def _facts(model: Model, default: str, models_dir: Path) -> JsonObject:
    files = []
    found = installed_files(model, models_dir)
    index = verified.read()
    used = max((seconds for _, path in found if path and (seconds := usage.last_used(path))), default=None)
    for file, path in found:
        part = part_of(file, models_dir)
        files.append(
            {
                "role": file.role,
                "folder": file.folder,
                "name": file.name,
                "bytes": file.bytes,
                "sha256": file.sha256,
                "licence": file.licence,
                "gated": file.gated,
                "path": None if path is None else str(path),
                "verified": path is not None and verified.digest(index, path) == file.sha256,
                "partial_bytes": part.stat().st_size if path is None and part.exists() else 0,
                "target": str(target(file, models_dir)),
                "sources": [{"address": source.address, "gated": source.gated} for source in file.sources],
            }
        )
    defaults = model.defaults
    begun = status(found) == "missing" and any(file["partial_bytes"] for file in files)
    return {
        "name": model.name,
        "default": model.name == default,
        "description": model.description,
        "family": model.family,
        "status": "partial" if begun else status(found),
        "last_used": None if used is None else time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(used)),
        "bytes": model.total_bytes,
        "min_vram_gb": model.min_vram_gb,
        "registry": model.registry,
        "defaults": {name: getattr(defaults, name) for name in defaults._fields},
        "files": files,
    }
