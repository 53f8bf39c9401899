"""``python3 -m bench [PART …]``: measures what the tool promises about speed. Prepares what it needs, as the tests do.

Parts: ``cli`` (start of the command line), ``warm`` (overhead of a warm call), ``boot`` (engine against a bare
ComfyUI), ``batch`` (a thousand tiny pictures in one command), ``store`` (downloads, and files that are known
already), ``docker`` (a call with the engine in a container and beside it; needs the image, and is left out unless
asked for). With ``--comfy FILE`` comfy-cli is measured beside us in the same run.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.__main__ import dev_python  # noqa: E402 - needs the path above

if __name__ == "__main__":
    python = dev_python()
    # The benchmark needs numpy for its checkpoints; what it measures runs with the Python that it was called with.
    code = "from bench.parts import main; raise SystemExit(main())"
    called_with = ["--python", sys.executable]
    os.chdir(ROOT)
    os.execv(python, [str(python), "-c", code, *called_with, *sys.argv[1:]])  # noqa: S606 - becoming it is the point
