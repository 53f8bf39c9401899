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
from hal_image.models.registry import get_entry
from hal_image.models.store import installed_files, part_of, status, target
from hal_image.models.types import COMES_WITH_US, EXTRA_ROLES, Extra

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from hal_image.host.render import Output
    from hal_image.models.types import Entry, Model, ModelFile, Registry

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
        raise UsageError("models show needs one name", hint=f"one of {', '.join(registry.entries)}")
    entry = get_entry(registry, options.names[0])
    if isinstance(entry, Extra):
        return _show_extra(entry, models_dir)
    return _show(entry, registry, models_dir, options.vram)


def _list(registry: Registry, models_dir: Path) -> Result:
    used = _used(registry, models_dir)
    models = [_facts(model, used["name"], models_dir) for model in registry.models.values()]
    extras = [_extra_facts(extra, models_dir) for extra in registry.extras.values()]
    by_hand = _by_hand(registry, models_dir)
    rows = [("NAME", "KIND", "STATUS", "SIZE", "VRAM", "LAST USED", "LICENCE", "WHAT IT IS")]
    for entry in (*models, *extras):
        name = f"{entry['name']}{_mark(entry['name'], used)}"
        licence = entry["files"][0]["licence"]
        vram = f"{entry['min_vram_gb']:g} GB" if "min_vram_gb" in entry else ""
        used_on = (entry["last_used"] or "never")[:10]
        other = any(file["known_sha256"] and not file["verified"] for file in entry["files"])
        told = f"{entry['status']}, not as published" if other else entry["status"]
        rows.append((name, entry["kind"], told, _gb(entry["bytes"]), vram, used_on, licence, entry["description"]))
    rows += [
        (one["name"], one["kind"], "present", _gb(one["bytes"]), "", "", "", "put there by you") for one in by_hand
    ]
    lines = [*table(rows), "", f"models folder: {models_dir}"]
    if used["chosen"] == "no_gpu":
        lines.append(f"no GPU and no {used['usual']} here: without --model it is {used['name']}")
    data = {"models_dir": str(models_dir), "default": used, "models": models, "extras": extras, "by_hand": by_hand}
    return Result("models", data, tuple(lines))


def _gb(count: int) -> str:
    return f"{count / GB:.1f} GB" if count >= GB / 10 else f"{count / 1e6:.1f} MB"


def _by_hand(registry: Registry, models_dir: Path) -> list[JsonObject]:
    """LoRAs, ControlNets and upscalers that are there and that no registry names: their file's name will do."""
    from hal_image.models import extras  # noqa: PLC0415 - only for the list

    return [
        {"name": name, "kind": kind, "path": str(path), "bytes": path.stat().st_size}
        for kind in EXTRA_ROLES
        for name, path in extras.by_hand(kind, registry, models_dir).items()
    ]


def _used(registry: Registry, models_dir: Path) -> JsonObject:
    """Which model is used without ``--model``, here and now, and the registry's default, which usually is."""
    model, chosen = choose_model(registry, None, models_dir)
    return {"name": model.name, "chosen": chosen, "usual": registry.default}


def _mark(name: str, used: JsonObject) -> str:
    if name == used["name"]:
        return " (default)" if used["chosen"] == "default" else " (default here)"
    return " (default with a GPU)" if name == used["usual"] else ""


def _show(model: Model, registry: Registry, models_dir: Path, vram_gb: float | None) -> Result:
    from hal_image.host import memory  # noqa: PLC0415 - not for `models list`

    used = _used(registry, models_dir)
    facts = _facts(model, used["name"], models_dir)
    defaults = facts["defaults"]
    plan, plan_lines = memory.told(model, memory.card(vram_gb))
    values = ", ".join(f"{key} {value}" for key, value in defaults.items() if value is not None)
    lines = [
        f"{model.name}: {model.description}",
        f"family    {model.family}",
        f"status    {facts['status']}",
        f"VRAM      {model.min_vram_gb:g} GB or more",
        f"defaults  {values}",
        f"registry  {model.registry}",
        *plan_lines,
        *_file_lines(model, facts),
    ]
    data = {"models_dir": str(models_dir), "default": used, "model": facts, "memory": plan}
    return Result("models", data, tuple(lines))


def _show_extra(extra: Extra, models_dir: Path) -> Result:
    facts = _extra_facts(extra, models_dir)
    lines = [
        f"{extra.name}: {extra.description}",
        f"kind      {extra.kind}",
        *([f"family    {extra.family}"] if extra.family else []),
        *([f"control   {extra.control}"] if extra.control else []),
        f"status    {facts['status']}",
        f"registry  {extra.registry}",
        *_file_lines(extra, facts),
    ]
    return Result("models", {"models_dir": str(models_dir), "extra": facts}, tuple(lines))


def _file_lines(entry: Entry, facts: JsonObject) -> list[str]:
    lines = []
    for known, told in zip(entry.files, facts["files"], strict=True):
        downloads = [source for source in known.sources if source.bundled is None]
        lines += [
            "",
            f"{known.role}: {known.folder}/{known.name}",
            f"  {_place(known, told)}",
            f"  {known.bytes} bytes, sha256 {known.sha256}",
            f"  licence {known.licence}{', gated' if known.gated else ''}",
            *(f"  from {source.address}{' (gated)' if source.gated else ''}" for source in downloads),
        ]
    return lines


def _place(file: ModelFile, told: JsonObject) -> str:
    expected, part = told["target"], told["partial_bytes"]
    if told["path"] is not None:
        known = ", verified" if told["verified"] else ", not the published file" if told["known_sha256"] else ""
        return f"present{known}: {told['path']}"
    if part:
        return f"partial, {part / GB:.2f} GB of {file.bytes / GB:.2f} GB: models pull goes on with it"
    if file.bundled is not None:
        return f"included: {COMES_WITH_US}, and is written to {expected} when it is first used"
    return f"missing, expected at: {expected}"


def _facts(model: Model, default: str, models_dir: Path) -> JsonObject:
    defaults = model.defaults
    return {
        "name": model.name,
        "kind": model.kind,
        "default": model.name == default,
        "description": model.description,
        "family": model.family,
        "min_vram_gb": model.min_vram_gb,
        "registry": model.registry,
        "defaults": {name: getattr(defaults, name) for name in defaults._fields},
        **_stored(model, models_dir),
    }


def _extra_facts(extra: Extra, models_dir: Path) -> JsonObject:
    return {
        "name": extra.name,
        "kind": extra.kind,
        "description": extra.description,
        "family": extra.family,
        "control": extra.control,
        "registry": extra.registry,
        **_stored(extra, models_dir),
    }


def _stored(entry: Entry, models_dir: Path) -> JsonObject:
    """What is there of an entry."""
    files = []
    found = installed_files(entry, models_dir)
    index = verified.read()
    used = max((seconds for _, path in found if path and (seconds := usage.last_used(path))), default=None)
    for file, path in found:
        part = part_of(file, models_dir)
        known = None if path is None else verified.digest(index, path)
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
                "verified": known == file.sha256,
                "known_sha256": known,
                "partial_bytes": part.stat().st_size if path is None and part.exists() else 0,
                "target": str(target(file, models_dir)),
                "sources": [{"address": source.address, "gated": source.gated} for source in file.sources],
            }
        )
    begun = status(found) == "missing" and any(file["partial_bytes"] for file in files)
    return {
        "status": "partial" if begun else status(found),
        "last_used": None if used is None else time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(used)),
        "bytes": entry.total_bytes,
        "files": files,
    }
