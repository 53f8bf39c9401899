"""Runs one command from its arguments to its exit code."""

from __future__ import annotations

import importlib
import os
import signal
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from hal_image import about, interrupt
from hal_image.errors import HalError, InternalError, InterruptedError_
from hal_image.host import render
from hal_image.host.arguments import parse

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence


def main(argv: Sequence[str]) -> int:
    """Runs the command that ``argv`` (without the program's name) asks for and returns its exit code."""
    interrupt.end_at_once(argv)
    options = _parsed(argv)
    if isinstance(options, int):
        return options
    output = render.Output(
        options.command,
        as_json=options.json,
        as_jsonl=getattr(options, "jsonl", False),
        quiet=options.quiet,
        verbose=options.verbose,
    )
    try:
        return _run(options, output)
    except BrokenPipeError:
        # Nobody reads our standard output any more (`… | head -1`): end as a program killed by SIGPIPE would.
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE


def _run(options: argparse.Namespace, output: render.Output) -> int:
    try:
        interrupt.raise_first(lambda number: _tell_end(number, output))
        command = importlib.import_module(f"hal_image.host.commands.{options.command}")
        result = command.run(options, output)
        interrupt.end_in_silence()
        return output.result(result)
    except KeyboardInterrupt as stopped:
        return output.failure(_interrupted(getattr(stopped, "number", signal.SIGINT)))
    except BrokenPipeError:
        raise
    except HalError as error:
        interrupt.end_in_silence()
        return output.failure(error)
    except Exception as error:  # noqa: BLE001 - the last line of defence: a bug is told as one, with its log
        interrupt.end_in_silence()
        return output.failure(_bug(error))


def precheck(argv: Sequence[str]) -> int | None:
    """What can be answered before anything is installed: ``--help``, ``--version`` and typing errors.

    Returns:
        the exit code, or ``None`` to go on.
    """
    options = _parsed(argv)
    return options if isinstance(options, int) else None


def _parsed(argv: Sequence[str]) -> argparse.Namespace | int:
    """The options, or the exit code when they have been answered: with help, or with what is wrong."""
    try:
        return parse(argv, _program())
    except SystemExit as asked:  # --help and --version have been printed
        return int(asked.code or 0)
    except HalError as error:
        return render.fail(error, argv)


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


def _bug(error: Exception) -> InternalError:
    import traceback  # noqa: PLC0415 - not needed when all is well

    from hal_image import paths  # noqa: PLC0415 - likewise

    text = "".join(traceback.format_exception(error))
    place = "standard error"
    try:
        log = paths.make_state_dir("logs") / "host-error.log"
        log.write_text(f"{about.PROGRAM} {about.version()}\n{text}", encoding="utf-8")
        place = str(log)
    except (OSError, HalError):
        sys.stderr.write(text)
    return InternalError(
        f"a bug in this tool: {type(error).__name__}: {error}",
        hint=f"please report it with {place}",
        details={"log": place},
    )
