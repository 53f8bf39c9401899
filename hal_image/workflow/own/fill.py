"""What is put into a graph for each picture: the placeholders' values, and seeds."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from hal_image.request import MAX_SEED

if TYPE_CHECKING:
    from hal_image.errors import JsonObject
    from hal_image.workflow.own.definitions import Definitions, Input

NAMES = ("prompt", "negative", "seed", "width", "height")
_PLACEHOLDER = re.compile(r"\{(" + "|".join(NAMES) + r")\}")


class Values(NamedTuple):
    """What the placeholders stand for; ``None`` where nothing was given, and nothing may be asked for."""

    prompt: str | None
    negative: str
    seed: int
    width: int | None
    height: int | None


def placeholders(graph: JsonObject) -> set[str]:
    """Names of the placeholders in a graph, of ``NAMES``."""
    return {
        name
        for node in graph.values()
        for value in node["inputs"].values()
        if isinstance(value, str)
        for name in _PLACEHOLDER.findall(value)
    }


def seeds(graph: JsonObject, definitions: Definitions) -> list[int]:
    """The seeds that are written in a graph."""
    return [
        node["inputs"][name]
        for node in graph.values()
        for name in _seed_inputs(node, definitions)
        if isinstance(node["inputs"].get(name), int) and not isinstance(node["inputs"][name], bool)
    ]


def filled(
    graph: JsonObject, definitions: Definitions, values: Values, *, seed: int | None, further: int
) -> JsonObject:
    """The graph of one picture.

    Args:
        graph: with placeholders; each has its value in ``values``.
        definitions: tell what is a seed, and what type a value has to have.
        values: of the placeholders.
        seed: for every seed that is written in the graph; ``None`` leaves them as they are.
        further: how many pictures come before this one: seeds that were left are counted up by it.
    """
    done: JsonObject = {}
    for node_id, node in graph.items():
        of = definitions.classes.get(node["class_type"])
        known = of.inputs if of is not None else {}
        inputs = {
            name: _filled(value, known.get(name), values) if isinstance(value, str) else value
            for name, value in node["inputs"].items()
        }
        for name in _seed_inputs(node, definitions):
            written = node["inputs"].get(name)
            if isinstance(written, int) and not isinstance(written, bool):
                inputs[name] = (seed if seed is not None else written + further) % (MAX_SEED + 1)
        done[node_id] = {**node, "inputs": inputs}
    return done


def _seed_inputs(node: JsonObject, definitions: Definitions) -> list[str]:
    of = definitions.classes.get(node["class_type"])
    return [] if of is None else [name for name, one in of.inputs.items() if one.is_seed]


def _filled(text: str, of: Input | None, values: Values) -> Any:
    """A text with its placeholders filled in, in one pass: what is put in may itself look like one."""
    whole = _PLACEHOLDER.fullmatch(text)
    if whole is not None:
        value = getattr(values, whole[1])
        return str(value) if of is not None and of.kind == "STRING" else value
    return _PLACEHOLDER.sub(lambda found: str(getattr(values, found[1])), text)
