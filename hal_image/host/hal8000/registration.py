"""Registers this tool with a project, and takes that back."""

from __future__ import annotations

import time
import zlib
from contextlib import contextmanager, suppress
from os import fsencode
from typing import TYPE_CHECKING, NamedTuple

from hal_image import paths
from hal_image.errors import HalError, UsageError
from hal_image.host.hal8000 import changes, facts, instructions, json_text, marked_block, release, state_entry
from hal_image.host.hal8000.changes import Change
from hal_image.host.hal8000.project import STATE, at_home
from hal_image.locking import file_lock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hal_image.host.hal8000.project import Project
    from hal_image.host.hal8000.release import Part, Release
    from hal_image.host.render import Output

NEW_STATE = "{}\n"
LOCK_WAIT_S = 30.0


class Plan(NamedTuple):
    """What is to be done to the files of a project.

    Attributes:
        changes: one a file, also where nothing changes.
        release: the version that was made for it, now or earlier.
        kept: what cannot be taken back, because others have changed it since; a line each.
        emptied: folders that were made for it, and go if they are empty then.
    """

    changes: tuple[Change, ...]
    release: Release | None
    kept: tuple[str, ...] = ()
    emptied: tuple[Path, ...] = ()


def find(project: Project) -> state_entry.Entry | None:
    """The entry in the project's state.json.

    Raises:
        UsageError: ``project_file_unusable``.
        EnvironmentError_: ``project_unwritable``.
    """
    return _entry(project, _text(project.state, changes.read(project.state)))


def registering(project: Project, models_dir: Path, bump: Part | None) -> Plan:
    """What ``register`` is to do.

    Args:
        project: where.
        models_dir: the models folder whose facts are told.
        bump: part of the project's version to raise, unless an earlier call has.

    Raises:
        UsageError: ``project_file_unusable``; ``project_marks_damaged``.
        EnvironmentError_: ``project_unwritable``.
        RegistryError: a registry is wrong.
    """
    before = changes.read(project.state)
    text = _text(project.state, before)
    entry = _entry(project, text)
    undo = entry.registration if entry is not None else None
    made = [str(STATE)] if before is None else []
    made += [str(STATE.parent)] if not project.state.parent.exists() else []
    made_release = undo.release if undo is not None else None
    planned: list[Change] = []
    if bump is not None and made_release is None:
        made_release, planned = _releasing(project, bump)
    fields = facts.all_fields(project.root, models_dir)
    with _state(project):
        after = state_entry.with_entry(NEW_STATE if text is None else text, fields, tuple(made), made_release)
    guide = changes.read(project.guide)
    with _marks(project):
        block = marked_block.with_block(guide, instructions.body(project.root))
    # the one that says how all of it is taken back goes first
    entered = Change(project.state, before, after.encode())
    return Plan((entered, Change(project.guide, guide, block), *planned), made_release)


def unregistering(project: Project) -> Plan:
    """What ``unregister`` is to do; nothing where it is not registered.

    Raises:
        UsageError: ``project_file_unusable``; ``project_marks_damaged``.
        EnvironmentError_: ``project_unwritable``.
    """
    planned: list[Change] = []
    kept: list[str] = []
    before = changes.read(project.state)
    text = _text(project.state, before)
    entry = _entry(project, text)
    undo = entry.registration if entry is not None else None
    guide = changes.read(project.guide)
    if guide is not None:
        with _marks(project):
            planned.append(Change(project.guide, guide, marked_block.without_block(guide)))
    if undo is None or text is None:
        return Plan(tuple(planned), None)
    with _state(project):
        after = state_entry.without_entry(text, facts.FIELDS)
        if undo.before is None and state_entry.find(after) is not None:
            kept.append(f"{project.state}: members that others have put into {state_entry.KEY}")
        gone = str(STATE) in undo.made and json_text.blanks_inside(after, ()) is not None
    planned.append(Change(project.state, before, None if gone else after.encode()))
    if undo.release is not None:
        taken_back, left = _unreleasing(project, undo.release)
        planned += taken_back
        kept += left
    emptied = (project.state.parent,) if str(STATE.parent) in undo.made else ()
    return Plan(tuple(planned), undo.release, tuple(kept), emptied)


