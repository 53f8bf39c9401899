"""The parser that all of the command line is made with, and the options that several commands share."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any, NoReturn

from hal_image.errors import UsageError
from hal_image.host import argument_values as values

if TYPE_CHECKING:
    from collections.abc import Sequence

HELP_WIDTH = 100


class Parser(argparse.ArgumentParser):
    """Raises ``UsageError`` instead of printing and exiting, and never guesses at abbreviations."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_abbrev=False, formatter_class=_formatter, **options)

    def error(self, message: str) -> NoReturn:
        """Turns argparse's complaint into ours, with a hint where a person would need one."""
        hint = f"see {self.prog} --help"
        if "expected one argument" in message and ("prompt" in message):
            hint = 'a text that begins with "-" is written with an equals sign: --prompt="-text"'
        elif "--jsonl: not allowed" in message or "--json: not allowed" in message:
            hint = "--jsonl alone: its last line is the object of --json"
        elif "unrecognized arguments" in message:
            hint = f"the prompt goes after --prompt, in quotes; for the options see {self.prog} --help"
        raise UsageError(message, hint=hint)

    def _get_values(self, action: argparse.Action, arg_strings: list[str]) -> Any:
        """As argparse's, which before Python 3.13 makes an empty list of the value in ``--prompt=--``."""
        if action.option_strings and action.nargs is None and arg_strings == ["--"]:
            return self._get_value(action, "--")
        return super()._get_values(action, arg_strings)


def _formatter(prog: str) -> argparse.HelpFormatter:
    # argparse makes one for every option that is added; with a width of its own it does not ask the terminal for one,
    # for which it would import shutil and half of the compression modules.
    return argparse.RawDescriptionHelpFormatter(prog, width=HELP_WIDTH)


def typed(parser: argparse.ArgumentParser, argv: Sequence[str]) -> frozenset[str]:
    """Names of the options that stand on a command line, also with the value that is their default.

    Args:
        parser: what has read the line already.
        argv: the line.
    """
    untouched = object()
    several = argparse._AppendAction  # noqa: SLF001 - these take what is there for the beginning of a list
    actions = [action for action in parser._actions if action.dest != argparse.SUPPRESS]  # noqa: SLF001 - no other way
    start = {action.dest: None if isinstance(action, several) else untouched for action in actions}
    found = vars(parser.parse_args(list(argv), argparse.Namespace(**start)))
    return frozenset(name for name, value in found.items() if value is not untouched and value is not None)


def add_engine_options(parser: argparse.ArgumentParser, *, keep_alive: bool) -> None:
    """Options that choose or set up the engine."""
    group = parser.add_argument_group("what runs it")
    group.add_argument(
        "--engine",
        choices=("auto", "docker", "local"),
        help="default: HAL_ENGINE, or auto: Docker where it has the image",
    )
    group.add_argument(
        "--models-dir", type=values.path, metavar="DIR", help="models folder (default: HAL_MODELS_DIR, see docs)"
    )
    device = group.add_mutually_exclusive_group()
    device.add_argument("--gpu", type=values.gpu, metavar="N", help="the GPU with that number in `nvidia-smi`, or all")
    device.add_argument("--cpu", action="store_true", help="use the processor even if there is a GPU (slow)")
    if keep_alive:
        group.add_argument(
            "--hot-cache",
            type=values.byte_count,
            metavar="SIZE",
            help="Docker: copy models in use to a faster disk, up to e.g. 40GB (default: HAL_HOT_CACHE, or 0: do not)",
        )
        group.add_argument(
            "--keep-alive",
            type=values.duration,
            default=300.0,
            metavar="TIME",
            help="keep the model in memory after use: 10m, 3600, -1 for ever, 0 ends the engine (default: 5m)",
        )


def add_output_options(parser: argparse.ArgumentParser, *, jsonl: bool = False) -> None:
    """Options that every command has."""
    group = parser.add_argument_group("what is told")
    form = group.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one JSON object on standard output, on failure too")
    if jsonl:
        form.add_argument("--jsonl", action="store_true", help="JSON lines with progress, the last is that object")
    group.add_argument("-q", "--quiet", action="store_true", help="only errors on standard error")
    group.add_argument("-v", "--verbose", action="store_true", help="more on standard error")
