"""What a ComfyUI says of itself and of what it runs on."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hal_image.errors import JsonObject


def facts(stats: JsonObject | None) -> JsonObject:
    """The fields of ``EngineStatus`` that ComfyUI knows.

    Args:
        stats: its answer to ``/system_stats``; ``None`` before it gave one.
    """
    stats = stats or {}
    device = (stats.get("devices") or [{}])[0]
    system = stats.get("system") or {}
    return {
        "device": device.get("name"),
        "vram_total_mb": _mebibytes(device.get("vram_total")),
        "vram_free_mb": _mebibytes(device.get("vram_free")),
        "torch": system.get("pytorch_version"),
        "comfyui_version": system.get("comfyui_version"),
    }


def _mebibytes(value: int | None) -> int | None:
    return None if value is None else value // 2**20
