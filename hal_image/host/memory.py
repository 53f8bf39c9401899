"""The memory plan of a model, as ``models show`` tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hal_image.models import memory_plan
from hal_image.models.memory_plan import GIB, MIB, Card

if TYPE_CHECKING:
    from hal_image.errors import JsonObject
    from hal_image.models.memory_plan import How, Part, Plan
    from hal_image.models.types import Model

HOW: dict[How, str] = {
    "together": "all of it stays on the card",
    "in_turns": "each part fits in its turn",
    "offloaded": "{offloaded} of the weights stay in main memory, which is slower",
    "too_small": "too small: no room to work",
}
NAMES = {"text_encoders": "text encoders", "diffusion_model": "diffusion model", "autoencoder": "autoencoder"}


def card(vram_gb: float | None) -> Card | None:
    """The card to plan for: one of so many GiB, else the largest that is there; ``None`` where there is none."""
    if vram_gb is not None:
        return Card(int(vram_gb * GIB))
    from hal_image.host import gpu_facts  # noqa: PLC0415 - starts a program

    cards = sorted(gpu_facts.probe().cards, key=lambda one: one.memory_mb)
    if not cards or not cards[-1].memory_mb:
        return None
    largest = cards[-1]
    fp8 = largest.compute is not None and largest.compute >= memory_plan.FP8_COMPUTE
    return Card(largest.memory_mb * MIB, fp8, largest.name)


def told(model: Model, wanted: Card | None) -> tuple[JsonObject | None, list[str]]:
    """The plan as ``data.memory`` of the JSON output, and as lines for people.

    Args:
        model: the model.
        wanted: the card; ``None`` where there is none, for which there is no plan.
    """
    if wanted is None:
        return None, ["memory    no GPU here; --vram 24 tells how it would run on a card of 24 GB"]
    plan = memory_plan.plan(model, wanted)
    fp8 = memory_plan.plan(model, wanted, fp8=True) if memory_plan.could_be_fp8(model) else None
    facts: JsonObject = {**_facts(plan), "fp8": None if fp8 is None else _facts(fp8)}
    name = f"{wanted.name}, " if wanted.name else ""
    lines = [
        f"memory    {name}{wanted.vram / GIB:.4g} GB, at {plan.width}x{plan.height}: {_how(plan)}",
        *(f"          {_part(part)}" for part in plan.parts if part.weights),
        f"          main memory: {_gib(plan.main_memory)} for what is not on the card",
    ]
    if fp8 is not None and fp8.how != plan.how:
        lines.append(f"          with --fp8: {_how(fp8)}; other pixels")
    return facts, lines


def _facts(plan: Plan) -> JsonObject:
    return {
        "card": plan.card.name,
        "vram_bytes": plan.card.vram,
        "width": plan.width,
        "height": plan.height,
        "how": plan.how,
        "offloaded_bytes": plan.offloaded,
        "main_memory_bytes": plan.main_memory,
        "parts": [
            {
                "name": part.name,
                "place": part.place,
                "weights_bytes": part.weights,
                "working_bytes": part.working,
                "offloaded_bytes": part.offloaded,
            }
            for part in plan.parts
        ],
    }


def _how(plan: Plan) -> str:
    return HOW[plan.how].format(offloaded=_gib(plan.offloaded))


def _part(part: Part) -> str:
    text = f"{NAMES[part.name]:<15} {_gib(part.weights)}, and {_gib(part.working)} to work with"
    if part.place == "partly":
        return f"{text}: {_gib(part.offloaded)} stay in main memory"
    return f"{text}: in tiles" if part.place == "tiles" else text


def _gib(count: int) -> str:
    return f"{count / GIB:.1f} GiB"
