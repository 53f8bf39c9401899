"""An engine's Python in which ComfyUI's autoencoder has memory for pieces of a certain size only.

There is no GPU here to be filled. What is raised is what torch raises on one, in the place where it is raised, so that
ComfyUI's own way out is taken and not ours for the processor.
"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

LIMIT = "TEST_LATENT_LIMIT"
"""Positions of the latent, height times width, above which decoding ends for want of memory: with the small autoencoder
that our synthetic checkpoints have."""
CUSTOMIZE = f"""
import importlib.abc, importlib.machinery, os, sys

NAME, LIMIT = "comfy.taesd.taesd", os.environ.get("{LIMIT}")


class Loader(importlib.abc.Loader):
    def __init__(self, real):
        self.real = real

    def create_module(self, spec):
        return self.real.create_module(spec)

    def exec_module(self, module):
        self.real.exec_module(module)
        import torch

        decode = module.TAESD.decode

        def limited(self, z, *args, **kwargs):
            if z.shape[-1] * z.shape[-2] > int(LIMIT):
                raise torch.cuda.OutOfMemoryError("Allocation on device")
            return decode(self, z, *args, **kwargs)

        module.TAESD.decode = limited


class Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, fullname, path, target=None):
        if fullname != NAME:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        spec.loader = Loader(spec.loader)
        return spec


if LIMIT:
    sys.meta_path.insert(0, Finder())
"""


def python_with_limit(folder: Path, python: Path) -> Path:
    """A program that is ``python``, but for the limit that ``LIMIT`` names in its environment."""
    (folder / "sitecustomize.py").write_text(CUSTOMIZE, encoding="utf-8")
    program = folder / "python"
    script = f"""\
        #!/bin/sh
        PYTHONPATH={folder} exec {python} "$@"
        """
    program.write_text(textwrap.dedent(script), encoding="utf-8")
    program.chmod(0o755)
    return program
