"""``hot``: copies model files into the hot cache, as the host says on standard input, with one line of JSON.

Events go back as JSON lines; the last one says how it ended. When standard input closes, the host is gone, and so are
we: what is half copied then is removed by the next one.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from hal_image import container, paths
from hal_image.errors import EXIT_FAILED, EXIT_OK, HalError
from hal_image.models.hot_cache import HotCache, Order, Wanted

if TYPE_CHECKING:
    from hal_image.errors import JsonObject


def by_order() -> int:
    """Does what standard input says; returns the exit code."""
    said = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_the_host, daemon=True).start()
    order = Order(**{**said, "files": tuple(Wanted(**fields) for fields in said["files"])})
    try:
        copies = HotCache(Path(container.HOT), paths.models_dir(), _line).fill(order)
    except HalError as error:
        _line({"event": "hot_failed", "error": error.to_json()})
        return error.exit_code
    _line({"event": "hot_end", "files": {name: copy._asdict() for name, copy in copies.items()}})
    return EXIT_OK


def _line(event: JsonObject) -> None:
    sys.stdout.write(f"{json.dumps(event)}\n")
    sys.stdout.flush()


def _end_with_the_host() -> None:
    while sys.stdin.read(1):
        continue
    os._exit(EXIT_FAILED)
