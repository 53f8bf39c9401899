"""Every command-line option, and the checks that need nothing but the option itself.

Only the standard library is used here: ``--help`` and a typing error are answered before anything is installed. A new
command is a module in ``commands`` and a line in ``COMMANDS``.
"""

from __future__ import annotations

import argparse
import math
import os
from typing import TYPE_CHECKING, Any, NoReturn

from hal_image import about
from hal_image.errors import UsageError
from hal_image.host.durations import parse_duration
from hal_image.host.sizes import parse_size
from hal_image.request import (
    MAX_CFG,
    MAX_GUIDANCE,
    MAX_SEED,
    MAX_SIDE,
    MAX_STEPS,
    MIN_SIDE,
    SAMPLERS,
    SCHEDULERS,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

GENERATE = "generate"
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

MAX_COUNT = 1000
HELP_WIDTH = 100

EPILOG = f"""\
commands:
{chr(10).join(f"  {name:8} {text}" for name, text in COMMANDS.items())}
  (each has its own --help)

examples:
  %(prog)s --prompt "a friendly robot assistant" --output robot.png
  echo "a red cube" | %(prog)s -o cube.png --json
  %(prog)s -p "a castle" --model flux --size 1024x768 --count 3 -o "castle-{{index}}.png"

standard output: the absolute path of each picture, or one JSON object with --json, and nothing else
exit codes: 0 ok, 1 failed, 2 usage, 3 environment, 4 model, 5 timeout, 130/143 stopped by a signal
"""


class Parser(argparse.ArgumentParser):
    """Raises ``UsageError`` instead of printing and exiting, and never guesses at abbreviations."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_abbrev=False, formatter_class=_formatter, **options)

    def error(self, message: str) -> NoReturn:
        """Turns argparse's complaint into ours, with a hint where a person would need one."""
        hint = f"see {self.prog} --help"
        if "expected one argument" in message and ("prompt" in message):
            hint = 'a text that begins with "-" is written with an equals sign: --prompt="-text"'
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


def parse(argv: Sequence[str], program: str) -> argparse.Namespace:
    """Reads the command line; ``.command`` is the verb.

    Raises:
        UsageError: it is wrong; nothing has been started.
        SystemExit: ``--help`` or ``--version`` was asked for and has been printed.
    """
    if argv and not argv[0].startswith("-"):
        if argv[0] not in COMMANDS:
            raise UsageError(
                f"there is no command {argv[0]!r}",
                code="unknown_command",
                hint=f"a prompt goes after --prompt, in quotes; the commands are {', '.join(COMMANDS)}",
            )
        parser = _command_parser(argv[0], program)
        options = parser.parse_args(list(argv[1:]))
        options.command = argv[0]
        if options.command == "models":
            _check_models_options(parser, options)
        return options
    options = generate_parser(program).parse_args(list(argv))
    options.command = GENERATE
    return options


def _check_models_options(parser: Parser, options: argparse.Namespace) -> None:
    """Refuses options that the action does not have: one without effect is a mistake."""
    fitting = MODELS_ACTIONS[options.action]
    for name in dict.fromkeys(name for names in MODELS_ACTIONS.values() for name in names):
        if name not in fitting and getattr(options, name) != parser.get_default(name):
            option = f"--{name.replace('_', '-')}"
            of = ", ".join(action for action, names in MODELS_ACTIONS.items() if name in names)
            raise UsageError(f"models {options.action} has no {option}", hint=f"it belongs to: {of}")


def generate_parser(program: str) -> Parser:
    """The options of making a picture."""
    parser = Parser(
        prog=program,
        usage="%(prog)s --prompt TEXT [options]\n       %(prog)s COMMAND [options]",
        description="Turn a prompt into a picture with Stable Diffusion or FLUX on your own machine.",
        epilog=EPILOG,
    )
    parser.add_argument("--version", action="version", version=f"{about.PROGRAM} {about.version()}")

    text = parser.add_argument_group("what to draw")
    text.add_argument("-p", "--prompt", metavar="TEXT", help='the prompt; "-" reads it from standard input')
    text.add_argument("--prompt-file", type=_path, metavar="FILE", help="read the prompt from a UTF-8 text file")
    text.add_argument("-n", "--negative-prompt", metavar="TEXT", help="what not to draw")

    model = parser.add_argument_group("how to draw it (defaults are the model's own)")
    model.add_argument("-m", "--model", metavar="NAME", help="see `models list` (default: sdxl)")
    model.add_argument("-W", "--width", type=_side, metavar="PX")
    model.add_argument("-H", "--height", type=_side, metavar="PX")
    model.add_argument("--size", type=_size, metavar="WxH", help="both at once, e.g. 768x512, or 512 for a square")
    model.add_argument("--steps", type=_integer(1, MAX_STEPS), metavar="N", help="sampling steps")
    model.add_argument("--cfg", type=_number(0, MAX_CFG), metavar="X", help="classifier-free guidance scale")
    model.add_argument("--guidance", type=_number(0, MAX_GUIDANCE), metavar="X", help="distilled guidance (FLUX dev)")
    model.add_argument("--sampler", type=_choice(SAMPLERS), metavar="NAME", help="e.g. euler, dpmpp_2m")
    model.add_argument("--scheduler", type=_choice(SCHEDULERS), metavar="NAME", help="e.g. normal, karras")
    model.add_argument("--seed", type=_integer(0, MAX_SEED), metavar="N", help="default: random, and shown")
    model.add_argument(
        "-b",
        "--count",
        type=_integer(1, MAX_COUNT),
        default=1,
        metavar="N",
        help="pictures; seeds count up from --seed",
    )

    out = parser.add_argument_group("where it goes")
    out.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        help='file, folder/, or "-" for PNG bytes on standard output; {seed} {index} {model} {date} are filled in',
    )
    out.add_argument("--no-clobber", action="store_true", help="fail rather than replace a file")

    add_engine_options(parser, keep_alive=True)
    engine = parser.add_argument_group("limits")
    engine.add_argument(
        "--timeout", type=_timeout, metavar="TIME", help="give up after, e.g. 90, 10m (default: by steps)"
    )
    engine.add_argument(
        "--low-vram", action="store_true", help="run a model on a GPU with less memory than it needs (slow)"
    )
    engine.add_argument("--no-download", action="store_true", help="fail rather than download a model")
    engine.add_argument("--offline", action="store_true", help="never use the network, not even to install")
    engine.add_argument("--dry-run", action="store_true", help="check everything, show what would run, start nothing")
    add_output_options(parser, jsonl=True)
    return parser


