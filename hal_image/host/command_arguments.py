"""The options of each command.

A new command is a line in ``COMMANDS``, a function in ``_OPTIONS`` if it has options of its own, and a module of its
name in ``hal_image.host.commands``.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from hal_image.errors import UsageError
from hal_image.host import argument_values as values
from hal_image.host.argument_parser import Parser, add_engine_options, add_output_options
from hal_image.host.drawing_arguments import (
    add_from_image,
    add_limit_options,
    add_model_options,
    add_preset_options,
    add_target_options,
)
from hal_image.host.extra_arguments import add_extra_options
from hal_image.host.init_arguments import add_init_options
from hal_image.host.sparing import add_memory_options
from hal_image.host.upscale_arguments import add_enlarging_options, add_upscale_options
from hal_image.host.workflow_arguments import add_workflow_options

if TYPE_CHECKING:
    from collections.abc import Callable

COMMANDS = {
    "batch": "make a picture of each line of a file or pipe",
    "upscale": "enlarge a picture that is there already",
    "models": "list, show, download, check and remove models, and add your own",
    "presets": "list and show your presets",
    "jobs": "show the jobs, wait for one, or cancel some",
    "wait": "come for the picture of a job whose call gave up or died",
    "serve": "start the engine now, so that the first picture comes sooner",
    "ps": "show the engines that are running",
    "stop": "stop them",
    "info": "show how a picture was made",
    "doctor": "check this machine and say what to fix",
    "hal8000": "tell a HAL8000 project about this tool, or take that back",
    "mcp": "serve coding agents over the Model Context Protocol",
    "completion": "print what makes bash, zsh or fish complete these commands",
}
"""Every verb with its help line; ``hal_image.host.commands`` has a module of the same name for each."""

MODELS_ACTIONS: dict[str, tuple[str, ...]] = {
    "list": (),
    "show": ("vram",),
    "pull": ("engine", "timeout"),
    "verify": ("engine", "timeout", "repair"),
    "rm": ("yes", "dry_run"),
    "prune": ("yes", "dry_run", "max_size"),
    "add": ("timeout", "name"),
    "import": ("timeout",),
}
JOBS_ACTIONS: dict[str, tuple[str, ...]] = {
    "list": ("all",),
    "wait": ("output", "no_clobber", "timeout"),
    "cancel": ("all",),
}
HAL8000_ACTIONS: dict[str, tuple[str, ...]] = {
    "register": ("models_dir", "bump", "dry_run"),
    "unregister": ("dry_run",),
    "status": ("models_dir",),
}
ACTIONS = {"models": MODELS_ACTIONS, "jobs": JOBS_ACTIONS, "hal8000": HAL8000_ACTIONS}
"""What commands with actions do, and the options that only some of it has."""

WITH_JSONL = {"batch", "upscale", "models", "jobs", "wait", "serve"}
"""Commands that can stream what they do."""


def command_parser(name: str, program: str) -> Parser:
    """The options of the command ``name``."""
    parser = Parser(prog=f"{program} {name}", description=f"{COMMANDS[name][:1].upper()}{COMMANDS[name][1:]}.")
    add_own = _OPTIONS.get(name)
    if add_own is not None:
        add_own(parser)
    add_output_options(parser, jsonl=name in WITH_JSONL)
    return parser


def check(parser: Parser, options: argparse.Namespace) -> None:
    """Refuses options that the action does not have: one without effect is a mistake.

    Args:
        parser: what read the options.
        options: of a command; ``.command`` is its name.

    Raises:
        UsageError: ``usage``.
    """
    actions = ACTIONS.get(options.command, {})
    fitting = actions.get(getattr(options, "action", None) or "", ())
    for name in dict.fromkeys(name for names in actions.values() for name in names):
        if name not in fitting and getattr(options, name) != parser.get_default(name):
            option = f"--{name.replace('_', '-')}"
            of = ", ".join(action for action, names in actions.items() if name in names)
            raise UsageError(f"{options.command} {options.action} has no {option}", hint=f"it belongs to: {of}")


def _models(parser: Parser) -> None:
    parser.add_argument("action", choices=tuple(MODELS_ACTIONS), nargs="?", default="list", help="what to do")
    parser.add_argument("names", nargs="*", metavar="NAME", help="of models.yaml; for add a file, for import a folder")
    parser.add_argument("--models-dir", type=values.path, metavar="DIR", help="models folder")
    own = parser.add_argument_group("for some actions")
    own.add_argument("--engine", choices=("auto", "docker", "local"), help="pull, verify: what downloads")
    own.add_argument("--timeout", type=values.timeout, metavar="TIME", help="pull, verify, add, import: give up after")
    own.add_argument("--repair", action="store_true", help="verify: download damaged files anew")
    own.add_argument("--yes", action="store_true", help="rm, prune: do not ask")
    own.add_argument("--dry-run", action="store_true", help="rm, prune: only say what would be removed")
    own.add_argument("--max-size", type=values.byte_count, metavar="SIZE", help="prune: what may stay, e.g. 40GB")
    own.add_argument("--name", metavar="NAME", help="add: what it will be called")
    own.add_argument(
        "--vram", type=values.number(0.5, 1024), metavar="GB", help="show: plan for a card of so much memory"
    )


def _batch(parser: Parser) -> None:
    parser.add_argument("file", metavar="FILE", help='prompts or JSON objects, one a line; "-" reads standard input')
    parser.add_argument("--resume", action="store_true", help="make only what an earlier run of it did not finish")
    parser.add_argument("-n", "--negative-prompt", metavar="TEXT", help="what not to draw")
    add_from_image(parser)
    add_model_options(parser)
    add_extra_options(parser)
    add_init_options(parser)
    add_enlarging_options(parser)
    add_memory_options(parser)
    add_workflow_options(parser)
    add_preset_options(parser)
    add_target_options(parser, "template or folder/; {index} is the number of the line, {seed} {model} {date} as usual")
    add_engine_options(parser, keep_alive=True)
    add_limit_options(parser, "give up a picture after, e.g. 90, 10m (default: by steps)")


def _presets(parser: Parser) -> None:
    parser.add_argument("action", choices=("list", "show"), nargs="?", default="list", help="what to do")
    parser.add_argument("preset", nargs="?", metavar="NAME", help="show: which one")


def _upscale(parser: Parser) -> None:
    add_upscale_options(parser)
    add_target_options(
        parser, 'file, folder/, or "-" for the bytes on standard output (default: NAME-2x.png)', steps=False
    )
    add_engine_options(parser, keep_alive=True)
    group = parser.add_argument_group("limits")
    group.add_argument("--timeout", type=values.timeout, metavar="TIME", help="give up after (default: by size)")
    group.add_argument("--no-download", action="store_true", help="fail rather than download an upscale model")
    group.add_argument("--offline", action="store_true", help="never use the network, not even to install")
    group.add_argument("--dry-run", action="store_true", help="check everything, show what would run, start nothing")


def _wait(parser: Parser) -> None:
    parser.add_argument("id", nargs="?", metavar="ID", help="the job, or the first 8 characters of its id or more")
    _add_wait_options(parser)


def _add_wait_options(parser: Parser) -> None:
    parser.add_argument("-o", "--output", metavar="FILE", help="write the picture there, not where it was to go")
    parser.add_argument("--no-clobber", action="store_true", help="fail rather than replace that file")
    parser.add_argument(
        "--timeout", type=values.timeout, metavar="TIME", help="give up after; the job runs on (default: by steps)"
    )


def _jobs(parser: Parser) -> None:
    parser.add_argument("action", choices=tuple(JOBS_ACTIONS), nargs="?", default="list", help="what to do")
    parser.add_argument("ids", nargs="*", metavar="ID", help="wait, cancel: the job, or the beginning of its id")
    parser.add_argument("--all", action="store_true", help="list, cancel: all jobs")
    _add_wait_options(parser)


def _serve(parser: Parser) -> None:
    parser.add_argument("-m", "--model", metavar="NAME", help="load it, too")
    add_engine_options(parser, keep_alive=True)
    parser.add_argument(
        "--low-vram", action="store_true", help="load a model on a GPU with less memory than it needs (slow)"
    )
    parser.add_argument("--offline", action="store_true", help="never use the network, not even to install")
    parser.add_argument("--timeout", type=values.timeout, metavar="TIME", help="give up after")


def _stop(parser: Parser) -> None:
    parser.add_argument("--models-dir", type=values.path, metavar="DIR", help="only the engine of this models folder")
    parser.add_argument("--force", action="store_true", help="cancel what is running instead of finishing it")
    parser.add_argument(
        "--timeout", type=values.timeout, default=600.0, metavar="TIME", help="give up after (default: 10m)"
    )


def _info(parser: Parser) -> None:
    parser.add_argument("image", type=values.path, help="a PNG, WebP, JPEG or AVIF file")


def _doctor(parser: Parser) -> None:
    parser.add_argument("--models-dir", type=values.path, metavar="DIR", help="models folder")


def _hal8000(parser: Parser) -> None:
    parser.add_argument("action", choices=tuple(HAL8000_ACTIONS), help="what to do")
    parser.add_argument(
        "--project", metavar="DIR", help="the project's root (default: found from the tool, or from here)"
    )
    parser.add_argument("--models-dir", metavar="DIR", help="models folder")
    own = parser.add_argument_group("for some actions")
    own.add_argument(
        "--bump", choices=("major", "minor", "patch"), help="register: a new VERSION, told in CHANGELOG.md"
    )
    own.add_argument("--dry-run", action="store_true", help="register, unregister: only show the changes")


def _mcp(parser: Parser) -> None:
    parser.add_argument("--root", metavar="DIR", help="folder that relative paths count from (default: this one)")
    parser.add_argument(
        "--wait",
        type=values.timeout,
        default=50.0,
        metavar="TIME",
        help="give out a job id after, unless the call says; below the client's own limit (default: 50)",
    )
    add_engine_options(parser, keep_alive=True)
    parser.add_argument("--low-vram", action="store_true", help="run models on a GPU with less memory than they need")
    parser.add_argument("--offline", action="store_true", help="never use the network, not even to install")


def _completion(parser: Parser) -> None:
    parser.add_argument("action", choices=("bash", "zsh", "fish", "next"), help="the shell; next: what may come next")
    parser.add_argument(
        "--words",
        nargs=argparse.REMAINDER,
        metavar="WORD",
        help="next: the command line without the program, up to the cursor; the last of all options",
    )


_OPTIONS: dict[str, Callable[[Parser], None]] = {
    "batch": _batch,
    "upscale": _upscale,
    "models": _models,
    "presets": _presets,
    "jobs": _jobs,
    "wait": _wait,
    "serve": _serve,
    "stop": _stop,
    "info": _info,
    "doctor": _doctor,
    "hal8000": _hal8000,
    "mcp": _mcp,
    "completion": _completion,
}
