"""Runs one command from its arguments to its exit code."""

from __future__ import annotations

import importlib
import os
import signal
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn

from hal_image import about
from hal_image.errors import EnvironmentError_, HalError, InternalError, InterruptedError_
from hal_image.host import render
from hal_image.host.arguments import parse

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType


def main(argv: Sequence[str]) -> int:
    """Runs the command that ``argv`` (without the program's name) asks for and returns its exit code."""
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
        install_signal_handlers()
        options = parse(argv, _program())
        output.command = options.command
        output.as_json, output.as_jsonl = options.json, getattr(options, "jsonl", False)
        output.quiet, output.verbose = options.quiet, options.verbose
        command = importlib.import_module(f"hal_image.host.commands.{options.command}")
        return output.result(command.run(options, output))
    except SystemExit as asked:  # --help and --version have been printed
        return int(asked.code or 0)
    except BrokenPipeError:
        raise
    except BaseException as error:  # noqa: BLE001 - the last line of defence: whatever it is, it is told
        told = as_told(error)
        if isinstance(told, InterruptedError_):
            _let_signals_end_it()
        return output.failure(told)


def as_told(error: BaseException) -> HalError:
    """What the user is told: an error of ours as it is, Ctrl-C as an interruption, all else as a bug with its log."""
    if isinstance(error, HalError):
        return error
    if isinstance(error, KeyboardInterrupt):
        return InterruptedError_("interrupted", signal_number=signal.SIGINT)
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


def install_signal_handlers() -> None:
    """SIGTERM and SIGHUP end a command as Ctrl-C does: the job is taken back, no half file stays."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _on_signal)


def _let_signals_end_it() -> None:
    """There is nothing left to take back: a further signal ends the process at once."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def _on_signal(number: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001
    raise InterruptedError_(f"stopped by {signal.Signals(number).name}", signal_number=number)


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
