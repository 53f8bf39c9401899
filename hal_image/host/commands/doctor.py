"""``doctor``: looks at everything a picture needs and says what to fix. Installs nothing.

Where there is an NVIDIA GPU and our image, a container is started that lists the GPUs and ends: there is no other way
of knowing whether containers get them.
"""

from __future__ import annotations

import importlib.util
import platform
import shlex
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hal_image import about, mounts, paths
from hal_image.errors import EnvironmentError_, HalError
from hal_image.host import gpu_facts, gpu_fitness
from hal_image.host.docker import answers, commands, hot_note, names, program
from hal_image.host.engines.docker import DockerEngine
from hal_image.host.engines.running import running_engines
from hal_image.host.gpu_presence import nvidia_present
from hal_image.host.registry import choose_model, load
from hal_image.host.result import Result
from hal_image.install import venvs
from hal_image.install.engine_env import NEED_BYTES, engine_ready
from hal_image.models.store import installed_files, status

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from hal_image.host.render import Output

PASS, WARN, FAIL = "pass", "warn", "fail"


class Check(NamedTuple):
    """One thing looked at: ``status`` is pass, warn or fail; ``fix`` says what to do about the latter two."""

    name: str
    status: str
    found: str
    fix: str = ""


def run(options: argparse.Namespace, output: Output) -> Result:  # noqa: ARG001 - every command has this shape
    """Runs every check; the result carries an error, ``checks_failed``, when one failed."""
    models_dir = paths.models_dir(options.models_dir)
    checks = list(_checks(models_dir))
    lines = []
    for check in checks:
        lines.append(f"{check.status:4}  {check.name}: {check.found}")
        if check.fix:
            lines.append(f"      fix: {check.fix}")
    failed = [check for check in checks if check.status == FAIL]
    data = {"checks": [check._asdict() for check in checks], "failed": [check.name for check in failed]}
    error = None
    if failed:
        names = ", ".join(check.name for check in failed)
        error = EnvironmentError_(f"not in order: {names}", code="checks_failed", hint=failed[0].fix)
    return Result("doctor", data, tuple(lines), error=error)


def _checks(models_dir: Path) -> Iterator[Check]:
    yield Check("tool", PASS, f"{about.PROGRAM} {about.version()} on {platform.platform()}")
    yield _python()
    yield _state()
    yield _engine()
    yield _gpu()
    yield from _docker()
    yield from _models(models_dir)
    yield _disk(models_dir)
    try:
        engines = running_engines()
    except HalError as error:
        yield Check("running engines", WARN, error.message, error.hint)
        return
    states = ", ".join(f"{engine.title} {(engine.status or {}).get('state', 'no answer')}" for engine in engines)
    yield Check("running engines", PASS, states or "none")


def _python() -> Check:
    found = f"{platform.python_version()} at {sys.executable}"
    if sys.version_info < about.MIN_PYTHON:
        return Check("Python", FAIL, found, "install Python 3.10 or newer")
    if importlib.util.find_spec("ensurepip") is None:
        minor = f"{sys.version_info.major}.{sys.version_info.minor}"
        return Check("Python", WARN, f"{found}, without venv", f"sudo apt-get install python{minor}-venv")
    return Check("Python", PASS, found)


def _state() -> Check:
    try:
        folder = paths.make_state_dir()
    except HalError as error:
        return Check("state directory", FAIL, error.message, error.hint)
    free = shutil.disk_usage(folder).free
    found = f"{folder}, {free / 1e9:.1f} GB free"
    with suppress(HalError):  # the next check tells what is wrong with the settings
        if engine_ready() is None and free < NEED_BYTES:
            need = f"free {NEED_BYTES / 1e9:.1f} GB"
            return Check("state directory", FAIL, found, f"{need}, or set HAL_STATE_DIR to a larger disk")
    stale = venvs.stale_venvs()
    if stale:
        names = " ".join(shlex.quote(str(path)) for path in stale)
        return Check("state directory", WARN, f"{found}; {len(stale)} venvs of other versions", f"rm -r {names}")
    return Check("state directory", PASS, found)


def _engine() -> Check:
    try:
        ready = engine_ready()
    except HalError as error:
        return Check("engine", FAIL, error.message, error.hint)
    if ready is None:
        return Check("engine", WARN, "not installed yet", "nothing to do: the first picture, or `serve`, installs it")
    commit = ready.comfyui_commit[:12] if ready.comfyui_commit else "unknown commit"
    source = f"ComfyUI {ready.comfyui_version or 'of unknown version'} ({commit}, from {ready.comfyui_source})"
    return Check("engine", PASS, f"{source}, Python {ready.python}")


