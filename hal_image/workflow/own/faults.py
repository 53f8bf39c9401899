"""How things in a graph are called in a message, what else was meant, and the error for what is no graph."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from hal_image.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hal_image.errors import JsonObject

MOST_TOLD = 3
"""How many of several things a message names; its details have more."""
MOST_TEXT = 60


def short(value: Any) -> str:
    """A value as a message has it."""
    text = value if isinstance(value, str) else repr(value)
    text = " ".join(text.split())
    return text if len(text) <= MOST_TEXT else f"{text[:MOST_TEXT]}…"


def called(node_id: str, node: JsonObject) -> str:
    """A node as a message has it: ``node 3 (KSampler)``, with its title where that says more."""
    class_type, title = short(node.get("class_type", "?")), title_of(node)
    return f"node {short(node_id)} ({class_type}{f', {short(title)!r}' if title not in {'', class_type} else ''})"


def title_of(node: JsonObject) -> str:
    """What the editor shows above a node; empty where nobody has said."""
    meta = node.get("_meta")
    title = meta.get("title") if isinstance(meta, dict) else None
    return title if isinstance(title, str) else ""


def nearest(name: str, names: Iterable[str]) -> str | None:
    """The name that was most likely meant; ``None`` where none is alike."""
    by_small = {one.lower(): one for one in names}
    found = difflib.get_close_matches(name.lower(), by_small, n=1, cutoff=0.6)
    return by_small[found[0]] if found else None


def meant(name: str, names: Iterable[str]) -> str:
    """``, did you mean 'x'?`` or nothing."""
    near = nearest(name, names)
    return f"; did you mean {near!r}?" if near is not None else ""


def listed(told: list[str]) -> str:
    """The first few, and how many more."""
    more = len(told) - MOST_TOLD
    return "; ".join(told[:MOST_TOLD]) + (f"; and {more} more" if more > 0 else "")


def no_workflow(why: str) -> UsageError:
    """The error for a file that is none of ComfyUI's forms."""
    return UsageError(
        f"this is no workflow of ComfyUI: {why}",
        code="workflow_invalid",
        hint="save it in ComfyUI's editor with Save or Export (API), or give a PNG that ComfyUI or this tool made",
    )
