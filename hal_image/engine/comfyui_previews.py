"""Has ComfyUI show how a picture comes about, for jobs that ask for it. Part of ComfyUI's process.

ComfyUI decides about previews when it is started, for all jobs; most jobs have nobody who looks at them, and they cost
a decoding and a JPEG a step.
"""

from __future__ import annotations

from typing import Any

from hal_image.engine.comfyui_prompts import before_each

WANTED = "previews"
"""The key in a prompt's ``extra_data`` that asks for them."""


def attach(execution: Any, arguments: Any) -> None:
    """Switches previews on and off with each job.

    Args:
        execution: ComfyUI's module of that name.
        arguments: its module ``comfy.cli_args``.
    """
    methods = arguments.LatentPreviewMethod

    def begin(_prompt: Any, _prompt_id: str, extra: dict[str, Any]) -> None:
        # the one that needs no model of its own: colours straight from the latent
        arguments.args.preview_method = methods.Latent2RGB if extra.get(WANTED) else methods.NoPreviews

    before_each(execution, begin)
