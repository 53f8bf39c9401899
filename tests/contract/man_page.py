"""``python3 -m tests.contract.man_page``: man/hal-generate-image.1, made from the parsers, on standard output.

Made from what the parsers hold, as the page of the command line is, and not with argparse-manpage, which formats
through argparse: its text differs between Pythons, and it knows no commands before options.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from hal_image import about
from hal_image.host.arguments import generate_parser
from hal_image.host.command_arguments import COMMANDS, command_parser
from tests.contract.cli_reference import SYNOPSIS

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable

ROOT = Path(__file__).parents[2]
EXAMPLES = (
    'hal-generate-image --prompt "a friendly robot assistant" --output robot.png',
    'echo "a red cube" | hal-generate-image -o cube.png --json',
    'hal-generate-image -p "a castle" --model flux --size 1024x768 --count 3 -o "castle-{index}.png"',
    "hal-generate-image models pull flux-schnell",
)
DESCRIPTION = """\
Options alone make pictures; a first word without a dash is a command. The prompt comes from --prompt, from a file with
--prompt-file, or from standard input. A model that is not there is downloaded when it is first used, unless
--no-download is given. The engine that draws is started by the first call and stays for the next ones.

Standard output carries the absolute path of each picture, or one JSON object with --json, on failure too, and nothing
else. Everything else goes to standard error."""


def page() -> str:
    """The whole of man/hal-generate-image.1."""
    generate = generate_parser(about.PROGRAM)
    lines = [
        '.\\" Made by `python3 -m tests.contract.man_page`.',
        f'.TH {about.PROGRAM.upper()} 1 "" "{about.PROGRAM} {about.version()}" "User commands"',
        ".SH NAME",
        f"{_text(about.PROGRAM)} \\- turn a prompt into a picture on your own machine",
        ".SH SYNOPSIS",
        f".B {_text(about.PROGRAM)}",
        "\\-\\-prompt",
        ".I TEXT",
        "[options]",
        ".br",
        f".B {_text(about.PROGRAM)}",
        ".I COMMAND",
        "[options]",
        ".SH DESCRIPTION",
        _text(DESCRIPTION).replace("\n\n", "\n.PP\n"),
        ".SH OPTIONS",
    ]
    for group in generate._action_groups:
        if group._group_actions:
            lines += [f".SS {_text((group.title or '').capitalize())}", *_options(group._group_actions)]
    lines += [".SH COMMANDS"]
    for name, told in COMMANDS.items():
        calls = SYNOPSIS.get(name, name).splitlines()
        synopsis = "\n.br\n".join(f".B {_text(f'{about.PROGRAM} {call}')}" for call in calls)
        lines += [f".SS {_text(name)}", f"{_text(told[:1].upper() + told[1:])}.", ".PP", synopsis]
        lines += _options(command_parser(name, about.PROGRAM)._actions)
    lines += [".SH EXIT STATUS", *_listed(_table("exit-codes.md", 0))]
    lines += [".SH ENVIRONMENT", *_listed(row for at in range(4) for row in _table("environment.md", at))]
    lines += [".SH EXAMPLES", ".nf", *map(_text, EXAMPLES), ".fi"]
    return "\n".join(lines) + "\n"


def _options(actions: Iterable[argparse.Action]) -> Iterable[str]:
    for action in actions:
        names = ", ".join(action.option_strings) or str(action.metavar or action.dest.upper())
        value = "" if action.nargs == 0 or not action.option_strings else f" {action.metavar or action.dest.upper()}"
        choices = "" if action.choices is None else ": " + ", ".join(map(str, action.choices))
        told = (action.help or "").replace("%(prog)s", about.PROGRAM).replace("%%", "%")
        yield from (".TP", f".B {_text(names + value)}", _text(told + choices))


def _table(name: str, number: int) -> list[tuple[str, ...]]:
    """The rows of a table of a page of the reference, without its head."""
    text = (ROOT / "docs" / "reference" / name).read_text(encoding="utf-8")
    table = re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)[number].splitlines()[2:]
    return [tuple(cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]) for row in table]


def _listed(rows: Iterable[tuple[str, ...]]) -> Iterable[str]:
    for first, told, *default in rows:
        more = f" (default: {default[0]})" if default and default[0] else ""
        yield from (".TP", f".B {_text(_plain(first))}", _text(_plain(told + more)))


def _plain(markdown: str) -> str:
    return re.sub(r"\[([^\]]+)\]\([^)]+\)", r"\1", markdown).replace("`", "").replace("\\|", "|")


def _text(text: str) -> str:
    """Text as roff takes it, each dash as the one that can be copied into a shell."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-").replace("…", "...").replace('"', "\\(dq")
    return f"\\&{escaped}" if escaped.startswith((".", "'")) else escaped


if __name__ == "__main__":
    sys.stdout.write(page())
