"""Reads models.yaml, ours and the user's own, and refuses everything it does not fully understand.

A registry decides what is downloaded, where it is written and what is loaded into the GPU, so a typing error must not
pass as a default. ``docs/reference/models-yaml.md`` describes the format for people and
``hal_image/schemas/models.schema.json`` for editors; ``tests/contract/test_models_schema.py`` holds the two together.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast, get_args

from hal_image import request
from hal_image.models import bundled_models
from hal_image.models.located_yaml import Located, compose, did_you_mean
from hal_image.models.types import (
    EXTRA_ROLES,
    FOLDERS,
    SIZE_MULTIPLE,
    Defaults,
    Entry,
    Extra,
    ExtraKind,
    Family,
    Model,
    ModelFile,
    Registry,
    Role,
    Source,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

FAMILIES: tuple[Family, ...] = get_args(Family)
FLUX_PARTS: tuple[Role, ...] = ("diffusion_model", "clip_l", "t5xxl", "vae")
"""Roles of a FLUX model that does not come as one file."""
SD3_PARTS: tuple[Role, ...] = ("checkpoint", "clip_l", "clip_g", "t5xxl")
"""Roles of an SD3 model whose checkpoint has no text encoders. Every other model is exactly one ``checkpoint``."""

MAX_BYTES = 2**53 - 1
"""Largest integer that every JSON reader keeps exactly."""
MAX_VRAM_GB = 1024

# Patterns hold in Python and in ECMAScript, because models.schema.json repeats them.
MODEL_NAME = r"^[a-z0-9][a-z0-9._-]*$"
ONE_LINE = r"^\S(.*\S)?$"
SHA256 = r"^[0-9a-f]{64}$"
FILE_NAME = r'^[^\s./\\:*?"<>|\x00-\x1f][^/\\:*?"<>|\x00-\x1f]*\.safetensors$'  # what Windows can store, too
REPO = r"^[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*$"
REPO_PATH = r"^([A-Za-z0-9_][A-Za-z0-9._+-]*/)*[A-Za-z0-9_][A-Za-z0-9._+-]*\.safetensors$"
CONTROL = r"^[a-z0-9][a-z0-9-]*$"
REVISION = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
LOCAL_PATH = r"^/.*[^/]$"
URL = r"^https?://[^\s/?#@]+/\S+$"  # no user:password@, since addresses are shown and logged

# Every key, and how to write its value: the hint of a complaint about it.
_ROOT_KEYS = {"default": "the name of the model used without --model", "models": "a mapping of model names to models"}
_WITHOUT_GPU_KEY = {"default_without_gpu": "the name of the model used without --model, a GPU and the default's files"}
_MODEL_KEYS = {
    "description": "one line of text for people",
    "family": f"one of: {', '.join(FAMILIES)}",
    "min_vram_gb": "GiB of VRAM it needs, as in 8",
    "files": f"a list with one checkpoint, or all of {', '.join(FLUX_PARTS)} (flux) or {', '.join(SD3_PARTS)} (sd3)",
    "defaults": "a mapping with width, height, steps, cfg, sampler, scheduler (and guidance for flux)",
}
_KIND_KEY = {"kind": f"one of: checkpoint, {', '.join(EXTRA_ROLES)}; checkpoint when left out"}
_EXTRA_KEYS = {
    "kind": _KIND_KEY["kind"],
    "description": _MODEL_KEYS["description"],
    "files": "a list with one file, whose role is that of the kind",
}
_FAMILY_KEY = {"family": _MODEL_KEYS["family"]}
_CONTROL_KEY = {"control": "what its pictures show, in a word of lowercase letters, digits and -, as in canny"}
_CPU_KEY = {"cpu": "true if it makes a picture in seconds on a processor"}
_FILE_KEYS = {
    "role": f"one of: {', '.join(FOLDERS)}",
    "folder": "the folder below the models folder that fits the role",
    "name": "a bare file name that ends in .safetensors",
    "bytes": "the exact file size in bytes",
    "sha256": "64 lowercase hexadecimal digits in quotes, as sha256sum or the download page shows them",
    "licence": "one line of text, as in Apache-2.0",
    "sources": "a list of places to download it from, each with repo and path, or with url, bundled or file",
}
_HUB_KEYS = {"repo": "owner/name on the hub", "path": "the file's path in the repository, ending in .safetensors"}
_URL_KEYS = {"url": "an http(s) address of the file, without user name or password"}
_LOCAL_KEYS = {"file": "the absolute path of a file on this machine"}
_BUNDLED_KEYS = {"bundled": "the name of a model that comes with this tool"}
_REVISION_KEY = {"revision": "a commit, tag or branch of the repository, in quotes"}
_GATED_KEY = {"gated": "true if it needs an account and an accepted licence"}
_DEFAULTS_KEYS = {
    "width": "pixels",
    "height": "pixels",
    "steps": f"a whole number from 1 to {request.MAX_STEPS}",
    "cfg": f"a number from 0 to {request.MAX_CFG:g}; 1 switches the negative prompt off",
    "sampler": f"one of: {', '.join(request.SAMPLERS)}",
    "scheduler": f"one of: {', '.join(request.SCHEDULERS)}",
}
_GUIDANCE_KEY = {"guidance": f"a number from 0 to {request.MAX_GUIDANCE:g}; leave it out if the model has none"}


@dataclass(slots=True)
class _Document:
    """One registry file, read but not yet merged: what is needed to point back into it is kept."""

    path: Path
    default: Located | None = None
    default_without_gpu: Located | None = None
    entries: dict[str, Entry] = field(default_factory=dict)
    names: dict[str, list[Located]] = field(default_factory=dict)
    """Per entry, the places of its files' names, in the order of ``Model.files``."""


