"""ComfyUI's websocket: progress while a prompt runs. Never the truth: that is in ``/queue`` and ``/history``."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any

from hal_image.comfy.client import ComfyUnreachable

if TYPE_CHECKING:
    from hal_image.errors import JsonObject


PREVIEW = struct.pack(">II", 1, 1)
"""How a binary frame with a preview begins: the event ``PREVIEW_IMAGE`` of ComfyUI's ``protocol.py``, and JPEG."""


class EventStream:
    """The events of one client id.

    One stream a prompt, each with a client id of its own: reconnecting under an old id goes deaf when the server
    closes the old socket late, so an id is never used twice.

    Args:
        url: ``http://host:port``.
        client_id: the id given with the prompt.

    Raises:
        ComfyUnreachable: it could not connect.
    """

    def __init__(self, url: str, client_id: str) -> None:
        import websocket  # noqa: PLC0415 - not while the server boots that was just started: see ComfyClient

        self._failures = (OSError, websocket.WebSocketException)
        self._timeout = websocket.WebSocketTimeoutException
        address = f"ws{url.removeprefix('http')}/ws?clientId={client_id}"
        try:
            self._socket = websocket.create_connection(address, timeout=5, http_no_proxy=["*"])
        except self._failures as error:
            raise ComfyUnreachable(str(error)) from error
        self.closed = False

    def next(self, timeout_s: float) -> tuple[str, JsonObject] | None:
        """The next event as ``(type, data)``, or ``None`` when none came within ``timeout_s`` or the stream ended.

        A preview is ``("preview", {"jpeg": bytes})``. After the end ``closed`` is true and calls return at once.
        """
        if self.closed:
            return None
        self._socket.settimeout(timeout_s)
        try:
            frame: Any = self._socket.recv()
        except self._timeout:
            return None
        except self._failures:
            self.closed = True
            return None
        return _read(frame)

    def close(self) -> None:
        """Closes the socket without waiting for the other side."""
        self.closed = True
        self._socket.close(timeout=0)


def _read(frame: str | bytes) -> tuple[str, JsonObject] | None:
    """What a frame says; ``None`` for one that says nothing to us."""
    if isinstance(frame, bytes):
        return ("preview", {"jpeg": frame[len(PREVIEW) :]}) if frame.startswith(PREVIEW) else None
    try:
        event = json.loads(frame)
    except ValueError:
        return None
    return str(event.get("type", "")), event.get("data") or {}
