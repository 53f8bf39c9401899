"""What comes of each line: told in the order of the input, each line as soon as it and all before it are over."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hal_image.errors import HalError, JsonObject, PartialBatchError

if TYPE_CHECKING:
    from hal_image.host.batch.lines import Line
    from hal_image.host.batch.progress import BatchProgress
    from hal_image.host.render import Output
    from hal_image.host.result import Warn

MAX_OPEN = 64
"""Lines that are begun and not told: bad ones after a good one that takes its time. More are not read until then."""
FAILURES_TOLD = 10
"""How many lines that failed the JSON output lists."""


@dataclass(slots=True)
class OpenLine:
    """A line until it is told.

    Attributes:
        line: what was read.
        count: how many pictures it asks for.
        images: those that are there, by their number within the line, from 1.
        others: what a workflow has made with each of them.
        lost: how many will not come.
        fresh: whether any of it was made by this run.
        plan: with ``--dry-run`` what would be made.
        warnings: of this line.
        error: what was wrong first.
    """

    line: Line
    count: int = 0
    images: dict[int, JsonObject] = field(default_factory=dict)
    others: dict[int, tuple[JsonObject, ...]] = field(default_factory=dict)
    lost: int = 0
    fresh: bool = False
    plan: JsonObject | None = None
    warnings: list[Warn] = field(default_factory=list)
    error: HalError | None = None

    @property
    def over(self) -> bool:
        """Whether nothing more will come of it."""
        return len(self.images) + self.lost >= self.count

    def to_json(self) -> JsonObject:
        """The line of the result."""
        error = None
        if self.error is not None:
            error = self.error.to_json()
        told: JsonObject = {
            "event": "result",
            "line": self.line.number,
            "id": self.line.id,
            "ok": error is None,
            "images": [
                image for number in sorted(self.images) for image in (self.images[number], *self.others.get(number, ()))
            ],
            "resumed": error is None and not self.fresh and self.plan is None,
            "warnings": [warning.to_json() for warning in self.warnings],
            "error": error,
        }
        return told if self.plan is None else {**told, "plan": self.plan}


class Results:
    """Collects and tells.

    Args:
        output: where they are told.
        progress: shows how many are over.

    Attributes:
        done, failed, resumed: lines that are over: made by this run, not made, and made by an earlier one.
        failures: the first lines that failed, for the JSON output.
    """

    def __init__(self, output: Output, progress: BatchProgress) -> None:
        self.done = 0
        self.failed = 0
        self.resumed = 0
        self.failures: list[JsonObject] = []
        self._output = output
        self._progress = progress
        self._open: dict[int, OpenLine] = {}
        self._first_error: HalError | None = None
        self._all_alike = True
        self._hint = ""

    @property
    def told(self) -> int:
        """Lines that are over."""
        return self.done + self.failed + self.resumed

    @property
    def full(self) -> bool:
        """Whether there must be no more lines until some are told."""
        return len(self._open) >= MAX_OPEN

    @property
    def idle(self) -> bool:
        """Whether there is no line of which pictures are still to come."""
        return not self._open

    def begin(self, line: Line) -> OpenLine:
        """Takes up a line; it is over once ``settle`` finds that nothing more will come of it."""
        opened = OpenLine(line, error=line.error)
        self._open[line.number] = opened
        return opened

    def settle(self) -> None:
        """Tells every line that is over, up to the first one that is not.

        Raises:
            BrokenPipeError, HalError: as for ``Output.line``.
        """
        for number, line in list(self._open.items()):
            if not line.over:
                return
            del self._open[number]
            self._tell(line)

    def _tell(self, line: OpenLine) -> None:
        told = line.to_json()
        if line.error is not None:
            self._count_failure(line, line.error)
        elif told["resumed"]:
            self.resumed += 1
        else:
            self.done += 1
        self._output.line(told)
        self._progress.count(failed=line.error is not None, resumed=told["resumed"])

    def _count_failure(self, line: OpenLine, error: HalError) -> None:
        self.failed += 1
        if self._first_error is None:
            self._first_error = error
        self._all_alike = self._all_alike and error.code == self._first_error.code
        if len(self.failures) < FAILURES_TOLD:
            said = {"code": error.code, "message": error.message}
            self.failures.append({"line": line.line.number, "id": line.line.id, **said})
        self._output.complain(
            f"line {line.line.number}: {error.message}", error.hint if error.hint != self._hint else ""
        )
        self._hint = error.hint

    def verdict(self) -> HalError | None:
        """How the whole batch ended, when all that was read is told; ``None`` when every line is done.

        When nothing at all was made and all lines have the same error, it is that one.
        """
        first = self._first_error
        if first is None:
            return None
        if self.failed == self.told and self._all_alike:
            first.message = (
                first.message if self.failed == 1 else f"all {self.failed} lines; the first: {first.message}"
            )
            return first
        return PartialBatchError(
            f"{self.failed} of {self.told} lines failed",
            hint="the result of each says why; --resume makes only those that are not done",
            details={"failed": self.failed, "of": self.told},
        )
