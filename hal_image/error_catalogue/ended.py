"""Exit codes 5, 6 and those of signals: the command ended before all was done."""

from __future__ import annotations

from hal_image.error_catalogue.entry import Entry
from hal_image.errors import InterruptedError_, PartialBatchError, TimeoutError_

ENDED: dict[str, Entry] = {
    "timeout": Entry(
        TimeoutError_,
        "the time limit came first, or a lock was not free in time. `details.doing` says what was going on. "
        "With `details.jobs` the pictures are being made all the same, and the same call would make them twice",
        helps="`wait` with the id, if there are jobs; else a longer `--timeout`; fewer `--steps`",
        retry="depends",
        details={
            "timeout_s": "the limit",
            "doing": "what was going on",
            "lock": "the lock file that was waited for",
            "pid": "process id of its holder, or `null`",
            "to_come": "how many pictures those jobs still make",
            "not_begun": "how many pictures are not being made",
        },
    ),
    "prepare_timeout": Entry(
        TimeoutError_,
        "the time limit came while something was being installed; what is downloaded is kept",
        helps="a longer `--timeout`",
        retry="yes",
    ),
    "partial_batch": Entry(
        PartialBatchError,
        "some lines of a [batch](batch.md) failed and the others are done, or all failed for different reasons",
        helps="what each line says",
        details={"failed": "lines that failed", "of": "lines that were tried"},
    ),
    "interrupted": Entry(
        InterruptedError_,
        "stopped by a signal: SIGHUP 129, Ctrl-C 130, SIGTERM 143. The job was taken back, no half file stays. A "
        "second signal ends the command at once, without waiting for the engine",
        without_hint="whoever stopped it knows why",
    ),
}
