"""Reads a graph of ComfyUI's API format that has the shape of one of our families': a loader, two prompts, an empty
latent, one KSampler, a decoder. Every other graph does more than there are options for, and is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hal_image.host.remake.past import Past, WantedModel, impossible

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hal_image.errors import JsonObject

ENDS = {"SaveImage", "PreviewImage"}
LATENTS = {"EmptyLatentImage", "EmptySD3LatentImage"}
ENCODERS = {"DualCLIPLoader", "TripleCLIPLoader", "CheckpointLoaderSimple"}
WHOLE, ALONE = "CheckpointLoaderSimple", "UNETLoader"
SAMPLING = {
    "steps": "steps", "cfg": "cfg", "seed": "seed", "sampler_name": "sampler", "scheduler": "scheduler",
}  # fmt: skip
"""KSampler's inputs, and the options that they are."""


class _OtherShape(Exception):
    """The graph has something that none of ours has."""


def read(graph: JsonObject) -> Past:
    """What a graph says.

    Raises:
        UsageError: ``remake_impossible``: it has another shape; the message says where.
    """
    try:
        return _Reader(graph).past()
    except _OtherShape as reason:
        raise impossible(
            f"its ComfyUI graph does more than there are options for: {reason}",
            "--workflow PICTURE runs the graph as it is",
        ) from None


class _Reader:
    def __init__(self, graph: JsonObject) -> None:
        self._graph = graph

    def past(self) -> Past:
        save = self._only(ENDS)
        decoder = self._behind(save, "images", {"VAEDecode"})
        self._behind(decoder, "vae", {WHOLE, "VAELoader"})
        sampler = self._behind(decoder, "samples", {"KSampler"})
        options = {option: self._value(sampler, name) for name, option in SAMPLING.items()}
        if float(self._value(sampler, "denoise")) != 1:
            raise _OtherShape("a denoise below 1")
        left_out = []
        latent = self._behind(sampler, "latent_image", LATENTS)
        options |= {name: self._value(latent, name) for name in ("width", "height")}
        if latent["inputs"].get("batch_size", 1) != 1:
            left_out.append(f"batch_size: {latent['inputs']['batch_size']}")
        return Past(
            {**options, **self._prompts(sampler, float(options["cfg"]))},
            self._model(sampler),
            left_out=tuple(left_out),
        )

    def _prompts(self, sampler: JsonObject, cfg: float) -> dict[str, Any]:
        positive = self._behind(sampler, "positive", {"CLIPTextEncode", "FluxGuidance"})
        said: dict[str, Any] = {}
        if positive["class_type"] == "FluxGuidance":
            said["guidance"] = self._value(positive, "guidance")
            positive = self._behind(positive, "conditioning", {"CLIPTextEncode"})
        negative = self._behind(sampler, "negative", {"CLIPTextEncode", "ConditioningZeroOut"})
        if negative["class_type"] == "CLIPTextEncode":
            said["negative_prompt"] = self._text(negative)
        elif cfg != 1:  # at 1 there is no negative side at all
            raise _OtherShape("ConditioningZeroOut as the negative prompt")
        return {"prompt": self._text(positive), "negative_prompt": "", **said}

    def _text(self, encoder: JsonObject) -> str:
        self._behind(encoder, "clip", ENCODERS)
        return str(self._value(encoder, "text"))

    def _model(self, sampler: JsonObject) -> WantedModel:
        loader = self._behind(sampler, "model", {WHOLE, ALONE})
        name = "ckpt_name" if loader["class_type"] == WHOLE else "unet_name"
        return WantedModel(files=(str(self._value(loader, name)),))

    def _only(self, kinds: set[str]) -> JsonObject:
        found = [node for node in self._graph.values() if isinstance(node, dict) and node.get("class_type") in kinds]
        if len(found) != 1:
            raise _OtherShape(f"{len(found)} nodes of {', '.join(sorted(kinds))}")
        return self._checked(found[0])

    def _behind(self, node: Mapping[str, Any], name: str, kinds: set[str]) -> JsonObject:
        """The node that an input is linked to, which must be one of ``kinds``."""
        link = node["inputs"].get(name)
        if not (isinstance(link, list) and len(link) == 2 and isinstance(link[0], (str, int))):
            raise _OtherShape(f"{node['class_type']} without {name}")
        found = self._graph.get(str(link[0]))
        kind = found.get("class_type") if isinstance(found, dict) else None
        if kind not in kinds:
            raise _OtherShape(str(kind)[:80])
        return self._checked(found)

    def _checked(self, node: Any) -> JsonObject:
        if not isinstance(node.get("inputs"), dict):
            raise _OtherShape("a node without inputs")
        checked: JsonObject = node
        return checked

    def _value(self, node: Mapping[str, Any], name: str) -> str | float:
        value = node["inputs"].get(name)
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            raise _OtherShape(f"{node['class_type']} whose {name} comes from another node")
        return value
