#!/usr/bin/env python3
"""The engine's side of the tool, by hand or as a container's main process. See ``python3 entrypoint.py --help``.

Everything is in hal_image.engine; the host starts the same code as ``python -m hal_image.engine``.
"""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))  # python -I leaves the script's folder out

if __name__ == "__main__":
    if os.getpid() == 1:
        from hal_image.engine.init import run_as_child

        run_as_child()

    from hal_image.engine.__main__ import main

    sys.exit(main())
