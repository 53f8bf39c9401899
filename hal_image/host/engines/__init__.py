"""The ways of running ComfyUI. One module each, and ``link`` for talking to any of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from pathlib import Path

    from hal_image.errors import JsonObject
    from hal_image.host.deadline import Deadline
    from hal_image.host.engines.link import Link
    from hal_image.host.render import Output


class EngineRequest(NamedTuple):
    """What an engine is wanted for.

    Attributes:
        models_dir: absolute path of the models folder.
        cpu: force the processor.
        keep_alive_s: seconds of idleness until models are unloaded; ``-1`` never, ``0`` ends the engine.
        offline: nothing may be installed.
    """

    models_dir: Path
    cpu: bool
    keep_alive_s: float
    offline: bool


class Connection(NamedTuple):
    """An engine that answers.

    Attributes:
        kind: ``local`` or ``docker``.
        link: the line to it.
        output_dir: where its pictures appear on this side.
        facts: what the JSON output tells of it: ComfyUI's version, commit and source.
        prepare_s: seconds spent on installing.
        reused: whether it was running already.
    """

    kind: str
    link: Link
    output_dir: Path
    facts: JsonObject
    prepare_s: float
    reused: bool


class Engine(Protocol):
    """A way of running ComfyUI."""

    def connect(self, request: EngineRequest, output: Output, deadline: Deadline) -> Connection:
        """Finds or starts an engine and connects to it.

        Raises:
            EnvironmentError_, TimeoutError_: it cannot be had.
        """
        ...


def choose(name: str) -> Engine:
    """The engine for ``--engine NAME``. ``auto`` is the local one: there is no Docker engine yet.

    Raises:
        EnvironmentError_: ``docker_not_available``.
    """
    from hal_image.errors import EnvironmentError_  # noqa: PLC0415 - keeps this module free to import
    from hal_image.host.engines.local import LocalEngine  # noqa: PLC0415

    if name == "docker":
        raise EnvironmentError_(
            "the Docker engine is not built yet",
            code="docker_not_available",
            hint="use --engine local, which runs the same ComfyUI without Docker",
        )
    return LocalEngine()
