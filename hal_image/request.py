"""What is asked for: one picture with nothing left to default. Shared by every other part; imports nothing of ours.

Limits are those of the pinned ComfyUI's own nodes (``KSampler``, ``EmptyLatentImage``, ``FluxGuidance`` in its
``/object_info``); ``tests/engine/test_graphs_against_server.py`` holds them to the running server.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MIN_SIDE = 16
"""Smallest width or height in pixels."""
MAX_SIDE = 16384
"""Largest width or height in pixels."""
MAX_STEPS = 10_000
MAX_CFG = 100.0
MAX_GUIDANCE = 100.0
MAX_SEED = 2**64 - 1
MIN_STRENGTH = 0.01
"""Smallest strength that is not 0: the step of ``KSampler``'s ``denoise``. It plans ``steps / denoise`` steps ahead, so
a tiny one would cost memory without end."""

SAMPLERS = (
    "euler", "euler_cfg_pp", "euler_ancestral", "euler_ancestral_cfg_pp", "heun", "heunpp2", "dpm_2",
    "dpm_2_ancestral", "lms", "dpm_fast", "dpm_adaptive", "dpmpp_2s_ancestral", "dpmpp_2s_ancestral_cfg_pp",
    "dpmpp_sde", "dpmpp_sde_gpu", "dpmpp_2m", "dpmpp_2m_cfg_pp", "dpmpp_2m_sde", "dpmpp_2m_sde_gpu",
    "dpmpp_2m_sde_heun", "dpmpp_2m_sde_heun_gpu", "dpmpp_3m_sde", "dpmpp_3m_sde_gpu", "ddpm", "lcm", "ipndm",
    "ipndm_v", "deis", "res_multistep", "res_multistep_cfg_pp", "res_multistep_ancestral",
    "res_multistep_ancestral_cfg_pp", "gradient_estimation", "gradient_estimation_cfg_pp", "er_sde", "seeds_2",
    "seeds_3", "sa_solver", "sa_solver_pece", "ddim", "uni_pc", "uni_pc_bh2",
)  # fmt: skip
"""``KSampler``'s ``sampler_name`` values in the pinned ComfyUI. Add one here when the pin moves."""
SCHEDULERS = (
    "simple", "sgm_uniform", "karras", "exponential", "ddim_uniform", "beta", "normal", "linear_quadratic",
    "kl_optimal",
)  # fmt: skip
"""``KSampler``'s ``scheduler`` values in the pinned ComfyUI."""


MAX_LORA_WEIGHT = 10.0
"""Either way. ComfyUI takes 100, which makes noise of any picture."""


class Lora(NamedTuple):
    """A LoRA and how much of it.

    Attributes:
        name: what ``--lora`` calls it.
        file: its name as ComfyUI's loader lists it.
        sha256: digest of the file.
        weight: of its changes to the diffusion model, -10..10; 0 is none.
        clip_weight: of its changes to the text encoders, likewise.
    """

    name: str
    file: str
    sha256: str
    weight: float
    clip_weight: float


class InputPicture(NamedTuple):
    """A picture that was given: its absolute path, and the SHA-256 of the file's bytes as lowercase hex."""

    path: str
    sha256: str


MAX_CONTROL_STRENGTH = 10.0


class Control(NamedTuple):
    """A ControlNet, and the picture that it follows.

    Attributes:
        type: what the picture shows, as it was asked for. ``canny`` is a photo or drawing whose edges are still to be
            found; any other is a map of what it says.
        name: of the ControlNet, as ``--control TYPE@NAME`` takes it.
        file: its name as ComfyUI's loader lists it.
        sha256: digest of that file.
        image: the picture.
        strength: 0..10; 0 is none.
        start, end: 0..1, the part of the sampling in which it counts; ``start`` is less than ``end``.
    """

    type: str
    name: str
    file: str
    sha256: str
    image: InputPicture
    strength: float = 1.0
    start: float = 0.0
    end: float = 1.0

    @property
    def finds_edges(self) -> bool:
        """Whether the map is made of the picture first."""
        return self.type == "canny"


class Init(NamedTuple):
    """A picture to begin with.

    Attributes:
        image: the picture.
        strength: 0..1, how much of it is made anew: 0 gives it back as it is, 1 keeps nothing.
        mask: where it may change; ``None`` for everywhere.
        feather: pixels over which what is new and what is kept run into each other; 0 without mask and outpaint.
        outpaint: pixels to add left, top, right and bottom. The request's width and height have them in.
    """

    image: InputPicture
    strength: float
    mask: InputPicture | None = None
    feather: int = 0
    outpaint: tuple[int, int, int, int] = (0, 0, 0, 0)

    @property
    def keeps_a_part(self) -> bool:
        """Whether some of its pixels must come out as they are."""
        return self.mask is not None or any(self.outpaint)


HIRES_MULTIPLE = 16
"""Pixels of which the sides of the second sampling are a multiple: what every family can make."""


class Hires(NamedTuple):
    """A second sampling of the picture in a larger size, which adds the detail that this size has room for.

    Attributes:
        scale: above 1, up to 4.
        denoise: above 0, up to 1: how much of the enlarged picture is made anew.
    """

    scale: float
    denoise: float = 0.5


class Upscale(NamedTuple):
    """How a finished picture is enlarged.

    Attributes:
        scale: 2 or 4; the sides become exactly that many times as long.
        method: ``"model"``, or ``"lanczos"`` for resampling without one.
        model: name of the upscale model, as the option takes it.
        file: the same as ComfyUI's loader lists it.
        sha256: digest of that file.
        factor: by how much the model enlarges, 1 to 8; ``None`` where its file does not tell.
    """

    scale: int
    method: Literal["model", "lanczos"]
    model: str | None = None
    file: str | None = None
    sha256: str | None = None
    factor: int | None = None


