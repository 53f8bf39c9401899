"""Reads the header of a safetensors file, and says what a file is that only pretends to be one.

ComfyUI answers a cut or wrong file with texts such as "header too large", minutes later, and some damage only with a
spoiled picture. The header alone shows most of it, and is a few hundred KB of a file of many GB.

The format is a little-endian u64 with the header's length, the header as JSON, then the tensors' data without gaps:
https://github.com/huggingface/safetensors#format. The rules are those of the reference implementation.
"""

from __future__ import annotations

import json
import math
import stat
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from hal_image.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MAX_HEADER_BYTES = 100_000_000
"""``MAX_HEADER_SIZE`` of the reference implementation."""

DTYPE_BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16,
    "I32": 32, "U32": 32, "F32": 32, "F64": 64, "I64": 64, "U64": 64, "C64": 64,
    "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
}  # fmt: skip
"""Bits per element. A dtype that is not listed here is taken as it is: whether it can be loaded is ComfyUI's to say."""

_GET_AGAIN = "delete the file and download it again"
PICKLE_HINT = "a pickle can run code and is never loaded: get the .safetensors version"
_IMPOSTORS: tuple[tuple[tuple[bytes, ...], str, str], ...] = (
    (
        (b"<!doctype", b"<html", b"<head", b"<?xml"),
        "a web page",
        "a login or error page was saved instead: check the address, accept the licence, sign in",
    ),
    (
        (b"version https://git-lfs",),
        "a git-LFS pointer",
        "run `git lfs pull` in the folder that it came from, or download the file itself",
    ),
    # torch.save writes a zip archive; before version 1.6 it wrote a bare pickle: 0x80, then the protocol.
    ((b"pk\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"), "a pickled checkpoint", PICKLE_HINT),
    ((b"gguf",), "a GGUF file", "GGUF is not supported: get the .safetensors version"),
)
"""How the first bytes begin in lower case, what such a file is, and how to get the model instead."""


class Tensor(NamedTuple):
    """One tensor (a tuple, because a checkpoint has thousands).

    ``begin`` and ``end`` are byte offsets from the end of the header.
    """

    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


class Header(NamedTuple):
    """What a safetensors file says about itself.

    Attributes:
        tensors: by name, in the order of the header.
        metadata: free text by key, often empty.
        file_bytes: size of the whole file.
    """

    tensors: Mapping[str, Tensor]
    metadata: Mapping[str, str]
    file_bytes: int


def read_header(path: Path) -> Header:
    """Read and check the header; the tensors' data is not touched.

    Raises:
        ModelError: ``model_corrupt`` if this is not a complete safetensors file with at least one tensor,
            ``model_unreadable`` if it cannot be opened or read.
    """
    try:
        info = path.stat()
        if not stat.S_ISREG(info.st_mode):  # opening a named pipe would wait for ever
            raise _unreadable(path, "not a regular file")
        with path.open("rb") as file:
            head = file.read(512)
            length = int.from_bytes(head[:8], "little")
            if not 0 < length <= MAX_HEADER_BYTES or head[8:9] not in (b"{", b""):
                _refuse(path, *_what_it_is(head))
            if len(head) < 8 or 8 + length > info.st_size:
                _refuse(path, f"cut off after {info.st_size:,} bytes, within its header", _GET_AGAIN)
            text = head[8 : 8 + length] + file.read(max(0, 8 + length - len(head)))
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error)) from error
    return _parse(path, text, info.st_size)


def _parse(path: Path, text: bytes, file_bytes: int) -> Header:
    try:
        entries = json.loads(text.decode("utf-8"))
        metadata = entries.pop("__metadata__", None)
        metadata = {} if metadata is None else metadata
        if not all(isinstance(value, str) for value in metadata.values()):
            raise TypeError("metadata is not text")
        tensors = {name: _tensor(entry) for name, entry in entries.items()}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        _refuse(path, "damaged: its header makes no sense", _GET_AGAIN, cause=error)
    if not tensors:
        _refuse(path, "a safetensors file without any tensor", "download the model again")
    position = 0
    for name, tensor in sorted(tensors.items(), key=lambda item: item[1][2:]):
        bits = DTYPE_BITS.get(tensor.dtype)
        fits = bits is None or math.prod(tensor.shape) * bits == (tensor.end - tensor.begin) * 8
        if tensor.begin != position or tensor.end < tensor.begin or not fits:
            _refuse(path, f"damaged: the place of its tensor {name!r} makes no sense", _GET_AGAIN)
        position = tensor.end
    wanted = 8 + len(text) + position
    if file_bytes < wanted:
        share = f"{file_bytes:,} of {wanted:,} bytes are there"
        _refuse(path, f"cut off: {share}", "download it again; an interrupted download leaves such a file")
    if file_bytes > wanted:
        _refuse(path, f"damaged: {file_bytes - wanted:,} bytes too many at its end", _GET_AGAIN)
    return Header(tensors, metadata, file_bytes)


def _tensor(entry: dict[str, Any]) -> Tensor:
    dtype, shape, (begin, end) = entry["dtype"], entry["shape"], entry["data_offsets"]
    tensor = Tensor(dtype, tuple(shape), begin, end)
    numbers = (begin, end, *shape)
    if type(dtype) is not str or type(shape) is not list or {*map(type, numbers)} != {int} or min(numbers) < 0:
        raise TypeError("dtype, shape or data_offsets of the wrong type")
    return tensor


def _what_it_is(head: bytes) -> tuple[str, str]:
    """What a file is, judged by its first bytes, and how to get the model instead."""
    if not head.strip(b"\0"):
        return ("all zeros at its start: an unfinished download" if head else "an empty file"), _GET_AGAIN
    for beginnings, what, hint in _IMPOSTORS:
        if head.lstrip().lower().startswith(beginnings):
            return what, hint
    words = " ".join(head.decode("utf-8", "replace").split())[:60]
    if words.isprintable() and "\ufffd" not in words:
        return f"text: {words!r}", "a message of the server was saved instead: check the address and the licence"
    return "not a safetensors file", _GET_AGAIN


def _refuse(path: Path, what: str, hint: str, cause: Exception | None = None) -> NoReturn:
    details = {"path": str(path), "found": what}
    raise ModelError(f"{path} is {what}", code="model_corrupt", hint=hint, details=details) from cause


def _unreadable(path: Path, reason: str) -> ModelError:
    return ModelError(
        f"{path} cannot be read: {reason}",
        code="model_unreadable",
        hint=f"check it with: ls -l {path}",
        details={"path": str(path)},
    )
