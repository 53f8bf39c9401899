"""Where pictures go: ``--output`` templates, and writing a file so that it is there whole or not at all."""

from __future__ import annotations

import errno
import os
import re
import string
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hal_image import paths
from hal_image.errors import EnvironmentError_, UsageError
from hal_image.host import formats

if TYPE_CHECKING:
    from collections.abc import Mapping

FIELDS = ("seed", "index", "model", "date")
DEFAULT_NAME = "hal8000-{date}-{seed}.png"
NUMBER_WIDTH = r"0?\d{0,2}d?"
"""What may follow the colon in ``{seed:…}`` and ``{index:…}``; other formats can ask for gigabytes of digits."""
DATE_FORMAT = "%Y%m%d-%H%M%S"
STDOUT = "-"


class PictureFacts(NamedTuple):
    """What a template can name: ``date`` is ``YYYYMMDD-HHMMSS`` in local time, ``number`` counts from 1.

    ``number`` is the picture's, or in a batch its line's. ``more`` are fields that only some calls have, as texts.
    """

    seed: int
    number: int
    model: str
    date: str
    more: Mapping[str, str] = {}


def plan(
    output: str | None,
    facts: list[PictureFacts],
    *,
    no_clobber: bool,
    default_name: str = DEFAULT_NAME,
    asked_format: formats.Format | None = None,
) -> list[Path]:
    """The absolute target of every picture.

    A folder gets the default name; several pictures under one name get ``-1``, ``-2`` … before the suffix.

    Args:
        output: value of ``--output``; ``None`` when it was not given.
        facts: one a picture.
        no_clobber: refuse targets that exist.
        default_name: template of the name in a folder, or without ``output``, as a PNG.
        asked_format: what a picture with a name of that kind is instead.

    Raises:
        UsageError: ``output_invalid`` (bad template, unknown suffix, a folder in the way), ``output_exists``.
        EnvironmentError_: ``output_unwritable``.
    """
    template = template_of(output, default_name.removesuffix(".png") + formats.suffix(asked_format))
    if Path(template).suffix.lower() not in {"", *formats.SUFFIXES}:
        raise UsageError(
            f"--output {template}: the suffix says no format that is written",
            code="output_invalid",
            hint=f"name it {Path(template).with_suffix('.png')}, or with {', '.join(formats.SUFFIXES)}",
        )
    targets = [render(template, fact) for fact in facts]
    if len(set(targets)) < len(targets):
        suffix = Path(template).suffix
        targets = [
            target.with_name(f"{target.name.removesuffix(suffix)}-{position}{suffix}")
            for position, target in enumerate(targets, start=1)
        ]
    for target in targets:
        check(target, no_clobber=no_clobber)
    return targets


def template_of(output: str | None, default_name: str = DEFAULT_NAME) -> str:
    """The template of ``--output``: a folder has the default name in it.

    Raises:
        UsageError: ``output_invalid``: it has characters that no name should have.
    """
    template = output or default_name
    _check_characters(template)
    if template.endswith(("/", os.sep)) or _is_folder(template):
        return str(Path(template) / default_name)
    return template


def _check_characters(template: str) -> None:
    """Control characters are no part of a name on purpose: one with a line break would be two paths to a reader of
    standard output, others would be commands to a terminal.
    """
    odd = next((c for c in template if ord(c) < 32 or 127 <= ord(c) < 160), None)
    try:
        os.fsencode(template)
    except UnicodeEncodeError:
        odd = "\ud800"  # as may stand in JSON
    if odd is not None:
        raise UsageError(
            f"--output {template}: a name with the character {odd!a}",
            code="output_invalid",
            hint="choose a name without control characters",
        )


def _is_folder(name: str) -> bool:
    try:
        return paths.typed(name).is_dir()
    except OSError:  # a name that no folder can have; ``check`` says why
        return False


def render(template: str, fact: PictureFacts) -> Path:
    """The absolute path that a template stands for.

    Raises:
        UsageError: ``output_invalid``: it has fields that there are not.
    """
    known = (*FIELDS, *fact.more)
    try:
        for _, name, width, conversion in string.Formatter().parse(template):
            if name is None:
                continue
            if name not in known:
                raise ValueError(f"{{{name}}} is not known")
            if conversion or not re.fullmatch(NUMBER_WIDTH if name in {"seed", "index"} else "", width or ""):
                raise ValueError(f"{{{name}}} cannot be written in that way")
        values: dict[str, object] = {"seed": fact.seed, "index": fact.number, "model": fact.model, "date": fact.date}
        values |= fact.more
        rendered = template.format_map(values)
    except ValueError as error:
        raise UsageError(
            f"--output {template}: {error}",
            code="output_invalid",
            hint=f"use {', '.join('{' + name + '}' for name in known)}, or {{index:03}}; write a literal brace twice",
        ) from error
    return paths.typed(rendered).absolute()


