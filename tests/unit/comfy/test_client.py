"""Reading ComfyUI's answers. The answers have the shapes that tests/engine meets on the real server."""

from __future__ import annotations

import pytest

from hal_image.comfy.client import ComfyClient, ComfyUnreachable, one_line, read_outcome, refusal


def entry(*messages: tuple[str, dict[str, object]], status: str = "success") -> dict[str, object]:
    return {
        "outputs": {"10": {"images": [{"filename": "image_00001_.png", "subfolder": "job", "type": "output"}]}},
        "status": {"status_str": status, "completed": status == "success", "messages": [list(m) for m in messages]},
    }


def test_a_success() -> None:
    outcome = read_outcome(entry(("execution_start", {"timestamp": 1000}), ("execution_success", {"timestamp": 3500})))
    assert outcome.succeeded
    assert outcome.images == (("job", "image_00001_.png"),)
    assert outcome.execution_s == 2.5


def test_an_interrupt_is_no_error() -> None:
    outcome = read_outcome(
        entry(("execution_start", {"timestamp": 1}), ("execution_interrupted", {"timestamp": 2}), status="error")
    )
    assert outcome.interrupted
    assert outcome.error is None


def test_an_error() -> None:
    outcome = read_outcome(entry(("execution_error", {"node_type": "KSampler", "timestamp": 2}), status="error"))
    assert not outcome.succeeded
    assert outcome.error is not None
    assert outcome.execution_s == 0


def test_previews_are_no_pictures() -> None:
    raw = entry()
    raw["outputs"] = {"1": {"images": [{"filename": "x.png", "subfolder": "", "type": "temp"}]}, "2": {"text": ["x"]}}
    assert read_outcome(raw).images == ()


def test_a_refusal_names_node_input_and_reason() -> None:
    error = refusal(
        {
            "error": {"type": "prompt_outputs_failed_validation", "message": "Prompt outputs failed validation"},
            "node_errors": {
                "1": {
                    "class_type": "CheckpointLoaderSimple",
                    "errors": [
                        {
                            "type": "value_not_in_list",
                            "message": "Value not in list",
                            "details": "ckpt_name: 'x' not in []",
                            "extra_info": {"input_name": "ckpt_name"},
                        }
                    ],
                }
            },
        }
    )
    assert error.message == (
        "ComfyUI refused the graph: CheckpointLoaderSimple.ckpt_name: Value not in list (ckpt_name: 'x' not in [])"
    )


@pytest.mark.parametrize("answer", [{}, {"error": "plain"}, {"error": {}}, {"error": {"message": "500 text"}}])
def test_a_refusal_without_details(answer: dict[str, object]) -> None:
    assert refusal(answer).code == "graph_refused"


def test_text_of_the_server_cannot_reach_the_terminal_raw() -> None:
    assert one_line("a\x1b[31m\nb\r\u2028c") == "a [31m b c"
    assert len(one_line("x" * 1000)) == 400


def test_nobody_there() -> None:
    with pytest.raises(ComfyUnreachable):
        ComfyClient("http://127.0.0.1:9").system_stats()


@pytest.mark.parametrize("answer", [{"error": [], "node_errors": []}, {"error": 5}, {"node_errors": {"1": {}}}])
def test_a_refusal_of_another_shape_is_one_too(answer: dict[str, object]) -> None:
    assert refusal(answer).code == "graph_refused"
