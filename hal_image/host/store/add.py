"""``models add PATH|URL|hf:OWNER/REPO/FILE --name X``: makes a checkpoint of the user's own a model, and gives a LoRA,
a ControlNet or an upscaler a name.

What it is and its family are read from the names of its tensors; the defaults of a model are those of ours of that
family. It becomes an entry in the user's models.yaml.
"""

from __future__ import annotations

import math
import os
import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast, get_args
from urllib.parse import unquote, urlsplit

from hal_image import paths
from hal_image.errors import EnvironmentError_, ModelError, UsageError
from hal_image.host.deadline import Deadline
from hal_image.host.pull import stall_limit
from hal_image.host.pull_display import PullDisplay
from hal_image.host.result import Result
from hal_image.host.store.digest import digest_of
from hal_image.models import contents, extra_kinds, hub, second_name, user_registry, verified
from hal_image.models.registry import default_registry_path
from hal_image.models.registry_parser import FILE_NAME, MODEL_NAME, REPO, REPO_PATH, URL
from hal_image.models.safetensors_header import read_header
from hal_image.models.types import EXTRA_ROLES, EXTRA_TITLES, FOLDERS, Extra, Family, Model, ModelFile, Source

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from hal_image.host.render import Output
    from hal_image.models.safetensors_header import Header
    from hal_image.models.types import ExtraKind, Registry, Role

LICENCE = "not stated"
"""What is written for a file of the user's own: which licence it has is theirs to know."""
VRAM_SHARE = 1.3
"""Of a file's size, the VRAM that is taken to be needed, where our model of the family does not need less."""
SMALLEST_VRAM_GB = 4.0
PUBLISHED_PARTS = ("clip_l", "t5xxl", "vae")
"""What a FLUX transformer needs beside it; the registry's are used."""


class Place(NamedTuple):
    """A file that is being added: where it is now, and what is written down as its source."""

    path: Path
    source: Source
    new: bool


def run(options: argparse.Namespace, registry: Registry, models_dir: Path, output: Output) -> Result:
    """Adds a file; it is linked, not copied, where that is possible.

    Raises:
        UsageError: what was given cannot be used.
        ModelError: it is no model that is known, or cannot be had.
        EnvironmentError_: ``models_dir_unwritable``, ``registry_unwritable``, ``disk_full``.
        RegistryError: as for ``user_registry.add``.
    """
    what, name = _arguments(options, registry)
    display = PullDisplay(output, Deadline.after(options.timeout))
    place = None
    path = None
    try:
        place = _fetched(what, models_dir, display)
        header = read_header(place.path)
        kind = extra_kinds.kind_of(header.tensors)
        make = _model(name, place, header, registry) if kind is None else _extra(name, kind, place, header)
        sha256 = digest_of(place.path, display)
        entry = make(sha256)
        file = entry.files[0]
        contents.check(header, place.path, entry, file)
        path = placed(place.path, models_dir / file.folder / file.name)
    finally:
        display.close()
        if place is not None and place.new and place.path != path:  # it is no model, or belongs elsewhere
            place.path.unlink(missing_ok=True)
    verified.remember(path, sha256)
    files = paths.user_registry_files()
    own = files[-1] if files else paths.default_user_registry()
    try:
        user_registry.add(entry._replace(registry=str(own)), own, default_registry_path(), files)
    except BaseException:
        if path != place.path:  # a name that nothing refers to
            with suppress(OSError):
                path.unlink()
        raise
    data = {
        "models_dir": str(models_dir),
        "added": {
            "name": name,
            "kind": kind or "checkpoint",
            "family": entry.family,
            "control": entry.control if isinstance(entry, Extra) else None,
            "path": str(path),
            "sha256": sha256,
            "registry": str(own),
        },
    }
    said = [] if kind is None else [EXTRA_TITLES[kind]]
    if entry.family is not None:
        said.append(contents.FAMILY_NAMES[entry.family])
    return Result("models", data, (f"{name}: {' for '.join(said)}, {path}, written to {own}",))


def _model(name: str, place: Place, header: Header, registry: Registry) -> Callable[[str], Model]:
    """What makes the model, once the file's digest is known."""
    role = contents.role_of(header.tensors)
    found = contents.family_of(header.tensors)
    if role not in {"checkpoint", "diffusion_model"} or found not in get_args(Family):
        raise ModelError(
            f"{place.path} is no model of a family that is known ({', '.join(contents.FAMILY_NAMES.values())})",
            code="model_wrong",
            hint="give a whole checkpoint, a FLUX transformer, a LoRA, a ControlNet or an upscaler, as .safetensors",
        )
    like = _like(registry, cast("Family", found), role, {*header.tensors})
    parts = tuple(part for part in like.files if role == "diffusion_model" and part.role in PUBLISHED_PARTS)
    needed = math.ceil(header.file_bytes * VRAM_SHARE / (1 << 30))
    return lambda sha256: like._replace(
        name=name,
        description=f"{place.path.name}, added by you",
        files=(_file(role, place, header, sha256), *parts),
        min_vram_gb=min(like.min_vram_gb, max(SMALLEST_VRAM_GB, needed)),
        cpu=False,
    )


