"""Compiles the blocks of which diffusion models are made, with ``torch.compile``. Part of ComfyUI's process.

A model's blocks are alike, so compiling a block instead of the model takes a tenth of the time
(https://docs.pytorch.org/tutorials/recipes/regional_compilation.html), and what was compiled is found again in the
cache folders of the engine by the next process. What is between the blocks stays as it is.
"""

from __future__ import annotations

import functools
import importlib
from typing import TYPE_CHECKING, Any

from hal_image.engine.comfyui_graphs import is_plain

if TYPE_CHECKING:
    from collections.abc import Callable

BLOCKS = (
    ("comfy.ldm.modules.attention", "BasicTransformerBlock", "forward"),  # SD1.5, SDXL
    ("comfy.ldm.modules.diffusionmodules.openaimodel", "ResBlock", "_forward"),
    ("comfy.ldm.flux.layers", "DoubleStreamBlock", "forward"),
    ("comfy.ldm.flux.layers", "SingleStreamBlock", "forward"),
    ("comfy.ldm.modules.diffusionmodules.mmdit", "JointBlock", "forward"),  # SD3
)
"""Module, class and method of what is compiled. A family of models with other blocks gets its line here."""
MOST_VARIANTS = 128
"""Shapes and kinds of one block that are compiled: SDXL has eleven ResBlocks that differ."""


class Blocks:
    """The compiled blocks.

    Args:
        torch: the module.
        passed_on: exceptions that say nothing of the compiler: no memory, taken back.
        backend: of ``torch.compile``.
    """

    def __init__(
        self,
        torch: Any,
        passed_on: tuple[type[BaseException], ...] = (),
        backend: str | Callable[..., Any] = "inductor",
    ) -> None:
        self._torch = torch
        self._passed_on = passed_on
        self._backend = backend
        self._ready = False
        self.on = False
        """Whether blocks run compiled."""
        self.failure: str | None = None
        """Why nothing is compiled any more."""

    def prepare(self) -> None:
        """Puts a switch before every block, once: compiled where that is on, else as it was."""
        if self._ready or self.failure is not None:
            return
        self._ready = True
        try:
            config = importlib.import_module("torch._dynamo").config
        except Exception as error:  # noqa: BLE001 - it works without
            self._give_up(error)
            return
        config.inline_inbuilt_nn_modules = True  # blocks that are alike share what was compiled; torch 2.4 has it off
        for name in ("cache_size_limit", "recompile_limit"):  # its name until torch 2.6, and since
            if hasattr(config, name):
                setattr(config, name, MOST_VARIANTS)
        for module, name, method in BLOCKS:
            block = getattr(importlib.import_module(module), name)
            setattr(block, method, self._switched(getattr(block, method)))

    def _switched(self, run: Callable[..., Any]) -> Callable[..., Any]:
        compiled = self._torch.compile(run, dynamic=False, backend=self._backend)

        @functools.wraps(run)
        def switched(*args: Any, **named: Any) -> Any:
            options = [value for value in (*args, *named.values()) if isinstance(value, dict)]
            if not self.on or not all(is_plain(value) for value in options):
                return run(*args, **named)
            # They only say where in the model a block is, which would make every block another one.
            placeless = {name: {} if isinstance(value, dict) else value for name, value in named.items()}
            try:
                return compiled(*({} if isinstance(arg, dict) else arg for arg in args), **placeless)
            except self._passed_on:
                raise
            except Exception as error:  # noqa: BLE001 - no compiler, a module that it does not know, …
                self._give_up(error)
                return run(*args, **named)

        return switched

    def _give_up(self, error: Exception) -> None:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        self.failure = f"{type(error).__name__}: {' '.join(lines[:2])}"[:300]
        self.on = False
