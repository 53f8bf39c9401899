"""How a picture looks after each sampling step: small JPEGs in the output folder of a job that asked for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from hal_image.errors import JsonObject

MOST_BYTES = 4 * 1024 * 1024
"""Of one; ComfyUI's have at most 512 pixels a side."""


class StepPictures:
    """Those of one job.

    Args:
        output_dir: where ComfyUI writes, a folder a job.
        job: its id.
        place: of a job of several pictures, which of them these are of.
    """

    def __init__(self, output_dir: Path, job: str, place: JsonObject | None = None) -> None:
        self._output_dir = output_dir
        self._job = job
        self._place = place or {}
        self._number = 0

    def keep(self, jpeg: bytes) -> JsonObject | None:
        """Writes the next one.

        Returns:
            its event; ``None`` when it cannot be written, which must not cost the picture itself.
        """
        if len(jpeg) > MOST_BYTES:
            return None
        self._number += 1
        picture = f"{self._place['picture']:04}-" if self._place else ""
        name = f"{self._job}/step-{picture}{self._number:05}.jpg"
        try:
            (self._output_dir / self._job).mkdir(exist_ok=True)
            (self._output_dir / name).write_bytes(jpeg)
        except OSError:
            return None
        return {"event": "step_picture", "number": self._number, "image": name, **self._place}


def sampled_anew(graph: JsonObject, mark: str) -> JsonObject:
    """A copy of a graph whose samplers run even if ComfyUI has their results from a job with another ``mark``: without
    steps there are no pictures of them.

    ComfyUI knows a node again by its inputs, and passes on only those that the node's class has.
    """
    return {
        node_id: {**node, "inputs": {**node["inputs"], "sampled_for": mark}}
        if "Sampler" in str(node.get("class_type")) and isinstance(node.get("inputs"), dict)
        else node
        for node_id, node in graph.items()
    }
