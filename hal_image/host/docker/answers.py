"""What the Docker program answers, and what is wrong when it fails. Pure: texts in, facts and errors out.

Docker has no error codes. What it says has been the same for years, and the texts below are those of Docker 20.10 to
28 and of NVIDIA's container tools; what is not known is passed on as it is.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from hal_image.errors import EnvironmentError_

if TYPE_CHECKING:
    from hal_image.host.docker.program import Answer


class Image(NamedTuple):
    """An image of ours.

    Attributes:
        id: ``sha256:…``.
        labels: with its versions; an image built by hand lacks some.
    """

    id: str
    labels: dict[str, str]

    @property
    def tool_version(self) -> str | None:
        """Version of this tool that it was built from."""
        return self.labels.get("hal8000.version")

    @property
    def cuda(self) -> tuple[int, ...]:
        """Version of CUDA in it, e.g. ``(12, 1)``; empty when it does not say."""
        return numbers(self.labels.get("hal8000.cuda", ""))


class Found(NamedTuple):
    """A container of ours, in whatever state: ``created``, ``running``, ``exited``, ``dead``, …"""

    id: str
    name: str
    state: str
    key: str


class Engine(NamedTuple):
    """A container engine.

    Attributes:
        podman: it is Podman.
        rootless: it does not run as root.
        memory_bytes: of its machine; 0 when it does not say.
        version: of it.
        system: what its machine runs.
    """

    podman: bool
    rootless: bool
    memory_bytes: int
    version: str
    system: str


def numbers(version: str) -> tuple[int, ...]:
    """The numbers at the start of a version, ``(535, 104, 5)`` of ``"535.104.05"``; empty when there are none."""
    found: list[int] = []
    for part in version.strip().split("."):
        if not part.isdigit():
            break
        found.append(int(part))
    return tuple(found)


def image(answer: Answer, tag: str, build: str) -> Image:
    """The image that was asked for with ``commands.image``.

    Args:
        answer: what came.
        tag: its name.
        build: the command that builds it.

    Raises:
        EnvironmentError_: ``docker_image_missing``, or as for ``failure``.
    """
    if answer.code != 0:
        raise no_image(tag, build) if is_no_image(answer) else failure(answer)
    known = _object(answer)
    return Image(str(known.get("id", "")), {str(k): str(v) for k, v in (known.get("labels") or {}).items()})


def is_no_image(answer: Answer) -> bool:
    """Whether the engine answers and has no such image."""
    return any(text in answer.err.lower() for text in ("no such image", "image not known", "no such object"))


def no_image(tag: str, build: str) -> EnvironmentError_:
    """There is no image of that name."""
    return EnvironmentError_(
        f"the Docker engine has no image {tag!r}",
        code="docker_image_missing",
        hint=f"build it with {build}, which takes minutes; or use --engine local, which needs no Docker",
        details={"image": tag},
    )


def is_gone(text: str) -> bool:
    """Whether what was said means that there is no such container."""
    return any(said in text.lower() for said in ("no such container", "no container with name"))


def is_name_taken(answer: Answer) -> bool:
    """Whether a container of that name is still there: for a moment, its name outlives it."""
    return answer.code != 0 and "is already in use by" in answer.err


def containers(answer: Answer) -> list[Found]:
    """The containers that were asked for with ``commands.containers``.

    Raises:
        EnvironmentError_: as for ``failure``.
    """
    if answer.code != 0:
        raise failure(answer)
    return [Found(*fields) for line in answer.out.splitlines() if len(fields := line.split("\t")) == len(Found._fields)]


def engine(answer: Answer) -> Engine:
    """The engine that was asked for with ``commands.info``: Docker's object, or Podman's, which is another one.

    Raises:
        EnvironmentError_: as for ``failure``.
    """
    if answer.code != 0:
        raise failure(answer)
    known = _object(answer)
    host = known.get("host")
    if isinstance(host, dict):
        return Engine(
            podman=True,
            rootless=bool((host.get("security") or {}).get("rootless")),
            memory_bytes=int(host.get("memTotal") or 0),
            version=str((known.get("version") or {}).get("Version", "")),
            system=str((host.get("distribution") or {}).get("distribution", "")),
        )
    if known.get("ServerErrors"):  # the program answers although the engine does not
        raise failure(answer._replace(err=str(known["ServerErrors"][0])))
    return Engine(
        podman=False,
        rootless=any("rootless" in str(option) for option in known.get("SecurityOptions") or []),
        memory_bytes=int(known.get("MemTotal") or 0),
        version=str(known.get("ServerVersion", "")),
        system=str(known.get("OperatingSystem", "")),
    )


def _object(answer: Answer) -> dict[str, Any]:
    try:
        known = json.loads(answer.out)
    except ValueError:
        known = None
    if not isinstance(known, dict):
        raise EnvironmentError_(
            f"Docker gave an answer that is none: {answer.out[:80]!r}",
            code="docker_failed",
            hint="run `doctor`; is HAL_DOCKER the Docker program?",
        )
    return known


def failure(answer: Answer) -> EnvironmentError_:
    """What is wrong when Docker cannot do what it was told, with what fixes it."""
    said = answer.err or answer.out or f"exit code {answer.code}"
    details = {"docker": said[-400:]}
    for texts, known in FAILURES:
        if any(text in said.lower() for text in texts):
            return EnvironmentError_(known.message, code=known.code, hint=known.hint, details=details)
    if answer.code < 0:
        return EnvironmentError_(
            "the Docker engine did not answer in time",
            code="docker_failed",
            hint="look at it with `docker ps`; restart it if that hangs, too",
            details=details,
        )
    # after what is wrong, newer programs name their own help
    lines = [line for line in said.splitlines() if line.strip() and "--help" not in line] or [said]
    return EnvironmentError_(
        f"Docker failed: {lines[-1][:300]}", code="docker_failed", hint="run `doctor`", details=details
    )


FAILURES = (
    (
        ("permission denied while trying to connect", "connect: permission denied"),
        EnvironmentError_(
            "you may not use the Docker engine",
            code="docker_permission",
            hint="sudo usermod -aG docker $USER, then log in again; or use rootless Docker; or --engine local",
        ),
    ),
    (
        ("cannot connect to the docker daemon", "is the docker daemon running", "cannot connect to podman"),
        EnvironmentError_(
            "the Docker engine does not run",
            code="docker_not_running",
            hint="start it: sudo systemctl start docker, or Docker Desktop; or use --engine local",
        ),
    ),
    (
        ("could not select device driver", "unresolvable cdi devices", "nvidia-container-runtime-hook: no such file"),
        EnvironmentError_(
            "Docker cannot hand out the GPU: the NVIDIA Container Toolkit is not installed",
            code="docker_gpu_runtime_missing",
            hint="install nvidia-container-toolkit, then: sudo nvidia-ctk runtime configure --runtime=docker && "
            "sudo systemctl restart docker; or add --cpu (slow)",
        ),
    ),
    (
        ("unsatisfied condition", "please update your driver"),
        EnvironmentError_(
            "the NVIDIA driver is too old for the image",
            code="gpu_driver_too_old",
            hint="update the NVIDIA driver, or add --cpu to run on the processor (slow)",
        ),
    ),
    (
        ("unknown device", "device error", "no adapters were found"),
        EnvironmentError_(
            "there is no such GPU",
            code="gpu_not_found",
            hint="give --gpu a number that `nvidia-smi -L` lists, or leave it out",
        ),
    ),
    (
        ("nvml error", "driver not loaded", "driver error", "nvidia-container-cli"),
        EnvironmentError_(
            "there is an NVIDIA GPU but containers cannot use it",
            code="gpu_unusable",
            hint="check that `nvidia-smi` works, or add --cpu to run on the processor (slow)",
        ),
    ),
    (
        ("no space left on device",),
        EnvironmentError_(
            "the Docker engine's disk is full",
            code="disk_full",
            hint="free some: `docker system df` shows what is used",
        ),
    ),
    (
        ("bind source path does not exist", "mounts denied", "not shared from the host"),
        EnvironmentError_(
            "the Docker engine cannot reach the models folder or the state directory",
            code="docker_path_unusable",
            hint="share them with Docker Desktop (Settings, Resources, File sharing), or use an engine on this machine",
        ),
    ),
)
"""Texts in what Docker says, in lower case, and the error that they mean. The first that fits is told."""
