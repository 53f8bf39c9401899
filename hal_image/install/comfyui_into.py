"""``python -m hal_image.install.comfyui_into FOLDER``: the pinned ComfyUI for an image that is being built.

It is fetched and verified as for the local engine (``comfyui_prepare``), by the Python that runs this; ``source.json``
in it says where it came from.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from hal_image.errors import HalError
from hal_image.install.comfyui_prepare import ensure_source


def main(argv: list[str]) -> int:
    """Fetches into the folder ``argv[0]``, which must not exist; returns the exit code."""
    try:
        source = ensure_source(Path(sys.executable), _tell)
    except HalError as error:
        _tell(f"{error.code}: {error.message}\nhint: {error.hint}")
        return error.exit_code
    shutil.move(source.folder, argv[0])
    return 0


def _tell(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
