"""The models folder: which files of a model are there, under which name ComfyUI lists them, and how to get the others.

The folder is laid out as ComfyUI's own ``models`` folder, so that a file dropped in by hand, or an existing collection,
is used at once. Nothing here downloads or writes: a file that comes inside this package and is not there yet, or not
with its size, is told as such, and ``bundled_models`` writes it.
"""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from hal_image.errors import ModelError
from hal_image.models import verified
from hal_image.models.safetensors_header import read_header
from hal_image.models.types import COMES_WITH_US, EXTRA_TITLES, FOLDERS, Entry, Model, ModelFile, Role

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hal_image.models.verified import Index

PART_SUFFIX = ".part"
_SEARCH_FIRST = ("unet", "text_encoders")
"""Where two folders hold a file of the same name, ComfyUI opens the one in these (``folder_names_and_paths`` in its
``folder_paths.py``), so that is the one to look at."""
_SKIPPED = ".git"
"""The one folder that ComfyUI leaves out of its lists."""


class ResolvedFile(NamedTuple):
    """A file of a model that is there, complete and well-formed, or comes inside this package.

    Attributes:
        file: what the registry says about it.
        path: absolute path; symbolic links are kept.
        comfy_name: the name in ComfyUI's lists: the path below the role's folder, with ``/`` between its parts.
        bytes_found: size in bytes.
        matches_size: whether it has the registry's size; if not, it is another file of that name.
        sha256: the registry's digest if the size matches, else ``None``: another file has another digest.
        verified: whether the digest was computed from the file rather than taken from the registry.
        included: whether it is yet to be written, out of this package, to ``path``; the rest is as it will be then.
    """

    file: ModelFile
    path: Path
    comfy_name: str
    bytes_found: int
    matches_size: bool
    sha256: str | None
    verified: bool = False
    included: bool = False


class ResolvedModel(NamedTuple):
    """A model whose files are all there; ``files`` has the order of ``model.files``."""

    model: Model
    files: tuple[ResolvedFile, ...]

    def file(self, role: Role) -> ResolvedFile | None:
        """The file that plays ``role``, or ``None``."""
        return next((f for f in self.files if f.file.role == role), None)


def resolve(model: Model, models_dir: Path, known: Index | None = None) -> ResolvedModel:
    """Find every file of ``model`` and check that each is a complete safetensors file with what a model needs.

    Only headers are read, and not even those of files whose digest is known to be the registry's. A complete file of
    another size than the registry's is accepted (``matches_size``): people keep fine-tunes and other precisions under
    well-known names.

    Args:
        model: what is wanted.
        models_dir: where it is looked for.
        known: the digests that are known (``verified.read``).

    Raises:
        ModelError: ``model_missing`` if files are not there, with all of them in ``details["missing"]``;
            ``model_corrupt`` if one is not a complete safetensors file; ``model_unreadable`` if rights are missing.
    """
    return ResolvedModel(model, resolve_files(model, models_dir, known))


def resolve_files(entry: Entry, models_dir: Path, known: Index | None = None) -> tuple[ResolvedFile, ...]:
    """The files of any entry of the registry, in its order; see ``resolve``.

    Raises:
        ModelError: as for ``resolve``.
    """
    root = Path(os.path.abspath(models_dir))  # noqa: PTH100 - not resolve(): links in the path stay as they are
    found: list[tuple[ModelFile, Path, str, bool]] = []
    missing: list[ModelFile] = []
    for file in entry.files:
        try:
            place = _find(file, root)
        except OSError as error:
            raise _unreadable(file, error) from error
        if place is not None:
            found.append((file, *place, _is_outdated(file, place[0])))
        elif file.bundled is not None:
            found.append((file, target(file, root), file.name, True))
        else:
            missing.append(file)
    if missing:
        _fail_missing(entry, missing, root)
    files = (
        _included(file, path, name) if included else _check(entry, file, path, name, known or {})
        for file, path, name, included in found
    )
    return tuple(files)


