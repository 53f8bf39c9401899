#!/usr/bin/env python3
"""Turn a prompt into a picture on your own GPU: python3 hal_generate_image.py --prompt "..." --output robot.png

Everything is in the package hal_image beside this file. This one must be readable by any Python, however old.
"""

# ruff: noqa: PTH100, PTH120, UP031, UP036
# (old Pythons read this, and pathlib takes longer to import than everything here)

import os
import sys

if sys.version_info < (3, 10):
    sys.stderr.write(
        "error: this needs Python 3.10 or newer, and this is Python %d.%d\n"
        "hint: run it with a newer one, e.g. python3.12 hal_generate_image.py\n" % sys.version_info[:2]
    )
    sys.exit(3)

if os.name != "posix":  # file locks and unix sockets
    sys.stderr.write(
        "error: this runs on Linux and macOS, not on this system\n"
        "hint: on Windows run it inside WSL2, see docs/INSTALL.md\n"
    )
    sys.exit(3)

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