def parse_registry(project_file: Path, user_files: Sequence[Path] = ()) -> Registry:
    """Read ``project_file`` and merge ``user_files`` over it; see ``registry.load_registry``."""
    documents = [_read(project_file, base=True), *(_read(path, base=False) for path in user_files)]
    entries: dict[str, Entry] = {}
    for document in documents:
        entries.update(document.entries)
    _check_same_name_same_file(documents, entries)
    models = {name: entry for name, entry in entries.items() if isinstance(entry, Model)}
    extras = {name: entry for name, entry in entries.items() if isinstance(entry, Extra)}
    default = next(d.default for d in reversed(documents) if d.default is not None)
    without_gpu = next((d.default_without_gpu for d in reversed(documents) if d.default_without_gpu is not None), None)
    for place in filter(None, (default, without_gpu)):
        if (wanted := place.text()) not in models:
            hint = f"the models are: {', '.join(models)}"
            place.fail(f"names no model: {wanted!r}", " ".join(filter(None, (did_you_mean(wanted, models), hint))))
    return Registry(default.text(), models, None if without_gpu is None else without_gpu.text(), extras)


def _read(path: Path, *, base: bool) -> _Document:
    root = compose(path, "write a mapping with the keys models: and default:")
    # A user's own file may hold only what it changes.
    top = root.mapping(_ROOT_KEYS, _WITHOUT_GPU_KEY) if base else root.mapping({}, {**_ROOT_KEYS, **_WITHOUT_GPU_KEY})
    document = _Document(path, top.get("default"), top.get("default_without_gpu"))
    for place in filter(None, (document.default, document.default_without_gpu)):
        place.text(MODEL_NAME)
    for key, value in top["models"].entries() if "models" in top else ():
        name = key.text()
        Located(key.node, key.file, key.label, "lowercase letters, digits and . _ - only").text(MODEL_NAME)
        kind = _kind(value)
        document.entries[name], document.names[name] = (
            _model(name, value) if kind is None else _extra(name, kind, value)
        )
    return document


def _kind(node: Located) -> ExtraKind | None:
    """What an entry is, which says which keys it has; ``None`` for a model."""
    place = next((value for key, value in node.entries() if key.text() == "kind"), None)
    if place is None:
        return None
    kind = Located(place.node, place.file, place.label, _KIND_KEY["kind"]).choice(("checkpoint", *EXTRA_ROLES))
    return None if kind == "checkpoint" else cast("ExtraKind", kind)


def _extra(name: str, kind: ExtraKind, node: Located) -> tuple[Extra, list[Located]]:
    required = _EXTRA_KEYS if kind == "upscaler" else {**_EXTRA_KEYS, **_FAMILY_KEY}
    keys = node.mapping(required, _CONTROL_KEY if kind == "controlnet" else None)
    files = [_file(item) for item in keys["files"].items()]
    _check_roles((EXTRA_ROLES[kind],), keys["files"], [file.role for file, _ in files])
    extra = Extra(
        name=name,
        description=keys["description"].text(ONE_LINE),
        kind=kind,
        files=tuple(file for file, _ in files),
        registry=node.file,
        family=cast("Family", keys["family"].choice(FAMILIES)) if "family" in keys else None,
        control=keys["control"].text(CONTROL) if "control" in keys else None,
    )
    return extra, [place for _, place in files]


def _model(name: str, node: Located) -> tuple[Model, list[Located]]:
    keys = node.mapping(_MODEL_KEYS, {**_CPU_KEY, **_KIND_KEY})
    family = cast("Family", keys["family"].choice(FAMILIES))
    files = [_file(item) for item in keys["files"].items()]
    roles = [file.role for file, _ in files]
    _check_roles(_wanted_roles(family, roles), keys["files"], roles)
    model = Model(
        name=name,
        description=keys["description"].text(ONE_LINE),
        family=family,
        files=tuple(file for file, _ in files),
        defaults=_defaults(keys["defaults"], family),
        min_vram_gb=keys["min_vram_gb"].number(0, MAX_VRAM_GB),
        registry=node.file,
        cpu=keys["cpu"].flag() if "cpu" in keys else False,
    )
    return model, [place for _, place in files]


