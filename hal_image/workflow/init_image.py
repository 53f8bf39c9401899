"""A picture to begin with, all of it or a part: img2img, inpaint and outpaint are one graph.

The host has prepared what is loaded here, in the size of the request: the picture, with room for what is added to it,
and two masks where a part of it is to stay. ``MASK`` says for each pixel how much of what is new is seen there,
``AREA`` for each cell of the latent, 8x8 pixels, whether it is sampled at all.

Masked parts are sampled from the encoded picture with ``SetLatentNoiseMask``, not from ``VAEEncodeForInpaint``. That
one greys out what is to change, which only models can use that were trained for it, and none of ours was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hal_image.workflow.graph import link
from hal_image.workflow.resampling import enlarged

if TYPE_CHECKING:
    from hal_image.request import Init
    from hal_image.workflow.draft import Draft

PICTURE = "init.png"
MASK = "init-mask.png"
AREA = "init-area.png"
AREA_NODE = "303"
LATENT_CELL = 8
"""Pixels along a side of what one position of the latent stands for, in every family."""


def latent(draft: Draft, init: Init) -> None:
    """Nodes 301 (the picture) and 302 (its latent); 303 (the area) and 304 (only that is sampled) with a mask."""
    pixels = draft.add("301", "LoadImage", "Picture to begin with", image=PICTURE)
    draft.latent = draft.add("302", "VAEEncode", "Encode", pixels=pixels, vae=draft.vae)
    if init.keeps_a_part:
        area = draft.add(AREA_NODE, "LoadImageMask", "Area to sample", image=AREA, channel="red")
        draft.latent = draft.add("304", "SetLatentNoiseMask", "Keep the rest", samples=draft.latent, mask=area)


def put_back(draft: Draft, init: Init, size: tuple[int, int]) -> None:
    """Nodes 305 (mask) and 306 (composite): over what was decoded goes every pixel that is to stay; after a second
    sampling it is enlarged first (307).

    An autoencoder does not give back what it was given, so this alone keeps pixels. For the same reason, what is asked
    for with strength 0 is the picture itself, and nothing is sampled or decoded.

    Args:
        draft: what there is so far.
        init: the picture and what is kept of it.
        size: width and height in pixels of what was decoded.
    """
    if init.strength == 0 and draft.latent == link("8"):
        draft.image = link("301")
    elif init.keeps_a_part:
        mask = draft.add("305", "LoadImageMask", "Mask", image=MASK, channel="red")
        kept = link("301")
        if draft.latent != link("8"):  # the node brings the mask to this size itself
            kept = enlarged(draft, "307", "Enlarge what stays", kept, size)
        draft.image = draft.add(
            "306",
            "ImageCompositeMasked",
            "Put back what stays",
            destination=kept,
            source=draft.image,
            mask=mask,
            x=0,
            y=0,
            resize_source=False,
        )
