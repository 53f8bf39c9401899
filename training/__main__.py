"""The commands: ``python -m training COMMAND …``. README.md here says in which order."""

from __future__ import annotations

import sys
from importlib import import_module

COMMANDS = {
    "all": "train everything, from nothing to a finished run",
    "vocabulary": "write vocabulary.json from ComfyUI's",
    "draw": "draw training pictures",
    "autoencoder": "train the autoencoder",
    "transformer": "train the transformer, in two stages",
    "sheet": "make a contact sheet of a run",
    "export": "pack a run into the file that the tool ships",
    "measure": "count how many prompts come out right",
}
MODULES = {"all": "pipeline", "draw": "dataset"}
"""Where a command is, when not in the module of its name."""


def main() -> None:
    """Runs one command."""
    command = sys.argv[1] if len(sys.argv) > 1 else ""
    if command not in COMMANDS:
        lines = "\n".join(f"  {name:12} {what}" for name, what in COMMANDS.items())
        raise SystemExit(f"usage: python -m training COMMAND [OPTIONS]\n\n{lines}")
    import_module(f"training.{MODULES.get(command, command)}").main(sys.argv[2:])


if __name__ == "__main__":
    main()