def carry_out(plan: Plan) -> Path | None:
    """Does it; returns the folder with copies of what was there before, if anything was.

    Raises:
        HalError: ``project_file_changed``: nothing was done.
        EnvironmentError_: ``project_unwritable``, ``state_dir_unwritable``: nothing was done.
    """
    kept = changes.apply(plan.changes, backup=True)
    for folder in plan.emptied:
        with suppress(OSError):
            folder.rmdir()
    return kept


def refresh(models_dir: Path, output: Output) -> None:
    """Tells the project what is in the models folder now, if it is registered with that folder. Never raises.

    Args:
        models_dir: the models folder that has changed.
        output: where it is told that this was not possible.
    """
    project = at_home()
    try:
        # any program may have a file of that name
        if project is None or state_entry.KEY.encode() not in project.state.read_bytes():
            return
    except OSError:
        return
    try:
        with lock(project):
            before = changes.read(project.state)
            text = _text(project.state, before)
            entry = _entry(project, text)
            if text is None or entry is None or entry.registration is None:
                return
            if entry.members.get("models_dir") != facts.place(project.root, models_dir):
                return
            after = state_entry.updated(text, entry, facts.of_models(models_dir).fields())
            changes.apply([Change(project.state, before, after.encode())], backup=False)
    except (HalError, OSError) as error:
        output.warn("registration_outdated", f"{project.state} still tells what was in the models folder: {error}")


@contextmanager
def lock(project: Project) -> Iterator[None]:
    """One call of ours at a time changes the files of a project.

    Raises:
        TimeoutError_: another one does for long.
        EnvironmentError_: ``state_dir_unwritable``, ``lock_failed``.
    """
    name = f"project-{zlib.crc32(fsencode(project.root.resolve())):08x}.lock"
    with file_lock(paths.make_state_dir("locks") / name, timeout=LOCK_WAIT_S):
        yield


def _releasing(project: Project, bump: Part) -> tuple[Release, list[Change]]:
    version, changelog = changes.read(project.version), changes.read(project.changelog)
    for path, text in ((project.version, version), (project.changelog, changelog)):
        if text is None:
            raise changes.unusable(path, "it is not there", "make it, or leave out --bump")
    assert version is not None
    assert changelog is not None
    try:
        raised, old, new = release.bumped(version, bump)
    except ValueError as error:
        raise changes.unusable(project.version, str(error), "correct it, or leave out --bump") from None
    written, entry = release.with_entry(changelog, new, time.strftime("%Y-%m-%d"))
    done = [Change(project.version, version, raised), Change(project.changelog, changelog, written)]
    return release.Release(old, new, entry), done


def _unreleasing(project: Project, made: Release) -> tuple[list[Change], list[str]]:
    version, changelog = changes.read(project.version), changes.read(project.changelog)
    old = None if version is None else release.restored(version, made)
    if old is None:
        return [], [f"{project.version} and {project.changelog}: the version is no longer {made.version}"]
    before = None if changelog is None else release.without_entry(changelog, made)
    if before is None:
        return [], [f"{project.version} and {project.changelog}: the entry of {made.version} was changed"]
    return [Change(project.version, version, old), Change(project.changelog, changelog, before)], []


def _text(path: Path, data: bytes | None) -> str | None:
    try:
        return None if data is None else data.decode()
    except UnicodeDecodeError:
        raise changes.unusable(path, "it is no UTF-8 text", "save it as UTF-8") from None


def _entry(project: Project, text: str | None) -> state_entry.Entry | None:
    with _state(project):
        return None if text is None else state_entry.find(text)


@contextmanager
def _state(project: Project) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise changes.unusable(project.state, str(error), "correct it by hand, then run this again") from None


@contextmanager
def _marks(project: Project) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise UsageError(
            f"the block {marked_block.NAME} in {project.guide} is damaged: {error}",
            code="project_marks_damaged",
            hint="delete what is left of the block and its marks by hand, then run this again",
            details={"path": str(project.guide)},
        ) from None
