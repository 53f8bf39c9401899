"""Runs one command from its arguments to its exit code."""

from __future__ import annotations

import importlib
import os
import signal
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from hal_image import about, interrupt
from hal_image.errors import EnvironmentError_, HalError, InternalError, InterruptedError_
from hal_image.host import render
from hal_image.host.arguments import parse

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: Sequence[str]) -> int:
    """Runs the command that ``argv`` (without the program's name) asks for and returns its exit code."""
    interrupt.end_at_once(argv)
    output = render.before_parsing(argv)
    try:
        return _run(argv, output)
    except BrokenPipeError:
        # Nobody reads our standard output any more (`… | head -1`): end as a program killed by SIGPIPE would.
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE


def _run(argv: Sequence[str], output: render.Output) -> int:
    try:
        options = parse(argv, _program())
        output.command = options.command
        output.as_json, output.as_jsonl = options.json, getattr(options, "jsonl", False)
        output.quiet, output.verbose = options.quiet, options.verbose
        interrupt.raise_first(lambda number: _tell_end(number, output))
        command = importlib.import_module(f"hal_image.host.commands.{options.command}")
        result = command.run(options, output)
        interrupt.end_in_silence()
        return output.result(result)
    except SystemExit as asked:  # --help and --version have been printed
        return int(asked.code or 0)
    except BrokenPipeError:
        raise
    except BaseException as error:  # noqa: BLE001 - the last line of defence: whatever it is, it is told
        if not isinstance(error, KeyboardInterrupt):
            interrupt.end_in_silence()
        return output.failure(as_told(error))


def as_told(error: BaseException) -> HalError:
    """What the user is told: an error of ours as it is, Ctrl-C as an interruption, all else as a bug with its log."""
    if isinstance(error, HalError):
        return error
    if isinstance(error, KeyboardInterrupt):
        return _interrupted(getattr(error, "number", signal.SIGINT))
    if isinstance(error, FileNotFoundError) and not _in_a_directory():
        return EnvironmentError_(
            "the current directory is not there any more",
            code="directory_gone",
            hint="cd to one that is, and run the command again",
        )
    return _bug(error)


def _in_a_directory() -> bool:
    try:
        os.getcwd()  # noqa: PTH109 - pathlib's asks the same
    except OSError:
        return False
    return True


def precheck(argv: Sequence[str]) -> int | None:
    """What can be answered before anything is installed: ``--help``, ``--version`` and typing errors.

    Returns:
        the exit code, or ``None`` to go on.
    """
    try:
        parse(argv, _program())
    except SystemExit as asked:  # --help and --version have been printed
        return int(asked.code or 0)
    except HalError as error:
        return render.fail(error, argv)
    return None


def console_script() -> int:
    """Entry of the installed ``hal-generate-image`` command."""
    return main(sys.argv[1:])


def _program() -> str:
    name = os.path.basename(sys.argv[0]) if sys.argv and sys.argv[0] else ""  # noqa: PTH119 - pathlib is not loaded yet
    return name if name not in {"", "-c", "__main__.py"} else about.PROGRAM


def _interrupted(number: int) -> InterruptedError_:
    return InterruptedError_(interrupt.message(number), signal_number=number)


def _tell_end(number: int, output: render.Output) -> None:
    """Says that the command ends without having tidied up, unless it has said how it ended."""
    if not output.ended:
        with suppress(Exception):  # it may have been saying something just then; the exit code is what counts
            output.failure(_interrupted(number))


def _bug(error: BaseException) -> InternalError:
    import traceback  # noqa: PLC0415 - not needed when all is well

    from hal_image import paths  # noqa: PLC0415 - likewise

    text = "".join(traceback.format_exception(error))
    place = "standard error"
    try:
        log = paths.make_state_dir("logs") / "host-error.log"
        log.write_text(f"{about.PROGRAM} {about.version()}\n{text}", encoding="utf-8")
        place = str(log)
    except (OSError, HalError):
        with suppress(AttributeError, OSError):  # closed, or nobody reads it
            sys.stderr.write("".join(f"{render.printable(line)}\n" for line in text.splitlines()))
    return InternalError(
        f"a bug in this tool: {type(error).__name__}: {error}",
        hint=f"please report it with {place}",
        details={"log": place},
    )
