"""What is asked of a file is what ComfyUI's own modules have: no more, and not one tensor less."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from hal_image.models import contents, networks
from hal_image.models.completeness import Tensors, lacking
from hal_image.models.safetensors_header import Tensor
from tests.engine.scripts import answer_of

if TYPE_CHECKING:
    from hal_image.install.engine_env import EnginePaths
    from hal_image.models.networks import Network


NETWORKS = {
    "sd15 unet": networks.UNET,
    "sdxl unet": networks.UNET,
    "flux dev": networks.FLUX,
    "flux schnell": networks.FLUX,
    "sd35 medium": networks.SD3,
    "sd35 large": networks.SD3,
    "vae 4": networks.AUTOENCODER,
    "vae 16": networks.AUTOENCODER,
    "clip_l": networks.CLIP_L,
    "clip_g": networks.CLIP_G,
    "open clip_g": networks.OPEN_CLIP_G,
    "t5xxl": networks.T5,
}
DISPENSABLE = {
    "clip_l": {"text_projection.weight"},
    "clip_g": {"text_projection.weight"},
    "sd35 medium": {"pos_embed"},
    "sd35 large": {"pos_embed"},
}
"""ComfyUI takes a unit matrix in place of the first; for the last see ``PUBLISHED_SD3_DEPTH``."""


@pytest.fixture(scope="module")
def published(installed: EnginePaths) -> dict[str, Tensors]:
    found = answer_of(installed, "network_names.py")
    return {
        network: {name: Tensor("F16", tuple(shape), 0, 0) for name, shape in tensors.items()}
        for network, tensors in found.items()
    }


def missing(network: Network, tensors: Tensors) -> list[str]:
    return [*lacking(network, tensors), *(contents.missing_steps(tensors) if network is networks.AUTOENCODER else [])]


@pytest.mark.parametrize("name", NETWORKS)
def test_published_networks_are_whole(published: dict[str, Tensors], name: str) -> None:
    assert missing(NETWORKS[name], published[name]) == []
    family, _, what = name.partition(" ")
    if what in {"unet", "dev", "schnell", "medium", "large"}:
        assert contents.family_of(published[name]) == family.replace("sd35", "sd3")
        assert contents.role_of(published[name]) == "diffusion_model"
    else:
        assert contents.role_of(published[name]) == {"vae 4": "vae", "vae 16": "vae", "open clip_g": "clip_g"}.get(
            name, name
        )


@pytest.mark.parametrize("name", NETWORKS)
def test_one_tensor_less_is_seen(published: dict[str, Tensors], name: str) -> None:
    """One of each kind, and all of the last block, which nothing follows."""
    tensors = published[name]
    assert len(tensors) > 190
    of_kind = {re.sub(r"\d+", "#", tensor): tensor for tensor in reversed(tensors)}  # the first of each kind
    of_last = {re.sub(r"\d+", "#", tensor): tensor for tensor in tensors}
    dispensable = DISPENSABLE.get(name, set())
    unseen = []
    for tensor in {*of_kind.values(), *of_last.values()}:
        rest = {other: shape for other, shape in tensors.items() if other != tensor}
        if not missing(NETWORKS[name], rest):
            unseen.append(tensor)
    assert set(unseen) <= dispensable
