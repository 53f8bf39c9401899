"""The command lines that the Docker program gets, as lists of arguments. Pure: nothing is run or looked at here."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hal_image.container import HOT, MODELS, SPOOL, SUBMIT
from hal_image.errors import EnvironmentError_

if TYPE_CHECKING:
    from pathlib import Path

OWNER, KEY = "hal8000.owner", "hal8000.key"
"""Labels of our containers: whose they are, and which of that owner's engines."""
ROOTS_STAND_IN = 65532
"""User and group that a caller who is root runs the container as: model code shall not be root of anything."""
PIDS = 4096
"""Processes and threads. torch makes a few for each core; a fork bomb ends here."""
MEMORY_SHARE = 0.9
"""Of the Docker machine's memory: what is used beyond that would have made it swap or kill something of others."""


class Host(NamedTuple):
    """What decides about users and memory.

    Attributes:
        podman: the program is Podman.
        rootless: the container engine itself does not run as root.
        uid, gid: of the caller.
        memory_bytes: of the machine that containers run on; 0 when it is not known.
        selinux: containers need leave to read the user's folders.
    """

    podman: bool
    rootless: bool
    uid: int
    gid: int
    memory_bytes: int
    selinux: bool


class Container(NamedTuple):
    """What is to be started.

    Attributes:
        name: its name, which no other container has: a second start fails.
        owner, key: its labels.
        image: what it is made from: an id, so that it is what was looked at.
        models_dir: absolute path of the models folder.
        folder: absolute path of the engine's own folder.
        cpu: it gets no GPU.
        gpu: ``"all"``, or what Docker takes after ``device=``: ``"0"``, ``"0,1"``, ``"GPU-…"``.
        keep_alive_s: as for the engine.
        hot: name of the volume with the hot cache, and of this models folder in it; ``None`` without.
    """

    name: str
    owner: str
    key: str
    image: str
    models_dir: Path
    folder: Path
    cpu: bool
    gpu: str
    keep_alive_s: float
    hot: tuple[str, str] | None = None


def run(container: Container, host: Host) -> list[str]:
    """Starts a container in the background; prints its id.

    Raises:
        EnvironmentError_: ``docker_path_unusable``.
    """
    uid, gid = engine_user(host)
    # fmt: off
    return [
        "run",
        "--detach",                                  # it outlives this call: that is what makes the next one fast
        "--rm",                                      # nothing stays when the engine ends, also after a crash
        "--pull", "never",                           # an image of that name on a registry is not ours
        "--name", container.name,                    # two that start it at once: the second is refused
        "--label", f"{OWNER}={container.owner}",     # how leftovers are found
        "--label", f"{KEY}={container.key}",
        "--network", "none",                         # model code has no business there; we come in through exec
        "--read-only",                               # the image stays what it is
        "--tmpfs", "/tmp:rw,noexec,nosuid,nodev,mode=1777",  # noqa: S108 - the container's, not ours
        "--tmpfs", f"/run/hal:rw,noexec,nosuid,nodev,mode=0700,uid={uid},gid={gid}",  # the engine's socket
        "--cap-drop", "ALL",                         # it needs none
        "--security-opt", "no-new-privileges",       # and cannot get any
        *_selinux_options(host),
        *_user_options(host),
        "--pids-limit", str(PIDS),
        *_memory_options(host),
        "--mount", bind(container.models_dir, MODELS, read_only=True),
        "--mount", bind(container.folder, SPOOL),
        *(["--mount", volume(container.hot[0], HOT, read_only=True)] if container.hot else []),
        *_gpu_options(container, host),
        container.image,
        "serve",
        "--keep-alive", f"{container.keep_alive_s:g}",
        *(["--hot", f"{HOT}/{container.hot[1]}"] if container.hot else []),
        *(["--cpu"] if container.cpu else []),
    ]
    # fmt: on


