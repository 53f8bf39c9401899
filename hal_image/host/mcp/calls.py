"""Calls of our own command line, each in a process of its own.

So an agent gets what the command line promises, word for word, and a call is taken back as a person would do it, with
SIGINT. What such a process says goes into a file that is read as it grows: nobody has to read it for the call to go on,
so one whose job id was given out outlives the server.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from hal_image.errors import HalError
from hal_image.host.mcp.doing import Doing
from hal_image.host.result import envelope

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hal_image.errors import JsonObject
    from hal_image.host.mcp.doing import Progress

READ_BYTES = 65536
REMEMBERED = 50
"""Calls that are over and can still be asked for by their names."""
SHORTEST_PREFIX = 8
"""Characters of a job's id that are enough, as for ``wait``."""


class Server(NamedTuple):
    """How this server calls the command line.

    Attributes:
        program: the Python and the script.
        options: given to every call that makes pictures.
        quiet: given to every call.
    """

    program: tuple[str, ...]
    options: tuple[str, ...] = ()
    quiet: tuple[str, ...] = ()

    @classmethod
    def of_this_process(cls, options: Sequence[str], quiet: Sequence[str]) -> Server:
        """With the script that this process runs."""
        return cls((sys.executable, os.path.abspath(sys.argv[0])), tuple(options), tuple(quiet))  # noqa: PTH100 - text


class Call:
    """One call.

    Args:
        arguments: those of the command line, without ``--jsonl``.
        server: how it is called.
        text: its standard input.
        count: pictures that it is to make.
        name: what it is called, if it has a name.

    Attributes:
        name: what it is called as long as it has no job.
        jobs: ids of the jobs that it has asked the engine for.
        makes_pictures: whether to end it is to take its jobs back.
        given_out: whether an agent has its name, or that of a job of it, and will come again.
        answer: the object that it ended with.
    """

    def __init__(
        self, arguments: Sequence[str], server: Server, *, text: str = "", count: int = 1, name: str = ""
    ) -> None:
        self.name = name or f"call-{os.urandom(4).hex()}"
        self.jobs: list[str] = []
        self.makes_pictures = arguments[0].startswith("-")
        self.given_out = False
        self.answer: JsonObject | None = None
        self.doing = Doing(count)
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the process writes
        self._offset = 0
        with tempfile.TemporaryFile() as typed:
            typed.write(text.encode())
            typed.seek(0)
            self._process = subprocess.Popen(
                [*server.program, *arguments, "--jsonl", *server.quiet],
                stdin=typed,
                stdout=self._said,
                start_new_session=True,  # a client ends our process group when it leaves
            )

    @property
    def id(self) -> str:
        """What an agent asks for it by: its first job, which any call knows, or its own name."""
        return self.jobs[0] if self.jobs else self.name

    def is_called(self, name: str) -> bool:
        """Whether ``name`` is its name, or a job of it, or the beginning of one."""
        long_enough = len(name) >= SHORTEST_PREFIX
        return name == self.name or (long_enough and any(job.startswith(name.lower()) for job in self.jobs))

    def read(self) -> list[Progress]:
        """What it has said since the last time."""
        if self.answer is not None:
            return []
        ended = self._process.poll() is not None  # before the last look at what it has said
        told: list[Progress] = []
        for line in self._lines():
            self._hear(json.loads(line), told)
        if self.answer is None and ended:
            self.answer = envelope("generate", {}, (), self._lost())
        if self.answer is not None:
            self._said.close()
        return told

    def _lost(self) -> HalError:
        return HalError(
            f"the call {self.name} ended without a word, with exit code {self._process.returncode}",
            code="mcp_call_lost",
            hint=f"call job with {self.id}" if self.jobs else "make the picture anew",
            retryable=not self.jobs,
            details={"jobs": self.jobs},
        )

    def _hear(self, value: JsonObject, told: list[Progress]) -> None:
        if "event" not in value:
            self.answer = value
            return
        job = value.get("job")
        if job is not None and job not in self.jobs:
            self.jobs.append(job)
        progress = self.doing.hear(value)
        if progress is not None:
            told.append(progress)

    def _lines(self) -> list[bytes]:
        raw = b""
        while piece := os.pread(self._said.fileno(), READ_BYTES, self._offset + len(raw)):
            raw += piece
        whole = raw[: raw.rfind(b"\n") + 1]
        self._offset += len(whole)
        return whole.splitlines()

    def interrupt(self) -> None:
        """As Ctrl-C does: the first time it takes its jobs back, the second time it ends at once."""
        with suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGINT)


class Calls:
    """The calls of one server."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._all: list[Call] = []

    def make(self, options: Sequence[str], prompt: str, count: int) -> Call:
        """Begins to make pictures."""
        return self._begin(Call([*options, *self._server.options], self._server, text=prompt, count=count))

    def ask(self, *arguments: str) -> Call:
        """Begins one that makes none itself."""
        return self._begin(Call(arguments, self._server))

    def wait_for(self, job: str) -> Call:
        """Begins to wait for a job that another server, or another program, has begun."""
        return self._begin(Call(("wait", job), self._server, name=job))

    def _begin(self, call: Call) -> Call:
        over = [known for known in self._all if known.answer is not None]
        for old in over[:-REMEMBERED]:
            self._all.remove(old)
        self._all.append(call)
        return call

    def find(self, name: str) -> Call | None:
        """The call that is called so, if it runs, or what it has made is known here alone."""
        for call in reversed(self._all):
            if call.is_called(name) and not _is_known_elsewhere(call):
                return call
        return None

    def nameless(self) -> list[Call]:
        """Calls that run and whose jobs nobody knows of yet."""
        return [call for call in self._all if call.makes_pictures and call.answer is None and not call.jobs]

    def take_back(self) -> None:
        """Interrupts those that nobody will come for."""
        for call in self._all:
            if call.answer is None and not call.given_out:
                call.interrupt()


def _is_known_elsewhere(call: Call) -> bool:
    """Whether a new call is told more than this one: it has ended, and what became of its jobs is written down."""
    return call.answer is not None and (not call.makes_pictures or (not call.answer["ok"] and bool(call.jobs)))
