from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from hal_image.errors import UsageError
from hal_image.host.batch.source import MAX_LINE_BYTES, RawLine, Source

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def pipe() -> Iterator[tuple[Source, int]]:
    """A source that is a pipe, and its other end."""
    reading, writing = os.pipe()
    yield Source("a pipe", reading), writing
    os.close(reading)


def lines_of(tmp_path: Path, data: bytes) -> list[RawLine]:
    file = tmp_path / "lines"
    file.write_bytes(data)
    source = Source.open(str(file))
    found = []
    while (line := source.next(wait=True)) is not None:
        found.append(line)
    assert source.ended
    return found


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", []),
        (b"\n \n\t\r\n", []),
        (b"one\ntwo\n", [(1, b"one"), (2, b"two")]),
        (b"one\r\n\r\nthree", [(1, b"one"), (3, b"three")]),
        (b"\xef\xbb\xbfone\n\xef\xbb\xbftwo", [(1, b"one"), (2, b"\xef\xbb\xbftwo")]),
        (b" # no comment \n", [(1, b" # no comment ")]),
        (b"nul\0and \x1b[31m\xff\n", [(1, b"nul\0and \x1b[31m\xff")]),
    ],
)
def test_lines_are_numbered_and_blank_ones_left_out(
    tmp_path: Path, data: bytes, expected: list[tuple[int, bytes]]
) -> None:
    assert [(line.number, line.raw) for line in lines_of(tmp_path, data)] == expected


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b""])
def test_a_line_may_be_so_long_and_no_longer(tmp_path: Path, end: bytes) -> None:
    (longest,) = lines_of(tmp_path, b"x" * MAX_LINE_BYTES + end)
    assert (len(longest.raw), longest.too_long) == (MAX_LINE_BYTES, False)
    (longer,) = lines_of(tmp_path, b"x" * (MAX_LINE_BYTES + 1) + end)
    assert (len(longer.raw), longer.too_long) == (MAX_LINE_BYTES, True)


def test_a_line_without_end_is_not_kept(pipe: tuple[Source, int], monkeypatch: pytest.MonkeyPatch) -> None:
    source, writing = pipe
    os.close(writing)
    pieces = iter([b"x" * 65536] * 200 + [b"\nnext\n", b""])
    held = []

    def read(descriptor: int, count: int) -> bytes:
        held.append(len(source._splitter._buffer))
        return next(pieces)

    monkeypatch.setattr(os, "read", read)
    first = source.next(wait=True)
    assert first is not None
    assert first.too_long
    assert max(held) <= MAX_LINE_BYTES + 65537
    assert source.next(wait=True) == RawLine(2, b"next", too_long=False)


def test_a_line_is_there_as_soon_as_it_is_written(pipe: tuple[Source, int]) -> None:
    source, writing = pipe
    assert source.next(wait=False) is None
    os.write(writing, b"one\ntw")
    assert source.next(wait=False) == RawLine(1, b"one", too_long=False)
    assert source.next(wait=False) is None
    assert not source.ended
    os.write(writing, b"o")
    os.close(writing)
    assert source.next(wait=False) == RawLine(2, b"two", too_long=False)
    assert source.next(wait=False) is None
    assert source.ended


def test_lines_are_counted_without_being_used_up(tmp_path: Path, pipe: tuple[Source, int]) -> None:
    file = tmp_path / "lines"
    file.write_bytes(b"one\n\n" + b"two\n" * 99_999 + b"last")
    source = Source.open(str(file))
    assert source.count() == 100_001
    assert source.next(wait=True) == RawLine(1, b"one", too_long=False)
    os.close(pipe[1])
    assert pipe[0].count() is None


@pytest.mark.parametrize(("name", "says"), [("nothing", "No such file"), (".", "Is a directory")])
def test_what_cannot_be_read_is_told(tmp_path: Path, name: str, says: str) -> None:
    with pytest.raises(UsageError, match=says) as caught:
        Source.open(str(tmp_path / name)).next(wait=True)
    assert caught.value.code == "batch_unreadable"


def test_a_closed_standard_input_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(UsageError, match="it is closed"):
        Source.open("-")


def test_utf_16_is_told_once_and_not_a_line_at_a_time(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="UTF-16") as caught:
        lines_of(tmp_path, "a cube\na ball\n".encode("utf-16"))
    assert "iconv" in caught.value.hint
