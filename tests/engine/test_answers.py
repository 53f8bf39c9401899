"""What a real ComfyUI answers when it refuses, breaks or says yes too early: what ``ComfyClient`` is written for."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest
import requests

from hal_image.comfy.client import ComfyClient, ComfyConfused
from hal_image.comfy.events import EventStream
from hal_image.errors import HalError
from tests.engine.test_wire import graph

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def client(comfyui_url: str) -> Iterator[ComfyClient]:
    with_server = ComfyClient(comfyui_url)
    yield with_server
    with_server.close()


def post(url: str, body: bytes) -> requests.Response:
    return requests.post(f"{url}/prompt", data=body, headers={"Content-Type": "application/json"}, timeout=60)


def test_a_200_may_carry_errors_and_what_is_left_of_the_graph_does_not_run(client: ComfyClient) -> None:
    prompt = graph(1)
    prompt["8"]["inputs"] |= {"steps": 1000}
    prompt["7"]["inputs"] |= {"width": 256, "height": 256}
    prompt["11"] = {"class_type": "SaveImage", "inputs": {"images": ["12", 0], "filename_prefix": "x"}}
    prompt["12"] = {"class_type": "EmptyImage", "inputs": {"width": 64, "height": -1, "batch_size": 1, "color": 0}}
    raw = requests.post(
        f"{client.url}/prompt", json={"prompt": prompt, "prompt_id": str(uuid.uuid4()), "client_id": "x"}, timeout=60
    )
    assert raw.status_code == 200
    assert raw.json()["node_errors"]
    client._withdraw(raw.json()["prompt_id"])
    job = str(uuid.uuid4())
    with pytest.raises(HalError) as caught:
        client.submit(prompt, prompt_id=job, client_id="x")
    assert caught.value.code == "graph_refused"
    assert "EmptyImage.height" in caught.value.message
    assert client.queued_ids() == set()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"no json", 500),
        (b"[]", 400),
        (b'{"prompt": 5}', 500),
        (b'{"prompt": "text"}', 500),
        (b'{"prompt": {"1": {}}}', 400),
        (b'{"prompt": {"1": {"class_type": "NoSuchNode", "inputs": {}}}}', 400),
        (b'{"prompt": {}}', 400),
        (b"{}", 400),
    ],
)
def test_every_form_of_a_refusal(comfyui_url: str, body: bytes, status: int) -> None:
    # The forms that the next test sends through the client, and that its unit tests are made of.
    answer = post(comfyui_url, body)
    assert answer.status_code == status
    if status == 500:
        assert not answer.text.startswith("{")
    else:
        assert answer.json()["error"]["message"]


@pytest.mark.parametrize("prompt", [5, "text", None, [], {"1": {}}, {"1": {"class_type": "Nope", "inputs": {}}}, {}])
def test_every_refusal_is_one_clear_error(client: ComfyClient, prompt: Any) -> None:
    with pytest.raises(HalError) as caught:
        client.submit(prompt, prompt_id=str(uuid.uuid4()), client_id="x")
    assert caught.value.code == "graph_refused"
    assert "\n" not in caught.value.message
    assert caught.value.message != "ComfyUI refused the graph: no reason given"


def test_an_answer_that_is_no_json_is_confusion(client: ComfyClient) -> None:
    with pytest.raises(ComfyConfused):
        client._json("GET", "/no-such-page")
    with pytest.raises(ComfyConfused):
        client._json("GET", "/embeddings")  # a list


def test_success_is_said_before_the_history_is_written_and_the_last_word_after(client: ComfyClient) -> None:
    job = str(uuid.uuid4())
    stream = EventStream(client.url, job)
    client.submit(graph(7), prompt_id=job, client_id=job)
    seen = []
    while True:
        event = stream.next(60)
        assert event is not None
        seen.append(event[0])
        if event[0] == "executing" and event[1]["node"] is None:
            break
    stream.close()
    assert "execution_success" in seen
    outcome = client.outcome(job)
    assert outcome is not None
    assert outcome.succeeded
    assert outcome.notices == ()
