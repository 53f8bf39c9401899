"""Exit code 3: the machine lacks something, other than Docker and the GPU."""

from __future__ import annotations

from hal_image.error_catalogue.entry import Entry
from hal_image.errors import EnvironmentError_

ENVIRONMENT: dict[str, Entry] = {
    "format_unavailable": Entry(
        EnvironmentError_,
        "the Pillow of this machine cannot write AVIF, or its encoder gave up",
        helps="another [format](output-formats.md)",
    ),
    "python_too_old": Entry(
        EnvironmentError_,
        "the Python that runs `hal_generate_image.py` is older than 3.10",
        helps="a newer one, e.g. `python3.12 hal_generate_image.py`",
    ),
    "nodes_unknown": Entry(
        EnvironmentError_,
        "it is not known what nodes ComfyUI has, which a workflow is read with: with `--dry-run` no engine has been "
        "asked yet; without it ComfyUI did not answer",
        helps="make one picture of a workflow first; run the command again",
        retry="depends",
    ),
    "system_unsupported": Entry(
        EnvironmentError_,
        "the system is neither Linux nor macOS",
        helps="on Windows WSL2 ([installing](../INSTALL.md))",
    ),
    "directory_gone": Entry(
        EnvironmentError_,
        "the current directory was removed or moved away",
        helps="`cd` to one that is there",
    ),
    "python_without_venv": Entry(
        EnvironmentError_,
        "this Python cannot make virtual environments",
        helps="the package that the hint names",
        details={"python": "its path"},
    ),
    "python_unsupported": Entry(
        EnvironmentError_,
        "there is no torch for this Python or processor",
        helps="another Python; `HAL_ENGINE_PYTHON`",
        details={"platform": "Python, its version, the system and the processor"},
    ),
    "index_unreachable": Entry(
        EnvironmentError_,
        "the package index cannot be reached",
        helps="network, proxy, certificates ([installing](../INSTALL.md))",
        retry="yes",
        details={
            "log": "path of pip's output",
            "tail": "its last lines",
        },
    ),
    "index_incomplete": Entry(
        EnvironmentError_,
        "the package index lacks a package",
        helps="`PIP_INDEX_URL` with a complete mirror",
        details={
            "log": "path of pip's output",
            "tail": "its last lines",
        },
    ),
    "hash_mismatch": Entry(
        EnvironmentError_,
        "a package is not the one that the lock names",
        helps="`python3 -m pip cache purge`; an index that you trust",
        details={
            "log": "path of pip's output",
            "tail": "its last lines",
        },
    ),
    "install_failed": Entry(
        EnvironmentError_,
        "pip failed for another reason",
        helps="the log in `details.log`",
        details={
            "log": "path of pip's output",
            "tail": "its last lines",
        },
    ),
    "memory_too_small": Entry(
        EnvironmentError_,
        "`--upscale`, `upscale`: enlarging the picture takes more main memory than this machine has",
        helps="a smaller scale or picture; another [upscale model](upscale.md)",
        details={"needed_bytes": "memory that it takes, about", "memory_bytes": "memory of this machine"},
    ),
    "disk_full": Entry(
        EnvironmentError_,
        "not enough disk space for installing, for the picture, in the engine, or for a model: that of all missing "
        "files together is looked at before a download",
        helps="free some (`models prune`); `HAL_STATE_DIR`; another `--output`; `HAL_MODELS_DIR`",
        details={
            "path": "the folder",
            "need_bytes": "what is needed, if it is known",
            "free_bytes": "what is free, if it is known",
            "docker": "what Docker said",
            "log": "path of pip's output",
            "tail": "its last lines",
            "node_type": "in the engine: the class of ComfyUI's node",
            "node_id": "its number in the graph",
            "exception_type": "the class of the exception",
        },
    ),
    "offline_not_prepared": Entry(
        EnvironmentError_,
        "something is not prepared and `--offline` forbids to download it",
        helps="once without `--offline`",
        details={"path": "the folder that is not there"},
    ),
    "comfyui_unreachable": Entry(
        EnvironmentError_,
        "ComfyUI's source cannot be fetched with Git",
        helps="`HAL_COMFYUI_SOURCE=wheel`",
        retry="yes",
        details={
            "url": "the repository",
            "log": "path of Git's output",
            "tail": "its last lines",
        },
    ),
    "comfyui_source_damaged": Entry(
        EnvironmentError_,
        "what came is not the pinned ComfyUI",
        helps="unset `HAL_COMFYUI_GIT_URL`, or the other `HAL_COMFYUI_SOURCE`",
        details={
            "url": "the repository",
            "commit": "the commit that came",
            "origin": "where it came from",
            "version": "the version that came",
        },
    ),
    "comfyui_source_invalid": Entry(
        EnvironmentError_,
        "`HAL_COMFYUI_SOURCE` is neither `git` nor `wheel`",
        helps="set it to one of them, or unset it",
    ),
    "comfyui_dir_invalid": Entry(
        EnvironmentError_,
        "`HAL_COMFYUI_DIR` is no ComfyUI folder",
        helps="correct or unset it",
        details={"path": "the folder"},
    ),
    "engine_python_invalid": Entry(
        EnvironmentError_,
        "`HAL_ENGINE_PYTHON` cannot be run",
        helps="correct or unset it",
        details={"path": "the Python"},
    ),
    "host_venv_broken": Entry(
        EnvironmentError_,
        "the command line's own venv cannot be used",
        helps="remove it, as the hint says; it is made anew",
        details={"path": "the venv"},
    ),
    "host_modules_missing": Entry(
        EnvironmentError_,
        "`HAL_NO_VENV` is set and this Python lacks packages",
        helps="the `pip install` in the hint",
        details={
            "missing": "the packages",
            "python": "the Python",
        },
    ),
    "mcp_missing": Entry(
        EnvironmentError_,
        "`mcp`: the SDK of the Model Context Protocol is not installed in the Python that has the tool",
        helps="the `pip install` in the hint ([MCP](mcp.md#with-pip)); a checkout installs it by itself",
        details={"python": "the Python"},
    ),
    "state_dir_unwritable": Entry(
        EnvironmentError_,
        "the state directory cannot be written to",
        helps="`HAL_STATE_DIR`",
        details={"path": "the folder"},
    ),
    "lock_failed": Entry(
        EnvironmentError_,
        "its disk has no file locks, or the lock file cannot be opened",
        helps="`HAL_STATE_DIR` on a local disk",
        details={"lock": "the lock file"},
    ),
    "socket_path_too_long": Entry(
        EnvironmentError_,
        "no path short enough for the engine's socket",
        helps="a shorter `HAL_STATE_DIR`",
    ),
    "runtime_dir_unsafe": Entry(
        EnvironmentError_,
        "the folder for the socket in the temporary directory is not yours alone",
        helps="remove it, as the hint says",
    ),
    "models_dir_unwritable": Entry(
        EnvironmentError_,
        "a model cannot be written to the models folder: rights, a read-only disk or mount",
        helps="`--models-dir`, `HAL_MODELS_DIR`",
        details={"path": "the file or folder"},
    ),
    "registry_unwritable": Entry(
        EnvironmentError_,
        "`models add`: your models.yaml cannot be written",
        helps="its rights; `HAL_REGISTRY`",
    ),
    "certificates_unreadable": Entry(
        EnvironmentError_,
        "the file that `REQUESTS_CA_BUNDLE` or the like names cannot be read",
        helps="correct or unset it",
    ),
    "project_unwritable": Entry(
        EnvironmentError_,
        "`hal8000`: a file of the project cannot be read or written, or is read-only; every file is as it was",
        helps="its rights",
        details={"path": "the file"},
    ),
    "output_unwritable": Entry(
        EnvironmentError_,
        "the picture cannot be written: rights",
        helps="another `--output`",
    ),
    "engine_start_failed": Entry(
        EnvironmentError_,
        "the engine process or its container did not start",
        helps="the log in `details.log`",
        retry="yes",
        details={
            "log": "path of the engine's log, or the end of what its container said",
            "container": "name of the container",
        },
    ),
    "comfyui_boot_failed": Entry(
        EnvironmentError_,
        "ComfyUI ended, or was not ready within 10 minutes",
        helps="the hint; the log in `details.log`",
        details={"log": "path of ComfyUI's log"},
    ),
    "checks_failed": Entry(
        EnvironmentError_,
        "`doctor` found something that is not in order",
        helps="the fix of each failed check, in `data.checks`",
    ),
    "engine_not_prepared": Entry(
        EnvironmentError_,
        "`entrypoint.py serve` without `--settings`, and there is no Python with torch or no ComfyUI",
        helps="`HAL_ENGINE_PYTHON` and `HAL_COMFYUI_DIR`; `hal_generate_image.py serve` prepares both",
    ),
    "engine_folder_unwritable": Entry(
        EnvironmentError_,
        "`entrypoint.py serve`: the engine's folder is not there or cannot be written",
        helps="mount one; Docker makes a folder that is not there as root's",
    ),
    "engine_not_running": Entry(
        EnvironmentError_,
        "`entrypoint.py submit` found no engine at its socket",
        helps="start one",
        retry="yes",
    ),
    "environment": Entry(
        EnvironmentError_,
        "the general code, where there is no more exact one",
        helps="the message",
        general=True,
    ),
}
