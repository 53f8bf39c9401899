"""``python3 -m tests.contract.cli_reference``: docs/reference/cli.md, made from the parsers, on standard output.

The options are written from what the parsers hold, not from argparse's own help text, which differs between Pythons.
Nothing but the standard library is needed.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from hal_image import request
from hal_image.about import SCRIPT
from hal_image.host.arguments import MAX_COUNT, generate_parser
from hal_image.host.command_arguments import COMMANDS, command_parser
from hal_image.host.output import DEFAULT_NAME
from hal_image.host.request_builder import RANDOM_SEEDS
from hal_image.host.session import default_timeout
from hal_image.models.types import SIZE_MULTIPLE

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable

SYNOPSIS = {
    "models": (
        "models [list]\nmodels show NAME\nmodels pull NAME...\nmodels verify [NAME...] [--repair]\n"
        "models rm NAME... [--yes] [--dry-run]\nmodels prune --max-size SIZE [--yes] [--dry-run]\n"
        "models add PATH|URL|hf:OWNER/REPO/FILE --name NAME\nmodels import DIR"
    ),
    "info": "info IMAGE",
}
"""How a command is called; one that is not here takes options only."""

HEAD = """\
# Command line

<!-- Made by `python3 -m tests.contract.cli_reference`. A change belongs into hal_image/host/*arguments.py or there. -->

```
hal_generate_image.py --prompt TEXT [options]
hal_generate_image.py COMMAND [options]
```

Options alone make pictures. There is never a prompt without `--prompt` in front of it, so a first word without `-` is
always a command: {commands}.

Options are written in full or with their one letter; they are never abbreviated.

From a checkout the program is `python3 hal_generate_image.py`, after `pip install .` it is `hal-generate-image`; both
take the same options.

## Making pictures

Numbers, sizes and names are checked before anything is started, and an error says which values there are.
"""

VALUES = """\
### The prompt

From `--prompt TEXT`, or `--prompt-file FILE` (UTF-8), or standard input: with `--prompt -`, and also without any of
them when standard input is not a terminal. A text that begins with `-` needs an equals sign: `--prompt="-text"`.

### Values

| | |
|---|---|
| width, height | {min_side} to {max_side} pixels, a multiple of {multiples} |
| steps | 1 to {max_steps} |
| cfg, guidance | 0 to {max_cfg:g}, 0 to {max_guidance:g} |
| seed | 0 to {max_seed}. A random one is below {random_seeds} |
| count | 1 to {max_count} |
| TIME | `90`, `90s`, `10m`, `1h30m`; for `--keep-alive` also `-1` (for ever) and `0` |
| sampler | {samplers} |
| scheduler | {schedulers} |

### The file

`--output` is a file name, absolute or from the current directory; folders that are missing are made. An existing
folder, or a name that ends in `/`, gets `{default_name}` in it, which is also the name without
`--output`. The name ends in `.png` or has no suffix.

| in the name | |
|---|---|
| `{{seed}}` | the picture's seed |
| `{{index}}` | its number, from 1; `{{index:03}}` is 001 |
| `{{model}}` | the model's name |
| `{{date}}` | `YYYYMMDD-HHMMSS`, local time, the same for all pictures of a call |

A brace that is meant as one is written twice. Several pictures under one name get `-1`, `-2` and so on before the
suffix. A file that exists is replaced; with `--no-clobber` that is an error.

`--output -` writes the PNG itself to standard output, for one picture and not with `--json` or `--jsonl`.

### The time limit

`--timeout` is for the whole command, from installing the engine to the last picture; making the tool's own venv, the
first time, has the same limit for itself. Without `--timeout` there is no limit until a picture starts; from then on
that picture has {gpu_step:g} s a step and {gpu_rest:g} s, and on a processor {cpu_step:g} s a step and {cpu_rest:g} s.
"""


def main() -> None:
    """Write the page; with the argument ``help`` the text of ``--help``, with Python 3.12 or older."""
    sys.stdout.write(generate_parser(SCRIPT).format_help() if sys.argv[1:] == ["help"] else page())


def page() -> str:
    """The whole of docs/reference/cli.md."""
    parts = [HEAD.format(commands=", ".join(f"`{name}`" for name in COMMANDS))]
    generate = generate_parser(SCRIPT)
    for group in generate._action_groups:
        if group._group_actions:
            parts.append(f"### {_capitalised(group.title or '')}\n")
            parts.append(_table(group._group_actions, generate.prog))
    parts.append(_values())
    for name, text in COMMANDS.items():
        parser = command_parser(name, SCRIPT)
        calls = SYNOPSIS.get(name, name).splitlines()
        synopsis = "\n".join(f"{SCRIPT} {call} [options]" for call in calls)
        parts.append(f"## {name}\n\n{_capitalised(text)}.\n\n```\n{synopsis}\n```\n")
        parts.append(
            _table([action for group in parser._action_groups for action in group._group_actions], parser.prog)
        )
    parts.append(
        "What standard output carries: [JSON output](json-output.md). What can fail: [exit codes](exit-codes.md).\n"
    )
    return "\n".join(parts)


def _table(actions: Iterable[argparse.Action], program: str) -> str:
    rows = ["| option | value | |", "|---|---|---|", *(_row(action, program) for action in actions)]
    return "\n".join(rows) + "\n"


def _capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]


def _row(action: argparse.Action, program: str) -> str:
    names = ", ".join(f"`{name}`" for name in action.option_strings) or f"`{action.metavar or action.dest.upper()}`"
    text = (action.help or "").replace("%(prog)s", program).replace("%%", "%").replace("|", "\\|")
    return f"| {names} | {_value(action)} | {text} |"


def _value(action: argparse.Action) -> str:
    if action.choices is not None:
        return ", ".join(f"`{choice}`" for choice in action.choices)
    if action.nargs == 0 or not action.option_strings:
        return ""
    return f"`{action.metavar or action.dest.upper()}`"


def _values() -> str:
    multiples = ", ".join(f"{multiple} (`{family}`)" for family, multiple in SIZE_MULTIPLE.items())
    return VALUES.format(
        min_side=request.MIN_SIDE,
        max_side=request.MAX_SIDE,
        multiples=multiples,
        max_steps=request.MAX_STEPS,
        max_cfg=request.MAX_CFG,
        max_guidance=request.MAX_GUIDANCE,
        max_seed=request.MAX_SEED,
        random_seeds=RANDOM_SEEDS,
        max_count=MAX_COUNT,
        samplers=", ".join(f"`{name}`" for name in request.SAMPLERS),
        schedulers=", ".join(f"`{name}`" for name in request.SCHEDULERS),
        default_name=DEFAULT_NAME,
        gpu_step=default_timeout(1, on_cpu=False) - default_timeout(0, on_cpu=False),
        gpu_rest=default_timeout(0, on_cpu=False),
        cpu_step=default_timeout(1, on_cpu=True) - default_timeout(0, on_cpu=True),
        cpu_rest=default_timeout(0, on_cpu=True),
    )


if __name__ == "__main__":
    main()
