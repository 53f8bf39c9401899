"""The whole command line: making a picture is here, each command in ``command_arguments``.

Only the standard library is used here: ``--help`` and a typing error are answered before anything is installed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hal_image import about
from hal_image.errors import UsageError
from hal_image.host import argument_values as values
from hal_image.host.argument_parser import Parser, add_engine_options, add_output_options
from hal_image.host.command_arguments import COMMANDS, check, command_parser
from hal_image.host.drawing_arguments import (
    add_from_image,
    add_limit_options,
    add_model_options,
    add_preset_options,
    add_target_options,
    add_vary_option,
)
from hal_image.host.extra_arguments import add_extra_options
from hal_image.host.init_arguments import add_init_options
from hal_image.host.sparing import add_memory_options
from hal_image.host.upscale_arguments import add_enlarging_options
from hal_image.host.workflow_arguments import add_workflow_options

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

GENERATE = "generate"

EPILOG = f"""\
commands:
{chr(10).join(f"  {name:10} {text}" for name, text in COMMANDS.items())}
  (each has its own --help)

examples:
  %(prog)s --prompt "a friendly robot assistant" --output robot.png
  echo "a red cube" | %(prog)s -o cube.png --json
  %(prog)s -p "a castle" --model flux --size 1024x768 --count 3 -o "castle-{{index}}.png"

standard output: the absolute path of each picture, or one JSON object with --json, and nothing else
exit codes: 0 ok, 1 failed, 2 usage, 3 environment, 4 model, 5 timeout, 6 some of a batch, 130/143 by a signal
"""


def parse(argv: Sequence[str], program: str) -> argparse.Namespace:
    """Reads the command line; ``.command`` is the verb. ``.given`` names the options that were given, where
    ``--from-image`` may want to know.

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
        if "from_image" in options:  # of a batch: its lines may have one
            options.given = parser.given(argv[1:])
        return options
    parser = generate_parser(program)
    options = parser.parse_args(list(argv))
    options.command = GENERATE
    if options.from_image is not None or options.preset:
        options.given = parser.given(argv)
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
    text.add_argument("--prompt-file", type=values.path, metavar="FILE", help="read the prompt from a UTF-8 text file")
    text.add_argument("-n", "--negative-prompt", metavar="TEXT", help="what not to draw")
    add_from_image(text)

    add_model_options(parser)
    add_extra_options(parser)
    add_init_options(parser)
    add_enlarging_options(parser)
    add_memory_options(parser)
    add_workflow_options(parser)
    add_preset_options(parser)
    add_vary_option(parser)
    add_target_options(
        parser,
        'file, folder/, or "-" for the bytes on standard output; {seed} {index} {model} {date} are filled in',
    )
    add_engine_options(parser, keep_alive=True)
    add_limit_options(parser, "give up after, e.g. 90, 10m (default: by steps)")
    add_output_options(parser, jsonl=True)
    return parser
