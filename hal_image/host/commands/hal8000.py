"""``hal8000 register``, ``unregister`` and ``status``: what a HAL8000 project is told about this tool."""

from __future__ import annotations

import json
from contextlib import nullcontext
from typing import TYPE_CHECKING

from hal_image import paths
from hal_image.host.hal8000 import changes, project, registration, state_entry
from hal_image.host.result import Result

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from hal_image.errors import JsonObject
    from hal_image.host.hal8000.project import Project
    from hal_image.host.hal8000.registration import Plan
    from hal_image.host.render import Output


def run(options: argparse.Namespace, output: Output) -> Result:
    """Does what the action says.

    Raises:
        UsageError: ``project_not_found``, ``project_file_unusable``, ``project_marks_damaged``.
        HalError: ``project_file_changed``.
        EnvironmentError_: ``project_unwritable``, ``state_dir_unwritable``, ``lock_failed``.
        TimeoutError_: another call of ours changes the project.
    """
    here = project.find(options.project)
    models_dir = paths.models_dir(options.models_dir)
    if options.action == "status":
        return _status(here, models_dir)
    with nullcontext() if options.dry_run else registration.lock(here):
        if options.action == "register":
            plan = registration.registering(here, models_dir, options.bump)
        else:
            plan = registration.unregistering(here)
        changes.check(plan.changes)
        backup = None if options.dry_run else registration.carry_out(plan)
    for line in plan.kept:
        output.warn("registration_kept", f"left as it is: {line}")
    return _told(here, plan, backup, options)


def _told(here: Project, plan: Plan, backup: Path | None, options: argparse.Namespace) -> Result:
    real = [change for change in plan.changes if change.before != change.after]
    diffs = {change.path: changes.diff(change, here.root) for change in real}
    data: JsonObject = {
        "project": str(here.root),
        "dry_run": options.dry_run,
        "changes": [{"path": str(change.path), "change": _kind(change), "diff": diffs[change.path]} for change in real],
        "backup": None if backup is None else str(backup),
        "release": None if plan.release is None else {"before": plan.release.before, "version": plan.release.version},
    }
    if options.dry_run:
        lines = [line for text in diffs.values() for line in text.splitlines()]
    else:
        lines = [f"{_kind(change)} {change.path}" for change in real]
    if not real:
        lines = [f"nothing to change in {here.root}"]
    elif backup is not None:
        lines.append(f"what was there before is in {backup}")
    return Result("hal8000", data, tuple(lines))


def _kind(change: changes.Change) -> str:
    if change.before is None:
        return "made"
    return "removed" if change.after is None else "changed"


def _status(here: Project, models_dir: Path) -> Result:
    entry = registration.find(here)
    registered = entry is not None and entry.registration is not None
    current = registered and all(
        change.before == change.after for change in registration.registering(here, models_dir, None).changes
    )
    members = {} if entry is None else entry.members
    shown = {name: value for name, value in members.items() if name != state_entry.UNDO}
    data = {
        "project": str(here.root),
        "registered": registered,
        "current": current,
        "entry": shown if entry is not None else None,
    }
    if not registered:
        state = "is not registered; `hal8000 register` does it"
    else:
        state = "is registered" + ("" if current else ", and not up to date; `hal8000 register` brings it up to date")
    lines = [f"{here.root} {state}", *(f"{name:16} {_text(value)}" for name, value in shown.items())]
    return Result("hal8000", data, tuple(lines))


def _text(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {one}" for key, one in value.items()) or "none"
    return value if isinstance(value, str) else json.dumps(value)
