"""Starts the container of a models folder, after everything that would make it fail has been looked at.

Nothing of this is loaded by a warm call.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from hal_image import about, paths
from hal_image.errors import EnvironmentError_, HalError
from hal_image.host import gpu_facts, gpu_fitness
from hal_image.host.docker import answers, card, commands, names, program, readable
from hal_image.host.engines.link import Link, LinkClosed
from hal_image.locking import file_lock, try_lock

if TYPE_CHECKING:
    from hal_image.host.deadline import Deadline
    from hal_image.host.docker.answers import Found, Image
    from hal_image.host.engines import Connection, EngineRequest
    from hal_image.host.engines.docker import DockerEngine
    from hal_image.host.render import Output

START_LIMIT_S = 60
"""Seconds until a started engine must greet; it does so before it boots ComfyUI, after less than a second."""
NAME_LIMIT_S = 10.0
"""Seconds for the name of a container that has just ended to become free."""
LAST_WORDS_S = 3.0
"""Seconds for the rest of the log of a container that has ended."""
POLL_S = 0.1
START_LOCK = "start.lock"
SELINUX = Path("/sys/fs/selinux/enforce")


def start(engine: DockerEngine, request: EngineRequest, output: Output, deadline: Deadline) -> Connection:
    """Starts the container, or finds the one that another call has started meanwhile, and connects.

    Raises:
        EnvironmentError_: why it cannot be started.
        TimeoutError_: the deadline came first.
    """
    began = time.monotonic()
    settings = engine.settings(request)
    folder = paths.make_state_dir("engines", names.key(request.models_dir))
    _make(request.models_dir)

    def tell_wait(pid: int | None) -> None:
        output.detail(f"another process ({pid}) is starting the container")

    patience = None if deadline.end is None else deadline.remaining(deadline.limit_s or 0.0)
    with file_lock(folder / START_LOCK, on_wait=tell_wait, timeout=patience):
        found = engine.find(request, output, deadline)
        if found is not None:
            return found
        asked = [
            program.Call(engine.program, arguments)
            for arguments in (
                commands.image(engine.image),
                commands.info(),
                commands.containers(names.owner()),
            )
        ]
        facts = None if settings.cpu else gpu_facts.probe()
        image_answer, info, listed = [call.finish() for call in asked]
        image = answers.image(image_answer, engine.image, engine.build_command())
        _tell_of_versions(image, output)
        vram_mb = None if facts is None else gpu_fitness.check_cards(facts, settings.gpu, image.cuda)
        gpu_fitness.check_memory(request.needs, vram_mb)
        readable.check_files(request, Path(settings.models_dir))
        host = host_facts(answers.engine(info))
        _clear(engine, answers.containers(listed), folder, output, deadline)
        _give(folder, commands.engine_user(host))
        kept = card.Card(
            settings=settings,
            name=names.container_name(folder.name),
            id="",
            image_id=image.id,
            vram_mb=vram_mb,
        )
        wanted = commands.Container(
            name=kept.name,
            owner=names.owner(),
            key=folder.name,
            image=image.id,
            models_dir=Path(settings.models_dir),
            folder=folder.resolve(),
            cpu=settings.cpu,
            gpu=settings.gpu,
            keep_alive_s=request.keep_alive_s,
            hot=(names.hot_volume(), folder.name.removesuffix("-docker")) if settings.hot else None,
        )
        if settings.hot:
            _make_volume(engine)
        output.detail(f"starting the container {kept.name}")
        # The card comes first: whatever interrupts us now, the next call finds what there is.
        card.write(folder, kept)
        kept = kept._replace(id=_run(engine, wanted, host, folder))
        card.write(folder, kept)
        link = _greeted(engine, kept, folder)
        return engine.connection(link, kept, folder, request, began, output, deadline)


def host_facts(engine: answers.Engine) -> commands.Host:
    """What the command line depends on, of the engine and of this process."""
    selinux = False
    with suppress(OSError):
        selinux = SELINUX.read_text(encoding="ascii").strip() == "1"
    return commands.Host(
        podman=engine.podman,
        rootless=engine.rootless,
        uid=os.getuid(),
        gid=os.getgid(),
        memory_bytes=engine.memory_bytes,
        selinux=selinux,
    )


def sweep(program_path: str, leftovers: list[Found]) -> None:
    """Removes containers that do not run, unless a call is just starting them."""
    for left in leftovers:
        folder = paths.state_dir() / "engines" / left.key
        with suppress(HalError, OSError):
            lock = try_lock(folder / START_LOCK) if folder.is_dir() else None
            if lock is None and folder.is_dir():
                continue
            program.run(program_path, commands.remove(left.id))
            if lock is not None:
                lock.release()


def _clear(engine: DockerEngine, found: list[Found], folder: Path, output: Output, deadline: Deadline) -> None:
    """Makes room: lets an outdated container of this folder finish, and removes what a crash has left."""
    sweep(engine.program, [one for one in found if one.key != folder.name and one.state not in {"running", "paused"}])
    for one in found:
        if one.key != folder.name:
            continue
        link = None
        if one.state == "running":
            with suppress(LinkClosed):
                link = engine.open(one.name, folder)
        if link is not None:
            output.note("the running container has other settings: waiting for it to finish and starting a new one")
            engine.drain(link, one.name, deadline)
            continue
        output.detail(f"removing {one.name}, which is {one.state} and does not answer")
        program.run(engine.program, commands.remove(one.id))
        while engine.exists(one.id):
            deadline.check("removing an old container")
            time.sleep(POLL_S)
    card.remove(folder)


def _make(models_dir: Path) -> None:
    """Makes the models folder if it is not there: Docker would fail, or make it as root."""
    try:
        models_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EnvironmentError_(
            f"cannot make the models folder {models_dir}: {error.strerror}",
            code="models_dir_unwritable",
            hint="choose another with --models-dir or HAL_MODELS_DIR",
        ) from error


def _make_volume(engine: DockerEngine) -> None:
    """Makes the volume of the hot cache if it is not there: a mount would, but without a label."""
    made = program.run(engine.program, commands.make_volume(names.hot_volume(), names.owner()))
    if made.code != 0 and "already exists" not in made.err:
        raise answers.failure(made)


def _give(folder: Path, user: tuple[int, int]) -> None:
    """Gives root's stand-in the engine's folder with all that is in it; everybody else owns it already.

    No container has it just now, so none can move things while we look.
    """
    if os.getuid() == 0 and user[0] != 0:
        for place, folders, files in os.walk(folder):
            for path in (place, *(os.path.join(place, name) for name in (*folders, *files))):  # noqa: PTH118 - text
                with suppress(FileNotFoundError):  # a picture that somebody has just come for
                    os.chown(path, *user, follow_symlinks=False)


def _tell_of_versions(image: Image, output: Output) -> None:
    if image.tool_version not in {None, about.version()}:
        output.warn(
            "image_version_differs",
            f"the image was built from version {image.tool_version} of this tool, which is {about.version()}: "
            "./build-image.sh builds it anew",
            {"image": image.tool_version, "tool": about.version()},
        )


def _run(engine: DockerEngine, wanted: commands.Container, host: commands.Host, folder: Path) -> str:
    """Starts it and returns its id."""
    end = time.monotonic() + NAME_LIMIT_S
    while answers.is_name_taken(answer := program.run(engine.program, commands.run(wanted, host))):
        if time.monotonic() > end:
            break
        time.sleep(POLL_S)
    if answer.code == 0:
        return answer.out.splitlines()[-1]
    card.remove(folder)
    program.run(engine.program, commands.remove(wanted.name))  # one that was made and could not be started
    if answers.is_no_image(answer):  # gone since it was looked at
        raise answers.no_image(engine.image, engine.build_command())
    raise answers.failure(answer)


def _greeted(engine: DockerEngine, kept: card.Card, folder: Path) -> Link:
    log = program.Call(engine.program, commands.follow_log(kept.id))
    try:
        link = engine.open(kept.name, folder, START_LIMIT_S)
    except LinkClosed as error:
        card.remove(folder)
        said = log.finish(LAST_WORDS_S)
        program.run(engine.program, commands.remove(kept.id))
        lines = [line for line in f"{said.out}\n{said.err}".splitlines() if line.strip()]
        last = f": {lines[-1][:200]}" if lines else f" ({error})"
        raise EnvironmentError_(
            f"the container {kept.name} ended while it was starting{last}",
            code="engine_start_failed",
            hint=f"try the image by itself: {program.name()} run --rm {kept.settings.image} selftest",
            retryable=True,
            details={"container": kept.name, "log": "\n".join(lines)[-2000:]},
        ) from error
    log.kill()
    return link
