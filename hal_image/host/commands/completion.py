"""``completion bash|zsh|fish``: the script for a shell. ``completion next --words …``: what that script asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hal_image.errors import UsageError
from hal_image.host import completion, shell_scripts
from hal_image.host.result import Result

if TYPE_CHECKING:
    import argparse

    from hal_image.host.render import Output


def run(options: argparse.Namespace, output: Output) -> Result:  # noqa: ARG001 - every command has this shape
    """Prints a script, or words with their meaning behind a tab.

    Raises:
        UsageError: words were given to a script.
    """
    if options.action == "next":
        found = completion.following(options.words or [])
        lines = [f"{word.text}\t{word.about}".rstrip("\t") for word in found]
        return Result("completion", {"words": [word._asdict() for word in found]}, tuple(lines))
    if options.words is not None:
        raise UsageError(f"completion {options.action} has no --words", hint="it belongs to: next")
    text = shell_scripts.script(options.action)
    return Result("completion", {"shell": options.action, "script": text}, tuple(text.splitlines()))
