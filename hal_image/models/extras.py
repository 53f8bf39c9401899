"""Finds a LoRA, a ControlNet or an upscaler: by its name in the registry, by its file's name, or by its path.

A file in the folder of its kind, or in a folder below that, needs no entry in any registry. One that is elsewhere gets
a name in the models folder when it is used, because that folder is all that ComfyUI, and a container, looks into.
"""

from __future__ import annotations

import os
import shlex
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from hal_image.errors import ModelError, shortened
from hal_image.models import contents, extra_kinds, second_name, verified
from hal_image.models.safetensors_header import PICKLE_HINT, read_header
from hal_image.models.store import ResolvedFile, resolve_files, sha256_of, walk
from hal_image.models.types import EXTRA_ROLES, EXTRA_TITLES, FOLDERS, Extra, ExtraKind, ModelFile

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hal_image.models.safetensors_header import Tensor
    from hal_image.models.types import Registry
    from hal_image.models.verified import Index

SUFFIX = ".safetensors"
PICKLES = (".pt", ".pth", ".ckpt", ".bin")
ELSEWHERE = "from-elsewhere"
"""Folder with the names of files that are elsewhere, below the folder of their kind."""


class FoundExtra(NamedTuple):
    """A LoRA, ControlNet or upscaler that is there, complete and well-formed.

    Attributes:
        kind: what it is.
        name: the registry's name of it, else its path below the folder of its kind, without suffix.
        path: absolute path of the file; links are kept.
        comfy_name: the name in ComfyUI's lists.
        bytes: size.
        sha256: digest of the file; the registry's if the file has that size, else computed once and remembered.
        family: of the models that it goes with, as the registry or else its tensors say; ``None`` when neither does.
        control: of a ControlNet, what its pictures show; ``None`` when that is not known.
        tensors: the file's, by name.
        elsewhere: whether the file is outside of the models folder: ``lay_out`` gives it its name there.
    """

    kind: ExtraKind
    name: str
    path: Path
    comfy_name: str
    bytes: int
    sha256: str
    family: str | None
    control: str | None
    tensors: Mapping[str, Tensor]
    elsewhere: bool = False

    @property
    def resolved(self) -> ResolvedFile:
        """The file as those of models are described."""
        role = EXTRA_ROLES[self.kind]
        file = ModelFile(role, FOLDERS[role][0], self.path.name, self.bytes, self.sha256, "not stated", ())
        return ResolvedFile(
            file, self.path, self.comfy_name, self.bytes, matches_size=True, sha256=self.sha256, verified=True
        )


def find(kind: ExtraKind, asked: str, registry: Registry, models_dir: Path, known: Index | None = None) -> FoundExtra:
    """What ``asked`` names: an entry of the registry, a file in the folder of its kind, or else a path.

    A name may lack the suffix and the folders before it. Of several files of a name the one that is nearest to the
    top is taken. What begins with ``/``, ``./``, ``../`` or ``~`` is always a path; another one is, if nothing has
    that name.

    Args:
        kind: what is wanted.
        asked: as the user wrote it.
        registry: the entries.
        models_dir: the models folder.
        known: the digests that are known (``verified.read``).

    Raises:
        ModelError: ``extra_missing``: nothing is called so; ``model_missing``: the registry's file is not there (it
            can be downloaded); ``model_wrong``: it is something else; ``model_corrupt``; ``model_unreadable``.
    """
    known = verified.read() if known is None else known
    root = Path(os.path.abspath(models_dir))  # noqa: PTH100 - links in the path stay as they are
    if (entry := registry.extras.get(asked)) is not None:
        return _registered(entry, kind, root, known)
    if asked in registry.models:
        _fail_kind(asked, "checkpoint", kind)
    placed = root / FOLDERS[EXTRA_ROLES[kind]][0] / f"{asked.removesuffix(SUFFIX)}{SUFFIX}"
    if asked.startswith(f"{ELSEWHERE}/") and placed.is_file():
        return _at(placed, kind, registry, root, known)
    is_path = asked.startswith(("/", "./", "../", "~"))
    if not is_path and (path := _by_name(kind, asked, root)) is not None:
        return _at(path, kind, registry, root, known)
    path = Path(os.path.abspath(os.path.expanduser(asked)))  # noqa: PTH100, PTH111 - as above; any text may come
    if os.path.lexists(path):
        return _at(path, kind, registry, root, known)
    raise _missing(kind, asked, registry, root, path if is_path else None)


