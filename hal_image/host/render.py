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

from hal_image.errors import EXIT_OK, HalError, shortened
from hal_image.host.result import Result, Warn, envelope

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from hal_image.errors import JsonObject
    from hal_image.host.pace import Pace

MOST_WORD = 80
"""Characters of a command that there is not: it may be a prompt without ``--prompt``."""

TOLD_ASIDE = 100
"""How many different warnings ``Output.aside`` shows."""


def printable(text: str) -> str:
    """Text made fit for a terminal: control characters (escape sequences, line breaks, marks that turn the direction of
    writing) are shown, not sent, and so are bytes that are no UTF-8.
    """
    return text if text.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def _harmless(text: str) -> str:
    """As ``printable``, but tabs and bytes that are no UTF-8 stay as they are, for programs."""
    return "".join(c if c.isprintable() or c == "\t" or "\udc80" <= c <= "\udcff" else repr(c)[1:-1] for c in text)


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
        self._pace: Pace | None = None
        self._answered = False
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

    def preparing(self, text: str) -> None:
        """A line about what is being installed; an event, too, since that takes minutes."""
        self.note(text)
        self.event({"event": "preparing", "message": text})

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
        """One picture is done: its path at once, so that a reader can go on while the next is made.

        A program gets the path as it is, whatever it holds; a terminal does not.
        """
        if not self.machine:
            self._out_line(printable(path) if _shown_at_once() else path)

    def event(self, event: JsonObject) -> None:
        """One line of ``--jsonl``; of progress, only as much as ``hal_image.host.pace`` lets through."""
        if not self.as_jsonl:
            return
        if self._pace is None:
            from hal_image.host.pace import Pace  # noqa: PLC0415 - only for --jsonl

            self._pace = Pace()
        if self._pace.lets(event):
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
            fit = printable if _shown_at_once() else _harmless
            for line in result.lines:
                self._out_line(fit(line))
        if result.error is not None:
            self.partial_data = result.data
            return self.failure(result.error)
        if self.machine:
            self._answer(result.data, None)
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
                self._answer(self.partial_data, error)
        return error.exit_code

    def _answer(self, data: JsonObject, error: HalError | None) -> None:
        """The one JSON object. A signal that comes after it must not add another."""
        if not self._answered:
            self._answered = True
            self._out_line(json.dumps(envelope(self.command, data, self.warnings, error)))

    def _out_line(self, text: str) -> None:
        try:
            raw = os.fsencode(text)  # paths may hold bytes that are no UTF-8: they leave as they came
        except UnicodeEncodeError:  # more than the locale's encoding has
            raw = text.encode("utf-8", "surrogateescape")
        self._out(raw + b"\n")

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


def _shown_at_once() -> bool:
    """Whether standard output is a terminal."""
    try:
        return sys.stdout is not None and sys.stdout.isatty()
    except ValueError:  # it is closed: that is found out when something is written
        return False


def fail(error: HalError, argv: Sequence[str]) -> int:
    """Shows an error before there is a parsed command line.

    Returns:
        the exit code.
    """
    return before_parsing(argv).failure(error)


def before_parsing(argv: Sequence[str]) -> Output:
    """Where words go before there is a parsed command line.

    Args:
        argv: arguments without the program's name; looked at for ``--json`` and the like, and for the verb.
    """
    command = shortened(argv[0], MOST_WORD) if argv and not argv[0].startswith("-") else "generate"
    return Output(
        command, as_json="--json" in argv, as_jsonl="--jsonl" in argv, quiet=not {"-q", "--quiet"}.isdisjoint(argv)
    )
