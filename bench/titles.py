"""What is measured, as it is called in tables; those that the README shows have a name here."""

from __future__ import annotations

START = "start of the command line"
BOOT = "engine ready, from nothing"
COLD = "first picture from nothing, cold page cache"
FIRST = "first picture from nothing, warm page cache"
WARM = "warm picture, whole command"
BESIDE = "beside ComfyUI's own execution, warm"
COUNT = 8
MANY = f"{COUNT} warm pictures"

HEADLINES = (BOOT, COLD, FIRST, WARM, BESIDE, MANY, START)
"""In the order of the README's table."""
WITH_OPTIONS = frozenset({WARM, MANY})
"""Those of them of which it shows our command with ``--options``, too."""