MIN_TILE = 64
"""Pixels: smallest tile of an autoencoder, and what all are multiples of."""
MAX_TILE = 4096


class Memory(NamedTuple):
    """What a picture does without, to need less memory.

    Attributes:
        vae_tile: pixels along a side of the tiles in which the autoencoder works; ``None`` for the whole picture.
        fp8: the weights of a 16-bit diffusion model in 8 bits.
        offload: the weights in main memory, a layer at a time on the GPU. Nobody asks for it; the engine does it.
    """

    vae_tile: int | None = None
    fp8: bool = False
    offload: bool = False


class WorkflowUse(NamedTuple):
    """A graph of the user's own that a picture is made with.

    Attributes:
        name: of its file.
        path: of its file, absolute.
        sha256: of its file.
        set: values of inputs that were set, by ``NODE.INPUT``.
        asked: options that its placeholders, or its seeds, took: of ``prompt``, ``negative_prompt``, ``seed``,
            ``width`` and ``height``. The other fields of the request are what the graph says.
        further: by how much seeds that nobody asked for were counted up.
        pictures: what it loads: for each name in the graph the picture's absolute path and the SHA-256 of its bytes.
    """

    name: str
    path: str
    sha256: str
    set: Mapping[str, Any] = {}
    asked: tuple[str, ...] = ()
    further: int = 0
    pictures: Mapping[str, Mapping[str, str]] = {}


class ImageRequest(NamedTuple):
    """One picture, fully resolved.

    Attributes:
        prompt: positive text, any Unicode, may be empty.
        negative_prompt: negative text, may be empty.
        model: registry name, e.g. ``"sdxl"``.
        width, height: pixels, multiples of the family's ``size_multiple``.
        steps: sampling steps, 1..10000.
        cfg: classifier-free guidance scale, 0..100; at 1.0 the negative prompt has no effect.
        guidance: distilled guidance of FLUX-dev models, 0..100; ``None`` where the model has none.
        sampler, scheduler: ComfyUI's names, e.g. ``"dpmpp_2m"``, ``"karras"``.
        seed: 0..2**64-1.
        loras: in the order in which they are applied.
        controls: likewise.
        init: the picture that it begins with; ``None`` for none.
        presets: names of the user's presets that had a part in it. What they said is in the other fields, so nobody
            needs them to make it again.
        hires: a second sampling in a larger size; ``None`` for none.
        upscale: how the finished picture is enlarged; ``None`` for not at all.
        memory: what it does without to need less of it; ``None`` for nothing.
        turbo: whether the model is compiled, which rounds its values elsewhere.

    ``width`` and ``height`` are those of the first sampling, ``final_size`` is that of the file.
        workflow: the user's own graph; then 0, or empty, is what it does not say.
    """

    prompt: str
    negative_prompt: str
    model: str
    width: int
    height: int
    steps: int
    cfg: float
    guidance: float | None
    sampler: str
    scheduler: str
    seed: int
    loras: tuple[Lora, ...] = ()
    controls: tuple[Control, ...] = ()
    init: Init | None = None
    presets: tuple[str, ...] = ()
    hires: Hires | None = None
    upscale: Upscale | None = None
    workflow: WorkflowUse | None = None
    memory: Memory | None = None
    turbo: bool = False

    @property
    def hires_size(self) -> tuple[int, int]:
        """Width and height of the last sampling, in pixels."""
        if self.hires is None:
            return self.width, self.height
        return _scaled(self.width, self.hires.scale), _scaled(self.height, self.hires.scale)

    @property
    def final_size(self) -> tuple[int, int]:
        """Width and height of the picture that is saved, in pixels."""
        width, height = self.hires_size
        scale = 1 if self.upscale is None else self.upscale.scale
        return width * scale, height * scale

    def to_json(self) -> dict[str, Any]:
        """As it is told and kept: without the fields that have a default and the value of it."""
        defaults = self._field_defaults
        fields = self._asdict().items()
        return {name: _plain(value) for name, value in fields if name not in defaults or value != defaults[name]}


def _scaled(side: int, scale: float) -> int:
    return max(1, round(side * scale / HIRES_MULTIPLE)) * HIRES_MULTIPLE


def _init(value: dict[str, Any]) -> Init:
    fields = dict(value)
    left, top, right, bottom = fields["outpaint"]
    fields["outpaint"] = (left, top, right, bottom)
    fields["image"] = InputPicture(**fields["image"])
    if fields["mask"] is not None:
        fields["mask"] = InputPicture(**fields["mask"])
    return Init(**fields)


_RECORDS: dict[str, Callable[[Any], object]] = {
    "loras": lambda loras: tuple(Lora(**one) for one in loras),
    "controls": lambda controls: tuple(Control(**{**one, "image": InputPicture(**one["image"])}) for one in controls),
    "init": _init,
    "presets": tuple,
    "hires": lambda fields: Hires(**fields),
    "upscale": lambda fields: Upscale(**fields),
    "memory": lambda fields: Memory(**fields),
    "workflow": lambda value: WorkflowUse(**{**value, "asked": tuple(value["asked"])}),
}
"""How a field that is no plain value is read from JSON, by name."""


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        fields = getattr(value, "_fields", None)
        if fields is not None:
            return {name: _plain(getattr(value, name)) for name in fields}
        return [_plain(one) for one in value]
    return value


def from_json(request: dict[str, Any]) -> ImageRequest:
    """The opposite of ``ImageRequest.to_json``.

    Raises:
        KeyError, TypeError, ValueError: it is none, or has fields of another version.
    """
    fields: dict[str, Any] = {
        name: _RECORDS[name](value) if name in _RECORDS else value for name, value in request.items()
    }
    return ImageRequest(**fields)
