"""``hot``: copies model files into the hot cache, as the host says.

What is half copied when the host goes away is removed by the next one.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hal_image import container, paths
from hal_image.engine import order
from hal_image.models.hot_cache import HotCache, Order, Wanted

if TYPE_CHECKING:
    from hal_image.errors import JsonObject


def by_order() -> int:
    """Does what standard input says; returns the exit code."""
    return order.fulfil("hot", _fill)


def _fill(said: JsonObject) -> JsonObject:
    wanted = Order(**{**said, "files": tuple(Wanted(**fields) for fields in said["files"])})
    copies = HotCache(Path(container.HOT), paths.models_dir(), order.tell).fill(wanted)
    return {"files": {name: copy._asdict() for name, copy in copies.items()}}
