"""LoRAs: changes to the model and its text encoders, one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hal_image.workflow.graph import link

if TYPE_CHECKING:
    from hal_image.request import ImageRequest
    from hal_image.workflow.draft import Draft

FIRST_NODE = 101


def apply(draft: Draft, request: ImageRequest) -> None:
    """Nodes from 101 on, one a LoRA. ComfyUI's node gives both back unchanged at weight 0."""
    for index, lora in enumerate(request.loras):
        node_id = str(FIRST_NODE + index)
        draft.model = draft.add(
            node_id,
            "LoraLoader",
            f"LoRA {index + 1}",
            model=draft.model,
            clip=draft.clip,
            lora_name=lora.file,
            strength_model=lora.weight,
            strength_clip=lora.clip_weight,
        )
        draft.clip = link(node_id, 1)
