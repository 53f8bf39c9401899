"""ComfyUI's own published graphs, read into the form that ours have, and the shape in which both can be compared.

The templates are files of the editor: nodes with positions, notes and widget values in the order they are drawn. They
come with the packages that the pinned ComfyUI itself asks for.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from importlib import resources
from typing import Any

Prompt = dict[str, dict[str, Any]]

PACKAGES = {
    "default": "comfyui_workflow_templates_media_other",
    "sdxl_simple_example": "comfyui_workflow_templates_media_image",
    "sdxlturbo_example": "comfyui_workflow_templates_media_image",
    "sd3.5_simple_example": "comfyui_workflow_templates_media_other",
    "flux_schnell": "comfyui_workflow_templates_media_image",
    "flux_dev_checkpoint_example": "comfyui_workflow_templates_media_image",
    "flux_dev_full_text_to_image": "comfyui_workflow_templates_media_image",
    "image2image": "comfyui_workflow_templates_media_image",
    "inpaint_example": "comfyui_workflow_templates_media_image",
    "inpaint_model_outpainting": "comfyui_workflow_templates_media_image",
    "lora": "comfyui_workflow_templates_media_other",
    "lora_multiple": "comfyui_workflow_templates_media_other",
    "controlnet_example": "comfyui_workflow_templates_media_image",
}
OF_FEATURES = {
    "esrgan_example": "comfyui_workflow_templates_media_other",
    "hiresfix_esrgan_workflow": "comfyui_workflow_templates_media_other",
}
"""Those that show one thing, with a model of sd15."""

NOTES = {"Note", "MarkdownNote"}
"""Text for the reader; the editor does not send them to the server."""
BYPASSED = 4
"""Mode of a node that gives on what it takes; the editor leaves it out."""
VALUES = {"PrimitiveNode"}
"""A value shown apart; the editor sends the value in place of a link to it."""

WIDGETS: dict[str, tuple[str | None, ...]] = {
    "Canny": ("low_threshold", "high_threshold"),
    "ControlNetApplyAdvanced": ("strength", "start_percent", "end_percent"),
    "ControlNetLoader": ("control_net_name",),
    "CLIPTextEncode": ("text",),
    "CLIPTextEncodeFlux": ("clip_l", "t5xxl", "guidance"),
    "CheckpointLoaderSimple": ("ckpt_name",),
    "ConditioningZeroOut": (),
    "DualCLIPLoader": ("clip_name1", "clip_name2", "type", "device"),
    "EmptyLatentImage": ("width", "height", "batch_size"),
    "EmptySD3LatentImage": ("width", "height", "batch_size"),
    "FluxGuidance": ("guidance",),
    "ImagePadForOutpaint": ("left", "top", "right", "bottom", "feathering"),
    "ImageScaleToTotalPixels": ("upscale_method", "megapixels"),
    "ImageScale": ("upscale_method", "width", "height", "crop"),
    "ImageUpscaleWithModel": (),
    "KSampler": ("seed", None, "steps", "cfg", "sampler_name", "scheduler", "denoise"),
    "KSamplerAdvanced": (
        "add_noise",
        "noise_seed",
        None,
        "steps",
        "cfg",
        "sampler_name",
        "scheduler",
        "start_at_step",
        "end_at_step",
        "return_with_leftover_noise",
    ),
    "KSamplerSelect": ("sampler_name",),
    "LoadImage": ("image", None),
    "LoraLoader": ("lora_name", "strength_model", "strength_clip"),
    "PreviewImage": (),
    "SDTurboScheduler": ("steps", "denoise"),
    "SamplerCustom": ("add_noise", "noise_seed", None, "cfg"),
    "SaveImage": ("filename_prefix",),
    "UNETLoader": ("unet_name", "weight_dtype"),
    "UpscaleModelLoader": ("model_name",),
    "VAEDecode": (),
    "VAEEncode": (),
    "VAEEncodeForInpaint": ("grow_mask_by",),
    "VAELoader": ("vae_name",),
}
"""What each widget of a class sets, in the order the editor stores them; ``None`` is the editor's own: "randomize after
each run" beside a seed, the folder beside a picture."""


def published(name: str) -> Prompt:
    """A published template as the editor would send it to the server."""
    file = resources.files({**PACKAGES, **OF_FEATURES}[name]) / "templates" / f"{name}.json"
    return to_prompt(json.loads(file.read_text(encoding="utf-8")))


def to_prompt(workflow: dict[str, Any]) -> Prompt:
    """An editor's file in API format, without titles."""
    nodes = {node["id"]: node for node in workflow["nodes"] if node["type"] not in NOTES}
    sources = {link[0]: (link[1], link[2]) for link in workflow["links"]}
    prompt: Prompt = {}
    for node_id, node in nodes.items():
        if node["type"] in VALUES or node["mode"] == BYPASSED:
            continue
        assert node["mode"] == 0, f"node {node_id} is muted, which this reader does not know"
        widgets = zip(WIDGETS[node["type"]], node["widgets_values"], strict=True)
        inputs = {name: value for name, value in widgets if name is not None}
        for socket in node["inputs"]:
            if socket["link"] is None:
                continue
            source, slot = sources[socket["link"]]
            while nodes[source]["mode"] == BYPASSED:
                kind = nodes[source]["outputs"][slot]["type"]
                source, slot = next(sources[one["link"]] for one in nodes[source]["inputs"] if one["type"] == kind)
            if nodes[source]["type"] in VALUES:
                inputs[socket["name"]] = nodes[source]["widgets_values"][0]
            else:
                inputs[socket["name"]] = [str(source), slot]
        prompt[str(node_id)] = {"class_type": node["type"], "inputs": inputs}
    return prompt


@dataclass(frozen=True)
class Shape:
    """How many nodes of each class a graph has, and how many links ``"Class.input <- Class[output slot]"``."""

    nodes: Counter[str]
    links: Counter[str]

    @classmethod
    def of(cls, prompt: Prompt) -> Shape:
        """The shape of a graph in API format."""
        return cls(
            nodes=Counter(node["class_type"] for node in prompt.values()),
            links=Counter(
                f"{node['class_type']}.{name} <- {prompt[value[0]]['class_type']}[{value[1]}]"
                for node in prompt.values()
                for name, value in node["inputs"].items()
                if isinstance(value, list)
            ),
        )

    def without(self, other: Shape) -> Shape:
        """What this shape has and ``other`` has not."""
        return Shape(self.nodes - other.nodes, self.links - other.links)


def tree(prompt: Prompt, node_id: str) -> dict[str, Any]:
    """A node with, in place of every link, the node behind it and its output slot: free of ids, complete in values."""
    node = prompt[node_id]
    return {
        "class_type": node["class_type"],
        "inputs": {
            name: (tree(prompt, value[0]), value[1]) if isinstance(value, list) else value
            for name, value in node["inputs"].items()
        },
    }