def _extra(name: str, kind: ExtraKind, place: Place, header: Header) -> Callable[[str], Extra]:
    """As ``_model``, for what goes with one."""
    family = extra_kinds.family_of(kind, header.tensors)
    if kind != "upscaler" and family not in get_args(Family):
        of = contents.FAMILY_NAMES.get(family or "", "a family of models that cannot be told from its tensors")
        folder = FOLDERS[EXTRA_ROLES[kind]][0]
        raise ModelError(
            f"{place.path} is {EXTRA_TITLES[kind]} for {of}",
            code="model_wrong",
            hint=f"if it is for one of {', '.join(get_args(Family))} all the same, put it into {folder}/ of the models "
            "folder: it is used under its file's name",
        )
    return lambda sha256: Extra(
        name=name,
        description=f"{place.path.name}, added by you",
        kind=kind,
        files=(_file(EXTRA_ROLES[kind], place, header, sha256),),
        registry="",
        family=cast("Family | None", family),
        control=extra_kinds.control_of(place.path.stem) if kind == "controlnet" else None,
    )


def _file(role: Role, place: Place, header: Header, sha256: str) -> ModelFile:
    return ModelFile(
        role=role,
        folder=FOLDERS[role][0],
        name=place.path.name,
        bytes=header.file_bytes,
        sha256=sha256,
        licence=LICENCE,
        sources=(place.source,),
    )


def _arguments(options: argparse.Namespace, registry: Registry) -> tuple[str, str]:
    if len(options.names) != 1 or options.name is None:
        raise UsageError(
            "models add takes one file and a name for it", hint="models add PATH|URL|hf:OWNER/REPO/FILE --name mine"
        )
    if not re.fullmatch(MODEL_NAME, options.name):
        raise UsageError(f"{options.name!r} is no name for a model", hint="lowercase letters, digits and . _ - only")
    if options.name in registry.entries:
        raise UsageError(
            f"there is {EXTRA_TITLES[registry.entries[options.name].kind]} {options.name!r} already",
            code="model_exists",
            hint="give another --name",
        )
    return options.names[0], options.name


def _fetched(what: str, models_dir: Path, display: PullDisplay) -> Place:
    if not what.startswith(("hf:", "http://", "https://")):
        path = Path(os.path.abspath(paths.typed(what)))  # noqa: PTH100 - links stay as they are
        _check_name(path.name)
        return Place(path, Source(None, None, None, None, gated=False, file=str(path)), new=False)
    if what.startswith("hf:"):
        owner, _, rest = what.removeprefix("hf:").partition("/")
        repo, _, inner = rest.partition("/")
        if not re.fullmatch(REPO, f"{owner}/{repo}") or not re.fullmatch(REPO_PATH, inner):
            raise UsageError(f"{what!r} names no file on the hub", hint="hf:OWNER/REPO/path/FILE.safetensors")
        source = Source(f"{owner}/{repo}", inner, None, None, gated=False)
    else:
        if not re.fullmatch(URL, what):
            raise UsageError(f"{what!r} is no address", hint="without user name and password, as in https://…")
        source = Source(None, None, None, what, gated=False)
    name = unquote(urlsplit(source.address).path).rsplit("/", 1)[-1]
    _check_name(name)
    from hal_image.models.unknown_download import download_unknown  # noqa: PLC0415 - a file of this machine needs none

    folder = models_dir / FOLDERS["checkpoint"][0]
    path, revision = download_unknown(name, source, folder, hub.from_environment(), display.show, stall_limit())
    return Place(path, source._replace(revision=revision) if source.repo else source, new=True)


def _check_name(name: str) -> None:
    if not re.fullmatch(FILE_NAME, name):
        raise UsageError(
            f"{name!r} is no file that can be a model",
            hint="its name ends in .safetensors; a pickle (.ckpt, .pt) can run code and is never loaded",
        )


def _like(registry: Registry, family: Family, role: Role, names: set[str]) -> Model:
    """Our model whose defaults fit: of the same family and form; for FLUX with distilled guidance, or without."""
    known = [model for model in registry.models.values() if model.family == family and not model.cpu]
    if role == "diffusion_model":
        known = [model for model in known if model.file("diffusion_model") is not None]
    guided = any("guidance_in." in name for name in names)
    fitting = [model for model in known if family != "flux" or (model.defaults.guidance is not None) == guided]
    if not known:
        raise ModelError(
            f"a {contents.FAMILY_NAMES[family]} diffusion model by itself cannot be added",
            code="model_wrong",
            hint="give a checkpoint, which has text encoders and autoencoder in it",
        )
    return (fitting or known)[0]


def placed(path: Path, wanted: Path) -> Path:
    """Makes a file appear in the models folder without a copy: as a second name of it, else as a link.

    Raises:
        UsageError: ``file_exists``: another file of that name is there.
        EnvironmentError_: ``models_dir_unwritable``.
    """
    if wanted.exists() and not wanted.samefile(path):
        raise UsageError(
            f"there is another {wanted}", code="file_exists", hint="rename the file that you add, or remove that one"
        )
    try:
        second_name.give(path, wanted)
    except OSError as error:
        raise EnvironmentError_(
            f"cannot write {wanted}: {error.strerror}",
            code="models_dir_unwritable",
            hint="choose another models folder with --models-dir or HAL_MODELS_DIR",
        ) from error
    return wanted
