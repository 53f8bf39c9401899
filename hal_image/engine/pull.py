"""``pull``: downloads models into the models folder, by hand with their names, or as the host tells it."""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING

from hal_image import paths
from hal_image.engine import order
from hal_image.models import hub, pull_events
from hal_image.models.download import Pull, download
from hal_image.models.registry import default_registry_path, get_entry, load_registry
from hal_image.models.registry_cache import entry_of

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
    models = tuple(get_entry(registry, name) for name in names)

    def tell(event: JsonObject) -> None:
        line = pull_events.as_line(event)
        if line is not None:
            say(line)

    return download(Pull(models, paths.models_dir(), hub.from_environment(), tell))


def by_order() -> int:
    """Does what standard input says; returns the exit code. The last line of standard output says how it ended."""
    return order.fulfil("pull", _download)


def _download(said: JsonObject) -> JsonObject:
    _set_up(said["environment"], said["certificates"])
    pull = Pull(
        models=tuple(entry_of(fields) for fields in said["models"]),
        models_dir=paths.models_dir(),
        hub=hub.Hub(**said["hub"]),
        tell=order.tell,
        stall_s=said["stall_s"],
    )
    return {"paths": [str(path) for path in download(pull)]}


def _set_up(environment: dict[str, str], certificates: str | None) -> None:
    os.environ.update(environment)
    if certificates is not None:
        with tempfile.NamedTemporaryFile("w", suffix=".pem", delete=False, encoding="utf-8") as file:
            file.write(certificates)
        os.environ["REQUESTS_CA_BUNDLE"] = file.name
