"""What ComfyUI logs becomes warnings. tests/engine/test_silent.py has the real log; here are texts that it lacks."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any

import pytest

from hal_image.comfy.client import NOTICES, read_outcome
from hal_image.engine import comfyui_notices
from hal_image.engine.comfyui_notices import Recorder, attach, classify
from hal_image.engine.notices import MAX_WARNINGS, TEXTS, warnings


def test_host_and_child_mean_the_same_message() -> None:
    assert comfyui_notices.MESSAGE == NOTICES


def test_every_code_has_its_words() -> None:
    codes = {code for _, code in comfyui_notices.RULES}
    added = {"batch_halved", "comfyui_warning", "model_offloaded", "weights_in_fp8", "picture_single_colour"}
    assert codes | added == TEXTS.keys()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("lora key not loaded: lora_unet_x.alpha", [("lora_keys_not_applied", "lora_unet_x.alpha")]),
        ("NOT LOADED diffusion_model.x.weight", [("lora_keys_not_applied", "diffusion_model.x.weight")]),
        ("ERROR loha diffusion_model.x.weight The size of", [("lora_keys_not_applied", "diffusion_model.x.weight")]),
        ("warning, embedding:foo, a bar does not exist, ignoring", [("embedding_ignored", "foo,")]),
        ("clip missing: ['text_projection.weight', 'logit_scale']", []),
        ("clip missing: ['a.weight', 'logit_scale']", [("weights_missing", "a.weight")]),
        ("unet missing: ['a', 'b']", [("weights_missing", "a"), ("weights_missing", "b")]),
        ("Missing VAE keys ['a']", [("weights_missing", "a")]),
        ("unet unexpected: ['a']", [("weights_unused", "a")]),
        (
            "Warning: Ran out of memory when regular VAE decoding, retrying with tiled VAE decoding.",
            [("vae_tiled", "VAE decoding")],
        ),
        ("something new", [("comfyui_warning", "something new")]),
        ("!!! Exception during processing !!! x", []),
    ],
)
def test_a_line_of_the_log(text: str, told: list[tuple[str, str]]) -> None:
    assert classify(text) == told


@pytest.mark.parametrize("code", ["comfyui_warning", "embedding_ignored", "vae_tiled"])
def test_a_notice_is_told_under_its_code(code: str) -> None:
    (told,) = warnings([{"code": code, "class_type": "X", "files": [], "count": 1, "examples": ["y"]}])
    assert told["code"] == code
    assert "y" in told["message"]


def test_hundreds_of_keys_are_one_warning_and_nothing_reaches_a_terminal_raw() -> None:
    notice = {
        "code": "lora_keys_not_applied",
        "class_type": "LoraLoader",
        "files": ["a\x1b[31m.safetensors"],
        "count": 400,
        "examples": ["\u202ekey"],
    }
    assert warnings([notice, notice]) == [
        {
            "code": "lora_keys_not_applied",
            "message": "400 parts of a [31m.safetensors do not fit the model and were left out, the first: key",
            "details": {"node": "LoraLoader", "files": ["a [31m.safetensors"], "count": 400, "examples": ["key"]},
        }
    ]
    many = [{**notice, "count": number} for number in range(100)]
    assert len(warnings(many)) == MAX_WARNINGS


def test_they_come_out_of_the_history() -> None:
    messages = [["execution_success", {"timestamp": 1}], [NOTICES, {"notices": [{"code": "x"}]}]]
    assert read_outcome({"status": {"messages": messages}, "outputs": {}}).notices == ({"code": "x"},)


def executor_class(run: Any) -> Any:
    """ComfyUI's executor, as far as it is wrapped: what it does in ``execute`` is ``run``."""

    class PromptExecutor:
        def __init__(self) -> None:
            self.caches = SimpleNamespace(outputs={})
            self.status_messages: list[tuple[str, dict[str, Any]]] = []
            self.success = True
            self.history_result: dict[str, Any] = {}

        def reset(self) -> None:
            self.caches.outputs = {}

        def add_message(self, name: str, data: dict[str, Any], *, broadcast: bool) -> None:
            self.status_messages.append((name, data))

        def execute(self, prompt: Any, prompt_id: str, extra_data: Any = None) -> None:
            run(self)

    return PromptExecutor


def test_a_job_that_breaks_outside_of_a_node_ends_as_failed() -> None:
    # No graph does it that gets past the engine's own checks; if one is found, ComfyUI's thread for jobs must not end.
    def broken(_executor: Any) -> None:
        raise RecursionError("too deep")

    execution = SimpleNamespace(PromptExecutor=executor_class(broken))
    attach(execution, Recorder())
    executor = execution.PromptExecutor()
    executor.execute({}, "id", {})
    assert not executor.success
    assert executor.status_messages[-1][0] == "execution_error"
    assert executor.status_messages[-1][1]["exception_type"] == "RecursionError"


def test_only_comfyuis_own_messages_in_the_thread_of_the_job_count(monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = Recorder()
    told: list[str] = []
    monkeypatch.setattr(recorder, "add", lambda _code, what: told.append(what))
    record = logging.LogRecord("root", logging.WARNING, "", 0, "x", (), None)
    recorder.emit(record)
    recorder.begin({})
    recorder.emit(logging.LogRecord("aiohttp", logging.WARNING, "", 0, "y", (), None))
    recorder.emit(record)
    recorder.end({}, set())
    recorder.emit(record)
    assert told == ["x"]
