#!/usr/bin/env python3
"""Turn a prompt into a picture on your own GPU: python3 hal_generate_image.py --prompt "..." --output robot.png

Everything is in the package hal_image beside this file. This one must be readable by any Python, however old.
"""

# ruff: noqa: E402, PTH100, PTH120, UP031, UP036
# (old Pythons read this, and are refused before our own modules are imported; pathlib takes longer than those)

import os
import sys


def refuse(code, message, hint):  # type: ignore[no-untyped-def]  # an old Python knows no annotations
    """Ends a program that cannot run here, as hal_image.host.render would, which cannot be imported."""
    sys.stderr.write("error: %s\nhint: %s\n" % (message, hint))
    if "--json" in sys.argv or "--jsonl" in sys.argv:
        import json  # noqa: PLC0415 - the usual way does without

        command = sys.argv[1] if not sys.argv[1].startswith("-") else "generate"
        told = {"code": code, "exit_code": 3, "message": message, "hint": hint, "retryable": False, "details": {}}
        answer = {"schema_version": 1, "ok": False, "command": command, "data": {}, "warnings": [], "error": told}
        sys.stdout.write(json.dumps(answer) + "\n")
    sys.exit(3)


if sys.version_info < (3, 10):
    refuse(
        code="python_too_old",
        message="this needs Python 3.10 or newer, and this is Python %d.%d" % sys.version_info[:2],
        hint="run it with a newer one, e.g. python3.12 hal_generate_image.py",
    )

if os.name != "posix":  # file locks and unix sockets
    refuse(
        code="system_unsupported",
        message="this runs on Linux and macOS, not on this system",
        hint="on Windows run it inside WSL2, see docs/INSTALL.md",
    )

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))  # python -I leaves the script's folder out

from hal_image.start import main


def run():
    """Run the command line and end the process with its exit code."""
    code = main(sys.argv[1:], os.path.abspath(__file__))
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, OSError):  # closed by the caller, or nobody reads it, or its disk is full
            code = code or 1
    os._exit(code)  # taking all modules apart again would cost a warm call 10 ms


if __name__ == "__main__":
    run()