def installed_files(model: Entry, models_dir: Path) -> list[tuple[ModelFile, Path | None]]:
    """Every file of ``model`` and where it is, or ``None``. Contents are not looked at. Never raises.

    A file that comes inside this package counts as not there when it has another size than it should.
    """
    root = Path(os.path.abspath(models_dir))  # noqa: PTH100 - as in resolve()
    result: list[tuple[ModelFile, Path | None]] = []
    for file in model.files:
        try:
            place = _find(file, root)
        except OSError:
            place = None
        result.append((file, place[0] if place and not _is_outdated(file, place[0]) else None))
    return result


def find_file(file: ModelFile, models_dir: Path) -> Path | None:
    """Where a file is, whatever its contents, or ``None``. Never raises."""
    try:
        place = _find(file, Path(os.path.abspath(models_dir)))  # noqa: PTH100 - as in resolve()
    except OSError:
        return None
    return place[0] if place else None


def status(files: Sequence[tuple[ModelFile, Path | None]]) -> str:
    """What ``installed_files`` found, in a word: ``present``; ``included`` when all that is not there comes inside this
    package; ``missing``; or, for example, ``2 of 4 files``.
    """
    if all(path is not None for _, path in files):
        return "present"
    usable = sum(path is not None or file.bundled is not None for file, path in files)
    if usable == len(files):
        return "included"
    return "missing" if usable == 0 else f"{usable} of {len(files)} files"


def is_usable(model: Model, models_dir: Path) -> bool:
    """Whether nothing has to be downloaded for ``model``. Contents are not looked at. Never raises."""
    return status(installed_files(model, models_dir)) in {"present", "included"}


def target(file: ModelFile, models_dir: Path) -> Path:
    """The absolute path where a download of ``file`` belongs."""
    return Path(os.path.abspath(models_dir)) / file.folder / file.name  # noqa: PTH100 - as in resolve()


def part_of(file: ModelFile, models_dir: Path) -> Path:
    """Where the bytes of a download go until they are all there. Another file of that name has another place."""
    path = target(file, models_dir)
    return path.with_name(f".{path.name}.{file.sha256[:12]}{PART_SUFFIX}")


def sha256_of(path: Path) -> str:
    """The lowercase hex SHA-256 of a file, read in pieces: as fast as disk and processor allow, at best.

    Raises:
        ModelError: ``model_unreadable``.
    """
    import hashlib  # noqa: PLC0415 - loads OpenSSL, which most commands never need

    digest = hashlib.sha256()
    buffer = memoryview(bytearray(1 << 20))
    try:
        with path.open("rb", buffering=0) as file:
            while count := file.readinto(buffer):
                digest.update(buffer[:count])
    except OSError as error:
        raise ModelError(
            f"{path} cannot be read: {error.strerror}", code="model_unreadable", hint=f"check it with: ls -l {path}"
        ) from error
    return digest.hexdigest()


def _find(file: ModelFile, root: Path) -> tuple[Path, str] | None:
    """Path and ComfyUI's name of a file: the top level of all folders first, then what lies deeper.

    Names are compared with directory entries, not by opening them: a disk that ignores case would open a name that
    ComfyUI does not list.
    """
    folders = [root / name for name in sorted(FOLDERS[file.role], key=lambda name: name not in _SEARCH_FIRST)]
    walks = [(folder, walk(folder)) for folder in folders]
    for depth in (1, None):
        for folder, below in walks:
            for where, entries in itertools.islice(below, depth):
                if any(entry.name == file.name and entry.is_file() for entry in entries):
                    path = where / file.name
                    return path, path.relative_to(folder).as_posix()
    return None


def walk(top: Path) -> Iterator[tuple[Path, list[os.DirEntry[str]]]]:
    """``top`` and all folders below it with their entries, nearest first, links followed.

    A folder reached a second time is left out, since links can form a circle. A folder below ``top`` that cannot be
    read is left out as well, as ComfyUI does (think of ``lost+found``).
    """
    seen: set[str] = set()
    level = [top]
    while level:
        below: list[Path] = []
        for folder in level:
            if (real := os.path.realpath(folder)) in seen:
                continue
            seen.add(real)
            try:
                with os.scandir(folder) as found:
                    entries = sorted(found, key=lambda entry: entry.name)
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError:
                if folder == top:
                    raise
                continue
            yield folder, entries
            below += [folder / entry.name for entry in entries if entry.name != _SKIPPED and _is_folder(entry)]
        level = below


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _is_outdated(file: ModelFile, path: Path) -> bool:
    """Whether a file that comes inside this package is not of this version of it, or was cut off."""
    try:
        return file.bundled is not None and path.stat().st_size != file.bytes
    except OSError:  # to be told when it is read
        return False


