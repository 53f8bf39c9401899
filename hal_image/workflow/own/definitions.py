"""What the nodes of a ComfyUI are and take, as its engine tells it (``nodes`` in ``hal_image.wire``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hal_image.errors import JsonObject

VALUES = {"INT", "FLOAT", "STRING", "BOOLEAN", "COMBO"}
"""Types of inputs that are written down in a node rather than come from another one."""


class Input(NamedTuple):
    """One input of a class.

    Attributes:
        name: as in a graph.
        kind: ComfyUI's type, several with commas between; ``COMBO`` for a choice.
        required: whether a node must have it.
        options: ``min``, ``max``, ``options`` (a choice's fixed values), ``files`` (kinds of folders whose files it
            takes), ``image_upload`` and what else ComfyUI says.
    """

    name: str
    kind: str
    required: bool
    options: Mapping[str, Any]

    @property
    def is_widget(self) -> bool:
        """Whether the editor has a field for it."""
        return self.kind in VALUES and not self.options.get("forceInput")

    @property
    def is_seed(self) -> bool:
        """Whether it is a seed, which the editor counts up or draws anew after each run."""
        named = self.name in {"seed", "noise_seed"}
        return self.kind == "INT" and (named or bool(self.options.get("control_after_generate")))

    @property
    def choices(self) -> list[Any]:
        """The fixed values of a choice."""
        return list(self.options.get("options") or ())

    @property
    def files(self) -> tuple[str, ...]:
        """Kinds of folders whose files it takes, by ComfyUI's names, e.g. ``checkpoints``."""
        return tuple(self.options.get("files") or ())

    @property
    def is_picture(self) -> bool:
        """Whether it names a picture in ComfyUI's input folder."""
        return bool(self.options.get("image_upload")) and "image_folder" not in self.options


class NodeClass(NamedTuple):
    """One class of nodes.

    Attributes:
        name: as in a graph, ``class_type``.
        title: what the editor calls it.
        inputs: by name, in the order of the editor's fields.
        outputs: types of its outputs.
        ends: whether ComfyUI runs it for its own sake, as what saves or shows something.
    """

    name: str
    title: str
    inputs: Mapping[str, Input]
    outputs: tuple[str, ...]
    ends: bool


class Definitions(NamedTuple):
    """All classes by name, and the names of those that would call a service and are switched off."""

    classes: Mapping[str, NodeClass]
    cloud: frozenset[str]


def from_json(told: JsonObject) -> Definitions:
    """Out of ``nodes`` and ``cloud`` of the engine's answer.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: it is none.
    """
    return Definitions({name: _class(name, info) for name, info in told["nodes"].items()}, frozenset(told["cloud"]))


def _class(name: str, info: JsonObject) -> NodeClass:
    inputs = {
        key: Input(key, str(kind), part == "required", dict(options))
        for part in ("required", "optional")
        for key, (kind, options) in info[part].items()
    }
    return NodeClass(
        name, str(info["title"]), inputs, tuple(str(kind) for kind in info["outputs"]), bool(info["output_node"])
    )
