"""What the host remembers of a container that it started, so that the next call need not ask Docker for it."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

    from hal_image.errors import JsonObject

CARD_FILE = "container.json"
"""In the engine's folder. It may be older than what is true: Docker has the last word."""


class Settings(NamedTuple):
    """What a container is started with. One with other settings is replaced, not reused.

    Attributes:
        tool_version: version of this package.
        program: path of the Docker program: another one is another engine.
        image: the image's name; what it stands for is ``Card.image_id``.
        models_dir: absolute path of the models folder.
        cpu: it gets no GPU.
        gpu: which GPUs it gets.
        uid: whose container it is.
        hot: it has the hot cache mounted.
    """

    tool_version: str
    program: str
    image: str
    models_dir: str
    cpu: bool
    gpu: str
    uid: int
    hot: bool = False


class Card(NamedTuple):
    """A container that was started.

    Attributes:
        settings: what it was started with.
        name, id: the container's.
        image_id: the image's.
        vram_mb: memory of the largest of its GPUs in MiB; ``None`` without or when it is not known.
    """

    settings: Settings
    name: str
    id: str
    image_id: str
    vram_mb: int | None

    def to_json(self) -> JsonObject:
        """What the JSON output tells of the container."""
        return {
            "container": {"name": self.name, "id": self.id, "image": self.settings.image, "image_id": self.image_id}
        }


def read(folder: Path) -> Card | None:
    """The card in an engine's folder; ``None`` when there is none that can be read. Never raises."""
    try:
        kept = json.loads((folder / CARD_FILE).read_bytes())
        return Card(**{**kept, "settings": Settings(**kept["settings"])})
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write(folder: Path, card: Card) -> None:
    """Keeps the card; without one the next call is slower, and that is all."""
    temporary = folder / f"{CARD_FILE}.tmp"
    with suppress(OSError):
        temporary.write_text(json.dumps({**card._asdict(), "settings": card.settings._asdict()}), encoding="utf-8")
        temporary.replace(folder / CARD_FILE)


def remove(folder: Path) -> None:
    """Forgets the container."""
    with suppress(OSError):
        (folder / CARD_FILE).unlink(missing_ok=True)