def _included(file: ModelFile, path: Path, comfy_name: str) -> ResolvedFile:
    return ResolvedFile(file, path, comfy_name, file.bytes, matches_size=True, sha256=file.sha256, included=True)


def _check(entry: Entry, file: ModelFile, path: Path, comfy_name: str, known: Index) -> ResolvedFile:
    digest = verified.digest(known, path)
    if digest == file.sha256:
        return ResolvedFile(file, path, comfy_name, file.bytes, matches_size=True, sha256=digest, verified=True)
    from hal_image.models import contents  # noqa: PLC0415 - not for files whose digest is known, as most are

    try:
        header = read_header(path)
        contents.check(header, path, entry, file)
    except ModelError as error:
        if error.code != "model_unreadable":
            error.hint = _how_to_replace(entry, file, path, error.hint)
        raise
    size = header.file_bytes
    matches = size == file.bytes
    sha256 = digest or (file.sha256 if matches else None)
    return ResolvedFile(file, path, comfy_name, size, matches, sha256, verified=digest is not None)


def _how_to_replace(entry: Entry, file: ModelFile, path: Path, hint: str) -> str:
    if file.bundled is not None:
        return _how_to_get(file, path)
    return f"{hint}: `models verify {entry.name} --repair` downloads the published file in its place"


def _fail_missing(entry: Entry, missing: list[ModelFile], root: Path) -> NoReturn:
    first, total = missing[0], len(entry.files)
    if target(first, root).is_symlink():
        what = f"{target(first, root)} is a link to a file that does not exist"
    elif total == 1:
        what = f"its file {first.name} is not in {root / first.folder}"
    elif len(missing) == total:
        what = f"none of its {total} files is in {root}"
    else:
        what = f"{len(missing)} of its {total} files {'is' if len(missing) == 1 else 'are'} not in {root}"
    title = "model" if isinstance(entry, Model) else EXTRA_TITLES[entry.kind].split(" ", 1)[1]
    more = f" (then {len(missing) - 1} more)" if len(missing) > 1 else ""
    raise ModelError(
        f"{title} {entry.name!r} is not installed: {what}",
        code="model_missing",
        hint=f"models pull {entry.name} downloads {sum(file.bytes for file in missing) / 1e9:.2f} GB; or get "
        f"{first.name}{more} by hand: {_how_to_get(first, target(first, root))}",
        details={
            "model": entry.name,
            "models_dir": str(root),
            "missing": [
                {
                    "file": file.name,
                    "folder": file.folder,
                    "bytes": file.bytes,
                    "sha256": file.sha256,
                    "licence": file.licence,
                    "gated": file.gated,
                    "sources": [source.address for source in file.sources],
                    "target": str(target(file, root)),
                }
                for file in missing
            ],
        },
    )


def _how_to_get(file: ModelFile, where: Path) -> str:
    """How ``file`` gets to ``where``: a command, from a source without an account if there is one."""
    import shlex  # noqa: PLC0415 - only for what is missing

    if file.bundled is not None:
        return f"rm {shlex.quote(str(where))} and call again: it {COMES_WITH_US}, and is then written anew"
    source = next((source for source in file.sources if not source.gated), file.sources[0])
    if source.file is not None:
        return f"cp {shlex.quote(source.file)} {shlex.quote(str(where))}"
    token = ' -H "Authorization: Bearer $HF_TOKEN"' if source.gated else ""
    command = f"curl -fL --create-dirs{token} -o {shlex.quote(str(where))} {shlex.quote(source.address)}"
    if not source.gated:
        return command
    page = f"https://huggingface.co/{source.repo}" if source.repo else source.address
    return f"{command} (accept the licence at {page} and put your access token into HF_TOKEN first)"


def _unreadable(file: ModelFile, error: OSError) -> ModelError:
    return ModelError(
        f"cannot look for {file.name}: {error.filename} cannot be read: {error.strerror}",
        code="model_unreadable",
        hint=f"check it with: ls -ld {error.filename}",
        details={"path": str(error.filename)},
    )
