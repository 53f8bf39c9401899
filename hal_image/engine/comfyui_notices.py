"""What ComfyUI only logs, told per job. Runs inside ComfyUI's process, set up by ``comfyui_main``.

ComfyUI ends a job as a success also when it left half of a LoRA or an embedding out. Its log says so, and nobody reads
a log. Here every such line becomes a notice of the job that runs, and ``comfyui_checks`` adds what is not even logged.
The notices leave as one more status message of the job's history entry: the history is the truth about a job, and it
comes whole or not at all. ``hal_image.engine.notices`` turns them into warnings.

A node whose result ComfyUI still has from the job before does not run again and logs nothing, though what it said holds
as before. So its notices are kept with that result and told again.
"""

from __future__ import annotations

import logging
import re
import threading
import traceback
from dataclasses import dataclass, field
from typing import Any

MESSAGE = "hal8000_notices"
"""Name of the status message in the history, which ``hal_image.comfy.client`` reads; its data has ``notices``, a list
of ``Notice`` by field."""

MAX_EXAMPLES = 5
MAX_EXAMPLE_CHARACTERS = 200

RULES: tuple[tuple[str, str], ...] = (
    (r"lora key (?:not loaded|does not fit): (.+)", "lora_keys_not_applied"),
    (r"NOT LOADED (.+)", "lora_keys_not_applied"),
    (r"ERROR (?:lora|loha|lokr|glora|oft|boft) (\S+)", "lora_keys_not_applied"),
    (r"Calculate Weight Failed: \S+ (.+)", "lora_keys_not_applied"),
    (r"WARNING SHAPE MISMATCH (.+) WEIGHT NOT MERGED", "lora_keys_not_applied"),
    (r"patch type not recognized \S+ (.+)", "lora_keys_not_applied"),
    (r"warning, embedding:(\S*)", "embedding_ignored"),
    (r"error loading embedding, skipping loading: (\S+)", "embedding_ignored"),
    (r"when trying to apply embedding, embedding will be ignored (.+)", "embedding_ignored"),
    (r"(?:unet|clip) missing: (.+)", "weights_missing"),
    (r"(?:Missing VAE keys|missing controlnet keys:|missing clip vision:|t2i missing) (.+)", "weights_missing"),
    (r"(?:unet unexpected|leftover keys): (.+)", "weights_unused"),
    (r"The model cannot be compiled: (.+)", "turbo_unavailable"),
    (r"Ran out of memory when regular (VAE \w+), retrying with tiled", "vae_tiled"),
)
"""Text in ComfyUI's log → code of the warning; the group is what it is about. Add a line when a new one is met."""

HARMLESS = (
    "deprecated",
    "memory leak",
    "Processing",  # of an exception: the job fails and says why
    "Exception during processing",
    "Traceback",
    "Got an OOM",  # likewise
    "no CLIP/text encoder weights in checkpoint",  # another file has them, or the node that wants them fails
    "No VAE weights detected",  # likewise
    "not a checkpoint file, trying to load it as a diffusion model",  # it works, or the loader fails
    "Had to shift TE back",
    "unpin tensor",
    "pinned tensor changed",
)
"""Warnings in ComfyUI's log that change no picture, or that the job's error tells better."""

HARMLESS_KEYS = ("logit_scale", "text_projection.weight", "text_projection", "position_ids")
"""Ends of names of tensors that text encoders of published files lack and that no picture needs."""

TEXT_ENCODER_KEYS = ("lora_te", "text_encoder")
"""How names of a LoRA's tensors for text encoders begin: a node for the diffusion model only leaves these out."""


@dataclass
class Notice:
    """Something about a job's picture that ComfyUI did not make an error.

    Attributes:
        code: as in ``RULES``, or ``comfyui_warning``, or ``picture_single_colour``.
        class_type: of the node that was running, ``""`` when none was.
        files: the files that the node was told to use.
        count: how many things it is about.
        examples: the first of them.
    """

    code: str
    class_type: str
    files: list[str]
    count: int = 0
    examples: list[str] = field(default_factory=list)

    def add(self, what: str) -> None:
        """Counts one more."""
        self.count += 1
        if len(self.examples) < MAX_EXAMPLES:
            self.examples.append(what[:MAX_EXAMPLE_CHARACTERS])


def classify(text: str) -> list[tuple[str, str]]:
    """The notices in one message of ComfyUI's log, as ``(code, what it is about)``; none for what is harmless."""
    for pattern, code in RULES:
        found = re.search(pattern, text)
        if found is None:
            continue
        what = found[1].strip()
        if code not in {"weights_missing", "weights_unused"}:
            return [(code, what)]
        names = re.findall(r"'([^']+)'", what) or [what]
        return [(code, name) for name in names if not name.endswith(HARMLESS_KEYS)]
    if any(harmless in text for harmless in HARMLESS):
        return []
    return [("comfyui_warning", text.strip())]


