"""What is asked for: one picture with nothing left to default. Shared by every other part; imports nothing of ours.

Limits are those of the pinned ComfyUI's own nodes (``KSampler``, ``EmptyLatentImage``, ``FluxGuidance`` in its
``/object_info``); ``tests/engine/test_graphs_against_server.py`` holds them to the running server.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

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
    workflow: WorkflowUse | None = None

    def to_json(self) -> dict[str, Any]:
        """As it is told and kept: without the fields that have a default and the value of it."""
        defaults = self._field_defaults
        fields = self._asdict().items()
        return {name: _plain(value) for name, value in fields if name not in defaults or value != defaults[name]}


_RECORDS: dict[str, Callable[[Any], object]] = {
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
