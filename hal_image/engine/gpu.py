"""Finds out what ComfyUI can run on, before the seconds are spent that importing torch takes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from hal_image.errors import EnvironmentError_

NO_CARD = {"", "34", "100"}
"""Answers of the probe that mean: no NVIDIA card. No driver library; CUDA_ERROR_STUB_LIBRARY; CUDA_ERROR_NO_DEVICE."""

# In a process of its own: the driver's library stays initialised in a process that has asked it once.
PROBE = """
import ctypes
for name in ("libcuda.so.1", "/usr/lib/wsl/lib/libcuda.so.1"):
    try:
        print(ctypes.CDLL(name).cuInit(0))
        break
    except OSError:
        continue
"""
HIDDEN = {"", "-1"}
"""Values of ``CUDA_VISIBLE_DEVICES`` that hide every card; ``hal_image/host/gpu_presence.py`` has the same."""
CARD_FILES = ("/dev/nvidia0", "/dev/dxg")
"""Device files of an NVIDIA card: Linux, WSL2 (there of every card, so only together with NVIDIA's library)."""


def comfyui_device_options(python: str, *, cpu: bool) -> list[str]:
    """ComfyUI's options for the device: ``["--cpu"]`` when asked for or when there is nothing else.

    An NVIDIA card that is there but cannot be used is an error, never a silent fall back to the CPU, where a picture
    of SDXL takes many minutes.

    Args:
        python: the Python that will run ComfyUI.
        cpu: whether the CPU was asked for.

    Raises:
        EnvironmentError_: ``gpu_unusable``.
    """
    if cpu:
        return ["--cpu"]
    if sys.platform == "darwin":
        return []  # Apple's card: torch finds it, there is nothing to choose
    if os.environ.get("CUDA_VISIBLE_DEVICES") in HIDDEN:
        return ["--cpu"]  # asked for in the driver's own way, which answers that there is no card
    answer = _run(sys.executable, PROBE)
    if answer == "0" or _is_for_amd(python):
        return []
    if answer in NO_CARD and not Path(CARD_FILES[0]).exists():
        return ["--cpu"]
    if not any(Path(name).exists() for name in CARD_FILES):
        return ["--cpu"]  # a driver's library without a card
    reason = f"CUDA error {answer}" if answer else "its driver library libcuda.so.1 was not found"
    raise EnvironmentError_(
        f"there is an NVIDIA GPU but it cannot be used: {reason}",
        code="gpu_unusable",
        hint="check that `nvidia-smi` works, or add --cpu to run on the processor (slow)",
    )


def _is_for_amd(python: str) -> bool:
    """Whether there is an AMD card and the engine's torch, which then is the user's own, is built for it."""
    return Path("/dev/kfd").exists() and _run(python, "import torch; print(torch.version.hip or '')") != ""


def _run(python: str, code: str) -> str:
    """What a line of Python prints; nothing when it fails."""
    try:
        done = subprocess.run([python, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()