def pull(image: str, models_dir: Path, host: Host) -> list[str]:
    """Runs a container that downloads models and ends: with network, without a GPU. It is told what through a pipe.

    Raises:
        EnvironmentError_: ``docker_path_unusable``.
    """
    keep = ["--userns", "keep-id"] if host.podman and host.rootless else []
    # The files shall be the caller's, also root's: no model code runs here, and without capabilities root is no more
    # than the owner of its files.
    uid, gid = (0, 0) if host.rootless and not host.podman else (host.uid, host.gid)
    # fmt: off
    return [
        "run",
        "--rm",                                      # nothing stays
        "--interactive",                             # the order, with the token, comes on standard input
        "--pull", "never",
        "--read-only",
        "--tmpfs", "/tmp:rw,noexec,nosuid,nodev,mode=1777",  # noqa: S108 - the container's, not ours
        "--cap-drop", "ALL",
        "--security-opt", "no-new-privileges",
        *_selinux_options(host),
        *keep, "--user", f"{uid}:{gid}",
        "--pids-limit", str(PIDS),
        "--mount", bind(models_dir, MODELS),         # the one place where it is not read-only
        image,
        "pull", "--order",
    ]
    # fmt: on


def make_volume(name: str, owner: str) -> list[str]:
    """Makes a volume of an owner; Docker does nothing when it is there, Podman fails."""
    return ["volume", "create", "--label", f"{OWNER}={owner}", name]


def volume_name(name: str) -> list[str]:
    """The name of a volume; fails when there is none."""
    return ["volume", "inspect", "--format", "{{.Name}}", name]


def hot(image: str, volume_: str, models_dir: Path, host: Host) -> list[str]:
    """Runs a container that copies models into the hot cache and ends. It is told which through a pipe.

    Raises:
        EnvironmentError_: ``docker_path_unusable``.
    """
    # fmt: off
    return [
        "run",
        "--rm",                                      # nothing stays
        "--interactive",                             # the order comes on standard input, whose end ends it
        "--pull", "never",
        "--network", "none",
        "--read-only",
        "--tmpfs", "/tmp:rw,noexec,nosuid,nodev,mode=1777",  # noqa: S108 - the container's, not ours
        "--cap-drop", "ALL",
        "--security-opt", "no-new-privileges",
        *_selinux_options(host),
        *_user_options(host),                        # the engine's: it can read what this one writes, and no more
        "--pids-limit", str(PIDS),
        "--mount", bind(models_dir, MODELS, read_only=True),
        "--mount", volume(volume_, HOT),             # the one place where it is not read-only
        image,
        "hot",
    ]
    # fmt: on


def engine_user(host: Host) -> tuple[int, int]:
    """User and group of the engine as the container sees them. Files that it writes belong to the caller.

    In a rootless Docker the caller is the container's root, and every other id is one of the caller's subordinate ids,
    whose files the caller could not touch. Root's own containers run as somebody else, in a folder given to them.
    """
    if host.rootless and not host.podman:
        return 0, 0
    if host.uid == 0 and not host.rootless:
        return ROOTS_STAND_IN, ROOTS_STAND_IN
    return host.uid, host.gid


def _user_options(host: Host) -> list[str]:
    uid, gid = engine_user(host)
    # Podman maps the caller to root, too, unless it is told to keep the id.
    keep = ["--userns", "keep-id"] if host.podman and host.rootless else []
    return [*keep, "--user", f"{uid}:{gid}"]


def _selinux_options(host: Host) -> list[str]:
    # The other way, to relabel the user's folders, would write into every model file, and fails on NTFS.
    return ["--security-opt", "label=disable"] if host.selinux else []


def _memory_options(host: Host) -> list[str]:
    # Rootless engines often may not limit memory, and say so at every start.
    if host.memory_bytes <= 0 or host.rootless:
        return []
    return ["--memory", f"{int(host.memory_bytes * MEMORY_SHARE) >> 20}m"]


