"""ComfyUI's HTTP API, as far as this tool needs it. Facts: ComfyUI's ``server.py`` and ``execution.py``, v0.3.75."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

from hal_image.errors import HalError, JsonObject

if TYPE_CHECKING:
    from requests import Response

TIMEOUT_S = (5.0, 5.0)
"""Seconds to connect, and between two bytes of an answer. ComfyUI answers from its event loop, which a job that
holds the interpreter can keep waiting for some seconds; nothing here waits for a job to finish, and who got no answer
asks again."""
SUBMIT_TIMEOUT_S = (5.0, 30.0)
"""The same for handing over a prompt, which is not repeated, and for asking about nodes: both may have to load node
packs first."""

WITHDRAW_LIMIT_S = 10.0

LOG_HINT = "ComfyUI's log says more: comfyui.log in the engine's folder, which `ps --json` names"


NOTICES = "hal8000_notices"
"""The status message that ``hal_image.engine.comfyui_notices`` adds; an unmodified server sends none."""


class ComfyUnreachable(Exception):
    """The server did not answer: it is not up yet, or not any more, or too busy. Whether it is a failure, the
    process decides.
    """


class ComfyConfused(ComfyUnreachable):
    """The server answered with something that is no answer, e.g. 500 and plain text: waiting alone does not help."""


class Outcome(NamedTuple):
    """How a prompt ended, out of ``/history``.

    Attributes:
        succeeded: whether every node ran.
        interrupted: whether it was stopped from outside.
        images: ``(subfolder, filename)`` of every image, below the output folder.
        execution_s: seconds by ComfyUI's own clock between its start and end messages.
        error: ComfyUI's ``execution_error`` message, or ``None``.
        notices: what was noticed beside that, from the status message ``NOTICES``.
    """

    succeeded: bool
    interrupted: bool
    images: tuple[tuple[str, str], ...]
    execution_s: float
    error: JsonObject | None
    notices: tuple[JsonObject, ...] = ()


class ComfyClient:
    """One server. Not safe for use by several threads at once.

    Args:
        url: ``http://host:port`` without a slash at the end.
    """

    def __init__(self, url: str) -> None:
        # Here, not above: while this takes its tenth of a second, the server that was just started boots already.
        import requests  # noqa: PLC0415

        self.url = url
        self._failure = requests.RequestException
        self._session = requests.Session()
        # A proxy from the environment must not come between us and loopback.
        self._session.trust_env = False

    def close(self) -> None:
        """Closes the kept-alive connections."""
        self._session.close()

    def submit(self, graph: JsonObject, *, prompt_id: str, client_id: str, extra: JsonObject | None = None) -> None:
        """Queues a graph.

        Args:
            graph: nodes by id, ComfyUI's API format.
            prompt_id: a lowercase uuid4 of our own.
            client_id: id of the websocket that shall get the events. Without one, cached outputs are missing from
                the history.
            extra: ``extra_data`` of the prompt.

        Raises:
            HalError: ``graph_refused`` with ComfyUI's reasons.
            ComfyUnreachable: no answer; whether the prompt was queued is unknown.
        """
        body = {"prompt": graph, "prompt_id": prompt_id, "client_id": client_id}
        if extra:
            body["extra_data"] = extra
        response = self._request("POST", "/prompt", json=body, timeout_s=SUBMIT_TIMEOUT_S)
        try:
            answer = response.json()
        except ValueError:  # ComfyUI answers 500 with plain text when its handler breaks
            answer = None
        if not isinstance(answer, dict):
            text = f"it answered {response.status_code}, {response.text[:300]!r}"
            raise refusal({"error": {"type": "server_error", "message": text}})
        if answer.get("node_errors") and response.status_code == 200:
            self._withdraw(prompt_id)  # it has queued what is left of the graph without the wrong nodes
        if response.status_code != 200 or answer.get("node_errors"):
            raise refusal(answer)

    def queued_ids(self) -> set[str]:
        """Prompt ids that run or wait."""
        queue = self._json("GET", "/queue")
        return {str(item[1]) for key in ("queue_running", "queue_pending") for item in queue[key]}

    def outcome(self, prompt_id: str) -> Outcome | None:
        """How a prompt ended; ``None`` when it has not ended, and also when the server does not know it."""
        history = self._json("GET", f"/history/{prompt_id}")
        return None if prompt_id not in history else read_outcome(history[prompt_id])

    def forget(self, prompt_id: str) -> None:
        """Takes a prompt that has ended out of the history, so that it can be submitted again under its id."""
        self._request("POST", "/history", json={"delete": [prompt_id]})

    def interrupt(self, prompt_id: str) -> None:
        """Takes a prompt back, waiting or running. ComfyUI forgets an interrupt that comes before the job has
        started, and serves one only between two steps: repeat until the prompt has ended.
        """
        self._request("POST", "/queue", json={"delete": [prompt_id]})
        self._request("POST", "/interrupt", json={"prompt_id": prompt_id})

    def _withdraw(self, prompt_id: str) -> None:
        """Interrupts until the prompt is gone, for ``WITHDRAW_LIMIT_S`` at most: a step is not interrupted."""
        end = time.monotonic() + WITHDRAW_LIMIT_S
        while time.monotonic() < end:
            self.interrupt(prompt_id)
            if prompt_id not in self.queued_ids():
                return
            time.sleep(0.05)

    def free(self) -> None:
        """Unloads all models and forgets cached results, after the current job."""
        self._request("POST", "/free", json={"unload_models": True, "free_memory": True})

    def node_definitions(self) -> JsonObject:
        """``{"nodes": {…}, "cloud": […]}`` of ``hal_image.engine.comfyui_definitions``. The first time it takes
        seconds: ComfyUI then loads the node packs that it has postponed.
        """
        return self._json("GET", "/hal8000/nodes", SUBMIT_TIMEOUT_S)

    def system_stats(self) -> JsonObject:
        """``{"system": …, "devices": […]}``; answering is what "ready" means."""
        return self._json("GET", "/system_stats")

    def _json(self, method: str, path: str, timeout_s: tuple[float, float] = TIMEOUT_S) -> JsonObject:
        response = self._request(method, path, timeout_s=timeout_s)
        try:
            answer: JsonObject = response.json()
        except ValueError as error:
            raise ComfyConfused(f"{path} answered {response.status_code}, not JSON") from error
        if response.status_code != 200 or not isinstance(answer, dict):
            raise ComfyConfused(f"{path} answered {response.status_code}, not what was asked for")
        return answer

    def _request(
        self, method: str, path: str, json: Any = None, timeout_s: tuple[float, float] = TIMEOUT_S
    ) -> Response:
        try:
            return self._session.request(method, self.url + path, json=json, timeout=timeout_s)
        except self._failure as error:
            raise ComfyUnreachable(str(error)) from error


def read_outcome(entry: JsonObject) -> Outcome:
    """Reads one entry of ``/history``. Interrupt and error look alike in ``status_str``: the last message tells."""
    status = entry.get("status") or {}
    messages: dict[str, JsonObject] = dict(status.get("messages", []))
    started = messages.get("execution_start", {}).get("timestamp")
    stamps = [data["timestamp"] for data in messages.values() if "timestamp" in data]
    images = tuple(
        (image.get("subfolder", ""), image["filename"])
        for output in entry.get("outputs", {}).values()
        for image in output.get("images", [])
        if image.get("type") == "output"
    )
    return Outcome(
        succeeded=status.get("status_str") == "success",
        interrupted="execution_interrupted" in messages,
        images=images,
        execution_s=(max(stamps) - started) / 1000 if started is not None else 0.0,
        error=messages.get("execution_error"),
        notices=tuple(messages.get(NOTICES, {}).get("notices", ())),
    )


def refusal(answer: JsonObject) -> HalError:
    """The error for a graph that ComfyUI did not take, with its reason in one line."""
    error = answer.get("error") or {}
    text = str(error.get("message", "no reason given")) if isinstance(error, dict) else str(error)
    nodes = answer.get("node_errors") or {}
    reasons = []
    for node in nodes.values() if isinstance(nodes, dict) else ():
        for reason in (node.get("errors") or ()) if isinstance(node, dict) else ():
            extra = reason.get("extra_info") or {}
            reasons.append(
                f"{node.get('class_type')}.{extra.get('input_name')}: {reason.get('message')} ({reason.get('details')})"
            )
    if reasons:
        text = "; ".join(reasons)
    return HalError(
        f"ComfyUI refused the graph: {one_line(text)}",
        code="graph_refused",
        hint=LOG_HINT,
        details={"reasons": [one_line(reason) for reason in reasons][:10]},
    )


def one_line(text: str, limit: int = 400) -> str:
    """Text from the server made fit for a terminal line: no control characters, at most ``limit`` characters."""
    flat = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"
