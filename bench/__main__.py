"""``python3 -m bench [PART …]``: measures what the tool promises about speed. ``--help`` lists the parts.

It prepares what it needs, as the tests do: a venv of tools, whose numpy writes the checkpoints. With ``HAL_NO_VENV=1``
nothing is made and nothing installed: the Python that runs this needs the packages of the command line, and numpy.
``python3 -m bench report`` writes the tables of the documentation.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))


def main(arguments: list[str]) -> int:
    """Becomes the Python of the tools, unless it is that or shall not."""
    if arguments[:1] == ["report"]:
        from bench.report import main as report  # noqa: PLC0415 - needs nothing but the standard library

        return report(arguments[1:])
    if os.environ.get("HAL_NO_VENV", "0") == "0":
        from tests.__main__ import dev_python  # noqa: PLC0415 - likewise

        # What is measured runs with the Python that this was called with.
        code = (
            "import sys; sys.path.insert(0, sys.argv.pop(1)); from bench.cli import main; sys.exit(main(sys.argv[1:]))"
        )
        called = [str(dev_python()), "-c", code, str(ROOT), "--python", sys.executable, *arguments]
        os.execv(called[0], called)  # noqa: S606 - becoming it is the point
    from bench.cli import main as measure  # noqa: PLC0415 - needs numpy

    return measure(arguments)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
