"""How a model runs on a card of so much memory, reckoned from the sizes of its files. Pure.

ComfyUI decides while it runs, from the memory that is free then; this says beforehand what it will decide. The formulas
and constants are those of the pinned ComfyUI, ``comfy/model_management.py``, ``model_base.py`` and ``sd.py``:

- Text encoders, diffusion model and autoencoder take turns. What is not in use stays on the card as long as there is
  room, else it goes to main memory, as much of it as is wanted.
- A diffusion model that is larger than what the sampling leaves free is loaded in part; each layer that is not comes
  from main memory when it is its turn (``load_models_gpu``). Nothing fails, it gets slower.
- An autoencoder that runs out of memory does the picture in tiles.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from hal_image.models.types import Family, Model

GIB = 2**30
MIB = 2**20

RESERVED = 400 * MIB
"""``EXTRA_RESERVED_VRAM``: for other programs. Bytes, as all that follows. On Windows it is more."""
LEAST_WORKING = int(0.8 * GIB) + RESERVED
"""``minimum_inference_memory()``."""
CONTEXT = int(0.5 * GIB)
"""Of every CUDA program, before it has any tensor: CUDA's context and the code of the libraries. Measured."""
WEIGHTS_SHARE = 0.88
"""Of the card that may be weights, for the choice of a precision: ``maximum_vram_for_weights()``."""
FP8_COMPUTE = (8, 9)
"""Lowest compute capability that reckons in fp8 (``supports_fp8_compute``); others keep such weights in 16 bits if they
have the room."""

SAMPLING_FACTOR: dict[Family, float] = {"sd15": 1.0, "sdxl": 0.8, "sd3": 1.2, "flux": 3.1}
"""``memory_usage_factor`` of ``comfy/supported_models.py``."""
DECODE_BYTES = 2178 * 64 * 2
"""For each position of the latent, in 16 bits: ``memory_used_decode``."""
TILE = 64
"""Side of a tile in positions of the latent: ``decode_tiled_``."""
CELL = 8
"""Pixels along a side of a position of the latent."""

CLIP_L, CLIP_G, T5_FP8 = 246_144_152, 1_389_382_176, 4_893_934_904
AUTOENCODER = 167_335_342
"""In 16 bits."""
TEXT_ENCODERS: dict[Family, int] = {
    "sd15": CLIP_L, "sdxl": CLIP_L + CLIP_G, "sd3": CLIP_L + CLIP_G + T5_FP8, "flux": CLIP_L + T5_FP8,
}  # fmt: skip
"""Those inside a checkpoint, as it is published."""
WEIGHTS: dict[Family, tuple[float, ...]] = {
    "sd15": (0.86e9,), "sdxl": (2.57e9,), "sd3": (2.47e9, 8.15e9), "flux": (11.9e9,),
}  # fmt: skip
"""How many weights the diffusion models of a family have: by them the bytes tell the precision."""

UNLIKE = 0.25
"""Share by which a network may be larger or smaller than those of ``WEIGHTS`` and still be taken for one of them."""

Place = Literal["whole", "partly", "tiles", "not_at_all"]
How = Literal["together", "in_turns", "offloaded", "too_small"]


class Card(NamedTuple):
    """A graphics card, or what one would be.

    Attributes:
        vram: bytes.
        fp8: whether it reckons in fp8.
        name: what it is called; ``None`` for one that is only thought of.
    """

    vram: int
    fp8: bool = False
    name: str | None = None


class Part(NamedTuple):
    """One of the three parts of a model, in its turn on the card.

    Attributes:
        name: ``text_encoders``, ``diffusion_model`` or ``autoencoder``.
        weights: bytes of it, as they are loaded.
        working: bytes that it needs besides while it works.
        place: ``whole``; ``partly``: the rest stays in main memory; ``tiles``: it works on a piece of the picture at a
            time; ``not_at_all``: there is no room to work.
        offloaded: bytes of the weights that stay in main memory.
    """

    name: str
    weights: int
    working: int
    place: Place
    offloaded: int = 0


class Plan(NamedTuple):
    """How a model runs on a card.

    Attributes:
        card: the card.
        width, height: of the picture, in pixels.
        how: ``together``: all of it stays on the card; ``in_turns``: each part fits in its turn; ``offloaded``: a part
            of the weights stays in main memory, which is slower; ``too_small``: there is no room to work.
        parts: in the order in which they work.
    """

    card: Card
    width: int
    height: int
    how: How
    parts: tuple[Part, ...]

    @property
    def offloaded(self) -> int:
        """Bytes of the weights for which there is no room on the card even in their turn."""
        return sum(part.offloaded for part in self.parts)

    @property
    def main_memory(self) -> int:
        """Bytes of the weights: as much of main memory holds what is not on the card."""
        return sum(part.weights for part in self.parts)


