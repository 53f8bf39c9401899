"""Exit code 3, of Docker and of the GPU."""

from __future__ import annotations

from hal_image.error_catalogue.entry import Entry
from hal_image.errors import EnvironmentError_

DOCKER_AND_GPU: dict[str, Entry] = {
    "gpu_unusable": Entry(
        EnvironmentError_,
        "there is an NVIDIA GPU, and its driver does not work, or not in containers",
        helps="`nvidia-smi`; `--cpu`",
        details={"docker": "what Docker said"},
    ),
    "docker_not_found": Entry(
        EnvironmentError_,
        "there is no Docker program, or it cannot be run",
        helps="install Docker; `HAL_DOCKER`; `--engine local`",
    ),
    "docker_not_running": Entry(
        EnvironmentError_,
        "the Docker engine does not answer",
        helps="start it; `--engine local`",
        details={"docker": "what Docker said"},
    ),
    "docker_permission": Entry(
        EnvironmentError_,
        "you may not use the Docker engine",
        helps="the group `docker`; rootless Docker; `--engine local`",
        details={"docker": "what Docker said"},
    ),
    "docker_remote": Entry(
        EnvironmentError_,
        "`DOCKER_HOST` names an engine on another machine, which cannot mount our folders",
        helps="unset it; `--engine local`",
    ),
    "docker_image_missing": Entry(
        EnvironmentError_,
        "the Docker engine does not have the image",
        helps="`./build-image.sh`, as the hint says; `--engine local`",
        details={"image": "its name"},
    ),
    "docker_path_unusable": Entry(
        EnvironmentError_,
        "Docker cannot mount the models folder or the state directory: its name has a line break, bytes that are not"
        " UTF-8 or a space at its end; or Docker Desktop does not share it",
        helps="rename it; share it",
        details={"docker": "what Docker said"},
    ),
    "docker_gpu_runtime_missing": Entry(
        EnvironmentError_,
        "Docker cannot hand out the GPU: there is no NVIDIA Container Toolkit",
        helps="install it, as the hint says; `--cpu`",
        details={"docker": "what Docker said"},
    ),
    "hot_cache_failed": Entry(
        EnvironmentError_,
        "the volume of the hot cache cannot be read or written",
        helps="without `--hot-cache`; remove the volume, which `doctor` names",
    ),
    "docker_failed": Entry(
        EnvironmentError_,
        "Docker failed for another reason; what it said is in `details.docker`",
        helps="`doctor`",
        details={"docker": "what Docker said"},
    ),
    "gpu_missing": Entry(
        EnvironmentError_,
        "there is no NVIDIA GPU for the container, and neither was the processor asked for nor is the model fit for it",
        helps="`--cpu`",
    ),
    "gpu_not_found": Entry(
        EnvironmentError_,
        "there is no GPU with the number of `--gpu`",
        helps="a number that `nvidia-smi -L` lists",
        details={"docker": "what Docker said"},
    ),
    "gpu_driver_too_old": Entry(
        EnvironmentError_,
        "the NVIDIA driver is older than the image's CUDA needs",
        helps="update it, to the version in the hint; `--cpu`",
        details={
            "driver": "its version",
            "needed": "the oldest that will do",
            "cuda": "the image's CUDA",
            "docker": "what Docker said",
        },
    ),
    "gpu_too_new": Entry(
        EnvironmentError_,
        "the image's CUDA does not know the GPU: an RTX 50 and CUDA 12.1",
        helps="`./build-image.sh --cuda 12.8`",
        details={
            "card": "its name",
            "compute_capability": "its own",
            "cuda": "the image's CUDA",
        },
    ),
    "gpu_memory_too_small": Entry(
        EnvironmentError_,
        "the GPU has less memory than the model's `min_vram_gb`",
        helps="a smaller model; `--low-vram`",
        details={
            "model": "its name",
            "min_vram_gb": "what it needs",
            "vram_mb": "what the GPU has",
        },
    ),
}
