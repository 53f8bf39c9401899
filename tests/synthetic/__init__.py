"""Checkpoints that real ComfyUI loads and runs on a CPU, made from nothing.

The pictures mean nothing, but they depend on the prompt, the seed and every other parameter, as real ones do.
``python -m tests.synthetic DIR`` fills a models folder with them.
"""

from tests.synthetic.controlnet import write_controlnet
from tests.synthetic.flux import write_flux_checkpoint, write_flux_parts
from tests.synthetic.lora import write_lora
from tests.synthetic.sd3 import write_sd3
from tests.synthetic.sd15 import write_sd15
from tests.synthetic.sdxl import write_sdxl
from tests.synthetic.upscaler import write_upscaler

__all__ = [
    "write_controlnet",
    "write_flux_checkpoint",
    "write_flux_parts",
    "write_lora",
    "write_sd3",
    "write_sd15",
    "write_sdxl",
    "write_upscaler",
]
