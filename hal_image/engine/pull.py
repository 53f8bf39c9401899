"""``pull``: downloads models into the models folder, by hand with their names, or as the host tells it.

The host's order comes on standard input, as one line of JSON, because a token in it would be seen in a command line or
in ``docker inspect``. Events go back as JSON lines. The line stays open: when it
closes, the host is gone, and so are we.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import threading
from typing import TYPE_CHECKING, Any

from hal_image import paths
from hal_image.errors import EXIT_FAILED, EXIT_OK, HalError
from hal_image.models import hub, pull_events
from hal_image.models.download import Pull, download
from hal_image.models.registry import default_registry_path, get_model, load_registry
from hal_image.models.registry_cache import model_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hal_image.errors import JsonObject


def by_name(names: list[str], say: Callable[[str], None]) -> list[Path]:
    """Downloads the models of the registry that are named; returns the files that came.

    Raises:
        HalError: as for ``download``; ``unknown_model``, ``registry_invalid``.
    """
    registry = load_registry(default_registry_path(), paths.user_registry_files())
    models = tuple(get_model(registry, name) for name in names)

    def tell(event: JsonObject) -> None:
        line = pull_events.as_line(event)
        if line is not None:
            say(line)

    return download(Pull(models, paths.models_dir(), hub.from_environment(), tell))


def by_order() -> int:
    """Does what standard input says; returns the exit code. The last line of standard output says how it ended."""
    order = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_the_host, daemon=True).start()
    _set_up(order["environment"], order["certificates"])
    pull = Pull(
        models=tuple(model_of(fields) for fields in order["models"]),
        models_dir=paths.models_dir(),
        hub=hub.Hub(**order["hub"]),
        tell=_line,
        stall_s=order["stall_s"],
    )
    try:
        files = download(pull)
    except HalError as error:
        _line({"event": "pull_failed", "error": error.to_json()})
        return error.exit_code
    _line({"event": "pull_end", "paths": [str(path) for path in files]})
    return EXIT_OK


def _set_up(environment: dict[str, str], certificates: str | None) -> None:
    os.environ.update(environment)
    if certificates is not None:
        with tempfile.NamedTemporaryFile("w", suffix=".pem", delete=False, encoding="utf-8") as file:
            file.write(certificates)
        os.environ["REQUESTS_CA_BUNDLE"] = file.name


def _line(event: dict[str, Any]) -> None:
    sys.stdout.write(f"{json.dumps(event)}\n")
    sys.stdout.flush()


def _end_with_the_host() -> None:
    while sys.stdin.read(1):
        continue
    os._exit(EXIT_FAILED)
