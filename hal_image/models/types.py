"""The registry's vocabulary: frozen descriptions of models and their files. No I/O here."""

from __future__ import annotations

from typing import Literal, NamedTuple

Family = Literal["sd15", "sdxl", "sd3", "flux"]
Role = Literal["checkpoint", "diffusion_model", "clip_l", "clip_g", "t5xxl", "vae"]

FOLDERS: dict[Role, tuple[str, ...]] = {
    "checkpoint": ("checkpoints",),
    "diffusion_model": ("diffusion_models", "unet"),
    "clip_l": ("text_encoders", "clip"),
    "clip_g": ("text_encoders", "clip"),
    "t5xxl": ("text_encoders", "clip"),
    "vae": ("vae",),
}
"""Folders below the models directory in which ComfyUI looks for a role, the preferred one first."""

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
    def total_bytes(self) -> int:
        """Bytes of all files together."""
        return sum(f.bytes for f in self.files)


class Registry(NamedTuple):
    """All known models, by name, and the one used when ``--model`` is not given.

    Attributes:
        default: its name.
        models: by name.
        default_without_gpu: the one used in its place where there is no GPU and its files are not there; ``None`` for
            none.
    """

    default: str
    models: dict[str, Model]
    default_without_gpu: str | None = None
