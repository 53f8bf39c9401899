"""A few classes of nodes, as an engine tells of them."""

from __future__ import annotations

from typing import Any

from hal_image.workflow.own.definitions import from_json


def _class(title: str, outputs: list[str], required: dict[str, Any], *, ends: bool = False, **optional: Any) -> Any:
    return {"title": title, "output_node": ends, "outputs": outputs, "required": required, "optional": optional}


TOLD: dict[str, Any] = {
    "nodes": {
        "Loader": _class("Load it", ["MODEL", "CLIP"], {"name": ["COMBO", {"options": [], "files": ["checkpoints"]}]}),
        "LoadImage": _class("Load Image", ["IMAGE"], {"image": ["COMBO", {"options": [], "image_upload": True}]}),
        "Text": _class("Text", ["CONDITIONING"], {"text": ["STRING", {}], "clip": ["CLIP", {}]}),
        "Sampler": _class(
            "Sampler",
            ["IMAGE"],
            {
                "model": ["MODEL", {}],
                "seed": ["INT", {"min": 0, "max": 2**64 - 1, "default": 0, "control_after_generate": True}],
                "steps": ["INT", {"min": 1, "max": 100, "default": 20}],
                "cfg": ["FLOAT", {"min": 0.0, "max": 100.0}],
                "way": ["COMBO", {"options": ["euler", "heun", "fixed"]}],
                "positive": ["CONDITIONING", {}],
            },
            noise=["BOOLEAN", {"default": True}],
            mask=["MASK", {}],
        ),
        "Invert": _class("Invert", ["IMAGE"], {"image": ["IMAGE", {}]}),
        "Both": _class("Both", ["IMAGE,MASK"], {"image": ["IMAGE,MASK", {}]}),
        "SaveImage": _class("Save", [], {"images": ["IMAGE", {}], "filename_prefix": ["STRING", {}]}, ends=True),
        "PreviewImage": _class("Show", [], {"images": ["IMAGE", {}]}, ends=True),
        "SaveSound": _class("Save sound", [], {"sound": ["IMAGE", {}]}, ends=True),
    },
    "cloud": ["PaidNode"],
}
DEFINITIONS = from_json(TOLD)


def node(class_type: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": class_type, "inputs": inputs, "_meta": {"title": class_type}}


def graph() -> dict[str, Any]:
    """A picture of two loaded things, which is right."""
    return {
        "1": node("Loader", name="a.safetensors"),
        "2": node("Text", text="a cube", clip=["1", 1]),
        "3": node("Sampler", model=["1", 0], seed=5, steps=2, cfg=7, way="euler", positive=["2", 0]),
        "4": node("SaveImage", images=["3", 0], filename_prefix="x"),
    }
