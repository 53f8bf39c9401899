"""What went wrong in ComfyUI, as an error with a code: a node that raised, or the process that ended."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from hal_image.comfy.client import LOG_HINT, one_line
from hal_image.errors import EnvironmentError_, HalError, InternalError, JsonObject, ModelError, UsageError

if TYPE_CHECKING:
    from hal_image.engine.comfyui_process import ComfyProcess

NO_MEMORY = ("out of memory", "not enough memory", "allocate memory")
"""What CUDA, torch's allocators for main memory and the system say, in lower case."""


def node_failure(error: JsonObject) -> HalError:
    """The error for a node that raised, in one line."""
    kind = str(error.get("exception_type", "")).rpartition(".")[2] or "Error"
    text = one_line(str(error.get("exception_message", "no message")))
    node = str(error.get("node_type") or "a node")
    details = {"node_type": node, "exception_type": error.get("exception_type"), "node_id": error.get("node_id")}
    if kind == "LoraNotApplied":
        names = ", ".join(_files(error)) or "a LoRA"
        return ModelError(
            f"nothing of {one_line(names, 200)} fits the model",
            code="lora_not_applied",
            hint="use a LoRA that was made for the family of this model",
            details=details,
        )
    if kind == "PictureInvalid":
        return HalError(
            "the model computed no picture, but values that are no numbers",
            code="picture_invalid",
            hint="lower --cfg and weights like (word:1.5) in the prompt; if it stays, `models verify` the model",
            details=details,
        )
    if kind == "RecursionError" and "TextEncode" in node:
        return UsageError(
            "the brackets of the prompt are nested too deep",
            code="prompt_too_nested",
            hint="each pair weighs its words 1.1 times as much; one pair with a number does it too: (word:1.5)",
            details=details,
        )
    if "OutOfMemory" in kind or kind == "MemoryError" or any(said in text.lower() for said in NO_MEMORY):
        return HalError(
            f"out of memory in {node}: {text}",
            code="out_of_memory",
            hint="use a smaller --size or a smaller model, or close other programs that use the GPU",
            retryable=True,
            details=details,
        )
    if os.strerror(errno.ENOSPC).lower() in text.lower():
        return EnvironmentError_(
            f"{node} failed: {text}",
            code="disk_full",
            hint="free some space on the disk of the state directory, or set HAL_STATE_DIR to a larger one",
            details=details,
        )
    return HalError(f"{node} failed: {kind}: {text}", code="node_failed", hint=LOG_HINT, details=details)


def _files(error: JsonObject) -> list[str]:
    """Names of files in what the failing node was given, as ComfyUI tells it: a list of values by input."""
    values = [value for given in (error.get("current_inputs") or {}).values() for value in given]
    return [value for value in values if isinstance(value, str) and value.endswith(".safetensors")]


def crashed(comfy: ComfyProcess) -> HalError:
    """The error for a ComfyUI that has ended, with the reason if the kernel's want of memory was one."""
    why, fix = "", "run the command again, it is started anew"
    if comfy.out_of_memory:
        why = ": the machine, or the container, ran out of memory"
        fix = "use a smaller --size or a smaller model, or close other programs: there was no memory left"
    return HalError(
        f"ComfyUI {comfy.epitaph} while it made the picture{why}",
        code="comfyui_crashed",
        hint=f"{fix}; log: {comfy.log}",
        retryable=True,
        details={
            "log": str(comfy.log),
            "log_tail": one_line(comfy.log_tail(), 400),
            "out_of_memory": comfy.out_of_memory,
        },
    )


def bug(error: Exception, comfy: ComfyProcess) -> InternalError:
    """The error for what we did not expect of ourselves."""
    log = comfy.folder / "engine.log"  # in a container it is Docker that keeps what we say
    log = log if log.exists() else comfy.log
    return InternalError(
        f"a bug in the engine: {type(error).__name__}: {error}",
        hint=f"please report it with the log {log}",
        details={"log": str(log)},
    )
