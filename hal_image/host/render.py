"""The only module that writes to standard output, and the one that shows errors and warnings.

Standard output carries what a program reads: paths, one JSON object, JSON lines, or PNG bytes. Everything else goes
to standard error.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from hal_image.errors import EXIT_OK, HalError
from hal_image.host.result import Result, Warn, envelope

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from hal_image.errors import JsonObject

TOLD_ASIDE = 100
"""How many different warnings ``Output.aside`` shows."""


def printable(text: str) -> str:
    """Text made fit for a terminal: control characters (escape sequences, line breaks) are shown, not sent."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


class Output:
    """Where a command's words go.

    Args:
        command: the verb, for the JSON output.
        as_json: one JSON object on standard output and nothing else.
        as_jsonl: JSON lines on standard output, the last of them that object.
        quiet: nothing on standard error but errors.
        verbose: more on standard error.
    """

    def __init__(
        self,
        command: str,
        *,
        as_json: bool = False,
        as_jsonl: bool = False,
        quiet: bool = False,
        verbose: bool = False,
    ) -> None:
        self.command = command
        self.as_json = as_json
        self.as_jsonl = as_jsonl
        self.quiet = quiet
        self.verbose = verbose
        self.warnings: list[Warn] = []
        self.partial_data: JsonObject = {}
        """What a failing command has done up to then; becomes ``data`` of the JSON output."""
        self.before_message: Callable[[], object] | None = None
        """Called before anything is written to standard error: takes a progress bar out of the way."""
        self.ended = False
        """Whether how the command ended has been told, or is being told."""
        self._aside: list[Warn] | None = None
        self._told_aside: set[tuple[str, str]] = set()

    @property
    def machine(self) -> bool:
        """Whether a program reads standard output."""
        return self.as_json or self.as_jsonl

    def note(self, text: str) -> None:
        """A line of progress on standard error, unless quiet."""
        if not self.quiet:
            self._err(printable(text))

    def detail(self, text: str) -> None:
        """A line that only ``-v`` shows."""
        if self.verbose:
            self._err(printable(text))

    def warn(self, code: str, message: str, details: JsonObject | None = None) -> None:
        """Tells of something that is no failure, on standard error and in the JSON output.

        ``details`` are extra facts for the latter.
        """
        warning = Warn(code, message, details)
        if self._aside is None:
            self.warnings.append(warning)
        else:
            self._aside.append(warning)
            if (code, message) in self._told_aside or len(self._told_aside) >= TOLD_ASIDE:
                return
            self._told_aside.add((code, message))
        if not self.quiet:
            self._err(f"warning: {printable(message)}")

    @contextmanager
    def aside(self, warnings: list[Warn]) -> Iterator[None]:
        """Meanwhile, warnings go into ``warnings``, which has a result of its own, and each is shown only once."""
        self._aside = warnings
        try:
            yield
        finally:
            self._aside = None

    def complain(self, message: str, hint: str) -> None:
        """Tells on standard error of something that failed while the command goes on."""
        self._err(f"error: {printable(message)}")
        if hint:
            self._err(f"hint: {printable(hint)}")

    def line(self, value: JsonObject) -> None:
        """One line of a result that comes in lines; nothing with ``--json``.

        Raises:
            BrokenPipeError, HalError: as for the others.
        """
        if not self.as_json:
            self._out_line(json.dumps(value))

    def path(self, path: str) -> None:
        """One picture is done: its path at once, so that a reader can go on while the next is made."""
        if not self.machine:
            self._out_line(path)

    def event(self, event: JsonObject) -> None:
        """One line of ``--jsonl``."""
        if self.as_jsonl:
            self._out_line(json.dumps(event))

    def result(self, result: Result) -> int:
        """Prints how a command ended.

        Returns:
            the exit code.
        """
        self.ended = True
        if result.raw is not None:
            self._out(result.raw)
        elif not self.machine:
            for line in result.lines:
                self._out_line(line)
        if result.error is not None:
            self.partial_data = result.data
            return self.failure(result.error)
        if self.machine:
            self._out_line(json.dumps(envelope(self.command, result.data, self.warnings, None)))
        return EXIT_OK

    def failure(self, error: HalError) -> int:
        """Prints how a command failed: one line, one line of hint; as JSON too when that was asked for.

        Returns:
            the exit code.
        """
        self.ended = True
        self._err(f"error: {printable(error.message)}")
        if error.hint:
            self._err(f"hint: {printable(error.hint)}")
        if self.machine:
            with suppress(HalError):  # standard output that takes nothing: the exit code is all that is left
                self._out_line(json.dumps(envelope(self.command, self.partial_data, self.warnings, error)))
        return error.exit_code

    def _out_line(self, text: str) -> None:
        # Paths may hold bytes that are no UTF-8: they leave as they came.
        self._out(os.fsencode(text) + b"\n")

    def _out(self, data: bytes) -> None:
        """Writes to standard output.

        Raises:
            BrokenPipeError: nobody reads it any more.
            HalError: ``stdout_failed``: it is closed, or its disk is full.
        """
        try:
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
        except BrokenPipeError:
            raise
        except (AttributeError, OSError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is closed"
            raise HalError(
                f"cannot write to standard output: {reason}",
                code="stdout_failed",
                hint="let it go to a place that takes it; a picture that was made is where --output said",
            ) from error

    def _err(self, text: str) -> None:
        stream = sys.stderr
        if stream is None:
            return
        if self.before_message is not None:
            self.before_message()
        try:
            stream.write(text.encode(stream.encoding or "utf-8", "replace").decode(stream.encoding or "utf-8") + "\n")
            stream.flush()
        except OSError:
            return  # nobody reads it; that must not cost the picture


def fail(error: HalError, argv: Sequence[str]) -> int:
    """Shows an error before there is a parsed command line.

    Args:
        error: what went wrong.
        argv: arguments without the program's name; looked at for ``--json`` and the verb.

    Returns:
        the exit code.
    """
    command = argv[0] if argv and not argv[0].startswith("-") else "generate"
    output = Output(
        command, as_json="--json" in argv, as_jsonl="--jsonl" in argv, quiet=not {"-q", "--quiet"}.isdisjoint(argv)
    )
    return output.failure(error)
