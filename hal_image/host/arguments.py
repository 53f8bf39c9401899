"""The whole command line: the options of making a picture are here, those of each command in ``command_arguments``.

Only the standard library is used here: ``--help`` and a typing error are answered before anything is installed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hal_image import about
from hal_image.errors import UsageError
from hal_image.host import argument_values as values
from hal_image.host.argument_parser import Parser, add_engine_options, add_output_options
from hal_image.host.command_arguments import COMMANDS, check, command_parser
from hal_image.request import MAX_CFG, MAX_GUIDANCE, MAX_SEED, MAX_STEPS, SAMPLERS, SCHEDULERS

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

GENERATE = "generate"
MAX_COUNT = 1000

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
        parser = command_parser(argv[0], program)
        options = parser.parse_args(list(argv[1:]))
        options.command = argv[0]
        check(parser, options)
        return options
    options = generate_parser(program).parse_args(list(argv))
    options.command = GENERATE
    return options


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
    text.add_argument("--prompt-file", metavar="FILE", help="read the prompt from a UTF-8 text file")
    text.add_argument("-n", "--negative-prompt", metavar="TEXT", help="what not to draw")

    model = parser.add_argument_group("how to draw it (defaults are the model's own)")
    model.add_argument("-m", "--model", metavar="NAME", help="see `models list` (default: sdxl)")
    model.add_argument("-W", "--width", type=values.side, metavar="PX")
    model.add_argument("-H", "--height", type=values.side, metavar="PX")
    model.add_argument(
        "--size", type=values.size, metavar="WxH", help="both at once, e.g. 768x512, or 512 for a square"
    )
    model.add_argument("--steps", type=values.integer(1, MAX_STEPS), metavar="N", help="sampling steps")
    model.add_argument("--cfg", type=values.number(0, MAX_CFG), metavar="X", help="classifier-free guidance scale")
    model.add_argument(
        "--guidance", type=values.number(0, MAX_GUIDANCE), metavar="X", help="distilled guidance (FLUX dev)"
    )
    model.add_argument("--sampler", type=values.choice(SAMPLERS), metavar="NAME", help="e.g. euler, dpmpp_2m")
    model.add_argument("--scheduler", type=values.choice(SCHEDULERS), metavar="NAME", help="e.g. normal, karras")
    model.add_argument("--seed", type=values.integer(0, MAX_SEED), metavar="N", help="default: random, and shown")
    model.add_argument(
        "-b",
        "--count",
        type=values.integer(1, MAX_COUNT),
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
        "--timeout", type=values.timeout, metavar="TIME", help="give up after, e.g. 90, 10m (default: by steps)"
    )
    engine.add_argument(
        "--low-vram", action="store_true", help="run a model on a GPU with less memory than it needs (slow)"
    )
    engine.add_argument("--no-download", action="store_true", help="fail rather than download a model")
    engine.add_argument("--offline", action="store_true", help="never use the network, not even to install")
    engine.add_argument("--dry-run", action="store_true", help="check everything, show what would run, start nothing")
    add_output_options(parser, jsonl=True)
    return parser
