"""ControlNets: what the sampler is guided by besides the prompts, one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hal_image.workflow.graph import link

if TYPE_CHECKING:
    from hal_image.request import ImageRequest
    from hal_image.workflow.draft import Draft
    from hal_image.workflow.graph import Link

FIRST_NODE = 201
NODES_EACH = 10
LOW, HIGH = 0.4, 0.8
"""Thresholds of ComfyUI's node Canny: its own defaults."""


def picture(number: int) -> str:
    """The name of a ControlNet's picture among those of the job; ``number`` counts from 0."""
    return f"control-{number + 1}.png"


def apply(draft: Draft, request: ImageRequest, *, needs_vae: bool) -> None:
    """Nodes 201 (ControlNet), 202 (its picture), 203 (edges, for canny) and 204 (apply); the next has 211 and so on.

    Args:
        draft: what there is so far.
        request: the ControlNets; one that is used twice is loaded once.
        needs_vae: whether those of the family look at latents.
    """
    loaded: dict[str, Link] = {}
    for number, control in enumerate(request.controls):
        first = FIRST_NODE + NODES_EACH * number
        if control.file not in loaded:
            loaded[control.file] = draft.add(
                str(first), "ControlNetLoader", f"ControlNet {number + 1}", control_net_name=control.file
            )
        image = draft.add(str(first + 1), "LoadImage", f"Picture {number + 1}", image=picture(number))
        if control.finds_edges:
            image = draft.add(
                str(first + 2), "Canny", f"Edges {number + 1}", image=image, low_threshold=LOW, high_threshold=HIGH
            )
        apply_id = str(first + 3)
        vae = {"vae": draft.vae} if needs_vae else {}
        draft.positive = draft.add(
            apply_id,
            "ControlNetApplyAdvanced",
            f"Apply {number + 1}",
            positive=draft.positive,
            negative=draft.negative,
            control_net=loaded[control.file],
            image=image,
            strength=control.strength,
            start_percent=control.start,
            end_percent=control.end,
            **vae,
        )
        draft.negative = link(apply_id, 1)
