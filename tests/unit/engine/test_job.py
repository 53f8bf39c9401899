"""Verdicts on jobs that a real ComfyUI cannot be brought to: the shapes are those of ``ComfyClient``."""

from __future__ import annotations

import uuid
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hal_image.comfy.client import ComfyConfused, ComfyUnreachable, Outcome
from hal_image.engine import job as job_module
from hal_image.engine import watch as watch_module
from hal_image.engine.failures import node_failure
from hal_image.engine.job import Job, own_output, remove_output
from hal_image.engine.watch import Cancelled, Watch
from hal_image.errors import HalError, InternalError

DONE = Outcome(succeeded=True, interrupted=False, images=(("a", "b.png"),), execution_s=1.0, error=None)


class Server:
    """Answers as told, one answer a look, the last one for ever."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.interrupts = 0

    def outcome(self, prompt_id: str) -> Outcome | None:
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        self.queued = answer == "queued"
        if answer == "confused":
            raise ComfyConfused("500")
        if answer == "unreachable":
            raise ComfyUnreachable("busy")
        return answer if isinstance(answer, Outcome) else None

    def queued_ids(self) -> set[str]:
        return {"job"} if self.queued else set()

    def interrupt(self, prompt_id: str) -> None:
        self.interrupts += 1


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch_module, "EVENT_WAIT_S", 0.001)
    monkeypatch.setattr(watch_module, "TRUTH_EVERY_S", 0.001)


def watch(server: Server, *, alive: bool = True, cancelled: bool = False) -> Outcome:
    job = Job("job", {}, 1.0)
    if cancelled:
        job.cancelled.set()
    comfy = SimpleNamespace(
        alive=alive,
        pid=None,
        epitaph="was killed by SIGKILL",
        out_of_memory=False,
        log=Path("log"),
        log_tail=lambda *_: "",
    )
    outcome = Watch(job, comfy, server, None).until_ended()  # type: ignore[arg-type]
    assert outcome is not None
    return outcome


def test_without_a_socket_the_history_is_enough() -> None:
    assert watch(Server("queued", "queued", DONE)) is DONE


def test_a_server_too_busy_to_answer_is_not_given_up() -> None:
    assert watch(Server("unreachable", "unreachable", "queued", DONE)) is DONE


def test_the_moment_between_queue_and_history_is_no_loss() -> None:
    assert watch(Server("queued", "nowhere", "nowhere", DONE)) is DONE


def test_a_job_that_nobody_knows_is_lost() -> None:
    with pytest.raises(HalError) as caught:
        watch(Server("nowhere"))
    assert caught.value.code == "job_lost"
    assert caught.value.retryable


def test_a_dead_process_is_a_crash() -> None:
    with pytest.raises(HalError) as caught:
        watch(Server("queued"), alive=False)
    assert caught.value.code == "comfyui_crashed"
    assert "SIGKILL" in caught.value.message


def test_an_interrupt_is_repeated_until_it_is_heard() -> None:
    server = Server("queued", "queued", "queued", DONE._replace(succeeded=False, interrupted=True))
    watch(server, cancelled=True)
    assert server.interrupts >= 3


def test_a_job_deleted_from_the_queue_is_cancelled() -> None:
    with pytest.raises(Cancelled):
        watch(Server("nowhere"), cancelled=True)


def test_every_saved_picture_goes_to_a_folder_of_the_jobs_own() -> None:
    graph = {
        "1": {"class_type": "SaveImage", "inputs": {"filename_prefix": "x"}},
        "2": {"class_type": "Y", "inputs": {}},
    }
    assert own_output(graph, "job")["1"]["inputs"]["filename_prefix"] == "job/image"
    assert graph["1"]["inputs"]["filename_prefix"] == "x"  # type: ignore[index]


def test_several_that_save_have_files_of_their_own_in_order() -> None:
    graph = {
        "9": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}},
        "5": {"class_type": "SaveImage", "inputs": {"filename_prefix": "../../x"}},
        "7": {"class_type": "SaveImage", "inputs": {"filename_prefix": ["5", 0]}},
        "8": {"class_type": "SaveLatent", "inputs": {"filename_prefix": "/etc/x"}},
    }
    owned = own_output(graph, "job")
    assert {node: owned[node]["inputs"]["filename_prefix"] for node in owned} == {
        "5": "job/image-0001",
        "7": "job/image-0002",
        "9": "job/image-0003",
        "8": "job/other",
    }
    assert owned["9"]["class_type"] == "SaveImage"
    assert graph["9"]["class_type"] == "PreviewImage"


def test_only_a_uuid_is_removed(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(ValueError, match="badly formed"):
        remove_output(tmp_path / "out", "..")
    job_id = str(uuid.uuid4())
    (tmp_path / "out" / job_id).mkdir()
    remove_output(tmp_path / "out", job_id)
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    ("kind", "text", "code"),
    [
        ("torch.cuda.OutOfMemoryError", "CUDA out of memory.", "out_of_memory"),
        ("RuntimeError", "[enforce fail] DefaultCPUAllocator: not enough memory: you tried", "out_of_memory"),
        ("RuntimeError", "[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried", "out_of_memory"),
        ("MemoryError", "", "out_of_memory"),
        ("OSError", "[Errno 28] No space left on device: '/x'", "disk_full"),
        ("RuntimeError", "shapes differ", "node_failed"),
    ],
)
def test_a_failing_node(kind: str, text: str, code: str) -> None:
    error = node_failure({"exception_type": kind, "exception_message": text, "node_type": "KSampler"})
    assert error.code == code
    assert "KSampler" in error.message
    assert error.hint


def test_an_end_without_a_picture_is_a_bug_and_names_the_log() -> None:
    with pytest.raises(InternalError) as caught:
        job_module._verdict(DONE._replace(images=()), 0.0, Path("/e/comfyui.log"))
    assert caught.value.code == "no_image"
    assert "a bug" in caught.value.message
    assert "/e/comfyui.log" in caught.value.hint
    assert caught.value.details == {"log": "/e/comfyui.log"}


def test_a_server_that_answers_nonsense_has_lost_the_job() -> None:
    with pytest.raises(HalError) as caught:
        watch(Server("confused"))
    assert caught.value.code == "job_lost"
    assert watch(Server("queued", "confused", "queued", "confused", DONE)) is DONE
