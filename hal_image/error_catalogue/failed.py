"""Exit code 1: something failed while a picture was made, or a file was read; and bugs of ours."""

from __future__ import annotations

from hal_image.error_catalogue.entry import Entry
from hal_image.errors import HalError, InternalError

FAILED: dict[str, Entry] = {
    "node_failed": Entry(
        HalError,
        "a step of ComfyUI raised an error",
        helps="the message; ComfyUI's log",
        details={
            "node_type": "the node's class",
            "node_id": "its number in the graph",
            "exception_type": "the class of the exception",
        },
    ),
    "picture_invalid": Entry(
        HalError,
        "what the model computed are no numbers (NaN), which ComfyUI would save as black. Nothing is written",
        helps="a lower `--cfg`, smaller weights in the prompt; `models verify NAME`",
        details={
            "node_type": "the node's class",
            "node_id": "its number in the graph",
            "exception_type": "the class of the exception",
        },
    ),
    "out_of_memory": Entry(
        HalError,
        "the GPU's or the machine's memory is full; of a GPU, with the model kept in main memory, too",
        helps="a smaller `--size` or model; close other programs",
        retry="yes",
        details={
            "node_type": "the node's class",
            "node_id": "its number in the graph",
            "exception_type": "the class of the exception",
        },
    ),
    "mcp_call_lost": Entry(
        HalError,
        "the [MCP server](mcp.md): the process of a call was killed",
        helps="the tool `job`, where `details.jobs` names some: they are made all the same",
        retry="depends",
    ),
    "stdout_failed": Entry(
        HalError,
        "standard output is closed, or its disk is full",
        helps="send it elsewhere; a picture that was made is where `--output` said",
    ),
    "graph_refused": Entry(
        HalError,
        "ComfyUI does not accept the graph",
        helps="the reasons in the message; `doctor`",
        details={"reasons": "up to ten, each with its node and input"},
    ),
    "comfyui_crashed": Entry(
        HalError,
        "ComfyUI ended while it made the picture, or the kernel ended it because there was no memory left",
        helps="run it again; the log in `details.log`",
        retry="yes",
        details={
            "log": "path of ComfyUI's log",
            "log_tail": "its end",
            "out_of_memory": "whether the kernel killed it for want of memory",
        },
    ),
    "comfyui_hung": Entry(
        HalError,
        "ComfyUI neither answered nor did anything for 30 s while others waited for it or nobody did, and was ended",
        helps="run it again, ComfyUI is started anew; the log in `details.log`",
        retry="yes",
        details={"log": "path of ComfyUI's log"},
    ),
    "job_lost": Entry(
        HalError,
        "ComfyUI no longer knows the job, or no longer answers sensibly: the engine starts it anew. Or the engine no "
        "longer knows it; or `wait` finds it done, and the picture no longer where it was brought to",
        helps="run it again; `wait` has the command in its hint",
        retry="depends",
        details={"known": "`false`: the engine has never heard of it, or has forgotten it"},
    ),
    "engine_lost": Entry(
        HalError,
        "the engine ended while it was needed, or the line to it broke",
        helps="run it again; the log in `details.log`",
        retry="yes",
        details={"log": "path of the engine's log"},
    ),
    "engine_silent": Entry(
        HalError,
        "an engine that does not answer holds the lock of its folder, and which process that is cannot be told",
        helps="end it, as the hint says",
        details={"lock": "the lock file"},
    ),
    "engine_draining": Entry(
        HalError,
        "the engine shuts down and takes no more jobs. The tool moves to a new one by itself, three times",
        helps="run it again",
        retry="yes",
    ),
    "cancelled": Entry(
        HalError,
        "the job was taken back: by the caller that had submitted it, by `jobs cancel` or `stop --force`",
        helps="run it again, if the picture is wanted after all",
    ),
    "no_image": Entry(
        InternalError,
        "ComfyUI finished without a picture",
        helps="report it, with ComfyUI's log",
        details={"log": "path of ComfyUI's log, or the engine's"},
    ),
    "not_a_png": Entry(
        HalError,
        "the file that `info` or `--from-image` was given is no PNG, WebP, JPEG or AVIF, or cut off or damaged, or has "
        "other pixels than its header says; or what came from the engine is no PNG, or is damaged like that",
        helps="give a whole picture; run it again",
    ),
    "picture_gone": Entry(
        HalError,
        "a picture of [`--vary`](vary.md) was removed before its contact sheet could be made",
        helps="the others are there",
    ),
    "no_metadata": Entry(
        HalError,
        "`info`, `--from-image`: the picture says nothing about how it was made",
        helps="a picture that this tool or ComfyUI wrote",
    ),
    "project_file_changed": Entry(
        HalError,
        "`hal8000`: somebody else has changed a file of the project at the same moment; nothing was changed",
        helps="run it again",
        retry="yes",
        details={"path": "the file"},
    ),
    "wire_invalid": Entry(
        InternalError,
        "host or engine was sent something that is no line of the wire",
        helps="`stop`, then run it again",
    ),
    "wire_version": Entry(
        InternalError,
        "host and engine are of versions that do not understand each other",
        helps="`stop`, then run it again",
    ),
    "internal": Entry(
        InternalError,
        "a bug of this tool",
        helps="report it with the log in `details.log`",
        details={
            "log": "path of the log that has the traceback, or `standard error` where it could not be written",
        },
    ),
    "failed": Entry(
        HalError,
        "the general code, where there is no more exact one",
        helps="the message",
        general=True,
    ),
}
