"""``--engine auto``: the container where there is one or can be one at once, else the local engine.

An engine that runs for the models folder is used, whichever it is: what was warm stays warm. Otherwise a Docker engine
that has our image was set up for this, and is used. An image is never built unasked; that takes minutes and gigabytes,
as installing the local engine does, which is what happens then. Where there is no Docker program this costs a look
through ``PATH``.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from hal_image import paths
from hal_image.errors import EnvironmentError_
from hal_image.install import where

if TYPE_CHECKING:
    from hal_image.host.deadline import Deadline
    from hal_image.host.engines import Connection, Engine, EngineRequest
    from hal_image.host.engines.docker import DockerEngine
    from hal_image.host.render import Output


class AutoEngine:
    """See the module."""

    def connect(self, request: EngineRequest, output: Output, deadline: Deadline) -> Connection:
        """As the engine that is chosen does.

        Raises:
            EnvironmentError_, TimeoutError_: as for that one.
        """
        from hal_image.host.docker import program  # noqa: PLC0415 - not where it has been said what to use

        # On a Mac no container has the GPU.
        if _local_was_set_up() or sys.platform == "darwin" or program.find() is None:
            return _local().connect(request, output, deadline)
        from hal_image.host.engines.docker import DockerEngine  # noqa: PLC0415 - only where there is Docker

        try:
            docker = DockerEngine()
            running = _running(docker, request, output, deadline)
            if running is None and not _local_runs(request):
                docker.find_image()
                return docker.connect(request, output, deadline)
        except EnvironmentError_ as error:
            if not error.code.startswith("docker_") or error.code == "docker_gpu_runtime_missing":
                raise  # Docker is there and would be used: what is wrong is to be told
            output.detail(f"using the local engine: {error.message}")
            running = None
        return running or _local().connect(request, output, deadline)


def chosen_docker(request: EngineRequest) -> DockerEngine | None:
    """The Docker engine, if it is the one that would be used, as far as that is known without asking an engine."""
    from hal_image.host.docker import program  # noqa: PLC0415 - not where it has been said what to use

    if _local_was_set_up() or sys.platform == "darwin" or program.find() is None:
        return None
    from hal_image.host.engines.docker import DockerEngine  # noqa: PLC0415 - only where there is Docker

    try:
        docker = DockerEngine()
        if _local_runs(request):
            return None
        docker.find_image()
    except EnvironmentError_:
        return None
    return docker


def _running(docker: DockerEngine, request: EngineRequest, output: Output, deadline: Deadline) -> Connection | None:
    """The container that runs already. What stands against it is told by a start, where Docker is still there."""
    try:
        return docker.find(request, output, deadline)
    except EnvironmentError_:
        return None


def _local() -> Engine:
    from hal_image.host.engines.local import LocalEngine  # noqa: PLC0415 - only if it is the one

    return LocalEngine()


def _local_was_set_up() -> bool:
    """Whether the user has said what the local engine is to run with: then it is the one that is meant."""
    return any(where.setting(name) is not None for name in ("HAL_ENGINE_PYTHON", "HAL_COMFYUI_DIR"))


def _local_runs(request: EngineRequest) -> bool:
    from hal_image.host.engines.link import LinkClosed, to_socket  # noqa: PLC0415 - only where there is Docker
    from hal_image.host.engines.local import engine_key  # noqa: PLC0415 - likewise

    try:
        to_socket(paths.runtime_socket(engine_key(str(request.models_dir.resolve())))).close()
    except LinkClosed:
        return False
    return True