def _file(node: Located) -> tuple[ModelFile, Located]:
    keys = node.mapping(_FILE_KEYS)
    role = cast("Role", keys["role"].choice(tuple(FOLDERS)))
    folder = keys["folder"].text()
    if folder not in FOLDERS[role]:
        where = " or ".join(FOLDERS[role])
        keys["folder"].fail(f"cannot be {folder!r}: ComfyUI does not look there for a {role}", f"write folder: {where}")
    name = keys["name"].text()
    if any(character in name for character in "/\\:"):
        keys["name"].fail(f"cannot be {name!r}: a path could leave the models folder")
    if not name.endswith(".safetensors"):
        keys["name"].fail(f"cannot be {name!r}: other formats can carry code that runs when they are loaded")
    file = ModelFile(
        role=role,
        folder=folder,
        name=keys["name"].text(FILE_NAME),
        bytes=keys["bytes"].integer(1, MAX_BYTES),
        sha256=keys["sha256"].text(SHA256),
        licence=keys["licence"].text(ONE_LINE),
        sources=tuple(_source(item) for item in keys["sources"].items()),
    )
    return file, keys["name"]


def _source(node: Located) -> Source:
    kinds = {key.text() for key, _ in node.entries()}
    if "bundled" in kinds:
        return Source(None, None, None, None, gated=False, bundled=_bundled(node.mapping(_BUNDLED_KEYS)["bundled"]))
    if "file" in kinds:
        return Source(None, None, None, None, gated=False, file=node.mapping(_LOCAL_KEYS)["file"].text(LOCAL_PATH))
    is_url = "url" in kinds
    required, optional = (_URL_KEYS, _GATED_KEY) if is_url else (_HUB_KEYS, {**_REVISION_KEY, **_GATED_KEY})
    keys = node.mapping(required, optional)
    return Source(
        repo=None if is_url else keys["repo"].text(REPO),
        path=None if is_url else keys["path"].text(REPO_PATH),
        revision=keys["revision"].text(REVISION) if "revision" in keys else None,
        url=keys["url"].text(URL) if is_url else None,
        gated=keys["gated"].flag() if "gated" in keys else False,
    )


def _bundled(name: Located) -> str:
    name.text(MODEL_NAME)
    known = bundled_models.names()
    # A package that has lost all of its models is damaged, and models.yaml is not to blame.
    return name.choice(known) if known else name.text()


def _defaults(node: Located, family: Family) -> Defaults:
    keys = node.mapping(_DEFAULTS_KEYS, _GUIDANCE_KEY if family == "flux" else None)
    return Defaults(
        width=_side(keys["width"], family),
        height=_side(keys["height"], family),
        steps=keys["steps"].integer(1, request.MAX_STEPS),
        cfg=keys["cfg"].number(0, request.MAX_CFG),
        guidance=keys["guidance"].number(0, request.MAX_GUIDANCE) if "guidance" in keys else None,
        sampler=keys["sampler"].choice(request.SAMPLERS),
        scheduler=keys["scheduler"].choice(request.SCHEDULERS),
    )


def _side(node: Located, family: Family) -> int:
    side = node.integer(request.MIN_SIDE, request.MAX_SIDE)
    multiple = SIZE_MULTIPLE[family]
    if side % multiple:
        below = side // multiple * multiple
        node.fail(f"cannot be {side}: {family} needs multiples of {multiple}", f"{below} or {below + multiple}")
    return side


def _wanted_roles(family: Family, roles: list[Role]) -> tuple[Role, ...]:
    """The roles that a model has to have, no more and no less; those it has tell which form it comes in."""
    if family == "flux" and "checkpoint" not in roles:
        return FLUX_PARTS
    if family == "sd3" and any(role in SD3_PARTS and role != "checkpoint" for role in roles):
        return SD3_PARTS
    return ("checkpoint",)


def _check_roles(wanted: tuple[Role, ...], node: Located, roles: list[Role]) -> None:
    for index, role in enumerate(roles):
        if role not in wanted:
            node.items()[index].fail(
                f"has the role {role}, which has no place here", f"these files are wanted: {', '.join(wanted)}"
            )
        if role in roles[:index]:
            node.items()[index].fail(f"is a second file with the role {role}", "keep one of the two")
    missing = [role for role in wanted if role not in roles]
    if missing:
        node.fail(f"lacks the role {missing[0]}", f"these files are wanted: {', '.join(wanted)}")


def _check_same_name_same_file(documents: list[_Document], entries: dict[str, Entry]) -> None:
    """Two models may share a file, but not a file name for two different files: one would overwrite the other."""
    seen: dict[tuple[tuple[str, ...], str], tuple[ModelFile, Located]] = {}
    for document in documents:
        for entry in document.entries.values():
            if entries[entry.name] is not entry:
                continue  # replaced by a later document
            for file, place in zip(entry.files, document.names[entry.name], strict=True):
                # ComfyUI searches all folders of a role, and a Windows disk does not tell upper from lower case.
                first, first_place = seen.setdefault((FOLDERS[file.role], file.name.lower()), (file, place))
                if (file.sha256, file.bytes) != (first.sha256, first.bytes):
                    where = f"{first_place.file}:{first_place.node.start_mark.line + 1}"
                    place.fail(
                        f"is {file.name!r}, which has another sha256 or size at {where}",
                        "give one of the two files another name, or mend its sha256 and bytes",
                    )