class _Sizes(NamedTuple):
    """Bytes of the parts as they are in the files."""

    text: int
    diffusion: int
    autoencoder: int


def plan(model: Model, card: Card, width: int | None = None, height: int | None = None, *, fp8: bool = False) -> Plan:
    """How ``model`` runs on ``card``.

    Args:
        model: with the sizes of its files.
        card: the card.
        width: of the picture, in pixels; the model's own by default.
        height: likewise.
        fp8: the weights of a 16-bit diffusion model in 8 bits (``--fp8``).
    """
    width, height = width or model.defaults.width, height or model.defaults.height
    sizes = _sizes(model)
    area = -(-width // CELL) * -(-height // CELL)
    usable = card.vram - CONTEXT
    each = int(area * 2 * 0.01 * SAMPLING_FACTOR[model.family] * MIB)  # memory_required, of one of the two sides
    diffusion = _loaded(model.family, sizes.diffusion, card, fp8=fp8)
    parts = (
        _part("text_encoders", sizes.text, LEAST_WORKING, usable),
        _part("diffusion_model", diffusion, max(LEAST_WORKING, each + RESERVED), usable),
        _decoder(sizes.autoencoder, area, usable),
    )
    most = max(part.working for part in parts)
    how: How = "in_turns"
    if any(part.place == "not_at_all" for part in parts):
        how = "too_small"
    elif any(part.place == "partly" for part in parts):
        how = "offloaded"
    elif sum(part.weights for part in parts) + most <= usable:
        how = "together"
    return Plan(card, width, height, how, parts)


def least_vram(model: Model, wanted: How) -> float:
    """GiB, in steps of a half, of the smallest card on which the model runs at least as well as ``wanted``."""
    order: tuple[How, ...] = ("together", "in_turns", "offloaded", "too_small")
    halves = 1
    while order.index(plan(model, Card(halves * GIB // 2)).how) > order.index(wanted):
        halves += 1
    return halves / 2


def could_be_fp8(model: Model) -> bool:
    """Whether ``--fp8`` changes anything: the diffusion model is a file of its own, in 16 bits."""
    file = model.file("diffusion_model")
    return file is not None and _width(model.family, file.bytes) > 1


def _sizes(model: Model) -> _Sizes:
    files = {file.role: file.bytes for file in model.files}
    apart = sum(files.get(role, 0) for role in ("clip_l", "clip_g", "t5xxl"))
    if "checkpoint" not in files:
        return _Sizes(apart, files.get("diffusion_model", 0), min(files.get("vae", 0), AUTOENCODER))
    inside = 0 if apart else TEXT_ENCODERS[model.family]
    diffusion = files["checkpoint"] - inside - AUTOENCODER
    if diffusion <= 0:  # another network under the family's name: all of it at once is the safe guess
        return _Sizes(0, files["checkpoint"], 0)
    return _Sizes(inside + apart, diffusion, AUTOENCODER)


def _width(family: Family, size: int) -> int:
    """Bytes of a weight: that with which the size fits the number of weights of a model of the family best; 2 where
    none does, for a network of its own.
    """
    off, width = min((abs(size / (count * width) - 1), width) for count in WEIGHTS[family] for width in (1, 2, 4))
    return width if off < UNLIKE else 2


def _loaded(family: Family, size: int, card: Card, *, fp8: bool) -> int:
    """Bytes of the diffusion model as it is loaded: ``unet_dtype()``."""
    width = _width(family, size)
    if width == 4:
        return size // 2
    if width == 2:
        return size // 2 if fp8 else size
    if card.fp8 or size * 2 > card.vram * WEIGHTS_SHARE - LEAST_WORKING:
        return size
    return size * 2


def _part(name: str, weights: int, working: int, usable: int) -> Part:
    if usable < working:
        return Part(name, weights, working, "not_at_all", weights)
    offloaded = max(0, weights + working - usable)
    return Part(name, weights, working, "partly" if offloaded else "whole", offloaded)


def _decoder(weights: int, area: int, usable: int) -> Part:
    whole = max(LEAST_WORKING, area * DECODE_BYTES + RESERVED)
    if weights + whole <= usable:
        return Part("autoencoder", weights, whole, "whole")
    tiled = max(LEAST_WORKING, min(area, TILE * TILE) * DECODE_BYTES + RESERVED)
    if weights + tiled > usable:
        return Part("autoencoder", weights, tiled, "not_at_all")
    return Part("autoencoder", weights, tiled, "tiles")
