"""The registry's vocabulary: frozen descriptions of models and their files. No I/O here."""

from __future__ import annotations

from typing import Literal, NamedTuple

Family = Literal["sd15", "sdxl", "flux"]
Role = Literal["checkpoint", "diffusion_model", "clip_l", "t5xxl", "vae"]

FOLDERS: dict[Role, tuple[str, ...]] = {
    "checkpoint": ("checkpoints",),
    "diffusion_model": ("diffusion_models", "unet"),
    "clip_l": ("text_encoders", "clip"),
    "t5xxl": ("text_encoders", "clip"),
    "vae": ("vae",),
}
"""Folders below the models directory in which ComfyUI looks for a role, the preferred one first."""

SIZE_MULTIPLE: dict[Family, int] = {"sd15": 8, "sdxl": 8, "flux": 16}
"""Pixels: width and height must be multiples of it. SD's autoencoder halves three times (8); FLUX also packs
2x2 latent patches (16)."""


class Source(NamedTuple):
    """Where a file can be downloaded.

    Either a hub file (``repo``, ``path``, optional ``revision``) or a plain ``url``; the other fields are ``None``.
    """

    repo: str | None
    path: str | None
    revision: str | None
    url: str | None
    gated: bool

    @property
    def address(self) -> str:
        """The address that a browser or curl can open."""
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
    """

    name: str
    description: str
    family: Family
    files: tuple[ModelFile, ...]
    defaults: Defaults
    min_vram_gb: float
    registry: str

    def file(self, role: Role) -> ModelFile | None:
        """The file that plays ``role``, or ``None``."""
        return next((f for f in self.files if f.role == role), None)

    @property
    def total_bytes(self) -> int:
        """Bytes of all files together."""
        return sum(f.bytes for f in self.files)


class Registry(NamedTuple):
    """All known models, by name, and the one used when ``--model`` is not given."""

    default: str
    models: dict[str, Model]