class Recorder(logging.Handler):
    """Listens to ComfyUI's log for the job that runs.

    Only its own messages count, which go to the root logger, and only those of the thread that runs the jobs: the
    server's are about requests.
    """

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._thread: int | None = None
        self._prompt: dict[str, Any] = {}
        self._by_node: dict[str, dict[str, Notice]] = {}
        self._seen: set[tuple[str, str]] = set()
        self._kept: list[tuple[object, list[Notice]]] = []

    def begin(self, prompt: dict[str, Any]) -> None:
        """A job starts in this thread."""
        self._thread = threading.get_ident()
        self._prompt = prompt
        self._by_node = {}
        self._seen = set()

    def end(self, results: Any, cached: set[str]) -> list[dict[str, Any]]:
        """The job is over.

        Args:
            results: ComfyUI's cache of what nodes returned, asked by ``get(node id)``.
            cached: ids of the nodes that did not run because their results were there.

        Returns:
            its notices, also those of the nodes that did not run.
        """
        self._thread = None
        kept = []
        told = []
        for node_id in self._prompt:
            result = results.get(node_id)
            notices = list(self._by_node.pop(node_id, {}).values())
            if node_id in cached and result is not None:
                notices += next((old for known, old in self._kept if known is result), [])
            if notices and result is not None:
                kept.append((result, notices))
            told += notices
        told += [notice for notices in self._by_node.values() for notice in notices.values()]
        self._kept = kept
        return [vars(notice) for notice in told]

    def forget(self) -> None:
        """ComfyUI drops its results, with the models in them: so do we."""
        self._kept = []

    def emit(self, record: logging.LogRecord) -> None:
        """See ``logging.Handler``. Must not raise: it would end the job that logs."""
        if record.thread != self._thread or record.name != "root":
            return
        try:
            for code, what in classify(record.getMessage()):
                self.add(code, what)
        except Exception:  # noqa: BLE001
            self.handleError(record)

    def add(self, code: str, what: str) -> None:
        """A notice about the node that runs now; the same thing is told once a job."""
        if (code, what) in self._seen:
            return
        self._seen.add((code, what))
        from comfy_execution.utils import get_executing_context  # noqa: PLC0415 - only in ComfyUI's process

        context = get_executing_context()
        node_id = "" if context is None else context.node_id
        node = self._prompt.get(node_id, {})
        if node.get("class_type") == "LoraLoaderModelOnly" and what.startswith(TEXT_ENCODER_KEYS):
            return
        texts = [value for value in node.get("inputs", {}).values() if isinstance(value, str)]
        files = [text for text in texts if text.endswith((".safetensors", ".sft", ".pt", ".pth", ".ckpt", ".bin"))]
        notices = self._by_node.setdefault(node_id, {})
        notices.setdefault(code, Notice(code, node.get("class_type", ""), files)).add(what)


def attach(execution: Any, recorder: Recorder) -> None:
    """Makes every job of ComfyUI's ``execution`` module end with its notices in its messages.

    ComfyUI's thread for jobs has no net: an exception outside a node would end it, and every later job would wait for
    ever. So such a job is made to end as failed.
    """
    run = execution.PromptExecutor.execute
    reset = execution.PromptExecutor.reset

    def execute(executor: Any, prompt: Any, prompt_id: str, *args: Any, **kwargs: Any) -> None:
        recorder.begin(prompt)
        results = executor.caches.outputs
        try:
            run(executor, prompt, prompt_id, *args, **kwargs)
        except Exception as error:
            logging.getLogger(__name__).exception("ComfyUI could not run the prompt")
            results = {}
            executor.success = False
            executor.history_result = {"outputs": {}, "meta": {}}
            facts = {"exception_type": type(error).__name__, "exception_message": str(error)}
            executor.add_message(
                "execution_error",
                {"prompt_id": prompt_id, "node_id": None, "node_type": "ComfyUI", **facts, "traceback": _trace(error)},
                broadcast=False,
            )
        messages = dict(executor.status_messages)
        cached = set(messages.get("execution_cached", {}).get("nodes", ()))
        notices = recorder.end(results, cached)
        if notices:
            executor.status_messages.append((MESSAGE, {"notices": notices}))

    def reset_and_forget(executor: Any) -> None:
        recorder.forget()
        reset(executor)

    execution.PromptExecutor.execute = execute
    execution.PromptExecutor.reset = reset_and_forget


def _trace(error: Exception) -> list[str]:
    return traceback.format_tb(error.__traceback__)
