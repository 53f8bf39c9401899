"""Reads and writes the text chunks of a PNG, and its size. The only module that touches PNG metadata.

Pixels are at most counted, never decoded: chunks are copied as they are, so adding text cannot change the picture.
Chunk layout: PNG specification (third edition), sections 5.3 and 11.3.3.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

from hal_image.errors import HalError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SIGNATURE = b"\x89PNG\r\n\x1a\n"
TEXT_CHUNKS = (b"tEXt", b"zTXt", b"iTXt")
MAX_TEXT_BYTES = 64 * 1024 * 1024
"""Most that the compressed texts of a picture may unpack to: it must not be able to fill the memory."""

MAX_SIDE = 2**31 - 1
"""PNG specification, section 7.1."""
SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Samples of a pixel, by colour type (section 11.2.1)."""
DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
"""Bits that a sample may have, by colour type (section 11.2.1)."""
PASSES = (
    ((0, 0, 1, 1),),
    ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)),
)
"""The reduced pictures that it is stored as, by interlace method (section 8): first column and row, and the steps."""
MOST_PACKED = 1032
"""Deflate packs no better than that: 258 bytes in 2 bits."""
COUNTED_BYTES = 256 * 2**20
"""Most pixel data that is unpacked to be counted, 9400x9400 in RGB: half a second."""
PIECE_BYTES = 65536


class NotAPng(HalError):
    """The file is not a whole PNG."""

    default_code = "not_a_png"


def size(data: bytes) -> tuple[int, int]:
    """``(width, height)`` in pixels.

    Raises:
        NotAPng: it does not begin like a PNG.
    """
    kind, body = next(_chunks(data))
    if kind != b"IHDR" or len(body) != 13:
        raise NotAPng("not a PNG: its first chunk is no header", hint="give a PNG file")
    width, height = struct.unpack(">II", body[:8])
    if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE):
        raise NotAPng(f"not a PNG: it says that it is {width}x{height}", hint="give a PNG file")
    return width, height


def check_pixels(data: bytes) -> None:
    """Looks whether it has the pixels for the size that it says, by unpacking and counting them; with more than
    ``COUNTED_BYTES``, whether it can have them. A picture of 1024x1024 takes 15 ms, and memory for a piece of it.

    Raises:
        NotAPng: it has more or fewer, or is damaged.
    """
    width, height = size(data)
    expected = _pixel_bytes(next(_chunks(data))[1])
    packed = sum(len(body) for kind, body in _chunks(data) if kind == b"IDAT")
    found = min(expected, packed * MOST_PACKED)
    if expected == found <= COUNTED_BYTES:
        try:
            found = _count(data, expected)
        except zlib.error as error:
            raise NotAPng("the PNG is damaged", hint="make the picture again, or copy the file again") from error
    if found != expected:
        what = "more" if found > expected else "fewer"
        raise NotAPng(f"not a PNG: it says that it is {width}x{height}, and has {what} pixels", hint="give a PNG file")


def read_texts(data: bytes) -> dict[str, str]:
    """Every text chunk by keyword; the last one wins. Chunks that are damaged are left out.

    Raises:
        NotAPng: it is no PNG, or cut off.
    """
    texts = {}
    left = MAX_TEXT_BYTES
    for kind, body in _chunks(data):
        if kind in TEXT_CHUNKS:
            try:
                keyword, text = _read_text(kind, body, left)
            except (ValueError, zlib.error):
                continue
            texts[keyword] = text
            left = max(1, left - len(text))
    return texts


def with_texts(data: bytes, texts: Mapping[str, str]) -> bytes:
    """The same picture with ``texts`` as its only text chunks.

    Plain ASCII is written as ``tEXt``, which every reader knows, anything else as ``iTXt`` (UTF-8).

    Raises:
        NotAPng: it is no PNG, cut off, or damaged: what is wrong now must not look right with a new check sum.
    """
    parts = [SIGNATURE]
    for kind, body in _chunks(data, check=True):
        if kind in TEXT_CHUNKS:
            continue
        parts.append(_chunk(kind, body))
        if kind == b"IHDR":
            parts.extend(_write_text(keyword, text) for keyword, text in texts.items())
    return b"".join(parts)


