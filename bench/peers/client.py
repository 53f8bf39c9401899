"""The least that a program does to get pictures from a ComfyUI server: what its users write first.

``python client.py URL FOLDER GRAPH …`` submits every graph, waits on the websocket until they are done, and fetches
their pictures into the folder. Prints the path of each. The protocol is that of ComfyUI's own ``script_examples``.
"""

from __future__ import annotations

import json
import sys
import urllib.parse
import urllib.request
import uuid
from pathlib import Path
from typing import Any

import websocket

LIMIT_S = 600
"""Seconds without a message after which it is given up."""


def main(url: str, folder: Path, graphs: list[Path]) -> int:
    """Submits, waits, fetches.

    Raises:
        RuntimeError: ComfyUI says that a picture failed.
        OSError, websocket.WebSocketException: the server is not there, or silent.
    """
    client = str(uuid.uuid4())
    socket = websocket.create_connection(f"{url.replace('http', 'ws', 1)}/ws?clientId={client}", timeout=LIMIT_S)
    try:
        jobs = [_submit(url, client, json.loads(path.read_text(encoding="utf-8"))) for path in graphs]
        _wait(socket, set(jobs))
    finally:
        socket.close()
    for job in jobs:
        outputs = json.loads(_get(url, f"/history/{job}"))[job]["outputs"]
        for image in (image for output in outputs.values() for image in output.get("images", ())):
            wanted = {"filename": image["filename"], "subfolder": image["subfolder"], "type": image["type"]}
            target = folder / f"{job}.png"
            target.write_bytes(_get(url, f"/view?{urllib.parse.urlencode(wanted)}"))
            print(target)
    return 0


def _submit(url: str, client: str, graph: Any) -> str:
    body = json.dumps({"prompt": graph, "client_id": client}).encode()
    request = urllib.request.Request(f"{url}/prompt", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=LIMIT_S) as answer:
        job: str = json.load(answer)["prompt_id"]
        return job


def _wait(socket: websocket.WebSocket, jobs: set[str]) -> None:
    while jobs:
        message = socket.recv()
        if not isinstance(message, str):
            continue  # a preview
        told = json.loads(message)
        data = told.get("data", {})
        if told["type"] == "execution_error" and data.get("prompt_id") in jobs:
            raise RuntimeError(f"ComfyUI: {data.get('exception_message')}")
        if told["type"] == "executing" and data.get("node") is None:
            jobs.discard(data.get("prompt_id"))


def _get(url: str, path: str) -> bytes:
    with urllib.request.urlopen(f"{url}{path}", timeout=LIMIT_S) as answer:
        found: bytes = answer.read()
        return found


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1], Path(sys.argv[2]), [Path(name) for name in sys.argv[3:]]))
