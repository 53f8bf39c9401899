"""A graph that is being built, stage by stage."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hal_image.workflow.graph import link, node

if TYPE_CHECKING:
    from hal_image.workflow.graph import Link, Node


class Draft:
    """The nodes so far, and the links that the next stage builds on. A stage adds nodes and moves the links.

    No dataclass: that module takes a tenth of the time of a warm call to import.

    Attributes:
        model: the diffusion model.
        clip: the text encoders.
        vae: the autoencoder.
        nodes: by id, in the order in which they were added.
        positive, negative: the encoded prompts, once there are.
        latent: what is sampled, and later what was.
        image: the picture, once it is decoded.
    """

    __slots__ = ("clip", "image", "latent", "model", "negative", "nodes", "positive", "vae")

    def __init__(self, model: Link, clip: Link, vae: Link, nodes: dict[str, Node]) -> None:
        self.model, self.clip, self.vae = model, clip, vae
        self.nodes = nodes
        self.positive: Link = []
        self.negative: Link = []
        self.latent: Link = []
        self.image: Link = []

    def add(self, node_id: str, class_type: str, title: str, **inputs: str | float | Link) -> Link:
        """Adds a node, and returns the link to its first output."""
        self.nodes[node_id] = node(class_type, title, **inputs)
        return link(node_id)

    def needed_for(self, output_node: str) -> dict[str, Node]:
        """The nodes that a node is made from, and itself, in the order in which they were added."""
        needed, open_ids = set(), [output_node]
        while open_ids:
            node_id = open_ids.pop()
            if node_id not in needed:
                needed.add(node_id)
                inputs = self.nodes[node_id]["inputs"].values()
                open_ids += [str(value[0]) for value in inputs if isinstance(value, list)]
        return {node_id: found for node_id, found in self.nodes.items() if node_id in needed}
