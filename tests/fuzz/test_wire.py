"""Lines between host and engine that neither would send: each side takes them as a fault of the other's and goes on."""

from __future__ import annotations

import json
import socket
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hal_image import job_files, wire
from hal_image.comfy.client import read_outcome, refusal
from hal_image.engine.notices import warnings
from hal_image.engine.server import EngineServer
from hal_image.engine.worker import Worker
from hal_image.errors import HalError, InternalError, error_from_json
from hal_image.host import session
from hal_image.host.engines import Connection
from hal_image.host.engines.link import Link, LinkClosed, to_socket
from tests.contract.graph_cases import CASES
from tests.fuzz.inputs import call, check, texts, times, values

if TYPE_CHECKING:
    from collections.abc import Iterator

JOB = "1226e942-af53-4b51-a838-023fcc1f6482"
SETTINGS = wire.EngineSettings(
    tool_version="0", models_dir="/none", python="/none/python", comfyui_dir="/none", cpu=True
)
ERROR = {"code": "x", "exit_code": 1, "message": "m", "hint": "h", "retryable": False, "details": {}}
TIMES = {"boot_s": 0.0, "queue_s": 0.0, "load_s": 0.0, "execution_s": 1.0}
EVENTS: dict[str, dict[str, Any]] = {
    "queued": {"position": 0},
    "booting": {"seconds": 1.0},
    "running": {"device": "cpu"},
    "node": {"class_type": "KSampler"},
    "progress": {"value": 1, "max": 2},
    "step_picture": {"number": 1, "image": f"{JOB}/step-00001.jpg"},
    "done": {"images": [f"{JOB}/image_00001_.png"], "timings": TIMES, "engine": {}, "warnings": []},
    "failed": {"error": ERROR},
    "status": {"state": "idle"},
    "dance": {},
}


@times(1000)
@given(st.binary(max_size=60) | values.map(lambda value: json.dumps(value).encode()))
@example(b"[" * 100_000)
@example(b'{"v": 1, "x": NaN}')
@example(b'{"v": 1, "x": 1e999}')
@example(b'{"v": 1, "x": ' + b"9" * 5000 + b"}")
@example(b"\xff\xfe{")
def test_lines(raw: bytes) -> None:
    try:
        line = wire.decode(raw)
    except InternalError as error:
        assert error.code in {"wire_invalid", "wire_version"}
    else:
        assert wire.decode(wire.encode(line)) == line


class Pair:
    """One end of a socket for ``Link``; what the engine says is in it already, and then it hangs up."""

    def __init__(self, said: bytes) -> None:
        self.ours, theirs = socket.socketpair()
        theirs.sendall(said)
        theirs.shutdown(socket.SHUT_WR)
        self._theirs = theirs

    def fileno(self) -> int:
        return self.ours.fileno()

    def send(self, data: bytes) -> None:
        self.ours.sendall(data)

    def receive(self) -> bytes:
        return self.ours.recv(65536)

    def epitaph(self) -> str:
        return "it hung up"

    def close(self) -> None:
        self.ours.close()
        self._theirs.close()


