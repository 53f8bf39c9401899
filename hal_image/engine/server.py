"""The engine's unix socket: one thread a connection, JSON lines both ways (``hal_image.wire``)."""

from __future__ import annotations

import os
import socket
import socketserver
import struct
import threading
import uuid
from typing import TYPE_CHECKING

from hal_image import wire
from hal_image.engine import node_definitions
from hal_image.engine.job import Job, remove_output
from hal_image.errors import HalError, InternalError
from hal_image.job_files import is_job_id
from hal_image.request import MAX_SEED

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hal_image.engine.worker import Worker

SEND_LIMIT_S = 5
"""Seconds for which a client that does not read (a stopped process) can hold up the queue, once; then it is gone."""

MAX_GRAPH_DEPTH = 64
"""ComfyUI copies a graph by recursion; one nested 490 deep ends its thread for jobs. Real graphs have 4 levels."""


class EngineServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """Listens on ``path``, readable and writable by this user only.

    Args:
        path: the socket; an old one in its place is replaced, since the caller holds the engine's lock.
        worker: runs the jobs.
        info: what ``hello`` tells besides version and process id.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self, path: Path, worker: Worker, info: Mapping[str, object]) -> None:
        path.unlink(missing_ok=True)
        self.worker = worker
        self.info = dict(info)
        before = os.umask(0o177)
        try:
            super().__init__(str(path), Connection)
        finally:
            os.umask(before)


def check_graph(graph: object) -> None:
    """Sees that ``graph`` has the form that we rely on; what it says is ComfyUI's to judge.

    Raises:
        ValueError: it is no object of nodes, each with ``class_type`` and ``inputs``, or is nested too deep.
    """
    nodes = list(graph.values()) if isinstance(graph, dict) else [None]
    if not all(
        isinstance(node, dict) and isinstance(node.get("class_type"), str) and isinstance(node.get("inputs"), dict)
        for node in nodes
    ):
        raise ValueError("the graph is no object of nodes with class_type and inputs")
    level: list[object] = [graph]
    for _ in range(MAX_GRAPH_DEPTH):
        containers = [value for value in level if isinstance(value, (dict, list))]
        level = [item for value in containers for item in (value.values() if isinstance(value, dict) else value)]
    if level:
        raise ValueError(f"the graph is nested deeper than {MAX_GRAPH_DEPTH} levels")


def _seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not -1 <= value < 1e10:
        raise InternalError(f"no number of seconds: {str(value)[:40]}", code="wire_invalid", hint=wire.WIRE_HINT)
    return float(value)


def _seeds(line: wire.Line) -> tuple[int, ...]:
    """Of the pictures of a job.

    Raises:
        ValueError: they are none, or ``batch_size`` is no number of pictures.
    """
    seeds, size = line.get("seeds", []), line.get("batch_size", 1)
    numbers = [*seeds, size] if isinstance(seeds, list) else [None]
    if any(isinstance(number, bool) or not isinstance(number, int) for number in numbers):
        raise ValueError("seeds and batch_size are whole numbers")
    if not all(0 <= seed <= MAX_SEED for seed in seeds) or len(seeds) > wire.MAX_PICTURES:
        raise ValueError(f"there are at most {wire.MAX_PICTURES} seeds, of 64 bits")
    if not 1 <= size <= wire.MAX_PICTURES:
        raise ValueError(f"batch_size is 1 to {wire.MAX_PICTURES}")
    return tuple(seeds)


class Connection(socketserver.StreamRequestHandler):
    """One client."""

    server: EngineServer

    def setup(self) -> None:
        """Bounds how long a send may block."""
        super().setup()
        limit = struct.pack("ll", SEND_LIMIT_S, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
        self._sending = threading.Lock()
        self._jobs: dict[str, Job] = {}
        """What this client hears of, by id."""
        self._attached: set[str] = set()
        """Those of them that somebody else has submitted."""

    def handle(self) -> None:
        """Greets, then serves requests until the client hangs up."""
        self._send({"event": "hello", "pid": os.getpid(), **self.server.info})
        while True:
            try:
                raw = self.rfile.readline(wire.MAX_LINE_BYTES)
            except OSError:
                return
            if not raw.endswith(b"\n"):  # end of stream, or a line beyond the limit
                return
            try:
                self._serve(wire.decode(raw))
            except HalError as error:
                self._send({"event": "failed", "job": None, "error": error.to_json()})

    def finish(self) -> None:
        """The client is gone: jobs that were not to be kept are taken back, and what they wrote is removed."""
        for job in self._jobs.values():
            if job.kept or job.id in self._attached:
                job.leave(self._send)
            else:
                self.server.worker.cancel(job.id)
                remove_output(self.server.worker.comfy.output_dir, job.id)
        super().finish()

    def _serve(self, line: wire.Line) -> None:
        worker = self.server.worker
        operation = str(line.get("op"))
        if operation == "submit":
            self._submit(line)
        elif operation == "nodes":
            self._send({"event": "nodes", **node_definitions.of(worker)})
        elif operation in {"attach", "cancel"}:
            self._serve_job(str(line.get("job")), attach=operation == "attach")
        elif operation in {"status", "boot", "free", "stop"}:
            if operation == "boot":
                worker.request_boot(_seconds(line["keep_alive_s"]) if "keep_alive_s" in line else None)
            elif operation == "free":
                worker.free()
            elif operation == "stop":
                (worker.abort if line.get("force") else worker.drain)()
            self._send({"event": "status", **worker.status()._asdict()})
        else:
            raise InternalError(f"unknown request {operation[:40]!r}", code="wire_invalid", hint=wire.WIRE_HINT)

    def _serve_job(self, job_id: str, *, attach: bool) -> None:
        if not is_job_id(job_id):
            raise InternalError(f"{job_id[:80]!r} is no job's id", code="wire_invalid", hint=wire.WIRE_HINT)
        if not attach:
            self.server.worker.cancel(job_id)
        elif job_id not in self._jobs:
            job = self.server.worker.attach(job_id, self._send)
            if job is not None:
                self._jobs[job_id] = job
                self._attached.add(job_id)

    def _submit(self, line: wire.Line) -> None:
        try:
            job_id = str(uuid.UUID(str(line["job"])))
            graph = line["graph"]
            keep_alive_s = _seconds(line["keep_alive_s"])
            check_graph(graph)
            inputs = tuple(str(name) for name in line.get("inputs", ()))
            seeds = _seeds(line)
            if job_id in self._jobs:
                raise ValueError("a job has this id already")
        except (KeyError, ValueError, TypeError) as error:
            raise InternalError(f"bad submit: {error}", code="wire_invalid", hint=wire.WIRE_HINT) from error

        step_pictures = line.get("step_pictures") is True
        job = Job(
            job_id,
            graph,
            keep_alive_s,
            line.get("keep") is True,
            inputs,
            step_pictures,
            turbo=line.get("turbo") is True,
            seeds=seeds,
            batch_size=line.get("batch_size"),
        )
        job.hear(self._send)
        try:
            self.server.worker.submit(job)
        except HalError as error:
            job.emit({"event": "failed", "error": error.to_json()})
        else:
            self._jobs[job_id] = job

    def _send(self, line: wire.Line) -> None:
        """Sends one line. A client that is gone or does not read is hung up on, which ends its connection."""
        try:
            with self._sending:
                self.connection.sendall(wire.encode(line))
        except OSError:
            self._hang_up()

    def _hang_up(self) -> None:
        try:
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # already closed
