"""A ComfyUI graph in API format, the form that ``POST /prompt`` takes."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict

if TYPE_CHECKING:
    from hal_image.errors import JsonObject

FILENAME_PREFIX = "hal8000"
"""``SaveImage``'s prefix as built. Whoever submits a graph puts a fresh one in its place for every job: ComfyUI does
not run a graph again that it has just run, and reports the old file, which may be gone."""

Link = list[str | int]
"""``[node id, output slot]``, slots counted from 0. A list because the server takes nothing else for a link."""


class Meta(TypedDict):
    """What ComfyUI's editor shows of a node and the server ignores."""

    title: str


class Node(TypedDict):
    """One step: an input is a value or a ``Link`` to another node's output."""

    class_type: str
    inputs: dict[str, Any]
    _meta: Meta


class Graph(NamedTuple):
    """Nodes by id, and the id of the ``SaveImage`` whose picture is the result.

    Ids are numbers as strings and mean the same in every family: 1 model, 2 text encoders, 3 autoencoder (2 and 3 only
    where they are files of their own), 4 prompt, 5 negative prompt, 6 guidance, 7 empty latent, 8 sampler,
    9 decoder, 10 saver; from 101 on LoRAs, from 201 on ControlNets, from 301 on a picture to begin with,
    from 401 on the second sampling, from 501 on enlarging.
    """

    nodes: dict[str, Node]
    output_node: str

    def with_seed(self, seed: int) -> Graph:
        """The graph of the same picture from another seed, which all its samplings have."""
        nodes: dict[str, Node] = {
            node_id: {**found, "inputs": {**found["inputs"], "seed": seed}} if "seed" in found["inputs"] else found
            for node_id, found in self.nodes.items()
        }
        return self._replace(nodes=nodes)

    def to_prompt(self) -> JsonObject:
        """A copy as plain JSON, free to be changed: the ``prompt`` of ``POST /prompt``."""
        return {node_id: dict(copy.deepcopy(node)) for node_id, node in self.nodes.items()}


def node(class_type: str, title: str, **inputs: str | float | Link) -> Node:
    """A node of ComfyUI's class ``class_type``; inputs go by the names that the class gives them."""
    return {"class_type": class_type, "inputs": dict(inputs), "_meta": {"title": title}}


def link(node_id: str, slot: int = 0) -> Link:
    """The output ``slot`` of a node."""
    return [node_id, slot]
