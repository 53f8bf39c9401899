"""A graph that needs less memory: smaller pieces for the autoencoder, smaller weights. The pixels are others.

It takes any graph in ComfyUI's API format, ours or one of the user's own. The host does it to what is asked for with
``--vae-tile`` and ``--fp8``, the engine to a job that ran out of memory: the same values make the same graph, and so
the same picture.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hal_image.request import Memory

FP8 = "fp8_e4m3fn"
"""The choice of ``UNETLoader`` that keeps most of the values: 3 bits of mantissa."""
COMFYUI_TILE = 512
"""Pixels along a side of the tiles that ComfyUI itself goes over to (``VAE.decode`` in its ``comfy/sd.py``). They
overlap by a quarter when it decodes and by an eighth when it encodes, and so do ours of any size."""
_TIME = {"temporal_size": 64, "temporal_overlap": 8}
"""Only for autoencoders of video, but the nodes insist."""
_TILED = {"VAEDecode": ("VAEDecodeTiled", 4), "VAEEncode": ("VAEEncodeTiled", 8)}
"""The node that does the same in tiles, and of which share they overlap."""


def spared(nodes: Mapping[str, Any], memory: Memory) -> dict[str, Any]:
    """A copy of a graph's nodes in which what ``memory`` names is done. Links and ids stay."""
    return {node_id: _node(node, memory) for node_id, node in nodes.items()}


def has_fp8(nodes: Mapping[str, Any]) -> bool:
    """Whether a diffusion model is loaded from a file of its own as it is, so that it could be in fp8."""
    return any(_class(node) == "UNETLoader" and _input(node, "weight_dtype") == "default" for node in nodes.values())


def largest_tile(nodes: Mapping[str, Any]) -> int | None:
    """Pixels of the largest piece that an autoencoder works on; ``None`` for whole pictures."""
    kinds = {_class(node) for node in nodes.values()}
    if kinds & _TILED.keys():
        return None
    tiled = {name for name, _ in _TILED.values()}
    sizes = [_input(node, "tile_size") for node in nodes.values() if _class(node) in tiled]
    return max((size for size in sizes if isinstance(size, int)), default=None)


def _node(node: Any, memory: Memory) -> Any:
    kind = _class(node)
    if memory.fp8 and kind == "UNETLoader" and _input(node, "weight_dtype") == "default":
        return {**node, "inputs": {**node["inputs"], "weight_dtype": FP8}}
    if memory.vae_tile is None or not kind:
        return node
    tiled = dict(_TILED.values())
    if kind in _TILED:
        kind, share = _TILED[kind]
        sizes = {"tile_size": memory.vae_tile, "overlap": memory.vae_tile // share}
        return {**node, "class_type": kind, "inputs": {**node["inputs"], **sizes, **_TIME}}
    size = _input(node, "tile_size")
    if kind in tiled and isinstance(size, int) and size > memory.vae_tile:
        sizes = {"tile_size": memory.vae_tile, "overlap": memory.vae_tile // tiled[kind]}
        return {**node, "inputs": {**node["inputs"], **sizes}}
    return node


def _class(node: Any) -> str:
    return str(node.get("class_type")) if isinstance(node, dict) and isinstance(node.get("inputs"), dict) else ""


def _input(node: Any, name: str) -> Any:
    return node["inputs"].get(name)
