"""The Docker engine: ComfyUI in a sealed container of this user, one a models folder, found again by later calls.

A warm call starts the Docker program twice, side by side: for the line to the engine, and to see that the image's name
still means the image that the container was made from. Everything else it needs is on the card in the engine's folder
(``hal_image.host.docker.card``). When the card does not fit, or the container is not there, Docker is asked, under a
lock, and what is found is used or replaced.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from hal_image import about, container, paths
from hal_image.errors import EnvironmentError_, UsageError
from hal_image.host import gpu_fitness
from hal_image.host.docker import answers, card, commands, names, program, readable
from hal_image.host.engines import Connection
from hal_image.host.engines.link import Link, LinkClosed
from hal_image.host.gpu_presence import nvidia_present
from hal_image.install import where

if TYPE_CHECKING:
    from hal_image.host.deadline import Deadline
    from hal_image.host.docker.answers import Image
    from hal_image.host.engines import EngineRequest
    from hal_image.host.render import Output

IMAGE = "hal8000-image-gen:latest"
"""What ``build-image.sh`` calls the image."""
ANSWER_LIMIT_S = 5
"""Seconds for which an engine that does not listen yet is waited for: its container may have been started just now."""
END_LIMIT_S = 10.0
"""Seconds for which a call with ``--keep-alive 0`` waits until its container is gone."""
POLL_S = 0.1


class DockerEngine:
    """See the module.

    Raises:
        EnvironmentError_: ``docker_not_found``, ``docker_remote``.
    """

    def __init__(self) -> None:
        self.program = program.require()
        self.image = where.setting("HAL_DOCKER_IMAGE") or IMAGE
        address = os.environ.get("DOCKER_HOST", "")
        if address and not address.startswith(("unix://", "/")):
            raise EnvironmentError_(
                f"DOCKER_HOST names an engine on another machine, which does not see our folders: {address}",
                code="docker_remote",
                hint="unset DOCKER_HOST, or use --engine local",
            )

    def find_image(self) -> Image:
        """The image, as the Docker engine knows it.

        Raises:
            EnvironmentError_: ``docker_image_missing``, ``docker_not_running``, ``docker_permission``,
                ``docker_failed``.
        """
        return answers.image(program.run(self.program, commands.image(self.image)), self.image, self.build_command())

    def build_command(self) -> str:
        """What builds the image."""
        tag = "" if self.image == IMAGE else f" --tag {self.image}"
        return f"./build-image.sh{tag}" + ("" if paths.checkout_dir() else " of a checkout")

    def settings(self, request: EngineRequest) -> card.Settings:
        """What a container for this call is started with.

        Raises:
            EnvironmentError_: ``gpu_missing``.
        """
        cpu = gpu_fitness.on_processor(request.needs, cpu=request.cpu, gpu=request.gpu, present=nvidia_present())
        gpu = request.gpu or where.setting("CUDA_VISIBLE_DEVICES") or "all"
        return card.Settings(
            tool_version=about.version(),
            program=self.program,
            image=self.image,
            models_dir=str(request.models_dir.resolve()),
            cpu=cpu,
            gpu="none" if cpu else gpu,
            uid=os.getuid(),
            hot=hot_limit(request) > 0,
        )

    def find(self, request: EngineRequest, output: Output, deadline: Deadline) -> Connection | None:
        """A line to the container that runs for this models folder, if it was started as this call would start it.

        Raises:
            EnvironmentError_: ``gpu_missing``, ``gpu_memory_too_small``, ``docker_image_missing``.
            ModelError: ``model_outside``, ``model_unreadable``.
            TimeoutError_: an outdated container did not end in time.
        """
        folder = names.engine_folder(request.models_dir)
        kept = card.read(folder)
        if kept is None or kept.settings != self.settings(request):
            return None
        _check_model(request, kept)
        if not kept.id:  # another call is just starting it, or did not get to write down the rest
            kept = kept._replace(id=program.run(self.program, commands.container_id(kept.name)).out)
            if not kept.id:
                return None
        looking = program.Call(self.program, commands.image_id(self.image))
        try:
            link = self.open(kept.name, folder, ANSWER_LIMIT_S)
        except LinkClosed as error:
            looking.kill()
            output.detail(f"{kept.name} does not answer: {error}")
            if answers.is_gone(str(error)):
                card.remove(folder)  # the next call need not look for it; one that is starting it writes it anew
            return None
        found = looking.finish()
        if answers.is_no_image(found):
            link.close()
            raise answers.no_image(self.image, self.build_command())
        if found.code != 0 or found.out == kept.image_id:
            return self.connection(link, kept, folder, request, None, output, deadline)
        output.note(f"{self.image} was built anew: waiting for {kept.name} to finish and starting a new container")
        self.drain(link, kept.name, deadline)
        return None

    def connect(self, request: EngineRequest, output: Output, deadline: Deadline) -> Connection:
        """Finds the container of the models folder or starts it, and connects.

        Raises:
            EnvironmentError_: it cannot be started.
            TimeoutError_: the deadline came first.
        """
        connection = self.find(request, output, deadline)
        if connection is None:
            from hal_image.host.docker.start import start  # noqa: PLC0415 - a warm call starts nothing

            connection = start(self, request, output, deadline)
        return connection

    def open(self, name: str, folder: Path, wait_s: int = 0) -> Link:
        """A line to the engine in a container.

        Raises:
            LinkClosed: there is no such container, or no engine in it.
        """
        carrier = program.Call(self.program, commands.submit(name, wait_s), f"container {name}")
        return Link(carrier, (container.SPOOL, str(folder)))

    def connection(
        self,
        link: Link,
        kept: card.Card,
        folder: Path,
        request: EngineRequest,
        started: float | None,
        output: Output,
        deadline: Deadline,
    ) -> Connection:
        """What a command gets, with its model in the hot cache if there is one. ``started`` is when the container was,
        ``None`` if it ran already.

        Raises:
            ModelError, EnvironmentError_, TimeoutError_: as for ``hal_image.host.docker.hot.fill``.
        """
        began = time.monotonic() if started is None else started
        filled = False
        if kept.settings.hot:
            try:
                filled = self._keep_hot(kept, folder, request, output, deadline, ran_already=started is None)
            except BaseException:
                link.close()
                raise

        def leave() -> None:
            if request.keep_alive_s == 0:
                self._end(kept.name, folder)

        return Connection(
            kind="docker",
            link=link,
            output_dir=Path(link.hello["output_dir"]),
            facts=link.hello["comfyui"],
            prepare_s=time.monotonic() - began if filled or started is not None else 0.0,
            reused=started is None,
            place=kept.to_json(),
            leave=leave,
        )

    def _keep_hot(
        self,
        kept: card.Card,
        folder: Path,
        request: EngineRequest,
        output: Output,
        deadline: Deadline,
        *,
        ran_already: bool,
    ) -> bool:
        """Sees that the model is in the hot cache; returns whether anything was done for that."""
        from hal_image.host.docker import hot_note  # noqa: PLC0415 - only where there is a hot cache

        if request.needs is None or not request.needs.files:
            return False
        limit = hot_limit(request)
        top = Path(os.path.abspath(request.models_dir))  # noqa: PTH100 - links stay: the model's paths begin with it
        files = tuple(zip(request.needs.files, request.needs.digests, strict=True))
        wanted = hot_note.plan(files, top, limit)
        for path in wanted.left_out:
            output.warn(
                "hot_cache_too_small",
                f"{path.name} is read from the models folder: with the rest of the model it is larger than the hot "
                f"cache of {limit / 1e9:g} GB may be",
                {"path": str(path)},
            )
        name = folder.name.removesuffix("-docker")
        # A container that runs holds the volume. Before it was started, somebody may have removed it.
        if ran_already and hot_note.is_hot(hot_note.read(), name, wanted, top, limit):
            return False
        from hal_image.host.docker import hot  # noqa: PLC0415 - only where something is to be done

        filling = hot.Filling(
            program=self.program,
            image=kept.image_id,
            volume=names.hot_volume(),
            models_dir=Path(kept.settings.models_dir),
            key=name,
            model=request.needs.model,
            wanted=wanted,
            limit_bytes=limit,
        )
        hot.fill(filling, output, deadline)
        return True

    def drain(self, link: Link, name: str, deadline: Deadline) -> None:
        """Asks an engine to finish its jobs and end, and waits until its container is gone.

        Raises:
            TimeoutError_: the deadline came first.
        """
        try:
            link.send(op="stop")
            while True:
                deadline.check("waiting for the old container to finish")
                link.next(deadline.remaining(0.5))
        except LinkClosed:
            link.close()
        while self.exists(name):
            deadline.check("waiting for the old container to finish")
            time.sleep(POLL_S)

    def exists(self, name: str) -> bool:
        """Whether there is such a container, in whatever state."""
        return program.run(self.program, commands.container_id(name)).code == 0

    def _end(self, name: str, folder: Path) -> None:
        """One-shot: the job is over or given up, and nothing stays. Jobs of others are finished first."""
        end = time.monotonic() + END_LIMIT_S
        try:
            link = self.open(name, folder)
            link.send(op="stop")
            while link.next(max(0.0, end - time.monotonic())) is not None:
                continue
        except LinkClosed:
            pass  # it has ended by itself
        while self.exists(name) and time.monotonic() < end:
            time.sleep(POLL_S)
        card.remove(folder)


def hot_limit(request: EngineRequest) -> int:
    """How many bytes the hot cache may have; 0 when there is to be none.

    Raises:
        UsageError: ``HAL_HOT_CACHE`` is no size.
    """
    text = where.setting("HAL_HOT_CACHE")
    if request.hot_cache_bytes is not None or text is None:
        return request.hot_cache_bytes or 0
    from hal_image.host.sizes import parse_size  # noqa: PLC0415 - only where it is set

    try:
        return parse_size(text)
    except ValueError:
        raise UsageError(
            f"HAL_HOT_CACHE is {text!r}, which is no size", hint="write for example 40GB, or unset it"
        ) from None


def _check_model(request: EngineRequest, kept: card.Card) -> None:
    gpu_fitness.check_memory(request.needs, kept.vram_mb)
    readable.check_files(request, Path(kept.settings.models_dir))
