"""Has ComfyUI show how a picture comes about, for jobs that ask for it. Part of ComfyUI's process.

ComfyUI decides about previews when it is started, for all jobs; most jobs have nobody who looks at them, and they cost
a decoding and a JPEG a step.
"""

from __future__ import annotations

from typing import Any

WANTED = "previews"
"""The key in a prompt's ``extra_data`` that asks for them."""


def attach(execution: Any, arguments: Any) -> None:
    """Switches previews on and off with each job.

    Args:
        execution: ComfyUI's module of that name.
        arguments: its module ``comfy.cli_args``.
    """
    run = execution.PromptExecutor.execute
    methods = arguments.LatentPreviewMethod

    def execute(executor: Any, prompt: Any, prompt_id: str, extra_data: Any = None, *rest: Any, **more: Any) -> None:
        wanted = bool((extra_data or {}).get(WANTED))
        # the one that needs no model of its own: colours straight from the latent
        arguments.args.preview_method = methods.Latent2RGB if wanted else methods.NoPreviews
        run(executor, prompt, prompt_id, extra_data or {}, *rest, **more)

    execution.PromptExecutor.execute = execute
