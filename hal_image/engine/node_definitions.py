"""What nodes ComfyUI has, for whoever asks the engine: passed on from ComfyUI's own process."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from hal_image.comfy.client import ComfyClient, ComfyUnreachable
from hal_image.errors import EnvironmentError_, JsonObject

if TYPE_CHECKING:
    from hal_image.engine.worker import Worker

POLL_S = 0.05


def of(worker: Worker) -> JsonObject:
    """``nodes`` and ``cloud`` of the event ``nodes``, once ComfyUI is up, which is started if it is down. Blocks the
    thread of the caller.

    Raises:
        HalError: why it does not start.
        EnvironmentError_: ``nodes_unknown``: it does not say, as while it is busy.
    """
    worker.request_boot(None)
    while worker.status().state in {"booting", "down"} and not worker.ends:
        if worker.boot_error is not None:
            raise worker.boot_error
        time.sleep(POLL_S)
    client = ComfyClient(worker.comfy.url)
    try:
        return client.node_definitions()
    except ComfyUnreachable as error:
        raise EnvironmentError_(
            f"ComfyUI does not tell what nodes it has: {error}",
            code="nodes_unknown",
            hint="run the command again when it is less busy",
            retryable=True,
        ) from error
    finally:
        client.close()
