"""An engine's Python in which ComfyUI's autoencoder has memory for pieces of a certain size only.

There is no GPU here to be filled. What is raised is what torch raises on one, in the place where it is raised, so that
ComfyUI's own way out is taken and not ours for the processor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests import patched_python

if TYPE_CHECKING:
    from pathlib import Path

LIMIT = "TEST_LATENT_LIMIT"
"""Positions of the latent, height times width, above which decoding ends for want of memory: with the small autoencoder
that our synthetic checkpoints have."""
CODE = f"""
import os

LIMIT = os.environ.get("{LIMIT}")


def is_wanted():
    return bool(LIMIT)


def patch(module):
    import torch

    decode = module.TAESD.decode

    def limited(self, z, *args, **kwargs):
        if z.shape[-1] * z.shape[-2] > int(LIMIT):
            raise torch.cuda.OutOfMemoryError("Allocation on device")
        return decode(self, z, *args, **kwargs)

    module.TAESD.decode = limited
"""


def python_with_limit(folder: Path, python: Path) -> Path:
    """A program that is ``python``, but for the limit that ``LIMIT`` names in its environment."""
    return patched_python.write(folder, python, "comfy.taesd.taesd", CODE)
