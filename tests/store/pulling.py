"""``python -m tests.store.pulling ADDRESS FOLDER BYTES SHA256 NAME [AHEAD]``: one download in a process to be killed.

With the last one it comes over Xet if it can, however small it is, and so many bytes ahead.
"""

from __future__ import annotations

import sys
from pathlib import Path

from hal_image.models import xet
from hal_image.models.download import Pull, download
from hal_image.models.hub import Hub
from hal_image.models.types import Defaults, Model, ModelFile, Source


def main() -> None:
    """Events as lines."""
    address, folder, size, sha256, name, *ahead = sys.argv[1:]
    if ahead:
        xet.FROM_BYTES, xet.AHEAD_BYTES, xet.PIECE_BYTES = 0, int(ahead[0]), int(ahead[0]) // 5
    source = Source("who/what", name, "abc", None, gated=False)
    file = ModelFile("checkpoint", "checkpoints", name, int(size), sha256, "MIT", (source,))
    model = Model("m", "", "sd15", (file,), Defaults(64, 64, 1, 1.0, None, "euler", "normal"), 1.0, "")

    def tell(event: dict[str, object]) -> None:
        if event["event"] != "pull_progress":
            sys.stdout.write(f"{event['event']}\n")
            sys.stdout.flush()

    download(Pull((model,), Path(folder), Hub(address), tell))


if __name__ == "__main__":
    main()
