"""Files that are written beside the thread that samples. ComfyUI is a stand-in whose disk is as slow as is wanted."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest

from hal_image.engine import comfyui_saving


class Status(NamedTuple):
    status_str: str
    completed: bool
    messages: list[Any]


class Comfy:
    """Its modules ``nodes`` and ``execution``, as far as they are used."""

    def __init__(self) -> None:
        comfy = self
        self.go_on = threading.Event()
        self.go_on.set()
        self.full = False
        self.saved: list[tuple[str, int]] = []
        self.history: dict[str, Status] = {}
        self.written = threading.Event()

        class SaveImage:
            type = "output"

            def save_images(self, images: list[str], filename_prefix: str = "", prompt: Any = None) -> Any:
                assert comfy.go_on.wait(10)
                if comfy.full:
                    raise OSError(28, "No space left on device")
                comfy.saved.append((filename_prefix, len(images)))
                folder, _, name = filename_prefix.rpartition("/")
                return {"ui": {"images": [{"filename": f"{name}_00001_.png", "subfolder": folder, "type": "output"}]}}

        class PromptExecutor:
            def execute(self, prompt: Any, prompt_id: str, extra_data: Any) -> None:
                self.ui = SaveImage().save_images(prompt, filename_prefix=f"{prompt_id}/image")

        class PromptQueue:
            currently_running = {0: (0, "job")}  # noqa: RUF012 - like the real one

            def task_done(self, item_id: int, result: Any, status: Status, process_item: Any = None) -> None:
                comfy.history[self.currently_running[item_id][1]] = status
                comfy.written.set()

        self.nodes = SimpleNamespace(SaveImage=SaveImage)
        self.execution = SimpleNamespace(PromptExecutor=PromptExecutor, PromptQueue=PromptQueue)
        comfyui_saving.attach(self.nodes, self.execution)

    def run(self, *images: str, later: bool) -> list[str]:
        executor = self.execution.PromptExecutor()
        executor.execute(list(images), "job", {comfyui_saving.LATER: later})
        status = Status("success", completed=True, messages=[("execution_success", {})])
        self.execution.PromptQueue().task_done(0, {}, status, process_item=None)
        return [f"{image['subfolder']}/{image['filename']}" for image in executor.ui["ui"]["images"]]


NAMES = ["job/image-0001_00001_.png", "job/image-0002_00001_.png"]


def test_several_are_saved_each_under_a_name_of_its_own() -> None:
    comfy = Comfy()
    assert comfy.run("a", "b", later=False) == NAMES
    assert sorted(comfy.saved) == [("job/image-0001", 1), ("job/image-0002", 1)]


def test_one_is_saved_as_always() -> None:
    comfy = Comfy()
    assert comfy.run("a", later=False) == ["job/image_00001_.png"]


@pytest.mark.parametrize("images", [("a",), ("a", "b")])
def test_a_job_is_done_only_when_its_files_are_whole(images: tuple[str, ...]) -> None:
    comfy = Comfy()
    comfy.go_on.clear()
    assert comfy.run(*images, later=True) == NAMES[: len(images)], "the next job can begin"
    assert (comfy.saved, comfy.history) == ([], {})
    comfy.go_on.set()
    assert comfy.written.wait(10)
    assert comfy.history["job"].status_str == "success"
    assert len(comfy.saved) == len(images)


def test_a_file_that_cannot_be_written_fails_the_job() -> None:
    comfy = Comfy()
    comfy.full = True
    comfy.run("a", later=True)
    assert comfy.written.wait(10)
    status = comfy.history["job"]
    assert (status.status_str, status.completed) == ("error", False)
    assert "No space left on device" in dict(status.messages)["execution_error"]["exception_message"]
    with pytest.raises(OSError, match="No space"):
        comfy.run("a", "b", later=False)
