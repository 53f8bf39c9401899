"""A picture to begin with, all of it or a part: img2img, inpaint and outpaint are one graph.

The host has prepared what is loaded here, in the size of the request: the picture, with room for what is added to it,
and two masks where a part of it is to stay. ``MASK`` says for each pixel how much of what is new is seen there,
``AREA`` for each cell of the latent, 8x8 pixels, whether it is sampled at all.

Masked parts are sampled from the encoded picture with ``SetLatentNoiseMask``, not from ``VAEEncodeForInpaint``. That
one greys out what is to change, which only models can use that were trained for it, and none of ours was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hal_image.workflow import resampling
from hal_image.workflow.graph import link

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


def put_back(draft: Draft, init: Init, enlarged: tuple[int, int] | None = None) -> None:
    """Nodes 305 (mask) and 306 (composite): over what was decoded goes every pixel that is to stay.

    An autoencoder does not give back what it was given, so this alone keeps pixels. For the same reason, what is asked
    for with strength 0 is the picture itself, and nothing is sampled or decoded.

    Args:
        draft: with what was decoded.
        init: the picture.
        enlarged: width and height of what was decoded, if it is larger than the picture; that is then enlarged, too
            (node 307), and the composite enlarges the mask. ``None`` for the same size.
    """
    kept = link("301")
    if init.strength == 0 and draft.latent == link("8"):
        draft.image = kept
    elif init.keeps_a_part:
        mask = draft.add("305", "LoadImageMask", "Mask", image=MASK, channel="red")
        if enlarged is not None:
            kept = resampling.enlarged(draft, "307", "Enlarge what stays", kept, enlarged)
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
