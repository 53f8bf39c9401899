"""The SHA-256 of a file that is still being written, ready a moment after its last byte.

A thread of its own reads what has been written, from the page cache, while the next bytes are on their way. A download
that goes on where an earlier one ended waits for nothing either: what is there already is read by the thread, too.
"""

from __future__ import annotations

import hashlib
import os
import queue
import threading

BUFFER_BYTES = 1 << 20
SYNC_BYTES = 1 << 27
"""After how many bytes the disk is made to have them: what a power cut may cost."""


class GrowingDigest:
    """See the module.

    Args:
        descriptor: of the file, readable; it stays the caller's.
        size: bytes that are there.
    """

    def __init__(self, descriptor: int, size: int) -> None:
        self._descriptor = descriptor
        self._size = size
        self._digest = hashlib.sha256()
        self._error: OSError | None = None
        self._ending = False
        # No Condition: an exception out of a signal's handler, just when one has been locked, would leave it locked.
        self._news: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def grow(self, size: int) -> None:
        """Say that the file has ``size`` bytes now, none of which will change.

        Raises:
            OSError: the file cannot be read, or not be written to the disk.
        """
        if self._error is not None:
            raise self._error
        self._size = size
        if self._news.empty():
            self._news.put(None)

    def hexdigest(self) -> str:
        """The digest of all bytes.

        Raises:
            OSError: as for ``grow``.
        """
        self._end()
        if self._error is not None:
            raise self._error
        return self._digest.hexdigest()

    def close(self) -> None:
        """End, whatever has not been read yet; a second call does nothing."""
        self._size = 0
        self._end()

    def _end(self) -> None:
        self._ending = True
        self._news.put(None)
        self._thread.join()

    def _follow(self) -> None:
        place = synced = 0
        try:
            while True:
                # In pieces that are worth a switch of threads; the last one is whatever is left.
                while not self._ending and self._size - place < BUFFER_BYTES:
                    self._news.get()
                left = self._size - place
                if left <= 0:
                    return
                data = os.pread(self._descriptor, min(left, BUFFER_BYTES), place)
                if not data:
                    raise OSError(5, "the file became shorter")
                self._digest.update(data)
                place += len(data)
                if place - synced >= SYNC_BYTES:
                    os.fsync(self._descriptor)
                    synced = place
        except OSError as error:
            self._error = error
