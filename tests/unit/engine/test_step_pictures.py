"""Pictures of the steps, from ComfyUI's frames to files; that ComfyUI sends them, tests/engine sees."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from hal_image.comfy.events import EventStream
from hal_image.engine import comfyui_previews
from hal_image.engine.step_pictures import MOST_BYTES, StepPictures, sampled_anew

if TYPE_CHECKING:
    from pathlib import Path

JOB = "1226e942-af53-4b51-a838-023fcc1f6482"


@pytest.mark.parametrize(
    ("frame", "event"),
    [
        (b"\0\0\0\1\0\0\0\1JPEG", ("preview", {"jpeg": b"JPEG"})),
        (b"\0\0\0\1\0\0\0\2PNG", None),
        (b"\0\0\0\3text", None),
        (b"", None),
        ("", None),
        ("{", None),
        ('{"type": "progress", "data": {"value": 1}}', ("progress", {"value": 1})),
    ],
)
def test_frames(frame: str | bytes, event: object) -> None:
    stream = EventStream.__new__(EventStream)
    stream.closed = False
    stream._failures, stream._timeout = (OSError, OSError), TimeoutError  # type: ignore[assignment]
    stream._socket = SimpleNamespace(recv=lambda: frame, settimeout=lambda _seconds: None)  # type: ignore[assignment]
    assert stream.next(0) == event


def test_they_are_numbered_files_in_the_jobs_folder(tmp_path: Path) -> None:
    pictures = StepPictures(tmp_path, JOB)
    names = [f"{JOB}/step-00001.jpg", f"{JOB}/step-00002.jpg"]
    for number, name in enumerate(names, start=1):
        assert pictures.keep(b"%d" % number) == {"event": "step_picture", "number": number, "image": name}
    assert [(tmp_path / name).read_bytes() for name in names] == [b"1", b"2"]
    assert pictures.keep(b"x" * (MOST_BYTES + 1)) is None


def test_one_that_cannot_be_written_costs_nothing_else(tmp_path: Path) -> None:
    (tmp_path / JOB).write_text("in the way")
    assert StepPictures(tmp_path, JOB).keep(b"x") is None


def test_samplers_are_run_again_and_nothing_else() -> None:
    graph = {"1": {"class_type": "KSampler", "inputs": {"seed": 1}}, "2": {"class_type": "SaveImage", "inputs": {}}}
    anew = sampled_anew(graph, JOB)
    assert anew == {**graph, "1": {"class_type": "KSampler", "inputs": {"seed": 1, "sampled_for": JOB}}}
    assert graph["1"]["inputs"] == {"seed": 1}


def test_comfyui_is_told_for_each_job_anew() -> None:
    seen = []
    arguments = SimpleNamespace(
        args=SimpleNamespace(preview_method="none"),
        LatentPreviewMethod=SimpleNamespace(Latent2RGB="colours", NoPreviews="none"),
    )

    class Executor:
        def execute(self, prompt: Any, prompt_id: str, extra_data: Any, execute_outputs: Any = ()) -> None:
            seen.append((arguments.args.preview_method, extra_data, execute_outputs))

    comfyui_previews.attach(SimpleNamespace(PromptExecutor=Executor), arguments)
    Executor().execute({}, "a", {"previews": True}, ["10"])
    Executor().execute({}, "b", {"client_id": "c"})
    Executor().execute({}, "c", None)
    assert seen == [("colours", {"previews": True}, ["10"]), ("none", {"client_id": "c"}, ()), ("none", {}, ())]