def names(kind: ExtraKind, registry: Registry, models_dir: Path) -> list[str]:
    """What may be asked for: the registry's names, then those of files that it does not know. Never raises."""
    entries = [entry for entry in registry.extras.values() if entry.kind == kind]
    return [*(entry.name for entry in entries), *by_hand(kind, registry, models_dir)]


def by_hand(kind: ExtraKind, registry: Registry, models_dir: Path) -> dict[str, Path]:
    """The files of a kind that no entry of the registry means, by name. Contents are not looked at. Never raises."""
    root = Path(os.path.abspath(models_dir))  # noqa: PTH100 - as in find()
    named = {file.name for entry in registry.extras.values() if entry.kind == kind for file in entry.files}
    try:
        return {_name(path, kind, root): path for path in _files(kind, root) if path.name not in named}
    except OSError:
        return {}


def lay_out(found: FoundExtra, models_dir: Path) -> FoundExtra:
    """Give a file that is elsewhere its name in the models folder: a second name for it, else a link.

    Raises:
        ModelError: ``extra_outside``: that is not possible there.
    """
    if not found.elsewhere:
        return found
    return found._replace(path=lay_out_file(found.resolved, models_dir).path, elsewhere=False)


def lay_out_file(found: ResolvedFile, models_dir: Path) -> ResolvedFile:
    """As ``lay_out``, for what is described as files of models are; others stay as they are.

    Raises:
        ModelError: ``extra_outside``.
    """
    if not found.comfy_name.startswith(f"{ELSEWHERE}/"):
        return found
    place = Path(os.path.abspath(models_dir)) / found.file.folder / found.comfy_name  # noqa: PTH100 - as in find()
    if found.path == place:
        return found
    try:
        second_name.give(found.path, place)
    except OSError as error:
        raise ModelError(
            f"{found.path} is outside of the models folder {models_dir}, and cannot get a name there: {error.strerror}",
            code="extra_outside",
            hint=f"put it into {place.parent.parent}",
            details={"path": str(found.path)},
        ) from error
    return found._replace(path=place)


def _registered(entry: Extra, kind: ExtraKind, root: Path, known: Index) -> FoundExtra:
    if entry.kind != kind:
        _fail_kind(entry.name, entry.kind, kind)
    (file,) = resolve_files(entry, root, known)
    sha256 = file.sha256 or _digest(file.path)
    tensors = read_header(file.path).tensors
    family = entry.family or extra_kinds.family_of(kind, tensors)
    return FoundExtra(
        kind, entry.name, file.path, file.comfy_name, file.bytes_found, sha256, family, entry.control, tensors
    )


