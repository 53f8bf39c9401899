"""The ways of running ComfyUI. One module each, and ``link`` for talking to any of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hal_image.errors import JsonObject
    from hal_image.host.deadline import Deadline
    from hal_image.host.engines.link import Link
    from hal_image.host.render import Output

NAMES = ("auto", "docker", "local")
"""Values of ``--engine`` and ``HAL_ENGINE``."""


class Needs(NamedTuple):
    """What a model asks of the machine.

    Attributes:
        model: its name.
        min_vram_gb: GiB of VRAM below which it is not run.
        fit_for_cpu: whether it may run on a processor without anybody having asked for that.
        files: where its files are.
        digests: of each of them its SHA-256, or ``None`` where nobody knows it.
    """

    model: str
    min_vram_gb: float
    fit_for_cpu: bool
    files: tuple[Path, ...] = ()
    digests: tuple[str | None, ...] = ()


class EngineRequest(NamedTuple):
    """What an engine is wanted for.

    Attributes:
        models_dir: absolute path of the models folder.
        cpu: force the processor.
        gpu: which GPUs: ``"all"``, or indexes or ids with commas between; ``None`` when it was not said.
        keep_alive_s: seconds of idleness until models are unloaded; ``-1`` never, ``0`` ends the engine.
        offline: nothing may be installed.
        needs: of the model that will be used; ``None`` when there is none yet.
        hot_cache_bytes: limit of the hot cache, 0 for none; ``None`` when it was not said.
    """

    models_dir: Path
    cpu: bool
    gpu: str | None
    keep_alive_s: float
    offline: bool
    needs: Needs | None
    hot_cache_bytes: int | None = None


def _nothing() -> None:
    """What most engines need when a call leaves them."""


class Connection(NamedTuple):
    """An engine that answers.

    Attributes:
        kind: ``local`` or ``docker``.
        link: the line to it.
        output_dir: where its pictures appear on this side.
        facts: what the JSON output tells of it: ComfyUI's version, commit and source.
        prepare_s: seconds spent on installing it, or on starting its container.
        reused: whether it was running already.
        place: what the JSON output tells of where it runs: the container.
        leave: to be called when the link is closed.
    """

    kind: str
    link: Link
    output_dir: Path
    facts: JsonObject
    prepare_s: float
    reused: bool
    place: JsonObject = {}  # noqa: RUF012 - never changed
    leave: Callable[[], None] = _nothing


class Engine(Protocol):
    """A way of running ComfyUI."""

    def connect(self, request: EngineRequest, output: Output, deadline: Deadline) -> Connection:
        """Finds or starts an engine and connects to it.

        Raises:
            EnvironmentError_, TimeoutError_: it cannot be had.
        """
        ...


def choose(name: str | None) -> Engine:
    """The engine for ``--engine NAME``, or for ``HAL_ENGINE`` when that was not given, or for ``auto``.

    Raises:
        UsageError: ``HAL_ENGINE`` names none.
    """
    # imported here, each by those who need it: this module is free to import
    from hal_image.install import where  # noqa: PLC0415

    name = name or where.setting("HAL_ENGINE") or "auto"
    if name == "local":
        from hal_image.host.engines.local import LocalEngine  # noqa: PLC0415

        return LocalEngine()
    if name == "docker":
        from hal_image.host.engines.docker import DockerEngine  # noqa: PLC0415

        return DockerEngine()
    if name == "auto":
        from hal_image.host.engines.auto import AutoEngine  # noqa: PLC0415

        return AutoEngine()
    from hal_image.errors import UsageError  # noqa: PLC0415

    raise UsageError(f"HAL_ENGINE is {name!r}", hint=f"set it to one of {', '.join(NAMES)}, or unset it")
