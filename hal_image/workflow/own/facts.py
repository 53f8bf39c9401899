"""What a graph says about the picture that it makes, as far as that can be read off: for metadata, and for time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from hal_image.request import MAX_CFG, MAX_GUIDANCE, MAX_SIDE, MAX_STEPS
from hal_image.workflow.own.links import before, link_of

if TYPE_CHECKING:
    from hal_image.errors import JsonObject


class Facts(NamedTuple):
    """Of the first node that says so; 0, or empty, where none does."""

    prompt: str
    negative_prompt: str
    width: int
    height: int
    steps: int
    cfg: float
    guidance: float | None
    sampler: str
    scheduler: str


def read(graph: JsonObject) -> Facts:
    """Reads them off a graph, which is filled in."""
    width, height = _size(graph)
    return Facts(
        prompt=_text(graph, "positive"),
        negative_prompt=_text(graph, "negative"),
        width=width,
        height=height,
        steps=int(_number(graph, "steps", MAX_STEPS) or 0),
        cfg=float(_number(graph, "cfg", MAX_CFG) or 0.0),
        guidance=_number(graph, "guidance", MAX_GUIDANCE),
        sampler=_name(graph, "sampler_name"),
        scheduler=_name(graph, "scheduler"),
    )


def all_steps(graph: JsonObject) -> int:
    """Sampling steps of all nodes together, for as many pictures as each makes at once; 0 where none says so."""
    return sum(_numbers(graph, "steps")) * max([1, *_numbers(graph, "batch_size")])


def _numbers(graph: JsonObject, name: str) -> list[int]:
    return [int(value) for value in _values(graph, name) if _is_number(value) and 0 <= value <= MAX_STEPS]


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _values(graph: JsonObject, name: str) -> list[Any]:
    return [node["inputs"][name] for node in graph.values() if name in node["inputs"]]


def _number(graph: JsonObject, name: str, most: float) -> float | None:
    return next((value for value in _values(graph, name) if _is_number(value) and 0 <= value <= most), None)


def _name(graph: JsonObject, name: str) -> str:
    return next((value for value in _values(graph, name) if isinstance(value, str)), "")


def _size(graph: JsonObject) -> tuple[int, int]:
    """Of the first node that begins with nothing of a size."""
    for node in graph.values():
        sides = [node["inputs"].get(name) for name in ("width", "height")]
        if node["class_type"].startswith("Empty") and all(
            isinstance(side, int) and 0 < side <= MAX_SIDE for side in sides
        ):
            return sides[0], sides[1]
    return 0, 0


def _text(graph: JsonObject, side: str) -> str:
    """The text nearest to the first input ``side``."""
    for node in graph.values():
        link = link_of(node["inputs"].get(side))
        if link is None:
            continue
        for node_id in before(graph, link[0]):
            text = graph[node_id]["inputs"].get("text")
            if isinstance(text, str):
                return text
    return ""
