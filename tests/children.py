"""Programs that the tests' own process has started."""

from __future__ import annotations

import psutil


def running_with(word: str) -> list[psutil.Process]:
    """Those with an argument ``word``; others may be left of other tests, and even ended."""
    return [child for child in psutil.Process().children() if word in _command(child)]


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:  # it has ended
        return []
