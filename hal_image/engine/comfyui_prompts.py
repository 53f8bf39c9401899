"""Follows ComfyUI from prompt to prompt. Part of ComfyUI's process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def before_each(execution: Any, begin: Callable[[dict[str, Any], str, dict[str, Any]], None]) -> None:
    """Has something done before each prompt, in the thread that runs them.

    Args:
        execution: ComfyUI's module of that name.
        begin: is given the prompt, its id, and its ``extra_data``, which is empty where there is none.
    """
    run = execution.PromptExecutor.execute

    def execute(executor: Any, prompt: Any, prompt_id: str, extra_data: Any = None, *rest: Any, **more: Any) -> None:
        extra = extra_data or {}
        begin(prompt, prompt_id, extra)
        run(executor, prompt, prompt_id, extra, *rest, **more)

    execution.PromptExecutor.execute = execute
