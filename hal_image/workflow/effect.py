"""Which of the values that were asked for cannot change the picture."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from hal_image.models.memory_plan import could_be_fp8

if TYPE_CHECKING:
    from hal_image.models.types import Model


class Ineffective(NamedTuple):
    """A parameter without effect: its name in ``ImageRequest``, and why in one line."""

    parameter: str
    reason: str


def ineffective(
    model: Model, *, cfg: float, negative_prompt: str, guidance_given: bool, sampler: str = "", fp8: bool = False
) -> tuple[Ineffective, ...]:
    """The parameters that the user gave and that do nothing for this model with these values.

    Args:
        model: the model that will be used.
        cfg: the resolved classifier-free guidance scale.
        negative_prompt: the resolved negative prompt.
        guidance_given: whether the user gave distilled guidance, whatever its value.
        sampler: the resolved sampler; the CFG++ ones need the negative side at every scale.
        fp8: whether weights in 8 bits were asked for.
    """
    found = []
    # The condition under which ComfyUI's sampling_function (comfy/samplers.py) drops the negative side; its samplers
    # *_cfg_pp (comfy/k_diffusion/sampling.py) switch that off.
    if negative_prompt and math.isclose(cfg, 1.0) and not sampler.endswith("_cfg_pp"):
        found.append(
            Ineffective("negative_prompt", "ComfyUI leaves the negative prompt out at CFG 1; it needs a higher CFG")
        )
    if guidance_given and model.defaults.guidance is None:
        found.append(
            Ineffective("guidance", f"model {model.name!r} has no distilled guidance; only models like FLUX.1-dev have")
        )
    if fp8 and not could_be_fp8(model):
        found.append(
            Ineffective("fp8", f"model {model.name!r} has no 16-bit diffusion model in a file of its own to shrink")
        )
    return tuple(found)
