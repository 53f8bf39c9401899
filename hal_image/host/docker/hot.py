"""Fills the hot cache, in a container that lives as long as that takes: no network, no GPU, the models read-only.

A warm call whose model is in the cache loads nothing of this.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hal_image import paths
from hal_image.host.docker import answers, commands, errand, hot_note, program
from hal_image.host.docker.start import host_facts
from hal_image.locking import file_lock
from hal_image.models import usage, verified
from hal_image.models.hot_cache import Copy

if TYPE_CHECKING:
    from hal_image.errors import JsonObject
    from hal_image.host.deadline import Deadline
    from hal_image.host.render import Output

LOCK_FILE = "hot-cache.lock"


class Filling(NamedTuple):
    """What is to be done.

    Attributes:
        program: path of the Docker program.
        image: id of the image.
        volume: name of the volume.
        models_dir: absolute path of the models folder, as the container gets it.
        key: name of that folder within the cache.
        model: whose files they are.
        wanted: which.
        limit_bytes: of the whole cache.
    """

    program: str
    image: str
    volume: str
    models_dir: Path
    key: str
    model: str
    wanted: hot_note.Plan
    limit_bytes: int


def fill(filling: Filling, output: Output, deadline: Deadline) -> None:
    """Makes the cache hold the files, as far as there is room; warns of those for which there is none.

    Raises:
        ModelError: ``model_corrupt``, ``model_unreadable``: what is wrong with a file.
        EnvironmentError_: ``hot_cache_failed``; ``docker_failed`` and the like when there was no container.
        TimeoutError_: the deadline came first.
    """

    def tell_wait(pid: int | None) -> None:
        output.note(f"waiting for another call ({pid}) that fills the hot cache")

    patience = None if deadline.end is None else deadline.remaining(deadline.limit_s or 0.0)
    lock = paths.make_state_dir() / LOCK_FILE
    with file_lock(lock, on_wait=tell_wait, timeout=patience):
        known = hot_note.read()
        hot_note.remove()  # whatever interrupts us now, the next call looks again
        host = host_facts(answers.engine(program.run(filling.program, commands.info())))
        call = program.Call(
            filling.program, commands.hot(filling.image, filling.volume, filling.models_dir, host), "the hot cache"
        )
        end = errand.run(
            call,
            "hot",
            _order(filling, known),
            _Shower(output).show,
            lambda: deadline.check("copying the model into the hot cache"),
        )
        hot_note.write({name: Copy(**fields) for name, fields in end["files"].items()})


def _order(filling: Filling, known: dict[str, Copy]) -> JsonObject:
    used = {name: usage.last_used(Path(copy.source)) for name, copy in known.items()}
    return {
        "key": filling.key,
        "model": filling.model,
        "limit_bytes": filling.limit_bytes,
        "files": [file._asdict() for file in filling.wanted.fitting],
        "used": {name: when for name, when in used.items() if when is not None},
    }


class _Shower:
    def __init__(self, output: Output) -> None:
        self._output = output
        self._began: dict[str, float] = {}

    def show(self, event: JsonObject) -> None:
        """What a person is told of an event."""
        source = Path(event["source"])
        size = f"{event['bytes'] / 1e9:.2f} GB"
        if event["event"] == "hot_copying":
            if event["source"] not in self._began:
                self._output.note(f"copying {source.name} ({size}) into the hot cache")
                self._began[event["source"]] = time.monotonic()
        elif event["event"] == "hot_copied":
            seconds = time.monotonic() - self._began.get(event["source"], time.monotonic())
            self._output.note(f"{source.name} is in the hot cache, verified, after {seconds:.1f} s")
            verified.remember(source, event["sha256"])
        elif event["event"] == "hot_no_room":
            self._output.warn(
                "hot_cache_full",
                f"{source.name} ({size}) is read from the models folder: on the disk of the hot cache only "
                f"{event['free'] / 1e9:.2f} GB may be used",
                {"path": str(source)},
            )
