"""The environment that ComfyUI gets: what it must not see is taken out, what makes it faster is put in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hal_image.models import hub

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SECRETS = hub.TOKENS
"""Removed from the environment of the process that runs model code."""


def compile_caches(folder: Path) -> dict[str, str]:
    """Variables that have torch keep what it compiles below ``folder``, the engine's own, for the next ComfyUI."""
    compiled = folder / "compiled"
    return {
        "TORCHINDUCTOR_CACHE_DIR": str(compiled),
        "TORCHINDUCTOR_FX_GRAPH_CACHE": "1",  # off in torch 2.4
        "TRITON_CACHE_DIR": str(compiled / "triton"),
    }


def child_environment(environment: Mapping[str, str], *, cpu: bool, gpu: str | None = None) -> dict[str, str]:
    """The environment for ComfyUI: without our Python's paths and without tokens, and offline."""
    child = {name: value for name, value in environment.items() if name not in SECRETS}
    for name in ("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "__PYVENV_LAUNCHER__"):
        child.pop(name, None)
    # Model code has no business on the network: what it needs is in the models folder or it fails.
    child["HF_HUB_OFFLINE"] = "1"
    child["TRANSFORMERS_OFFLINE"] = "1"
    child["PYTHONUNBUFFERED"] = "1"
    if gpu is not None:
        child["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"  # as nvidia-smi counts; the other way is fastest first
        child["CUDA_VISIBLE_DEVICES"] = gpu
    if cpu:
        # Huge pages for torch's large buffers: FLUX's text encoder took 48 instead of 81 CPU seconds with them, the
        # pixels are the same. glibc before 2.35 ignores the name.
        child.setdefault("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1")
        # How often torch's threads look whether the others are done before they sleep; by default 300 000 times, which
        # on a busy machine takes the processor from the very thread that is waited for. Measured on two cores, a
        # picture of doodle: 0.53 s alone (by default 0.50, without looking at all 0.76); beside three busy programs
        # 2.4 s (by default 5.3). Read by GNU's OpenMP, which torch has on Linux.
        child.setdefault("GOMP_SPINCOUNT", "10000")
    return child
