"""Whether a process does anything at all, by the kernel's account. For processes that owe an answer and give none.

Silence is no sign of death: a model may load for minutes, and who computes cannot always answer. But whatever works
uses the processor, touches memory or wakes up; a stopped process does none of that, and neither does one that waits for
something that never comes.
"""

from __future__ import annotations

import time
from pathlib import Path

LONGEST_LOOK_S = 10.0
"""What one look can add to a silence. Whoever looks may have been stopped himself, with the other, for hours: that is
one look, and no silence."""


def activity(pid: int) -> tuple[str, ...] | None:
    """Figures that change whenever a process does something: page faults, processor time, and how often its main thread
    woke up. ``None`` where the system does not tell (macOS), and when there is no such process.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()  # a program's name may have spaces; proc(5) counts from there as 3
    switches = [line for line in status.splitlines() if "ctxt_switches" in line]
    return (*(fields[number - 3] for number in (10, 12, 14, 15)), *switches)


class Quiet:
    """Adds up for how long something has given no sign of life, look by look."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._looked = time.monotonic()

    def look(self, *, sign: bool) -> float:
        """Counts one look, with or without a sign of life; returns the seconds of silence so far."""
        now = time.monotonic()
        self.seconds = 0.0 if sign else self.seconds + min(now - self._looked, LONGEST_LOOK_S)
        self._looked = now
        return self.seconds


class Inactivity:
    """For how long a process has done nothing, as far as ``activity`` tells; 0 where it does not."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._seen = activity(pid)
        self._quiet = Quiet()

    def look(self) -> float:
        """Looks; returns the seconds of inactivity so far."""
        seen = activity(self._pid)
        changed = seen is None or seen != self._seen
        self._seen = seen
        return self._quiet.look(sign=changed)
