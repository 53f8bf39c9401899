"""Packs pictures beside the thread that samples. Part of ComfyUI's process.

``SaveImage`` packs one PNG after the other in the thread that samples, 0.1 to 0.4 s each for 1024x1024. zlib lets go of
the interpreter, so threads pack several in the time of one; and where another job waits, it can begin meanwhile. The
history says that a job is done only when its files are whole: until then ComfyUI counts it as running.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from hal_image.engine.comfyui_prompts import before_each

if TYPE_CHECKING:
    from concurrent.futures import Future

LATER = "save_later"
"""The key in a prompt's ``extra_data`` that lets the next prompt begin before the files of this one are whole."""
MOST_THREADS = 8


class Saver:
    """What is being written."""

    def __init__(self) -> None:
        self.threads = ThreadPoolExecutor(min(MOST_THREADS, os.cpu_count() or 1), thread_name_prefix="save")
        self.ends = ThreadPoolExecutor(1, thread_name_prefix="saved")
        """Waits for the others: of its own, and one, so that prompts end in their order."""
        self.later: str | None = None
        """Id of the prompt that runs, if the next one may begin before its files are whole."""
        self._open: dict[str, list[Future[Any]]] = {}

    def leave(self, prompt_id: str, saved: list[Future[Any]]) -> None:
        """Notes what a prompt has to wait for before it is done."""
        self._open.setdefault(prompt_id, []).extend(saved)

    def take(self, prompt_id: str) -> list[Future[Any]]:
        """All that a prompt has to wait for."""
        return self._open.pop(prompt_id, [])


def attach(nodes: Any, execution: Any) -> None:
    """Makes ComfyUI's ``SaveImage`` use threads, and prompts end when these are done.

    Args:
        nodes: ComfyUI's module of that name.
        execution: likewise.
    """
    saver = Saver()

    def begin(_prompt: Any, prompt_id: str, extra: dict[str, Any]) -> None:
        saver.later = prompt_id if extra.get(LATER) else None

    before_each(execution, begin)
    _save_in_threads(nodes, saver)
    _end_when_files_are_whole(execution, saver)


def _save_in_threads(nodes: Any, saver: Saver) -> None:
    save = nodes.SaveImage.save_images

    def save_at_once(node: Any, images: Any, filename_prefix: str = "ComfyUI", *args: Any, **kwargs: Any) -> Any:
        if len(images) == 1 and saver.later is None:
            return save(node, images, filename_prefix, *args, **kwargs)
        # a name of its own for each: the node numbers them by what is in the folder by then
        names = [f"{filename_prefix}-{place:04}" for place in range(1, len(images) + 1)]
        saved = [
            saver.threads.submit(save, node, images[place : place + 1], name, *args, **kwargs)
            for place, name in enumerate(names)
        ]
        if saver.later is None:
            return {"ui": {"images": [image for one in saved for image in one.result()["ui"]["images"]]}}
        saver.leave(saver.later, saved)
        return {"ui": {"images": [_named(node, name) for name in names]}}

    nodes.SaveImage.save_images = save_at_once


def _named(node: Any, prefix: str) -> dict[str, str]:
    """The file that ``SaveImage`` will have written for a prefix that is used once."""
    folder, _, name = prefix.rpartition("/")
    return {"filename": f"{name}_00001_.png", "subfolder": folder, "type": node.type}


def _end_when_files_are_whole(execution: Any, saver: Saver) -> None:
    done = execution.PromptQueue.task_done

    def task_done(queue: Any, item_id: int, history_result: Any, status: Any, *rest: Any, **more: Any) -> None:
        saved = saver.take(queue.currently_running[item_id][1])
        if saved:
            saver.ends.submit(lambda: done(queue, item_id, history_result, _with_errors(status, saved), *rest, **more))
        else:
            done(queue, item_id, history_result, status, *rest, **more)

    execution.PromptQueue.task_done = task_done


def _with_errors(status: Any, saved: list[Future[Any]]) -> Any:
    """How a prompt ended, once all is written or has failed."""
    errors = [error for one in saved if (error := one.exception()) is not None]
    if not errors:
        return status
    facts: dict[str, Any] = {
        "node_id": None,
        "node_type": "SaveImage",
        "exception_type": type(errors[0]).__name__,
        "exception_message": str(errors[0]),
        "traceback": [],
    }
    return status._replace(
        status_str="error", completed=False, messages=[*status.messages, ("execution_error", facts)]
    )  # fmt: skip
