"""``models list`` and ``models show NAME``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hal_image import paths
from hal_image.errors import JsonObject, UsageError
from hal_image.host.registry import choose_model, load
from hal_image.host.result import Result
from hal_image.host.table import table
from hal_image.models.registry import get_model
from hal_image.models.store import installed_files, status, target
from hal_image.models.types import COMES_WITH_US

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from hal_image.host.render import Output
    from hal_image.models.types import Model, ModelFile, Registry

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
    used = _used(registry, models_dir)
    models = [_facts(model, used["name"], models_dir) for model in registry.models.values()]
    rows = [("NAME", "STATUS", "SIZE", "VRAM", "LICENCE", "WHAT IT IS")]
    for model in models:
        name = f"{model['name']}{_mark(model['name'], used)}"
        licence = model["files"][0]["licence"]
        vram = f"{model['min_vram_gb']:g} GB"
        rows.append((name, model["status"], f"{model['bytes'] / GB:.1f} GB", vram, licence, model["description"]))
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
            f"  {_place(known, told['path'], told['target'])}",
            f"  {known.bytes} bytes, sha256 {known.sha256}",
            f"  licence {known.licence}{', gated' if known.gated else ''}",
            *(f"  from {source.address}{' (gated)' if source.gated else ''}" for source in downloads),
        ]
    return Result("models", {"models_dir": str(models_dir), "default": used, "model": facts}, tuple(lines))


def _place(file: ModelFile, path: str | None, expected: str) -> str:
    if path is not None:
        return f"present: {path}"
    if file.bundled is not None:
        return f"included: {COMES_WITH_US}, and is written to {expected} when it is first used"
    return f"missing, expected at: {expected}"


def _facts(model: Model, default: str, models_dir: Path) -> JsonObject:
    files = []
    found = installed_files(model, models_dir)
    for file, path in found:
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
    defaults = model.defaults
    return {
        "name": model.name,
        "default": model.name == default,
        "description": model.description,
        "family": model.family,
        "status": status(found),
        "bytes": model.total_bytes,
        "min_vram_gb": model.min_vram_gb,
        "registry": model.registry,
        "defaults": {name: getattr(defaults, name) for name in defaults._fields},
        "files": files,
    }
