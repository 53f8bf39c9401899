"""A block of text between two marks in a Markdown file that is somebody else's, and the same file without it.

The first mark says how the block is taken out again: what was put before it, and whether the file was made for it.
Bytes throughout: a file in any encoding that has ASCII in it stays what it is.
"""

from __future__ import annotations

import re
from typing import NamedTuple

NAME = "image-generation"
_BEGIN = f"<!-- {NAME}: begin. Kept by `hal8000 register`: what is changed in here is lost (undo: %s) -->"
_END = f"<!-- {NAME}: end -->"
_MARK = re.compile(
    rf"(?:^|(?<=\xef\xbb\xbf))[ \t]*<!-- {NAME}: (begin|end)\b[^\r\n]*(?:\r?\n|\Z)".encode(), re.MULTILINE
)
_UNDO = re.compile(rb"\(undo: (new|[012])\)")


class Block(NamedTuple):
    """Where the block is, marks and last line break included, and what its first mark says about taking it out."""

    start: int
    end: int
    undo: str


def find(text: bytes) -> Block | None:
    """The block in ``text``; ``None`` when there is none.

    Raises:
        ValueError: there are other marks than one at the beginning and one at the end; the message says which.
    """
    marks = list(_MARK.finditer(text))
    if not marks:
        return None
    told = ", ".join(f"{mark[1].decode()} in line {_line(text, mark.start())}" for mark in marks)
    if [mark[1] for mark in marks] != [b"begin", b"end"]:
        raise ValueError(f"its marks are not one begin and one end after it, but {told}")
    undo = _UNDO.search(marks[0][0])
    if undo is None:
        raise ValueError(f"its first mark was changed ({told})")
    return Block(marks[0].start(), marks[1].end(), undo[1].decode())


def with_block(text: bytes | None, body: str) -> bytes:
    """``text`` with the block put at its end, or in place of the one that is there.

    Args:
        text: the file; ``None`` when there is none.
        body: lines of the block, with line feeds, without the marks.

    Raises:
        ValueError: as for ``find``.
    """
    if text is None:
        return _block("new", body, b"\n")
    known = find(text)
    if known is not None:
        block = _block(known.undo, body, _newline(text[known.start : known.end]))
        return text[: known.start] + block + text[known.end :]
    newline = _newline(text)
    if not text.removeprefix(b"\xef\xbb\xbf") or text.endswith((b"\n\n", b"\n\r\n")):
        missing = 0
    else:
        missing = 1 if text.endswith(b"\n") else 2
    return text + missing * newline + _block(str(missing), body, newline)


def without_block(text: bytes) -> bytes | None:
    """``text`` as it was before ``with_block``, with what was changed outside of the block since; ``None`` when the
    file was made for the block and holds nothing else.

    Raises:
        ValueError: as for ``find``.
    """
    known = find(text)
    if known is None:
        return text
    before, after = text[: known.start], text[known.end :]
    if known.undo == "new":
        return before + after or None
    ours = re.search(rb"(\r?\n)(\r?\n)\Z", before)
    if known.undo != "0" and ours is not None:  # else somebody has written up to the block
        joined = known.undo == "2" and after and not after.startswith((b"\n", b"\r\n"))
        before = before[: ours.start(2) if known.undo == "1" or joined else ours.start()]
    return before + after


def _block(undo: str, body: str, newline: bytes) -> bytes:
    lines = [_BEGIN % undo, *body.splitlines(), _END]
    return b"".join(line.encode() + newline for line in lines)


def _newline(text: bytes) -> bytes:
    return b"\r\n" if b"\r\n" in text else b"\n"


def _line(text: bytes, at: int) -> int:
    return text.count(b"\n", 0, at) + 1
