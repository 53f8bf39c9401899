"""What becomes of a job for which memory does not suffice: it is run again with less, a rung at a time.

=====================  ==============================================================  ===============================
it ended               rung                                                            where
=====================  ==============================================================  ===============================
in the autoencoder     smaller tiles (ComfyUI itself has gone over to tiles before)    everywhere
anywhere               weights in main memory, a layer at a time on the GPU            on a GPU
anywhere, after that   weights of a 16-bit diffusion model in 8 bits (fp8)             on a GPU, for files of their own
=====================  ==============================================================  ===============================

A rung is tried once. What a job came down to is where the next one of the same models and sizes begins, until the
models are unloaded: it would only fail first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hal_image.engine import notices
from hal_image.engine.saving import Saving
from hal_image.errors import HalError
from hal_image.request import Memory
from hal_image.workflow.sparing import COMFYUI_TILE, has_fp8, largest_tile, spared

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from hal_image.errors import JsonObject

SMALL_TILE = 256
"""Pixels: half of ComfyUI's own tiles, a quarter of their memory."""
SIZES = {"width", "height", "batch_size", "scale_by", "megapixels", "left", "top", "right", "bottom"}
"""Inputs of nodes that say how large something is."""


def likeness(graph: JsonObject) -> Hashable:
    """What decides how much memory a graph takes: its nodes, their files and sizes. Graphs of the same are alike."""
    return tuple(
        sorted(
            (
                str(node.get("class_type")),
                tuple(
                    sorted(
                        (name, str(value))
                        for name, value in node.get("inputs", {}).items()
                        if (name in SIZES and isinstance(value, (int, float))) or str(value).endswith(".safetensors")
                    )
                ),
            )
            for node in graph.values()
        )
    )


class Descent:
    """One job on its way down.

    Args:
        graph: as it was asked for.
        memory: where it begins.
        told: what is to be said of that.

    Attributes:
        of_several: whether it makes several pictures at once. Fewer of them are tried before anything else, but for
            the autoencoder, which works on one after the other.
    """

    def __init__(self, graph: JsonObject, memory: Memory, told: tuple[JsonObject, ...]) -> None:
        self.of_several = False
        self.asked = graph
        self.memory = memory
        self.told = told

    @property
    def changed(self) -> JsonObject | None:
        """What is run in place of what was asked for; ``None`` where that is what is run."""
        return None if self.memory == Memory() else spared(self.asked, self.memory)

    def down(self, error: HalError, *, on_gpu: bool) -> bool:
        """Takes the next rung, if there is one.

        Args:
            error: ``out_of_memory``, how the last try ended.
            on_gpu: whether it ran on one.
        """
        node = str(error.details.get("node_type", ""))
        if self.of_several and not node.startswith("VAE"):
            return False
        further = self._next(node, on_gpu=on_gpu)
        if further is None:
            return False
        code, self.memory = further
        self.told = (*self.told, notices.spared(code, error))
        return True

    def _next(self, node: str, *, on_gpu: bool) -> tuple[str, Memory] | None:
        tile = largest_tile(self.changed or self.asked)
        if node.startswith("VAE") and (tile is None or tile > SMALL_TILE) and self.memory.vae_tile != SMALL_TILE:
            return "vae_tiled", self.memory._replace(vae_tile=SMALL_TILE)
        if on_gpu and not self.memory.offload:
            return "model_offloaded", self.memory._replace(offload=True)
        if on_gpu and not self.memory.fp8 and has_fp8(self.asked):
            return "weights_in_fp8", self.memory._replace(fp8=True)
        return None

    def noticed(self, warnings: list[JsonObject]) -> None:
        """Takes note of the tiles that ComfyUI has gone over to by itself, which this try ended well with."""
        for warning in warnings:
            if warning["code"] == "vae_tiled" and self.memory.vae_tile is None:
                self.memory = self.memory._replace(vae_tile=COMFYUI_TILE)
                self.told = (*self.told, notices.tiled_again(warning))


class Ladder:
    """What the jobs of one ComfyUI have come down to."""

    def __init__(self) -> None:
        self._known: dict[Hashable, tuple[Memory, tuple[JsonObject, ...]]] = {}

    def begin(self, graph: JsonObject, *, offloads: bool) -> Descent:
        """Where a job begins.

        Args:
            graph: of it.
            offloads: whether ComfyUI keeps weights in main memory already, for whichever job.
        """
        memory, told = self._known.get(likeness(graph), (Memory(), ()))
        return Descent(graph, memory._replace(offload=memory.offload or offloads), told)

    def run(
        self, descent: Descent, attempt: Callable[[], JsonObject | Saving], *, on_gpu: Callable[[], bool]
    ) -> JsonObject | Saving:
        """Runs a job, and where memory does not suffice again.

        Args:
            descent: what ``attempt`` looks at.
            attempt: one try, which returns the fields of the ``done`` event.
            on_gpu: whether it ran on one.

        Returns:
            the same, with what was done in ``warnings`` and, where that was anything, in ``memory``.

        Raises:
            HalError: as ``attempt``; ``out_of_memory`` from the last rung.
        """
        while True:
            try:
                done = attempt()
            except HalError as error:
                if error.code != "out_of_memory" or not descent.down(error, on_gpu=on_gpu()):
                    raise
                continue
            break
        if isinstance(done, Saving):
            finish = done.finish
            return Saving(done.pictures, lambda: self._noted(descent, finish()))
        return self._noted(descent, done)

    def _noted(self, descent: Descent, done: JsonObject) -> JsonObject:
        told = notices.warnings(descent.told)
        noticed = done.get("warnings", [])
        descent.noticed(noticed)
        done["warnings"] = [*noticed, *told]
        if descent.memory != Memory():
            self._known[likeness(descent.asked)] = (descent.memory, descent.told)
            done["memory"] = descent.memory._asdict()
        return done

    def forget(self) -> None:
        """Memory is free again: the next one is tried as it is asked for."""
        self._known.clear()