def _gpu_options(container: Container, host: Host) -> list[str]:
    if container.cpu:
        return []
    if host.podman:  # it knows NVIDIA's cards by the names of the Container Device Interface
        return [word for one in container.gpu.split(",") for word in ("--device", f"nvidia.com/gpu={one}")]
    # a list of devices has commas, which Docker takes for the next key unless the value is in quotes
    return ["--gpus", "all" if container.gpu == "all" else f'"device={container.gpu}"']


def bind(source: Path, target: str, *, read_only: bool = False) -> str:
    """The value of ``--mount`` for a folder of ours.

    Not ``--volume``: that takes a colon in a path for its own, and makes a missing folder as root instead of failing.
    ``--mount`` is a line of CSV (encoding/csv of Go, RFC 4180), so a comma or a quote in a path is quoted as there.

    Raises:
        EnvironmentError_: ``docker_path_unusable``: Docker could not be told that path.
    """
    path = str(source)
    # The program's language to the engine is JSON, which is Unicode; it trims, or refuses, white space at the ends.
    unicode = not any("\ud800" <= character <= "\udfff" for character in path)  # what os.fsdecode makes of other bytes
    if path != path.strip() or "\n" in path or "\r" in path or not unicode:
        raise EnvironmentError_(
            f"Docker cannot mount a folder of that name: {path!r}",
            code="docker_path_unusable",
            hint="rename it: no line breaks, no bytes that are not UTF-8, no space at its end; or use --engine local",
        )
    fields = ["type=bind", f"source={path}", f"target={target}", *(["readonly"] if read_only else [])]
    quoted = ['"' + field.replace('"', '""') + '"' if {",", '"'} & set(field) else field for field in fields]
    return ",".join(quoted)


def volume(name: str, target: str, *, read_only: bool = False) -> str:
    """The value of ``--mount`` for a volume of ours, whose name needs no quotes."""
    return ",".join(["type=volume", f"source={name}", f"target={target}", *(["readonly"] if read_only else [])])


def submit(container: str, wait_s: int = 0) -> list[str]:
    """A pipe to the engine in a container, which may be just starting: then it is waited for."""
    return ["exec", "--interactive", container, SUBMIT, *([str(wait_s)] if wait_s else [])]


def image(tag: str) -> list[str]:
    """What is known of an image: one JSON object with ``Id`` and ``Labels``."""
    return ["image", "inspect", "--format", '{"id": {{json .Id}}, "labels": {{json .Config.Labels}}}', tag]


def image_id(tag: str) -> list[str]:
    """The id of an image, and nothing else: this is asked by every warm call."""
    return ["image", "inspect", "--format", "{{.Id}}", tag]


def containers(owner: str, key: str | None = None) -> list[str]:
    """Every container of an owner, or of one of their engines, whatever its state: a line each, tabs between."""
    labels = ["--filter", f"label={OWNER}={owner}"]
    if key is not None:
        labels += ["--filter", f"label={KEY}={key}"]
    return ["ps", "--all", "--no-trunc", *labels, "--format", '{{.ID}}\t{{.Names}}\t{{.State}}\t{{.Label "%s"}}' % KEY]  # noqa: UP031 - braces


def container_id(name: str) -> list[str]:
    """The id of a container, whatever its state; fails when there is none."""
    return ["container", "inspect", "--format", "{{.Id}}", name]


def follow_log(container: str) -> list[str]:
    """Its log, from the beginning, until it ends."""
    return ["logs", "--follow", container]


def try_gpu(image: str) -> list[str]:
    """Starts a container with the GPUs that lists them and ends."""
    sealed = ["--network", "none", "--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
    return ["run", "--rm", "--pull", "never", *sealed, "--gpus", "all", "--entrypoint", "nvidia-smi", image, "-L"]


def info() -> list[str]:
    """What is known of the container engine: one JSON object."""
    return ["info", "--format", "{{json .}}"]


def remove(container: str) -> list[str]:
    """Ends a container at once and removes it."""
    return ["rm", "--force", container]
