"""What the tools are called, what they take, and what an agent reads of them: every conversation carries it along."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hal_image.host.mcp import arguments

if TYPE_CHECKING:
    from hal_image.errors import JsonObject

GENERATE, LIST, JOB, CANCEL = "generate_image", "list_models", "job", "cancel"

MOST_BYTES = 4096
"""Bytes that all tools together may take in the answer to ``tools/list``; a test holds it."""

INSTRUCTIONS = (
    "Makes PNG files from prompts on this machine. A call that outlives its wait returns a job id: call job with it, "
    "do not ask again. Errors have code, hint and retryable."
)
"""What a client may tell its model of the server as a whole."""


class Tool(NamedTuple):
    """A tool.

    Attributes:
        name: what it is called.
        about: what an agent reads.
        properties: its arguments, as JSON Schema has them.
        required: those that must be given.
        reads_only: whether it changes nothing.
    """

    name: str
    about: str
    properties: JsonObject
    required: tuple[str, ...] = ()
    reads_only: bool = False


def tools(wait_s: float) -> tuple[Tool, ...]:
    """All of them; ``wait_s`` is how long they wait where the agent does not say."""
    wait: JsonObject = {
        "wait_s": {"type": "number", "description": f"seconds to wait before a job id is returned (default {wait_s:g})"}
    }
    preview: JsonObject = {"preview": {"type": "boolean", "description": "return a small picture, too"}}
    download: JsonObject = {
        "type": "boolean",
        "description": "download the model if it is missing, gigabytes: ask the user first",
    }
    job: JsonObject = {"job": {"type": "string", "description": "job id"}}
    return (
        Tool(
            GENERATE,
            "Make a picture of a prompt and save it as a file. Returns its path and seed, or a job id if it takes "
            "longer than wait_s.",
            {**arguments.schema(), arguments.DOWNLOAD: download, **wait, **preview},
        ),
        Tool(
            LIST,
            "List the models. Those with status present or included need no download.",
            {},
            reads_only=True,
        ),
        Tool(JOB, "Wait for a job and return its picture; without an id, list the jobs.", {**job, **wait, **preview}),
        Tool(CANCEL, "Take a job back.", job, ("job",)),
    )
