"""The process in which ``hf_xet`` runs: an order on standard input, the bytes of a file on standard output.

Started by ``xet`` as a file, with nothing of this package. When the reader is gone it ends at the next piece. What went
wrong is the last line of standard error: the name of an exception, since its text has addresses that are signed.
"""

from __future__ import annotations

import json
import os
import sys


def main() -> int:
    """Does what it is told; returns the exit code."""
    order = json.loads(sys.stdin.read())
    pipe = os.dup(1)
    os.dup2(2, 1)  # what a library prints is no byte of the file
    try:
        import hf_xet  # noqa: PLC0415 - it looks at descriptors and variables when it is imported

        config = hf_xet.XetConfig().with_config(order["settings"])
        group = hf_xet.XetSession(config).new_download_stream_group(
            token_refresh_url=order["access"], token_refresh_headers=order["headers"]
        )
        file = hf_xet.XetFileInfo(order["hash"], order["end"])
        for piece in group.download_stream(file, start=order["begin"], end=order["end"]):
            left = memoryview(piece)
            while left:
                left = left[os.write(pipe, left) :]
    except BaseException as error:  # noqa: BLE001 - a panic of the library is none of Exception's
        sys.stderr.write(f"\n{type(error).__name__}\n")
        sys.stderr.flush()
        return 1
    return 0


if __name__ == "__main__":
    os._exit(main())  # the library's threads are not waited for
