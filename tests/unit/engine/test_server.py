"""Who may do what to a job, over a real socket; the worker is not started, so every job waits."""

from __future__ import annotations

import sys
import threading
import time
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from hal_image import wire
from hal_image.engine import node_definitions
from hal_image.engine.server import EngineServer
from hal_image.engine.worker import Worker
from hal_image.errors import EnvironmentError_
from hal_image.host.engines.link import Link, to_socket

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

GRAPH = {"1": {"class_type": "A", "inputs": {}}}


@pytest.fixture
def connect(tmp_path: Path) -> Iterator[Callable[[], Link]]:
    settings = wire.EngineSettings("0", str(tmp_path), sys.executable, str(tmp_path), cpu=True)
    worker = Worker(settings, tmp_path, keep_alive_s=300.0)
    opened: list[Link] = []

    def one_more() -> Link:
        opened.append(to_socket(tmp_path / "engine.sock"))
        return opened[-1]

    with EngineServer(tmp_path / "engine.sock", worker, {"output_dir": str(tmp_path / "output")}) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield one_more
        for link in opened:
            link.close()
        server.shutdown()
        thread.join()


def hear(link: Link, job: str, event: str) -> dict[str, Any]:
    """The next event of that kind about that job."""
    end = time.monotonic() + 10
    while (heard := link.next(max(0.0, end - time.monotonic()))) is not None:
        if (heard.get("job"), heard["event"]) == (job, event):
            return heard
    raise AssertionError(f"no {event}")


def submit(link: Link, **more: object) -> str:
    job = str(uuid.uuid4())
    link.send(op="submit", job=job, graph=GRAPH, keep_alive_s=1, **more)
    hear(link, job, "queued")
    return job


def queued(link: Link) -> int:
    status = link.ask(10, op="status")
    assert status is not None
    return int(status["queued"])


def wait_until_queued(link: Link, jobs: int) -> None:
    end = time.monotonic() + 10
    while queued(link) != jobs:
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_connection_that_closes_takes_back_what_was_not_to_be_kept(connect: Callable[[], Link]) -> None:
    first, second = connect(), connect()
    submit(first)
    kept = submit(first, keep=True)
    submit(first, keep="yes")  # nothing but true is true
    first.close()
    wait_until_queued(second, 1)
    second.send(op="attach", job=kept)
    hear(second, kept, "booting")


def test_who_attaches_hears_the_end_and_may_bring_it_about(connect: Callable[[], Link], tmp_path: Path) -> None:
    first, second = connect(), connect()
    job = submit(first, keep=True)
    second.send(op="attach", job=job)
    hear(second, job, "booting")
    second.send(op="cancel", job=job)
    for link in (first, second):
        assert hear(link, job, "failed")["error"]["code"] == "cancelled"
    assert [path.stem for path in (tmp_path / "jobs").iterdir()] == [job]
    third = connect()
    third.send(op="attach", job=job)
    assert hear(third, job, "failed")["error"]["code"] == "cancelled"


def test_who_attached_and_leaves_takes_nothing_back(connect: Callable[[], Link]) -> None:
    first, second = connect(), connect()
    job = submit(first)
    second.send(op="attach", job=job)
    hear(second, job, "booting")
    second.close()
    time.sleep(0.2)
    assert queued(first) == 1


def test_an_id_that_is_not_known(connect: Callable[[], Link]) -> None:
    link = connect()
    job = str(uuid.uuid4())
    link.send(op="cancel", job=job)
    link.send(op="attach", job=job)
    error = hear(link, job, "failed")["error"]
    assert (error["code"], error["details"]) == ("job_lost", {"known": False})


@pytest.mark.parametrize("job", ["../x", "", None, 3, "a" * 100])
@pytest.mark.parametrize("operation", ["attach", "cancel"])
def test_what_is_no_id_is_refused(connect: Callable[[], Link], operation: str, job: object) -> None:
    link = connect()
    link.send(op=operation, job=job)
    answer = link.next(10)
    assert answer is not None
    assert (answer["event"], answer["job"], answer["error"]["code"]) == ("failed", None, "wire_invalid")


def test_an_id_cannot_be_used_twice(connect: Callable[[], Link]) -> None:
    first, second = connect(), connect()
    job = submit(first)
    second.send(op="submit", job=job, graph=GRAPH, keep_alive_s=1)
    assert hear(second, job, "failed")["error"]["code"] == "wire_invalid"
    second.close()
    time.sleep(0.2)
    assert queued(first) == 1


def test_an_end_that_cannot_be_kept_is_told_all_the_same(
    connect: Callable[[], Link], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "jobs").write_text("in the way, as good as a full disk")
    link = connect()
    job = submit(link, keep=True)
    link.send(op="cancel", job=job)
    assert hear(link, job, "failed")["error"]["code"] == "cancelled"
    assert f"cannot keep how job {job} ended" in capsys.readouterr().err


def test_an_engine_whose_comfyui_does_not_tell_of_its_nodes_says_so(tmp_path: Path) -> None:
    settings = wire.EngineSettings("0", str(tmp_path), sys.executable, str(tmp_path), cpu=True)
    worker = Worker(settings, tmp_path, keep_alive_s=300.0)
    worker._boots.end(None)
    worker.drain()  # so it starts none
    with pytest.raises(EnvironmentError_) as caught:
        node_definitions.of(worker)
    assert (caught.value.code, caught.value.retryable) == ("nodes_unknown", True)