class Enemy:
    """An engine that says what it was told to say."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.output = Path.cwd().parent / "spool"

    def connect(self, *_: object) -> Connection:
        hello = {"event": "hello", "settings": {}, "output_dir": str(self.output), "log": "log"}
        link = Link(Pair(wire.encode(hello) + b"".join(self.lines)))
        return Connection("local", link, self.output, {}, 0.0, reused=True)


def mutated(name: str) -> st.SearchStrategy[dict[str, Any]]:
    """An event with some of its fields replaced or missing."""
    fields = EVENTS[name]
    return st.builds(
        lambda changed, gone, more: {
            "event": name,
            "job": JOB,
            **{key: value for key, value in {**fields, **changed}.items() if key not in gone},
            **more,
        },
        st.fixed_dictionaries({}, optional=dict.fromkeys(fields, values)),
        st.sets(st.sampled_from([*fields, "x"]), max_size=1),
        st.dictionaries(texts, values, max_size=1),
    )


events = st.sampled_from(sorted(EVENTS)).flatmap(mutated) | st.builds(
    lambda code, message, exit_code: {
        "event": "failed", "job": JOB, "error": {"code": code, "message": message, "exit_code": exit_code}
    }, texts, texts, values,
)  # fmt: skip
pictures = st.sampled_from(["../../outside.png", "/etc/passwd", "..", "", "nul\0", "a" * 300, "link.png"])


def raw_line(event: dict[str, Any]) -> bytes:
    return json.dumps({"v": 1, **event}).encode() + b"\n"


@times(700)
@given(
    st.lists(events | values.map(lambda value: {"event": value}), max_size=6),
    pictures | texts,
    st.sampled_from([[], ["--json"], ["--jsonl"]]),
)
@example([{"event": "failed", "job": JOB, "error": {"message": "\x1b]0;x\x07", "details": []}}], "", [])
@example([{"event": "done", "job": JOB, **EVENTS["done"], "warnings": [{"code": "a", "message": "\x9b"}]}], "", [])
@example([{"event": "done", "job": JOB, **EVENTS["done"], "images": ["../../outside.png"]}], "", ["--json"])
def test_an_engine_that_lies(
    monkeypatch: pytest.MonkeyPatch, said: list[dict[str, Any]], picture: str, flag: list[str]
) -> None:
    enemy = Enemy()
    enemy.output.mkdir(exist_ok=True)
    outside = enemy.output.parent.parent / "outside.png"
    outside.write_bytes(b"not yours")
    (enemy.output / "link.png").unlink(missing_ok=True)
    (enemy.output / "link.png").symlink_to(outside)
    last = {"event": "done", "job": JOB, **EVENTS["done"], "images": [picture]}
    enemy.lines = [raw_line(event) for event in [*said, last]]
    monkeypatch.setattr(session, "choose", lambda _name: enemy)
    monkeypatch.setattr(job_files, "new_id", lambda: JOB)
    result = call(["--model=doodle", "--prompt=a cat", "--output=x.png", *flag])
    check(result, flag)
    assert result.code != 0
    assert list(Path().iterdir()) == []
    assert outside.read_bytes() == b"not yours"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Path]:
    """A real engine's socket; nobody works its queue off."""
    worker = Worker(SETTINGS, tmp_path, keep_alive_s=300.0)
    path = tmp_path / "e.sock"
    with EngineServer(path, worker, {"settings": SETTINGS._asdict(), "output_dir": str(tmp_path)}) as serving:
        thread = threading.Thread(target=serving.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield path
        serving.shutdown()
        thread.join()


GRAPH = CASES["sd15"].graph().to_prompt()
DEEP = json.loads("[" * 900 + "]" * 900)
requests = st.builds(
    lambda op, more, changed: {"v": 1, "op": op, "job": JOB, "graph": GRAPH, "keep_alive_s": 1, **changed, **more},
    st.sampled_from(["submit", "cancel", "status", "boot", "free", "stop", "dance"]) | values,
    st.dictionaries(texts, values, max_size=2),
    st.fixed_dictionaries({}, optional={"job": values, "graph": values, "keep_alive_s": values, "force": values}),
)


@times(400)
@given(st.lists(requests.map(lambda line: json.dumps(line).encode()) | st.binary(max_size=40), max_size=5))
@example([json.dumps({"v": 1, "op": "boot", "keep_alive_s": float("nan")}).encode()])
@example([json.dumps({"v": 1, "op": "submit", "job": JOB, "graph": {}, "keep_alive_s": 1}).encode()] * 2)
@example([json.dumps({"v": 1, "op": "submit", "job": JOB, "graph": {"1": DEEP}, "keep_alive_s": 1}).encode()])
def test_a_host_that_lies(server: Path, said: list[bytes]) -> None:
    link = to_socket(server)
    try:
        for raw in said:
            link.send_raw(raw.replace(b"\n", b" ") + b"\n")
        answer = link.ask(10, op="status")
    except LinkClosed:
        pytest.fail(f"the engine hung up: {said}")
    finally:
        link.close()
    assert answer is not None
    assert answer["queued"] <= 5


@times(500)
@given(st.dictionaries(st.sampled_from(["error", "node_errors", "status", "outputs"]), values, max_size=3))
def test_refusals(answer: dict[str, Any]) -> None:
    error = refusal(answer)
    assert error.code == "graph_refused"
    assert error.message.isprintable()


@times(300)
@given(values)
def test_errors_of_the_other_side(value: Any) -> None:
    error = error_from_json(value if isinstance(value, dict) else {"details": value, "code": value})
    assert isinstance(error, HalError)
    json.dumps(error.to_json())


notice = st.fixed_dictionaries(
    {"code": texts, "class_type": texts, "files": st.lists(texts, max_size=2), "count": st.integers(1, 9)},
).flatmap(lambda fields: st.builds(lambda examples: {**fields, "examples": examples}, st.lists(texts, max_size=3)))


@times(300)
@given(st.lists(notice, max_size=3))
def test_notices(found: list[dict[str, Any]]) -> None:
    for warning in warnings(found):
        assert warning["message"].isprintable()
    assert read_outcome({"status": {"messages": [["hal8000_notices", {"notices": found}]]}}).notices == tuple(found)