def _gpu() -> Check:
    if sys.platform == "darwin":
        return Check("GPU", PASS, "Apple's, through Metal")
    smi = shutil.which("nvidia-smi")
    if smi is None:
        if Path("/dev/nvidia0").exists():
            return Check("GPU", FAIL, "an NVIDIA GPU without nvidia-smi", "install the NVIDIA driver's tools")
        return Check(
            "GPU", WARN, "none found: the processor is used, which is slow", "use a machine with an NVIDIA GPU"
        )
    query = [smi, "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    try:
        answer = subprocess.run(query, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return Check("GPU", FAIL, f"nvidia-smi failed: {error}", "reinstall or restart the NVIDIA driver")
    if answer.returncode != 0:
        return Check("GPU", FAIL, answer.stdout.strip()[:200] or "nvidia-smi failed", "reinstall the NVIDIA driver")
    return Check("GPU", PASS, "; ".join(answer.stdout.strip().splitlines()))


def _docker() -> Iterator[Check]:
    """Docker is never needed: what is wrong with it is a warning."""
    if program.find() is None:
        yield Check("Docker", PASS, "not installed, and not needed: the local engine is used")
        return
    try:
        docker = DockerEngine()
        engine = answers.engine(program.run(docker.program, commands.info()))
    except HalError as error:
        yield Check("Docker", WARN, f"{error.message}; the local engine is used", error.hint)
        return
    how = ", rootless" if engine.rootless else ""
    yield Check("Docker", PASS, f"{'Podman' if engine.podman else 'Docker'} {engine.version} on {engine.system}{how}")
    try:
        image = docker.find_image()
    except HalError as error:
        yield Check("Docker image", WARN, f"{error.message}; the local engine is used", error.hint)
        return
    labels = [f"{name} {image.labels.get(f'hal8000.{name}', 'unknown')}" for name in ("version", "torch", "cuda")]
    found = f"{docker.image}: {', '.join(labels)}, ComfyUI {image.labels.get('hal8000.comfyui.version', 'unknown')}"
    if image.tool_version not in {None, about.version()}:
        yield Check("Docker image", WARN, f"{found}; this tool is {about.version()}", docker.build_command())
        return
    yield Check("Docker image", PASS, found)
    yield from _hot_cache(docker)
    yield from _docker_gpu(docker, image)


def _hot_cache(docker: DockerEngine) -> Iterator[Check]:
    """How full it is, if there is one."""
    volume = names.hot_volume()
    copies = hot_note.read()
    if copies and program.run(docker.program, commands.volume_name(volume)).code == 0:
        size = sum(copy.size for copy in copies.values())
        yield Check("hot cache", PASS, f"{size / 1e9:.2f} GB in {len(copies)} files, in the Docker volume {volume}")


def _docker_gpu(docker: DockerEngine, image: answers.Image) -> Iterator[Check]:
    """Whether containers get the GPU: seen beforehand where it can be, else tried."""
    if not nvidia_present():
        return
    try:
        gpu_fitness.check_cards(gpu_facts.probe(), "all", image.cuda)
    except HalError as error:
        yield Check("GPU in containers", FAIL, error.message, error.hint)
        return
    tried = program.run(docker.program, commands.try_gpu(image.id))
    if tried.code != 0:
        wrong = answers.failure(tried)
        yield Check("GPU in containers", FAIL, wrong.message, wrong.hint)
        return
    yield Check("GPU in containers", PASS, tried.out.splitlines()[0] if tried.out else "works")


def _disk(models_dir: Path) -> Check:
    """What kind of disk the models are on, and what a slow one costs, measured on the largest file that is there."""
    mount = mounts.mount_here(models_dir)
    if mount is None or not mount.remark:
        return Check("models disk", PASS, f"{mount.kind} at {mount.point}" if mount else "unknown")
    found = f"{models_dir} is on {mount.remark}"
    files = sorted(models_dir.rglob("*.safetensors"), key=lambda file: -file.stat().st_size)
    speed = mounts.read_speed(files[0]) if files else None
    if speed is not None:
        seconds = files[0].stat().st_size / speed
        found += f"; it reads {speed / 1e6:.0f} MB/s here, so loading {files[0].name} takes about {seconds:.0f} s"
    fix = "for speed, set HAL_MODELS_DIR to a folder on a disk of this system"
    return Check(
        "models disk", WARN, found, f"{fix}; with Docker --hot-cache 40GB copies what is in use to such a disk"
    )


def _models(models_dir: Path) -> Iterator[Check]:
    try:
        registry = load()
    except HalError as error:
        yield Check("models.yaml", FAIL, error.message, error.hint)
        return
    found = {model.name: status(installed_files(model, models_dir)) for model in registry.models.values()}
    usable = [name for name, how in found.items() if how in {"present", "included"}]
    told = ", ".join(name if found[name] == "present" else f"{name} (comes with this tool)" for name in usable)
    used, chosen = choose_model(registry, None, models_dir)
    why = f", since there is no GPU and no {registry.default}" if chosen == "no_gpu" else ""
    text = f"{models_dir}: {told or 'no model is complete'}; without --model it is {used.name}{why}"
    if used.name in usable:
        yield Check("models", PASS, text)
        return
    instead = f", or use --model {usable[0]}" if usable else ""
    yield Check("models", WARN, text, f"the first picture downloads it, or `models pull {used.name}`{instead}")
