"""What makes sampling faster than ComfyUI's own way, and when it is used. Part of ComfyUI's process.

- CUDA graphs (``comfyui_graphs``), on cards for which Python is too slow. They change no pixel, so every job has them.
- Compiled blocks (``comfyui_compile``), for jobs that ask for it: their values are rounded elsewhere, so the pixels
  differ a little.
"""

from __future__ import annotations

import ctypes
import logging
import os
from contextlib import suppress
from typing import Any

from hal_image.engine.comfyui_compile import Blocks
from hal_image.engine.comfyui_graphs import Graphs, places
from hal_image.engine.comfyui_prompts import before_each

WANTED = "turbo"
"""The key in a prompt's ``extra_data`` that asks for compiled blocks."""
SWITCH = "HAL_CUDA_GRAPHS"
"""Environment variable: ``1`` for CUDA graphs on every NVIDIA card, ``0`` for none."""
FAST_CARDS = range(9, 12)
"""Major compute capabilities of data centre cards from Hopper on, on which CUDA graphs are used unasked: seen to
help on the H200, 0.84 instead of 1.0 to 1.15 s for 20 steps of SDXL. On slower cards a step's kernels take longer than
launching them."""
CAPABILITY_MAJOR, CAPABILITY_MINOR = 75, 76
"""``CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_*`` of cuda.h."""
UNAVAILABLE = "The model cannot be compiled"
"""How a line of ComfyUI's log begins that tells of it; ``comfyui_notices`` reads it."""


def card() -> tuple[int, int] | None:
    """Compute capability of the first NVIDIA card that this process may use, as the driver tells it; ``None`` for none.

    Asked before torch is imported, for it chooses its allocator then.
    """
    for name in ("libcuda.so.1", "/usr/lib/wsl/lib/libcuda.so.1"):
        with suppress(OSError, AttributeError):
            driver = ctypes.CDLL(name)
            device, major, minor = ctypes.c_int(), ctypes.c_int(), ctypes.c_int()
            asked = (
                driver.cuInit(0),
                driver.cuDeviceGet(ctypes.byref(device), 0),
                driver.cuDeviceGetAttribute(ctypes.byref(major), CAPABILITY_MAJOR, device),
                driver.cuDeviceGetAttribute(ctypes.byref(minor), CAPABILITY_MINOR, device),
            )
            return None if any(asked) else (major.value, minor.value)
    return None


def choose_allocator(arguments: Any) -> None:
    """Sets ComfyUI's options ``arguments`` as CUDA graphs need them, where these are wanted.

    The memory of a graph is its own between two replays. CUDA's own allocator cannot do that: it ends the process.
    """
    if not arguments.cpu and graphs_are_wanted(card()):
        arguments.cuda_malloc = True  # ComfyUI need not find out whether this card can do it, a call of nvidia-smi
        arguments.disable_cuda_malloc = True


def graphs_are_wanted(capability: tuple[int, int] | None) -> bool:
    """Whether CUDA graphs are used.

    Args:
        capability: compute capability of the card, major and minor; ``None`` where there is none that is known.
    """
    if capability is None:
        return False
    return {"0": False, "1": True}.get(os.environ.get(SWITCH, ""), capability[0] in FAST_CARDS)


class Turbo:
    """Both, for one ComfyUI.

    Args:
        torch: the module.
        management: ComfyUI's module ``comfy.model_management``.
    """

    def __init__(self, torch: Any, management: Any) -> None:
        self._torch = torch
        self._device = management.get_torch_device()
        self.graphs = Graphs(torch, management)
        self.blocks = Blocks(torch, (torch.cuda.OutOfMemoryError, management.InterruptProcessingException))
        on_card = self._device.type == "cuda"
        if not on_card:  # measured on two cores: compiled, a picture of doodle takes twice as long
            self.blocks.failure = "it is for GPUs, and this runs on the processor"
        native = on_card and torch.cuda.get_allocator_backend() == "native"
        self._records = native and graphs_are_wanted(self._capability())
        self._asked = False
        self._told = False

    def _capability(self) -> tuple[int, int] | None:
        if self._torch.version.hip:  # AMD's numbers mean something else
            return None
        major, minor = self._torch.cuda.get_device_capability(self._device)
        return major, minor

    def begin_job(self, *, asked: bool) -> None:
        """Before a job that asks for compiled blocks, or does not."""
        self._asked, self._told = asked, False
        if asked:
            self.blocks.prepare()

    def begin_sampling(self, model: Any) -> None:
        """Before each sampling of it; ``model`` is ComfyUI's ``BaseModel``, loaded."""
        compiles = self._asked and self.blocks.failure is None
        weights = places(model.diffusion_model, self._device) if compiles or self._records else None
        self.blocks.on = compiles and weights is not None
        self.graphs.variant = ("compiled",) if self.blocks.on else ()
        self.graphs.begin(model, weights if self._records else None)

    def end_sampling(self) -> None:
        """After it."""
        self.blocks.on = False
        if self._asked and self.blocks.failure is not None and not self._told:
            self._told = True
            logging.warning("%s: %s", UNAVAILABLE, self.blocks.failure)  # noqa: LOG015 - where ComfyUI's messages go


def attach(execution: Any, comfy: Any) -> Turbo:
    """Has every job sampled in the fastest way that it allows.

    Args:
        execution: ComfyUI's module of that name.
        comfy: its package ``comfy``.
    """
    samplers, management = comfy.samplers, comfy.model_management
    turbo = Turbo(management.torch, management)
    sample = samplers.CFGGuider.inner_sample
    free_bytes, make_room = management.get_free_memory, management.free_memory

    def inner_sample(guider: Any, *args: Any, **named: Any) -> Any:
        turbo.begin_sampling(guider.inner_model)
        try:
            return sample(guider, *args, **named)
        finally:
            turbo.end_sampling()

    def get_free_memory(device: Any = None, torch_free_too: bool = False) -> Any:
        # What graphs hold is not in use between two steps, and yet nobody else can have it.
        answer = free_bytes(device, torch_free_too)
        held = turbo.graphs.size
        if not held or getattr(device, "type", "cuda") != "cuda":
            return answer
        return tuple(number - held for number in answer) if torch_free_too else answer - held

    def free_memory(memory_required: float, device: Any, *rest: Any, **named: Any) -> Any:
        if turbo.graphs.size and get_free_memory(device) < memory_required:
            turbo.graphs.drop()
        return make_room(memory_required, device, *rest, **named)

    before_each(execution, lambda _prompt, _prompt_id, extra: turbo.begin_job(asked=bool(extra.get(WANTED))))
    samplers.CFGGuider.inner_sample = inner_sample
    management.get_free_memory, management.free_memory = get_free_memory, free_memory
    return turbo
