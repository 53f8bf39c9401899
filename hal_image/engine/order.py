"""Orders of the host to a container that does one thing and ends: a line of JSON comes in, events go out as lines.

The order comes on standard input, because a token in it would be seen in a command line or in ``docker inspect``. The
line stays open: when it closes, the host is gone, and so are we.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from typing import TYPE_CHECKING

from hal_image.errors import EXIT_FAILED, EXIT_OK, HalError

if TYPE_CHECKING:
    from collections.abc import Callable

    from hal_image.errors import JsonObject


def fulfil(kind: str, work: Callable[[JsonObject], JsonObject]) -> int:
    """Does what the host says.

    Args:
        kind: what the name of the last event begins with: ``KIND_end``, or ``KIND_failed`` with the error.
        work: does it; takes the order and returns the fields of the last event.

    Returns:
        the exit code.
    """
    order = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_the_host, daemon=True).start()
    try:
        end = work(order)
    except HalError as error:
        tell({"event": f"{kind}_failed", "error": error.to_json()})
        return error.exit_code
    tell({"event": f"{kind}_end", **end})
    return EXIT_OK


def tell(event: JsonObject) -> None:
    """Writes an event."""
    sys.stdout.write(f"{json.dumps(event)}\n")
    sys.stdout.flush()


def _end_with_the_host() -> None:
    while sys.stdin.read(1):
        continue
    os._exit(EXIT_FAILED)
