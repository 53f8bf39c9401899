"""Finds out what ComfyUI can run on, before the seconds are spent that importing torch takes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from hal_image.errors import EnvironmentError_

NO_DEVICE = 100
"""CUDA_ERROR_NO_DEVICE of the CUDA driver API."""

# In a process of its own: the driver's library stays initialised in a process that has asked it once.
PROBE = """
import ctypes, sys
for name in ("libcuda.so.1", "/usr/lib/wsl/lib/libcuda.so.1"):
    try:
        cuda = ctypes.CDLL(name)
        break
    except OSError:
        continue
else:
    sys.exit("no library")
print(cuda.cuInit(0))
"""


def comfyui_device_options(*, cpu: bool) -> list[str]:
    """ComfyUI's options for the device: ``["--cpu"]`` when asked for or when there is nothing else.

    An NVIDIA card that is there but cannot be used is an error, never a silent fall back to the CPU, where a picture
    of SDXL takes many minutes.

    Raises:
        EnvironmentError_: ``gpu_unusable``.
    """
    if cpu:
        return ["--cpu"]
    if sys.platform == "darwin" or Path("/dev/kfd").exists():
        return []  # Apple's and AMD's cards: torch finds them, there is nothing to choose
    probe = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, timeout=60, check=False)
    answer = probe.stdout.strip()
    if answer == "0":
        return []
    card_is_there = Path("/dev/nvidia0").exists()
    if answer == str(NO_DEVICE) or not card_is_there:
        return ["--cpu"]
    reason = f"CUDA error {answer}" if answer else "its driver library libcuda.so.1 was not found"
    raise EnvironmentError_(
        f"there is an NVIDIA GPU but it cannot be used: {reason}",
        code="gpu_unusable",
        hint="check that `nvidia-smi` works, or add --cpu to run on the processor (slow)",
    )
