"""Which engines of this user run right now: what ``ps`` shows and ``stop`` ends."""

from __future__ import annotations

import json
import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hal_image import paths, wire
from hal_image.errors import HalError
from hal_image.host.docker import card as cards
from hal_image.host.engines.link import Link, LinkClosed, to_socket
from hal_image.locking import try_lock

if TYPE_CHECKING:
    from hal_image.errors import JsonObject
    from hal_image.host.docker.answers import Found

ANSWER_LIMIT_S = 5.0


class RunningEngine(NamedTuple):
    """An engine that is there: a process that holds its lock, or a container.

    Attributes:
        kind: ``local`` or ``docker``.
        folder: its folder in the state directory.
        models_dir: the models folder that it serves.
        pid: its process id, in its container if it has one; ``None`` when a container does not answer.
        socket: where a local one listens.
        container: the container, else ``None``.
        status: the fields of ``EngineStatus``, or ``None`` when it does not answer.
    """

    kind: str
    folder: Path
    models_dir: str
    pid: int | None
    socket: Path | None
    container: Container | None
    status: JsonObject | None

    @property
    def title(self) -> str:
        """What people call it."""
        return f"engine {self.pid}" if self.container is None else f"container {self.container.name}"

    def open(self) -> Link:
        """A line to it.

        Raises:
            LinkClosed: it does not answer.
        """
        if self.container is not None:
            return self.container.open(self.folder)
        assert self.socket is not None
        return to_socket(self.socket)

    def is_there(self) -> bool:
        """Whether it still is."""
        return lock_is_held(self.folder) if self.container is None else self.container.exists()

    def terminate(self) -> None:
        """Asks it to end by other means than its line."""
        if self.container is not None:
            self.container.remove()
        elif self.pid is not None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGTERM)

    def kill(self) -> None:
        """Ends it at once. ComfyUI ends by itself when its parent is gone."""
        if self.container is not None:
            self.container.remove()
        elif self.pid is not None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    def to_json(self) -> JsonObject:
        """What the JSON output tells of every engine."""
        known: JsonObject = {"kind": self.kind, "models_dir": self.models_dir}
        if self.pid is not None:
            known["pid"] = self.pid
        if self.container is not None:
            known["container"] = self.container.to_json()
        return known


class Container(NamedTuple):
    """A container of ours.

    Attributes:
        name, id: Docker's.
        state: Docker's word, ``running`` when all is well.
        image, image_id: what it was made from; ``None`` when its card is lost.
    """

    name: str
    id: str
    state: str
    image: str | None
    image_id: str | None

    def open(self, folder: Path) -> Link:
        """As ``RunningEngine.open``."""
        from hal_image.host.engines.docker import DockerEngine  # noqa: PLC0415 - only where there are containers

        return DockerEngine().open(self.name, folder)

    def exists(self) -> bool:
        """As ``RunningEngine.is_there``."""
        from hal_image.host.engines.docker import DockerEngine  # noqa: PLC0415 - likewise

        return DockerEngine().exists(self.id)

    def remove(self) -> None:
        """As ``RunningEngine.kill``."""
        from hal_image.host.docker import commands, program  # noqa: PLC0415 - likewise

        program.run(program.require(), commands.remove(self.id))

    def to_json(self) -> JsonObject:
        """The ``container`` object of the JSON output."""
        return {"name": self.name, "id": self.id, "image": self.image, "image_id": self.image_id}


def running_engines() -> list[RunningEngine]:
    """Every engine of this state directory, the longest running first. Cards of dead ones are removed.

    Raises:
        EnvironmentError_: ``docker_failed``: Docker does not answer, so there may be containers.
    """
    found = [*_local_engines(), *_containers()]
    return sorted(found, key=lambda engine: -(engine.status or {}).get("uptime_s", 0))


