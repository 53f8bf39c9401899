"""The options of each command.

A new command is a line in ``COMMANDS``, a function in ``_OPTIONS`` if it has options of its own, and a module of its
name in ``hal_image.host.commands``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hal_image.errors import UsageError
from hal_image.host import argument_values as values
from hal_image.host.argument_parser import Parser, add_engine_options, add_output_options

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

COMMANDS = {
    "models": "list, show, download, check and remove models, and add your own",
    "serve": "start the engine now, so that the first picture comes sooner",
    "ps": "show the engines that are running",
    "stop": "stop them",
    "info": "show how a picture was made",
    "doctor": "check this machine and say what to fix",
}
"""Every verb with its help line; ``hal_image.host.commands`` has a module of the same name for each."""

MODELS_ACTIONS: dict[str, tuple[str, ...]] = {
    "list": (),
    "show": (),
    "pull": ("engine", "timeout"),
    "verify": ("engine", "timeout", "repair"),
    "rm": ("yes", "dry_run"),
    "prune": ("yes", "dry_run", "max_size"),
    "add": ("timeout", "name"),
    "import": ("timeout",),
}
"""What ``models`` does, and the options that only some of it has."""

WITH_JSONL = {"models"}
"""Commands that can stream what they do."""


def command_parser(name: str, program: str) -> Parser:
    """The options of the command ``name``."""
    parser = Parser(prog=f"{program} {name}", description=COMMANDS[name].capitalize() + ".")
    add_own = _OPTIONS.get(name)
    if add_own is not None:
        add_own(parser)
    add_output_options(parser, jsonl=name in WITH_JSONL)
    return parser


def check(parser: Parser, options: argparse.Namespace) -> None:
    """Looks at what no option shows by itself.

    Args:
        parser: what read the options.
        options: of a command; ``.command`` is its name.

    Raises:
        UsageError: ``usage``: they do not go together.
    """
    if options.command == "models":
        _check_models(parser, options)


def _check_models(parser: Parser, options: argparse.Namespace) -> None:
    """Refuses options that the action does not have: one without effect is a mistake."""
    fitting = MODELS_ACTIONS[options.action]
    for name in dict.fromkeys(name for names in MODELS_ACTIONS.values() for name in names):
        if name not in fitting and getattr(options, name) != parser.get_default(name):
            option = f"--{name.replace('_', '-')}"
            of = ", ".join(action for action, names in MODELS_ACTIONS.items() if name in names)
            raise UsageError(f"models {options.action} has no {option}", hint=f"it belongs to: {of}")


def _models(parser: Parser) -> None:
    parser.add_argument("action", choices=tuple(MODELS_ACTIONS), nargs="?", default="list", help="what to do")
    parser.add_argument("names", nargs="*", metavar="NAME", help="models; for add a file, for import a folder")
    parser.add_argument("--models-dir", metavar="DIR", help="models folder")
    own = parser.add_argument_group("for some actions")
    own.add_argument("--engine", choices=("auto", "docker", "local"), help="pull, verify: what downloads")
    own.add_argument("--timeout", type=values.timeout, metavar="TIME", help="pull, verify, add, import: give up after")
    own.add_argument("--repair", action="store_true", help="verify: download damaged files anew")
    own.add_argument("--yes", action="store_true", help="rm, prune: do not ask")
    own.add_argument("--dry-run", action="store_true", help="rm, prune: only say what would be removed")
    own.add_argument("--max-size", type=values.byte_count, metavar="SIZE", help="prune: what may stay, e.g. 40GB")
    own.add_argument("--name", metavar="NAME", help="add: what --model will call it")


def _serve(parser: Parser) -> None:
    add_engine_options(parser, keep_alive=True)
    parser.add_argument("--offline", action="store_true", help="never use the network, not even to install")
    parser.add_argument("--timeout", type=values.timeout, metavar="TIME", help="give up after")


def _stop(parser: Parser) -> None:
    parser.add_argument("--models-dir", metavar="DIR", help="only the engine of this models folder")
    parser.add_argument("--force", action="store_true", help="cancel what is running instead of finishing it")
    parser.add_argument(
        "--timeout", type=values.timeout, default=600.0, metavar="TIME", help="give up after (default: 10m)"
    )


def _info(parser: Parser) -> None:
    parser.add_argument("image", help="a PNG file")


def _doctor(parser: Parser) -> None:
    parser.add_argument("--models-dir", metavar="DIR", help="models folder")


_OPTIONS: dict[str, Callable[[Parser], None]] = {
    "models": _models,
    "serve": _serve,
    "stop": _stop,
    "info": _info,
    "doctor": _doctor,
}
