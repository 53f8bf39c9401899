"""The input of a batch, read line by line as it comes: a file, or a pipe that may stay open for hours."""

from __future__ import annotations

import os
import select
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hal_image.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Self

STDIN = "-"
STDIN_TITLE = "standard input"
MAX_LINE_BYTES = 1_000_000
READ_BYTES = 65536
UTF8_MARK = b"\xef\xbb\xbf"
UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


class RawLine(NamedTuple):
    """A line that is not blank.

    Attributes:
        number: from 1, blank lines counted.
        raw: its bytes without the end of line; cut off where it is too long.
        too_long: whether it has more than ``MAX_LINE_BYTES``.
    """

    number: int
    raw: bytes
    too_long: bool


class Source:
    """Where the lines come from.

    Args:
        name: what is told of it.
        descriptor: open for reading.

    Attributes:
        ended: whether there will be no more lines.
    """

    def __init__(self, name: str, descriptor: int) -> None:
        self.name = name
        self.ended = False
        self._descriptor = descriptor
        self._splitter = _Splitter(lambda: os.read(descriptor, READ_BYTES))

    @classmethod
    def open(cls, file: str) -> Self:
        """The source for ``batch FILE``; ``-`` is standard input.

        Raises:
            UsageError: ``batch_unreadable``.
        """
        if file == STDIN:
            if sys.stdin is None:
                raise _unreadable(STDIN_TITLE, "it is closed")
            return cls(STDIN_TITLE, sys.stdin.fileno())
        path = Path(file).expanduser()
        try:
            descriptor = os.open(path, os.O_RDONLY)
        except OSError as error:
            raise _unreadable(str(path), error.strerror or str(error)) from error
        return cls(str(path), descriptor)

    def close(self) -> None:
        """Lets go of a file; standard input is not ours."""
        if self.name != STDIN_TITLE:
            os.close(self._descriptor)

    def fileno(self) -> int:
        """What becomes readable when there may be another line."""
        return self._descriptor

    def next(self, *, wait: bool) -> RawLine | None:
        """The next line that is not blank; ``None`` when there is none, or with ``wait=False`` none yet.

        Raises:
            UsageError: ``batch_unreadable``.
        """
        while not self.ended:
            line = self._splitter.take()
            if line is not None:
                return line
            if self._splitter.ended:
                self.ended = True
            elif wait or select.select([self._descriptor], [], [], 0)[0]:
                try:
                    self._splitter.read_on()
                except OSError as error:
                    raise _unreadable(self.name, error.strerror or str(error)) from error
                if self._splitter.number == 0 and self._splitter.begins_with(UTF16_MARKS):
                    raise _unreadable(self.name, "it is UTF-16", "convert it: iconv -f utf-16 -t utf-8 FILE")
            else:
                return None
        return None

    def count(self) -> int | None:
        """How many lines there are still to come, found by reading them; ``None`` where that would use them up."""
        if not stat.S_ISREG(os.fstat(self._descriptor).st_mode):
            return None
        offset = os.lseek(self._descriptor, 0, os.SEEK_CUR)

        def read() -> bytes:
            nonlocal offset
            data = os.pread(self._descriptor, READ_BYTES, offset)
            offset += len(data)
            return data

        splitter = _Splitter(read)
        found = 0
        try:
            while not splitter.ended:
                splitter.read_on()
                while splitter.take() is not None:
                    found += 1
        except OSError:
            return None
        return found


class _Splitter:
    """Bytes in pieces to lines; never holds more than the longest line and a piece."""

    def __init__(self, read: Callable[[], bytes]) -> None:
        self.number = 0
        self.ended = False
        self._read = read
        self._buffer = bytearray()
        self._searched = 0
        self._skipping = False
        """Whether the rest of a line that is too long is still to come."""

    def read_on(self) -> None:
        """Reads another piece."""
        data = self._read()
        self.ended = not data
        self._buffer += data

    def begins_with(self, marks: tuple[bytes, ...]) -> bool:
        return self._buffer.startswith(marks)

    def take(self) -> RawLine | None:
        """The next line that is there whole and not blank."""
        while True:
            end = self._buffer.find(b"\n", self._searched)
            if end < 0 and len(self._buffer) > MAX_LINE_BYTES + 1:  # one for a carriage return
                self._skipping = True
                del self._buffer[MAX_LINE_BYTES + 1 :]
            if end < 0 and not (self.ended and self._buffer):
                self._searched = len(self._buffer)
                return None
            line = self._cut(len(self._buffer) if end < 0 else end)
            if line.raw.strip():
                return line

    def _cut(self, end: int) -> RawLine:
        raw = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        self._searched = 0
        self.number += 1
        if self.number == 1:
            raw = raw.removeprefix(UTF8_MARK)
        raw = raw.removesuffix(b"\r")
        too_long, self._skipping = self._skipping or len(raw) > MAX_LINE_BYTES, False
        return RawLine(self.number, raw[:MAX_LINE_BYTES], too_long)


def _unreadable(
    name: str, reason: str, hint: str = "give a text file with a prompt a line, or - for a pipe"
) -> UsageError:
    return UsageError(f"cannot read the lines of {name}: {reason}", code="batch_unreadable", hint=hint)
