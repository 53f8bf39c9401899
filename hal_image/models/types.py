"""The registry's vocabulary: frozen descriptions of models and their files. No I/O here."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

Family = Literal["sd15", "sdxl", "sd3", "flux"]
Role = Literal[
    "checkpoint", "diffusion_model", "clip_l", "clip_g", "t5xxl", "vae", "lora", "controlnet", "upscale_model"
]
ExtraKind = Literal["lora", "controlnet", "upscaler"]
"""What goes with a model and is none by itself."""

FOLDERS: dict[Role, tuple[str, ...]] = {
    "checkpoint": ("checkpoints",),
    "diffusion_model": ("diffusion_models", "unet"),
    "clip_l": ("text_encoders", "clip"),
    "clip_g": ("text_encoders", "clip"),
    "t5xxl": ("text_encoders", "clip"),
    "vae": ("vae",),
    "lora": ("loras",),
    "controlnet": ("controlnet",),
    "upscale_model": ("upscale_models",),
}
"""Folders below the models directory in which ComfyUI looks for a role, the preferred one first."""

EXTRA_ROLES: dict[ExtraKind, Role] = {"lora": "lora", "controlnet": "controlnet", "upscaler": "upscale_model"}
"""The role of the one file of each kind."""
EXTRA_TITLES: dict[str, str] = {"checkpoint": "a model", "lora": "a LoRA", "controlnet": "a ControlNet",
                                "upscaler": "an upscaler"}  # fmt: skip
"""What people call each kind of entry."""

SIZE_MULTIPLE: dict[Family, int] = {"sd15": 8, "sdxl": 8, "sd3": 16, "flux": 16}
"""Pixels: width and height must be multiples of it. The autoencoders halve three times (8); SD3 and FLUX also pack
2x2 latent patches (16)."""


COMES_WITH_US = "comes with this tool"
"""What is shown in place of an address."""


class Source(NamedTuple):
    """Where a file comes from.

    A hub file (``repo``, ``path``, optional ``revision``), a plain ``url``, ``bundled``: the name of a model that
    comes inside this package, or ``file``: the path from which it was added. The other fields are ``None``.
    """

    repo: str | None
    path: str | None
    revision: str | None
    url: str | None
    gated: bool
    bundled: str | None = None
    file: str | None = None

    @property
    def address(self) -> str:
        """The address that a browser or curl can open; the path of a local file; for a bundled one words instead."""
        if self.bundled is not None:
            return COMES_WITH_US
        if self.file is not None:
            return self.file
        if self.url is not None:
            return self.url
        return f"https://huggingface.co/{self.repo}/resolve/{self.revision or 'main'}/{self.path}"


class ModelFile(NamedTuple):
    """One file of a model.

    Attributes:
        role: what the graph uses it for.
        folder: target folder below the models directory (one of ``FOLDERS[role]``).
        name: file name, ``*.safetensors``.
        bytes: exact size.
        sha256: lowercase hex digest of the whole file.
        licence: short name of the licence.
        sources: in the order to try them; at least one.
    """

    role: Role
    folder: str
    name: str
    bytes: int
    sha256: str
    licence: str
    sources: tuple[Source, ...]

    @property
    def gated(self) -> bool:
        """True when no source can be had without an account and an accepted licence."""
        return all(source.gated for source in self.sources)

    @property
    def bundled(self) -> str | None:
        """The name of the model inside this package that it can be made from, or ``None``."""
        return next((source.bundled for source in self.sources if source.bundled is not None), None)


class Defaults(NamedTuple):
    """What is used for every option that the caller leaves out. Units as in ``ImageRequest``."""

    width: int
    height: int
    steps: int
    cfg: float
    guidance: float | None
    sampler: str
    scheduler: str


class Model(NamedTuple):
    """One registry entry.

    Attributes:
        name: what ``--model`` takes.
        description: one line for people.
        family: decides the graph.
        files: at least one; roles are unique.
        defaults: see ``Defaults``; ``guidance`` is ``None`` for models without distilled guidance.
        min_vram_gb: GiB of VRAM below which it is not expected to run without heavy offloading.
        registry: path of the registry file that the entry came from.
        cpu: whether it is fit for a processor: a picture takes seconds there, not minutes.
    """

    name: str
    description: str
    family: Family
    files: tuple[ModelFile, ...]
    defaults: Defaults
    min_vram_gb: float
    registry: str
    cpu: bool = False

    def file(self, role: Role) -> ModelFile | None:
        """The file that plays ``role``, or ``None``."""
        return next((f for f in self.files if f.role == role), None)

    @property
    def kind(self) -> str:
        """What kind of entry of a registry it is, as ``Extra.kind``."""
        return "checkpoint"

    @property
    def total_bytes(self) -> int:
        """Bytes of all files together."""
        return sum(f.bytes for f in self.files)


class Extra(NamedTuple):
    """A registry entry that goes with a model: a LoRA, a ControlNet or an upscaler.

    Attributes:
        name: what its option takes; no model has the same.
        description: one line for people.
        kind: what it is.
        files: exactly one, with the role that ``EXTRA_ROLES`` says.
        registry: path of the registry file that the entry came from.
        family: of the models that it goes with; ``None`` for an upscaler, which goes with all.
        control: of a ControlNet: what its pictures show, e.g. ``canny``; ``None`` when that is not known.
    """

    name: str
    description: str
    kind: ExtraKind
    files: tuple[ModelFile, ...]
    registry: str
    family: Family | None = None
    control: str | None = None

    @property
    def total_bytes(self) -> int:
        """Bytes of its file."""
        return sum(f.bytes for f in self.files)


Entry: TypeAlias = Model | Extra
"""Anything that a registry has under ``models``."""


class Registry(NamedTuple):
    """All known models, by name, and the one used when ``--model`` is not given.

    Attributes:
        default: its name.
        models: by name.
        default_without_gpu: the one used in its place where there is no GPU and its files are not there; ``None`` for
            none.
        extras: what goes with models, by name; no model has one of these.
    """

    default: str
    models: dict[str, Model]
    default_without_gpu: str | None = None
    extras: Mapping[str, Extra] = MappingProxyType({})

    @property
    def entries(self) -> dict[str, Entry]:
        """Models and extras together."""
        return {**self.models, **self.extras}
