"""Bringing a picture to another size."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hal_image.workflow.draft import Draft
    from hal_image.workflow.graph import Link


def enlarged(draft: Draft, node_id: str, title: str, image: Link, size: tuple[int, int]) -> Link:
    """Adds a node that brings ``image`` to ``size``, width and height in pixels, by Lanczos."""
    width, height = size
    return draft.add(
        node_id,
        "ImageScale",
        title,
        image=image,
        upscale_method="lanczos",
        width=width,
        height=height,
        crop="disabled",
    )
