"""Which options a workflow has no place for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse
    from collections.abc import Set as AbstractSet

    from hal_image.host.render import Output

PLACES = {
    "prompt": "prompt", "prompt_file": "prompt", "negative_prompt": "negative", "width": "width", "height": "height",
    "size": "width",
}  # fmt: skip
"""Options, and the placeholder that takes their value."""
INPUTS = {
    "steps": "steps", "cfg": "cfg", "guidance": "guidance", "sampler": "sampler_name", "scheduler": "scheduler",
    "model": "ckpt_name",
}  # fmt: skip
"""Options, and what such an input of a node is called."""
OF_ANY_PICTURE = {
    "workflow", "set", "seed", "count", "output", "no_clobber", "low_vram", "turbo", "vae_tile", "fp8",
}  # fmt: skip
"""Options that hold for a workflow as for any other picture, or are looked at apart."""


def without_effect(
    options: argparse.Namespace, placeholders: AbstractSet[str], *, has_seed: bool
) -> list[tuple[str, str]]:
    """Options that were given and that change nothing, each with the reason.

    Args:
        options: of the call, or of a line of a batch.
        placeholders: names of those that the workflow has.
        has_seed: whether a seed is written in it.
    """
    from hal_image.host.arguments import generate_parser  # noqa: PLC0415 - that module knows all commands
    from hal_image.host.batch.lines import FIELDS  # noqa: PLC0415 - likewise

    parser = generate_parser("")
    found = []
    for name in FIELDS:
        value = getattr(options, name, None)
        if name in OF_ANY_PICTURE or value in (None, False, parser.get_default(name)):
            continue
        place = PLACES.get(name)
        if place is None:
            change = f"; change it there with --set NODE.{INPUTS[name]}=VALUE" if name in INPUTS else ""
            found.append((name, f"the workflow decides it{change}"))
        elif place not in placeholders:
            found.append((name, f"the workflow has no {{{place}}} to put it"))
    changes = has_seed or "seed" in placeholders
    if options.seed is not None and not changes:
        found.append(("seed", "the workflow has none"))
    if options.count > 1 and not changes:
        found.append(("count", "the workflow has no seed: all its pictures are the same"))
    return found


def tell(options: argparse.Namespace, placeholders: AbstractSet[str], output: Output, *, has_seed: bool) -> None:
    """Warns of them."""
    for name, reason in without_effect(options, placeholders, has_seed=has_seed):
        output.warn("parameter_without_effect", f"{name}: {reason}")