def check(target: Path, *, no_clobber: bool) -> None:
    """Finds out before anything starts whether ``target`` can be written.

    Raises:
        UsageError: ``output_invalid``, ``output_exists``.
        EnvironmentError_: ``output_unwritable``.
    """
    try:
        folder = _nearest_folder(target)
    except OSError as error:  # a name that is too long, a ring of links
        raise UsageError(
            f"cannot write {target}: {error.strerror}", code="output_invalid", hint="choose another --output"
        ) from error
    if target.is_dir():
        raise UsageError(f"{target} is a folder", code="output_invalid", hint=f"write {target}/ to save into it")
    if no_clobber and os.path.lexists(target):
        raise _exists(target)
    if not folder.is_dir():
        raise UsageError(f"{folder} is a file, not a folder", code="output_invalid", hint="choose another --output")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise _unwritable(target, "permission denied")


def _nearest_folder(target: Path) -> Path:
    """The folder of ``target``, or the first above it that exists."""
    target.is_dir()  # raises for a name that no file can have
    folder = target.parent
    while not folder.exists():
        folder = folder.parent
    return folder


def write(target: Path, data: bytes, *, no_clobber: bool) -> None:
    """Writes ``data`` beside ``target``, flushes it to the disk and renames it: never half a picture, and a picture
    that was there before stays whole until the new one is.

    Raises:
        UsageError: ``output_exists`` when ``no_clobber`` and somebody made the file in the meantime.
        EnvironmentError_: ``output_unwritable``, ``disk_full``.
    """
    temporary = target.with_name(f".{target.name[:200]}.{os.urandom(4).hex()}.tmp")
    try:
        _make_folder(target.parent)
        try:
            if _link_new(target, temporary, data, no_clobber=no_clobber):
                return
            if not temporary.exists():
                descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
                try:
                    _fill(descriptor, data)
                finally:
                    os.close(descriptor)
            if no_clobber:
                _put_if_absent(temporary, target)
            else:
                temporary.replace(target)
        finally:
            with suppress(FileNotFoundError):
                temporary.unlink()
    except FileExistsError as error:
        raise _exists(target) from error
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise EnvironmentError_(
                f"cannot write {target}: {error.strerror}",
                code="disk_full",
                hint="free some space, or choose an --output on another disk",
            ) from error
        raise _unwritable(target, error.strerror or str(error)) from error


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:  # not the picture: a file in the place of its folder, made since we looked
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR)) from None


def _fill(descriptor: int, data: bytes) -> None:
    with os.fdopen(descriptor, "wb", closefd=False) as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def _link_new(target: Path, temporary: Path, data: bytes, *, no_clobber: bool) -> bool:
    """Writes a file that has no name until it is whole (``O_TMPFILE``, on Linux' own file systems), so that nothing of
    it stays if we are killed.

    Returns:
        whether it has the name ``target`` now; if not, there was another, and it is called ``temporary``; or the file
        system can do none of this, and there is neither.

    Raises:
        FileExistsError: ``no_clobber``, and there was another.
        OSError: it cannot be written.
    """
    try:
        descriptor = os.open(target.parent, os.O_WRONLY | os.O_TMPFILE, 0o666)
    except (OSError, AttributeError):  # what is wrong with the folder, the other way tells
        return False
    try:
        _fill(descriptor, data)
        source = f"/proc/self/fd/{descriptor}"
        # src_dir_fd has no meaning here, but without it Python would link the link in /proc
        try:
            os.link(source, target, src_dir_fd=descriptor)
        except FileExistsError:
            if no_clobber:
                raise
            os.link(source, temporary, src_dir_fd=descriptor)
            return False
        except OSError:  # no /proc
            return False
        return True
    finally:
        os.close(descriptor)


def _put_if_absent(temporary: Path, target: Path) -> None:
    try:
        os.link(temporary, target)  # fails when the target exists, which rename does not
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        if os.path.lexists(target):
            raise FileExistsError(target) from None
        temporary.replace(target)


def _exists(target: Path) -> UsageError:
    return UsageError(
        f"{target} exists", code="output_exists", hint="choose another --output, or leave out --no-clobber"
    )


def _unwritable(target: Path, reason: str) -> EnvironmentError_:
    return EnvironmentError_(
        f"cannot write {target}: {reason}",
        code="output_unwritable",
        hint="choose an --output in a folder that you can write to, e.g. ~/pictures/",
    )
