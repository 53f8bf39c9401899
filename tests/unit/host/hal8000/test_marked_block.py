from __future__ import annotations

import pytest

from hal_image.host.hal8000 import marked_block

BODY = "## Heading\n\nLine, läuft.\n"
TEXTS = [
    None,
    b"",
    b"\n",
    b"no line break",
    b"one\n",
    b"one\n\n",
    b"one\r\ntwo\r\n",
    b"one\r\ntwo",
    b"one\r\n\r\n",
    b"\xef\xbb\xbf",
    b"\xef\xbb\xbf# BOM\n",
    b"in Latin-1: \xfc\n",
    b"blanks at the end  \n  ",
]


@pytest.mark.parametrize("text", TEXTS)
def test_it_comes_and_goes_and_every_other_byte_stays(text: bytes | None) -> None:
    put = marked_block.with_block(text, BODY)
    assert put.startswith(text or b"")
    assert marked_block.with_block(put, BODY) == put
    assert marked_block.with_block(marked_block.with_block(put, "other"), BODY) == put
    assert marked_block.without_block(put) == text
    if b"\r\n" in (text or b""):
        assert b"\n" not in put.removeprefix(text or b"").replace(b"\r\n", b"")


@pytest.mark.parametrize("text", [text for text in TEXTS if text])
@pytest.mark.parametrize("added", [b"\nmore\n", b"more"])
def test_what_others_add_after_it_stays(text: bytes, added: bytes) -> None:
    left = marked_block.without_block(marked_block.with_block(text, BODY) + added)
    assert left is not None
    assert left.startswith(text)
    assert left.endswith(added)
    between = left.removeprefix(text).removesuffix(added)
    assert between.strip() == b"", "at most the line break that a last line has lacked"
    assert not between or not text.endswith(b"\n")


def test_what_others_write_up_to_it_stays() -> None:
    put = marked_block.with_block(b"one\n", BODY)
    known = marked_block.find(put)
    assert known is not None
    edited = b"one\nand more\n" + put[known.start :]
    assert marked_block.without_block(edited) == b"one\nand more\n"


def test_a_file_that_was_made_for_it_stays_when_there_is_more_in_it() -> None:
    put = marked_block.with_block(None, BODY)
    assert marked_block.without_block(put) is None
    assert marked_block.without_block(put + b"more\n") == b"more\n"


def test_it_stays_where_it_was_moved_to() -> None:
    block = marked_block.with_block(None, BODY)
    moved = b"# Title\n\n" + block + b"\nThe rest.\n"
    assert marked_block.with_block(moved, "new") == moved.replace(BODY.rstrip().encode(), b"new")


def damaged() -> dict[str, bytes]:
    block = marked_block.with_block(b"one\n", BODY)
    begin, *_, end = block.splitlines(keepends=True)[2:]
    return {
        "no end": block.replace(end, b""),
        "no beginning": block.replace(begin, b""),
        "twice": block + block,
        "the wrong way round": end + begin,
        "a second end": block + end,
        "without its note": block.replace(b"(undo: 1)", b""),
    }


@pytest.mark.parametrize("how", damaged())
def test_damaged_marks_are_refused(how: str) -> None:
    text = damaged()[how]
    for act in (marked_block.find, marked_block.without_block, lambda text: marked_block.with_block(text, BODY)):
        with pytest.raises(ValueError, match=r"line \d"):
            act(text)


def test_marks_inside_of_lines_are_none() -> None:
    text = b"It is between `<!-- image-generation: begin` and `<!-- image-generation: end -->`.\n"
    assert marked_block.find(text) is None
