"""``python3 -m bench.weights MODEL … FOLDER``: full-size checkpoints with random values, in a models folder."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from bench.weights.checkpoints import FULL_SIZE, write


def main() -> int:
    """Write the files, and name each on stdout."""
    parser = argparse.ArgumentParser(prog="python3 -m bench.weights", description=(__doc__ or "").split(": ", 1)[1])
    parser.add_argument("models", nargs="+", choices=FULL_SIZE, metavar="MODEL", help=", ".join(FULL_SIZE))
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="models folder; made if it does not exist")
    options = parser.parse_args()
    for model in options.models:
        started = time.perf_counter()
        path = write(model, options.folder)
        size = path.stat().st_size
        print(path)
        print(f"{size} bytes, {time.perf_counter() - started:.1f} s", file=sys.stderr)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