def _pixel_bytes(header: bytes) -> int:
    """Bytes of all rows, each with the one that names its filter."""
    width, height, depth, colour, packing, filtering, interlace = struct.unpack(">IIBBBBB", header)
    if depth not in DEPTHS.get(colour, ()) or packing or filtering or interlace >= len(PASSES):
        raise NotAPng("not a PNG: its header says what none may", hint="give a PNG file")
    total = 0
    for left, top, step, down in PASSES[interlace]:
        columns, rows = -(-(width - left) // step), -(-(height - top) // down)
        if columns > 0:
            total += max(0, rows) * (1 + -(-columns * SAMPLES[colour] * depth // 8))
    return total


def _count(data: bytes, enough: int) -> int:
    """Bytes that the pixels unpack to; at least ``enough + 1`` when they are more than that."""
    unpacker, found = zlib.decompressobj(), 0
    for kind, body in _chunks(data):
        if kind != b"IDAT":
            continue
        for begin in range(0, len(body), PIECE_BYTES):
            piece = body[begin : begin + PIECE_BYTES]
            while piece and not unpacker.eof and found <= enough:
                found += len(unpacker.decompress(piece, PIECE_BYTES))
                piece = unpacker.unconsumed_tail
    while found <= enough and (rest := unpacker.decompress(unpacker.unconsumed_tail, PIECE_BYTES)):
        found += len(rest)
    return found


def _chunks(data: bytes, *, check: bool = False) -> Iterator[tuple[bytes, bytes]]:
    if not data.startswith(SIGNATURE):
        raise NotAPng("not a PNG", hint="give a PNG file")
    position = len(SIGNATURE)
    while True:
        head = data[position : position + 8]
        if len(head) < 8:
            raise NotAPng("the PNG is cut off", hint="make the picture again, or copy the file again")
        length, kind = struct.unpack(">I4s", head)
        body = data[position + 8 : position + 8 + length]
        if len(body) < length or len(data) < position + 12 + length:
            raise NotAPng("the PNG is cut off", hint="make the picture again, or copy the file again")
        end = position + 8 + length
        if check and struct.pack(">I", zlib.crc32(body, zlib.crc32(kind))) != data[end : end + 4]:
            raise NotAPng("the PNG is damaged", hint="make the picture again, or copy the file again")
        yield kind, body
        if kind == b"IEND":
            return
        position += 12 + length


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _write_text(keyword: str, text: str) -> bytes:
    if text.isascii() and "\0" not in text:
        return _chunk(b"tEXt", keyword.encode("latin-1") + b"\0" + text.encode("ascii"))
    # flag 0, method 0: uncompressed; then empty language tag and translated keyword
    return _chunk(b"iTXt", keyword.encode("latin-1") + b"\0\0\0\0\0" + text.encode("utf-8", "surrogatepass"))


def _read_text(kind: bytes, body: bytes, limit: int) -> tuple[str, str]:
    keyword, _, rest = body.partition(b"\0")
    if kind == b"tEXt":
        return keyword.decode("latin-1"), rest.decode("latin-1")
    if kind == b"zTXt":
        return keyword.decode("latin-1"), _unpack(rest[1:], limit).decode("latin-1")
    compressed = rest[:1] == b"\1"
    _language, _, rest = rest[2:].partition(b"\0")
    _translated, _, rest = rest.partition(b"\0")
    return keyword.decode("latin-1"), (_unpack(rest, limit) if compressed else rest).decode("utf-8")


def _unpack(packed: bytes, limit: int) -> bytes:
    unpacked = zlib.decompressobj().decompress(packed, limit)
    if len(unpacked) == limit:
        raise ValueError("text too long")
    return unpacked
