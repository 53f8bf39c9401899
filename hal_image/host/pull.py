"""Downloads models: in this process, or in a container where the Docker engine is the one that is used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hal_image.errors import ModelError, UsageError
from hal_image.host.durations import parse_duration
from hal_image.host.engines import EngineRequest
from hal_image.host.pull_display import PullDisplay
from hal_image.install import where
from hal_image.models import hub
from hal_image.models.download import Pull, download
from hal_image.models.transfer import STALL_S
from hal_image.models.types import Model

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from hal_image.host.deadline import Deadline
    from hal_image.host.engines.docker import DockerEngine
    from hal_image.host.render import Output
    from hal_image.models.types import Entry, Registry


def pull(
    models: Iterable[Entry],
    registry: Registry,
    models_dir: Path,
    *,
    engine: str | None,
    output: Output,
    deadline: Deadline,
) -> list[Path]:
    """Downloads what is missing of ``models``, and shows how far it is; returns the files that came.

    Args:
        models: what is wanted.
        registry: where another model is looked for when one is not handed out.
        models_dir: the models folder.
        engine: value of ``--engine``.
        output: where progress goes.
        deadline: when to give up; what came until then stays.

    Raises:
        ModelError, EnvironmentError_: as for ``hal_image.models.download.download``.
        UsageError: ``HAL_STALL`` is no duration.
        TimeoutError_: the deadline came.
    """
    display = PullDisplay(output, deadline)
    wanted = Pull(tuple(models), models_dir, hub.from_environment(), display.show, stall_limit())
    docker = _docker(engine, models_dir)
    try:
        if docker is None:
            return download(wanted)
        from hal_image.host.docker import pull as container  # noqa: PLC0415 - only where there is Docker

        return container.download(docker.program, docker.find_image(), wanted)
    except ModelError as error:
        if error.code == "model_gated":
            error.hint += _instead(error, wanted.models, registry)
        elif error.code == "download_failed":
            error.hint += f"; `models show {wanted.models[0].name}` says where a file goes that comes by other means"
        raise
    finally:
        display.close()


def stall_limit() -> float:
    """``HAL_STALL``: seconds without a byte after which a connection is given up.

    Raises:
        UsageError: it is no duration.
    """
    text = where.setting("HAL_STALL")
    if text is None:
        return STALL_S
    try:
        seconds = parse_duration(text)
    except ValueError:
        seconds = 0.0
    if seconds <= 0:
        raise UsageError(f"HAL_STALL is {text!r}, which is no time", hint="write for example 90 or 2m, or unset it")
    return seconds


def _docker(engine: str | None, models_dir: Path) -> DockerEngine | None:
    """The Docker engine, if it is the one that will use the files."""
    name = engine or where.setting("HAL_ENGINE") or "auto"
    if name == "docker":
        from hal_image.host.engines.docker import DockerEngine  # noqa: PLC0415 - only where there is Docker

        return DockerEngine()
    if name != "auto":
        return None
    from hal_image.host.engines.auto import chosen_docker  # noqa: PLC0415 - likewise

    request = EngineRequest(models_dir, cpu=False, gpu=None, keep_alive_s=0, offline=True, needs=None)
    return chosen_docker(request)


def _instead(error: ModelError, models: tuple[Entry, ...], registry: Registry) -> str:
    """The models of the same family that need no account, as the end of a hint."""
    refused = next((m for m in models if any(file.name == error.details.get("file") for file in m.files)), None)
    if not isinstance(refused, Model):
        return ""
    others = [
        model.name
        for model in registry.models.values()
        if model.family == refused.family
        and model.name != refused.name
        and not any(file.gated or file.bundled for file in model.files)
    ]
    return f"; or use one that needs no account: {', '.join(others)}" if others else ""
