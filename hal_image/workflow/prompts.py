"""From texts to what the sampler is guided by."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hal_image.request import ImageRequest
    from hal_image.workflow.draft import Draft


def encode(draft: Draft, request: ImageRequest) -> None:
    """Nodes 4 (prompt) and 5 (negative prompt)."""
    draft.positive = draft.add("4", "CLIPTextEncode", "Prompt", text=request.prompt, clip=draft.clip)
    draft.negative = draft.add("5", "CLIPTextEncode", "Negative prompt", text=request.negative_prompt, clip=draft.clip)


def guide(draft: Draft, request: ImageRequest) -> None:
    """Node 6: guidance, for a model that was distilled with it."""
    if request.guidance is not None:
        draft.positive = draft.add(
            "6", "FluxGuidance", "Guidance", conditioning=draft.positive, guidance=request.guidance
        )