def add_engine_options(parser: argparse.ArgumentParser, *, keep_alive: bool) -> None:
    """Options that choose or set up the engine."""
    group = parser.add_argument_group("what runs it")
    group.add_argument(
        "--engine",
        choices=("auto", "docker", "local"),
        help="default: HAL_ENGINE, or auto: Docker where it has the image",
    )
    group.add_argument(
        "--models-dir", type=_path, metavar="DIR", help="models folder (default: HAL_MODELS_DIR, see docs)"
    )
    device = group.add_mutually_exclusive_group()
    device.add_argument("--gpu", type=_gpu, metavar="N", help="the GPU with that number in `nvidia-smi`, or all")
    device.add_argument("--cpu", action="store_true", help="use the processor even if there is a GPU (slow)")
    if keep_alive:
        group.add_argument(
            "--hot-cache",
            type=_bytes,
            metavar="SIZE",
            help="Docker: copy models in use to a faster disk, up to e.g. 40GB (default: HAL_HOT_CACHE, or 0: do not)",
        )
        group.add_argument(
            "--keep-alive",
            type=_duration,
            default=300.0,
            metavar="TIME",
            help="keep the model in memory after use: 10m, 3600, -1 for ever, 0 ends the engine (default: 5m)",
        )


def add_output_options(parser: argparse.ArgumentParser, *, jsonl: bool = False) -> None:
    """Options that every command has."""
    group = parser.add_argument_group("what is told")
    group.add_argument("--json", action="store_true", help="one JSON object on standard output, on failure too")
    if jsonl:
        group.add_argument("--jsonl", action="store_true", help="JSON lines with progress, the last is that object")
    group.add_argument("-q", "--quiet", action="store_true", help="only errors on standard error")
    group.add_argument("-v", "--verbose", action="store_true", help="more on standard error")


