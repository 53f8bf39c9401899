"""The second sampling in a larger size, and the decoding of what it makes.

It starts from the picture of the first one, enlarged as pixels: an enlarged latent is blurred, and at the usual denoise
stays so. Seed, steps, sampler and CFG are those of the first sampling.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hal_image.workflow import init_image, sampling
from hal_image.workflow.graph import link
from hal_image.workflow.resampling import enlarged

if TYPE_CHECKING:
    from hal_image.request import ImageRequest
    from hal_image.workflow.draft import Draft

TILED_ABOVE = 1536 * 1536
"""Pixels above which the autoencoder works in tiles. For decoding in half precision ComfyUI reckons with 4356 bytes a
pixel (``memory_used_decode`` in its ``comfy/sd.py``): 10 GB at this size, 18 GB at 2048x2048, which no card of 24 GB
has beside a model. Below, ComfyUI itself goes over to tiles where memory does not suffice."""
TILE = 512
"""Side of a tile in pixels, and ``OVERLAP`` of two of them: the node's own defaults."""
OVERLAP = 64
_TIME = {"temporal_size": 64, "temporal_overlap": 8}
"""Only for autoencoders of video, but the nodes insist."""


def sample_again(draft: Draft, request: ImageRequest) -> None:
    """Nodes 401 (decode), 402 (enlarge), 403 (encode) and 404 (sample), if there is a second sampling.

    With a mask also 405: only the area that may change is sampled.
    """
    if request.hires is None:
        return
    small = draft.add("401", "VAEDecode", "Decode the first sampling", samples=draft.latent, vae=draft.vae)
    large = enlarged(draft, "402", "Enlarge", small, request.hires_size)
    if _in_tiles(request):
        draft.latent = draft.add(
            "403", "VAEEncodeTiled", "Encode", pixels=large, vae=draft.vae, tile_size=TILE, overlap=OVERLAP, **_TIME
        )
    else:
        draft.latent = draft.add("403", "VAEEncode", "Encode", pixels=large, vae=draft.vae)
    if request.init is not None and request.init.keeps_a_part:  # the sampler brings the area to the larger size
        draft.latent = draft.add(
            "405", "SetLatentNoiseMask", "Keep the rest again", samples=draft.latent, mask=link(init_image.AREA_NODE)
        )
    sampling.sample(draft, request, denoise=request.hires.denoise, node_id="404", title="Sample again")


def decode(draft: Draft, request: ImageRequest) -> None:
    """Node 9: from the latent to pixels."""
    if _in_tiles(request):
        draft.image = draft.add(
            "9",
            "VAEDecodeTiled",
            "Decode",
            samples=draft.latent,
            vae=draft.vae,
            tile_size=TILE,
            overlap=OVERLAP,
            **_TIME,
        )
    else:
        sampling.decode(draft)


def _in_tiles(request: ImageRequest) -> bool:
    width, height = request.hires_size
    return request.hires is not None and width * height > TILED_ABOVE
