"""``models list`` and ``models show NAME``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hal_image import paths
from hal_image.errors import JsonObject, UsageError
from hal_image.host.registry import load
from hal_image.host.result import Result
from hal_image.host.table import table
from hal_image.models.registry import get_model
from hal_image.models.store import installed_files, target

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from hal_image.host.render import Output
    from hal_image.models.types import Model, Registry

GB = 1e9


def run(options: argparse.Namespace, output: Output) -> Result:  # noqa: ARG001 - every command has this shape
    """Lists every model, or shows one.

    Raises:
        UsageError: ``unknown_model``, ``usage``.
        RegistryError: the registry is wrong.
    """
    registry = load()
    models_dir = paths.models_dir(options.models_dir)
    if options.action == "list":
        if options.name is not None:
            raise UsageError(f"models list takes no {options.name!r}", hint=f"models show {options.name}")
        return _list(registry, models_dir)
    if options.name is None:
        raise UsageError("models show needs a name", hint=f"one of {', '.join(registry.models)}")
    return _show(get_model(registry, options.name), registry, models_dir)


def _list(registry: Registry, models_dir: Path) -> Result:
    models = [_facts(model, registry, models_dir) for model in registry.models.values()]
    rows = [("NAME", "STATUS", "SIZE", "VRAM", "LICENCE", "WHAT IT IS")]
    for model in models:
        name = f"{model['name']} (default)" if model["default"] else model["name"]
        licence = model["files"][0]["licence"]
        vram = f"{model['min_vram_gb']:g} GB"
        rows.append((name, model["status"], f"{model['bytes'] / GB:.1f} GB", vram, licence, model["description"]))
    lines = (*table(rows), "", f"models folder: {models_dir}")
    return Result("models", {"models_dir": str(models_dir), "models": models}, lines)


def _show(model: Model, registry: Registry, models_dir: Path) -> Result:
    facts = _facts(model, registry, models_dir)
    defaults = facts["defaults"]
    used = ", ".join(f"{key} {value}" for key, value in defaults.items() if value is not None)
    lines = [
        f"{model.name}: {model.description}",
        f"family    {model.family}",
        f"status    {facts['status']}",
        f"VRAM      {model.min_vram_gb:g} GB or more",
        f"defaults  {used}",
        f"registry  {model.registry}",
    ]
    for file in facts["files"]:
        lines += [
            "",
            f"{file['role']}: {file['folder']}/{file['name']}",
            f"  {'present: ' + file['path'] if file['path'] else 'missing, expected at: ' + file['target']}",
            f"  {file['bytes']} bytes, sha256 {file['sha256']}",
            f"  licence {file['licence']}{', gated' if file['gated'] else ''}",
            *(f"  from {source['address']}{' (gated)' if source['gated'] else ''}" for source in file["sources"]),
        ]
    return Result("models", {"models_dir": str(models_dir), "model": facts}, tuple(lines))


def _facts(model: Model, registry: Registry, models_dir: Path) -> JsonObject:
    files = []
    for file, path in installed_files(model, models_dir):
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
                "target": str(target(file, models_dir)),
                "sources": [{"address": source.address, "gated": source.gated} for source in file.sources],
            }
        )
    present = sum(1 for file in files if file["path"] is not None)
    status = "present" if present == len(files) else "missing" if present == 0 else f"{present} of {len(files)} files"
    defaults = model.defaults
    return {
        "name": model.name,
        "default": model.name == registry.default,
        "description": model.description,
        "family": model.family,
        "status": status,
        "bytes": model.total_bytes,
        "min_vram_gb": model.min_vram_gb,
        "registry": model.registry,
        "defaults": {name: getattr(defaults, name) for name in defaults._fields},
        "files": files,
    }