def _command_parser(name: str, program: str) -> Parser:
    parser = Parser(prog=f"{program} {name}", description=COMMANDS[name].capitalize() + ".")
    if name == "models":
        _add_models_options(parser)
    elif name == "serve":
        add_engine_options(parser, keep_alive=True)
        parser.add_argument("--offline", action="store_true", help="never use the network, not even to install")
        parser.add_argument("--timeout", type=_timeout, metavar="TIME", help="give up after")
    elif name == "stop":
        parser.add_argument("--models-dir", type=_path, metavar="DIR", help="only the engine of this models folder")
        parser.add_argument("--force", action="store_true", help="cancel what is running instead of finishing it")
        parser.add_argument(
            "--timeout", type=_timeout, default=600.0, metavar="TIME", help="give up after (default: 10m)"
        )
    elif name == "info":
        parser.add_argument("image", type=_path, help="a PNG file")
    elif name == "doctor":
        parser.add_argument("--models-dir", type=_path, metavar="DIR", help="models folder")
    add_output_options(parser, jsonl=name == "models")
    return parser


def _add_models_options(parser: Parser) -> None:
    parser.add_argument("action", choices=tuple(MODELS_ACTIONS), nargs="?", default="list", help="what to do")
    parser.add_argument("names", nargs="*", metavar="NAME", help="models; for add a file, for import a folder")
    parser.add_argument("--models-dir", type=_path, metavar="DIR", help="models folder")
    own = parser.add_argument_group("for some actions")
    own.add_argument("--engine", choices=("auto", "docker", "local"), help="pull, verify: what downloads")
    own.add_argument("--timeout", type=_timeout, metavar="TIME", help="pull, verify, add, import: give up after")
    own.add_argument("--repair", action="store_true", help="verify: download damaged files anew")
    own.add_argument("--yes", action="store_true", help="rm, prune: do not ask")
    own.add_argument("--dry-run", action="store_true", help="rm, prune: only say what would be removed")
    own.add_argument("--max-size", type=_bytes, metavar="SIZE", help="prune: what may stay, e.g. 40GB")
    own.add_argument("--name", metavar="NAME", help="add: what --model will call it")


# -- values -----------------------------------------------------------------------------------------------------------


def _bad(message: str) -> argparse.ArgumentTypeError:
    return argparse.ArgumentTypeError(message)


def _integer(low: int, high: int) -> Callable[[str], int]:
    def convert(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise _bad(f"{text!r} is no whole number; give {low} to {high}") from None
        if not low <= value <= high:
            raise _bad(f"{value} is out of range; give {low} to {high}")
        return value

    return convert


def _number(low: float, high: float) -> Callable[[str], float]:
    def convert(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            raise _bad(f"{text!r} is no number; give {low:g} to {high:g}") from None
        if not math.isfinite(value) or not low <= value <= high:
            raise _bad(f"{text} is out of range; give {low:g} to {high:g}")
        return value

    return convert


_side = _integer(MIN_SIDE, MAX_SIDE)


def _size(text: str) -> tuple[int, int]:
    width, cross, height = text.lower().replace("×", "x").partition("x")
    try:
        return (_side(width), _side(height)) if cross else (_side(width), _side(width))
    except argparse.ArgumentTypeError as error:
        raise _bad(f"{text!r} is no size ({error}); write for example 768x512") from None


def _choice(names: Sequence[str]) -> Callable[[str], str]:
    def convert(text: str) -> str:
        if text not in names:
            raise _bad(f"{text!r} is not known; give one of {', '.join(names)}")
        return text

    return convert


def _duration(text: str) -> float:
    try:
        return parse_duration(text)
    except ValueError:
        raise _bad(f"{text!r} is no duration; write for example 90, 10m, 1h30m, or -1 for ever") from None


def _path(text: str) -> str:
    try:
        fit = b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:  # as may stand in JSON
        fit = False
    if not fit:
        raise _bad(f"{text!r} can be the name of no file; write the path of one")
    return text


def _gpu(text: str) -> str:
    if text == "all" or (text.isascii() and text.isdigit()):
        return text if text == "all" else str(int(text))
    raise _bad(f"{text!r} is no GPU; give its number in `nvidia-smi`, as in 0, or all")


def _bytes(text: str) -> int:
    try:
        return parse_size(text)
    except ValueError:
        raise _bad(f"{text!r} is no size; write for example 40GB or 500MB") from None


def _timeout(text: str) -> float:
    seconds = _duration(text)
    if seconds <= 0:
        raise _bad(f"{text!r} is no time limit; write for example 90 or 10m")
    return seconds