def _local_engines() -> list[RunningEngine]:
    found = []
    for card_file in sorted((paths.state_dir() / "engines").glob(f"*/{wire.CARD_FILE}")):
        if card_file.parent.name.endswith("-docker"):
            continue  # written in a container, whose paths and process ids are not ours
        try:
            card = json.loads(card_file.read_text(encoding="utf-8"))
            engine = RunningEngine(
                kind="local",
                folder=card_file.parent,
                models_dir=card["settings"]["models_dir"],
                pid=int(card["pid"]),
                socket=Path(card["socket"]),
                container=None,
                status=None,
            )
        except (OSError, ValueError, KeyError, TypeError):  # just written, just gone, or damaged
            known = _without_card(card_file.parent)
            if known is None:
                continue
            engine = known
        engine = engine._replace(status=_status(engine))
        if engine.status is None and not lock_is_held(card_file.parent):
            with suppress(OSError):
                card_file.unlink()
            continue
        found.append(engine)
    return found


def _without_card(folder: Path) -> RunningEngine | None:
    """What an engine whose card cannot be read says of itself, if it runs."""
    if not lock_is_held(folder):
        return None
    try:
        socket = paths.runtime_socket(folder.name)
        link = to_socket(socket)
    except (HalError, LinkClosed):
        return None
    link.close()
    pid, models_dir = int(link.hello["pid"]), str(link.hello["settings"]["models_dir"])
    return RunningEngine("local", folder, models_dir, pid, socket, container=None, status=None)


def _containers() -> list[RunningEngine]:
    """Those that Docker knows. It is asked only where this state directory has had some, and may be gone since."""
    if not any((paths.state_dir() / "engines").glob("*-docker")):
        return []
    from hal_image.host.docker import answers, commands, program  # noqa: PLC0415 - only where there are containers
    from hal_image.host.docker.names import owner  # noqa: PLC0415 - likewise
    from hal_image.host.docker.start import sweep  # noqa: PLC0415 - likewise

    path = program.find()
    if path is None:
        return []
    try:
        answer = program.run(path, commands.containers(owner()))
        there = answers.containers(answer)
    except HalError as error:
        if error.code == "docker_failed" and answer.code < 0:
            raise  # it took too long: who waits for a job in one must not hear that it is lost
        return []  # without the Docker engine no container runs
    dead = {"created", "exited", "dead"}
    sweep(path, [one for one in there if one.state in dead])
    return [_container(one) for one in there if one.state not in {*dead, "removing"}]


def _container(found: Found) -> RunningEngine:
    folder = paths.state_dir() / "engines" / found.key
    card = cards.read(folder)
    image = (None, None) if card is None else (card.settings.image, card.image_id)
    engine = RunningEngine(
        kind="docker",
        folder=folder,
        models_dir="" if card is None else card.settings.models_dir,
        pid=None,
        socket=None,
        container=Container(found.name, found.id, found.state, *image),
        status=None,
    )
    status = _status(engine) if found.state == "running" else None
    return engine._replace(status=status, pid=None if status is None else status["pid"])


def _status(engine: RunningEngine) -> JsonObject | None:
    try:
        link = engine.open()
    except (LinkClosed, HalError):
        return None
    try:
        answer = link.ask(ANSWER_LIMIT_S, op="status")
    except (LinkClosed, HalError):  # the latter: it says what is no event
        return None
    finally:
        link.close()
    if answer is None:
        return None
    return wire.without_frame(answer)


def lock_is_held(folder: Path) -> bool:
    """Whether an engine holds the lock of its folder: it is the proof of life that cannot go stale."""
    lock = try_lock(folder / wire.LOCK_FILE)
    if lock is None:
        return True
    lock.release()
    return False


def wait_until_gone(engine: RunningEngine, timeout_s: float) -> bool:
    """Waits until an engine is no more; ``False`` when that takes longer than ``timeout_s``."""
    end = time.monotonic() + timeout_s
    while engine.is_there():
        if time.monotonic() >= end:
            return False
        time.sleep(0.05 if engine.container is None else 0.2)  # asking Docker is a process each time
    if engine.container is not None:
        cards.remove(engine.folder)  # or the next call would look for it
    return True
