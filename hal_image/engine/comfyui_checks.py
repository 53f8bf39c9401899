"""What ComfyUI does not look at: whether a LoRA fits, what an embedding is loaded from, what a picture shows.

Runs inside ComfyUI's process, set up by ``comfyui_main``, around functions of ComfyUI. What is wrong beyond use is an
exception, which ends the job; the rest is a notice (``comfyui_notices``) or a line in ComfyUI's log, which becomes one.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hal_image.engine.comfyui_notices import Recorder


class LoraNotApplied(Exception):
    """Nothing of a LoRA fits the model: the picture would be the one without it."""


class PictureInvalid(Exception):
    """The picture has values that are no numbers; saved, they would be black."""


def watch_loras(sd: Any, get_attribute: Any) -> None:
    """Looks whether what a LoRA changes has the shapes that the model has.

    ComfyUI finds out only while it samples, and only the first time; and a LoRA none of which fits is no error to it.

    Args:
        sd: ComfyUI's ``comfy.sd`` module.
        get_attribute: its ``comfy.utils.get_attr``.
    """
    load = sd.load_lora_for_models

    def load_and_look(model: Any, clip: Any, lora: Any, *args: Any, **kwargs: Any) -> Any:
        new_model, new_clip = load(model, clip, lora, *args, **kwargs)
        before = (model, None if clip is None else clip.patcher)
        after = (new_model, None if new_clip is None else new_clip.patcher)
        applied = 0
        for old, new in zip(before, after, strict=True):
            if new is None:
                continue
            for key, patches in new.patches.items():
                if len(patches) <= len(old.patches.get(key, ())):
                    continue
                _, patch, _, offset, _ = patches[-1]
                shape = list(get_attribute(new.model, key).shape)
                if offset is not None:
                    shape[offset[0]] = offset[2]
                if fits(patch, shape):
                    applied += 1
                else:
                    logging.warning("lora key does not fit: %s", key)  # noqa: LOG015 - beside ComfyUI's own
        if not applied and lora:
            raise LoraNotApplied("nothing of this LoRA fits the model: it is for another family of models")
        return new_model, new_clip

    sd.load_lora_for_models = load_and_look


def fits(patch: Any, shape: list[int]) -> bool:
    """Whether a patch of a LoRA can be added to a weight of that shape, as ``comfy.lora.calculate_weight`` would.

    Of the kinds of adapters only that of ordinary LoRAs and plain differences are looked at; the others count as
    fitting, and what ComfyUI says of them later is a notice all the same.
    """
    if getattr(patch, "name", "") == "lora":
        up, down, _alpha, middle, _dora, reshape = patch.weights
        size = 1
        for side in reshape if reshape is not None else shape:
            size *= side
        columns = down[0].numel() * (1 if middle is None else middle[0, 0].numel())
        return bool(up[0].numel() == down.shape[0] and up.shape[0] * columns == size)
    if isinstance(patch, tuple) and len(patch) == 2 and patch[0] == "diff" and len(patch[1]) == 1:
        return list(patch[1][0].shape) == shape
    return True


def watch_embeddings(sd1_clip: Any) -> None:
    """Lets prompts name safetensors files only, as everywhere in this tool: ComfyUI would unpickle a ``.pt`` too.

    And ``embedding:`` without a name is one that is not there, where ComfyUI fails with an IndexError.

    Args:
        sd1_clip: ComfyUI's ``comfy.sd1_clip`` module. It keeps names inside the embeddings folders itself.
    """
    load = sd1_clip.load_embed
    find = sd1_clip.SDTokenizer._try_get_embedding  # noqa: SLF001 - there is no other place

    def load_safetensors(name: str, *args: Any, **kwargs: Any) -> Any:
        return load(name if name.endswith(".safetensors") else f"{name}.safetensors", *args, **kwargs)

    def find_named(tokenizer: Any, name: str) -> Any:
        return find(tokenizer, name) if name.strip() else (None, "")

    sd1_clip.load_embed = load_safetensors
    sd1_clip.SDTokenizer._try_get_embedding = find_named  # noqa: SLF001 - likewise


def watch_pictures(nodes: Any, recorder: Recorder) -> None:
    """Looks at every picture before ComfyUI's ``nodes.SaveImage`` turns what is no number into black.

    It takes 10 ms for 1024x1024 on a processor, where packing the PNG takes hundreds, and nothing to speak of on a GPU.
    """
    save = nodes.SaveImage.save_images

    def look_and_save(node: Any, images: Any, *args: Any, **kwargs: Any) -> Any:
        for image in images:
            colour = single_colour(image)
            if colour is not None:
                recorder.add("picture_single_colour", colour)
        return save(node, images, *args, **kwargs)

    nodes.SaveImage.save_images = look_and_save


def single_colour(image: Any) -> str | None:
    """The colour of a picture that has only one, as ``#rrggbb``; ``None`` for any other.

    Args:
        image: tensor of height × width × channels, 0 to 1.

    Raises:
        PictureInvalid: it has values that are no numbers.
    """
    low, high = image.reshape(-1, image.shape[-1]).aminmax(dim=0)
    if not bool((low.isfinite() & high.isfinite()).all()):
        raise PictureInvalid("the picture has values that are no numbers")
    lowest, highest = ([int(value) for value in (side.clamp(0, 1) * 255.0).tolist()] for side in (low, high))
    return "#" + "".join(f"{value:02x}" for value in lowest) if lowest == highest else None