def _at(path: Path, kind: ExtraKind, registry: Registry, root: Path, known: Index) -> FoundExtra:
    """The file at ``path``, whatever the registry says of it."""
    for entry in registry.extras.values():
        if entry.kind == kind and entry.files[0].name == path.name and path.is_relative_to(root):
            return _registered(entry, kind, root, known)
    if path.suffix.lower() in PICKLES:
        details = {"path": str(path), "found": "a pickle"}
        raise ModelError(f"{path} is a pickle", code="model_corrupt", hint=PICKLE_HINT, details=details)
    header = read_header(path)
    contents.check_extra(header.tensors, path, kind, None)
    top = root / FOLDERS[EXTRA_ROLES[kind]][0]
    inside = path.is_relative_to(top) and path.suffix == SUFFIX
    if not inside and path.suffix != SUFFIX:
        raise ModelError(
            f"{path} has no name that ends in {SUFFIX}, and ComfyUI would not look at it",
            code="model_wrong",
            hint=f"rename it to {path.stem}{SUFFIX}",
            details={"path": str(path), "found": path.suffix or "no suffix", "wanted": SUFFIX},
        )
    folder = f"{zlib.crc32(os.fsencode(path.resolve())):08x}"
    return FoundExtra(
        kind=kind,
        name=_name(path, kind, root) if inside else f"{ELSEWHERE}/{folder}/{path.stem}",
        path=path,
        comfy_name=path.relative_to(top).as_posix() if inside else f"{ELSEWHERE}/{folder}/{path.name}",
        bytes=header.file_bytes,
        sha256=verified.digest(known, path) or _digest(path),
        family=extra_kinds.family_of(kind, header.tensors),
        control=extra_kinds.control_of(path.stem) if kind == "controlnet" else None,
        tensors=header.tensors,
        elsewhere=not inside,
    )


def _digest(path: Path) -> str:
    """Computed, and remembered: these are small beside a model, and ComfyUI reads them next."""
    before = path.stat()
    sha256 = sha256_of(path)
    verified.remember(path, sha256, before)
    return sha256


def _by_name(kind: ExtraKind, asked: str, root: Path) -> Path | None:
    """The file that is called so: with its folders before it, else without; then in other cases of letters."""
    wanted = asked.removesuffix(SUFFIX).replace("\\", "/")
    files = [(_name(path, kind, root), path) for path in _files(kind, root, (SUFFIX, *PICKLES))]
    files.sort(key=lambda one: one[1].suffix != SUFFIX)  # a pickle only where there is nothing else, to say so
    for fold in (str, str.casefold):
        for name, path in files:
            if fold(name) == fold(wanted):
                return path
        for name, path in files:
            if fold(name.rpartition("/")[2]) == fold(wanted):
                return path
    return None


def _files(kind: ExtraKind, root: Path, suffixes: tuple[str, ...] = (SUFFIX,)) -> Iterator[Path]:
    """The files of a kind, nearest to the top first."""
    top = root / FOLDERS[EXTRA_ROLES[kind]][0]
    for folder, entries in walk(top):
        if folder.is_relative_to(top / ELSEWHERE):
            continue
        for entry in entries:
            if entry.name.endswith(suffixes) and not entry.name.startswith(".") and entry.is_file():
                yield folder / entry.name


def _name(path: Path, kind: ExtraKind, root: Path) -> str:
    return path.relative_to(root / FOLDERS[EXTRA_ROLES[kind]][0]).with_suffix("").as_posix()


def _fail_kind(name: str, found: str, wanted: ExtraKind) -> NoReturn:
    raise ModelError(
        f"{name!r} is {EXTRA_TITLES[found]}, not {EXTRA_TITLES[wanted]}",
        code="model_wrong",
        hint="models list shows what each name is",
        details={"path": name, "found": EXTRA_TITLES[found], "wanted": EXTRA_TITLES[wanted]},
    )


def _missing(kind: ExtraKind, asked: str, registry: Registry, root: Path, path: Path | None) -> ModelError:
    from hal_image.models.located_yaml import did_you_mean  # noqa: PLC0415 - only on failure

    title = EXTRA_TITLES[kind].split(" ", 1)[1]
    there = names(kind, registry, root)
    folder = root / FOLDERS[EXTRA_ROLES[kind]][0]
    if path is not None:
        message, hint = f"there is no file {path}", f"give the path of a {SUFFIX} file"
    else:
        message = f"there is no {title} {asked!r}"
        told = f"there are: {', '.join(there[:20])}" if there else "there is none yet"
        hint = " ".join(filter(None, (did_you_mean(asked, there), f"{told}; a {SUFFIX} file belongs in")))
        hint += f" {shlex.quote(str(folder))}"
    return ModelError(
        message,
        code="extra_missing",
        hint=hint,
        details={"kind": kind, "asked": shortened(asked), "folder": str(folder), "known": there},
    )
