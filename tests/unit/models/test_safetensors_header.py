from __future__ import annotations

import io
import json
import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import pytest

from hal_image.errors import EXIT_MODEL, ModelError
from hal_image.models.safetensors_header import DTYPE_BITS, MAX_HEADER_BYTES, Tensor, read_header


def safetensors(tensors: dict[str, tuple[str, list[int]]], **metadata: str) -> bytes:
    """A whole file with zeros for data, written as the format's description says."""
    header: dict[str, Any] = {"__metadata__": metadata} if metadata else {}
    position = 0
    for name, (dtype, shape) in tensors.items():
        size = DTYPE_BITS[dtype] // 8
        for side in shape:
            size *= side
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [position, position + size]}
        position += size
    return framed(header, position)


def framed(header: Any, data_bytes: int) -> bytes:
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + bytes(data_bytes)


WHOLE = safetensors({"a.weight": ("F16", [3, 4]), "b": ("F32", []), "none": ("F32", [0, 7])}, format="pt")


def one(dtype: Any = "F32", shape: Any = (2,), offsets: Any = (0, 8)) -> dict[str, Any]:
    return {"x": {"dtype": dtype, "shape": shape, "data_offsets": offsets}}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.safetensors"


def refused(path: Path, content: bytes) -> ModelError:
    path.write_bytes(content)
    with pytest.raises(ModelError) as raised:
        read_header(path)
    error = raised.value
    assert (error.code, error.exit_code) == ("model_corrupt", EXIT_MODEL)
    assert error.message.startswith(f"{path} is ")
    assert error.hint
    assert "\n" not in error.message + error.hint
    return error


def test_tensors_metadata_and_size(path: Path) -> None:
    path.write_bytes(WHOLE)
    header = read_header(path)
    assert header.tensors == {
        "a.weight": Tensor("F16", (3, 4), 0, 24),
        "b": Tensor("F32", (), 24, 28),
        "none": Tensor("F32", (0, 7), 28, 28),
    }
    assert header.metadata == {"format": "pt"}
    assert header.file_bytes == len(WHOLE)


def test_metadata_may_be_missing_and_order_of_the_header_is_free(path: Path) -> None:
    second = {"dtype": "U8", "shape": [2], "data_offsets": [8, 10]}
    path.write_bytes(framed({"second": second, **one()}, 10))
    header = read_header(path)
    assert header.metadata == {}
    assert list(header.tensors) == ["second", "x"]


@pytest.mark.parametrize(("dtype", "shape", "size"), [("F4", [4], 2), ("F6_E2M3", [4], 3), ("F8_E4M3", [4], 4)])
def test_elements_smaller_than_a_byte(path: Path, dtype: str, shape: list[int], size: int) -> None:
    path.write_bytes(framed(one(dtype, shape, [0, size]), size))
    assert read_header(path).tensors["x"].end == size


def test_a_dtype_of_the_future_is_left_to_comfyui(path: Path) -> None:
    path.write_bytes(framed(one("F2", [4], [0, 1]), 1))
    assert read_header(path).tensors["x"].dtype == "F2"


def test_only_the_header_is_read(path: Path) -> None:
    size = 5 * 2**40  # a sparse file: reading it would take hours
    path.write_bytes(framed(one("U8", [size], [0, size]), 0))
    os.truncate(path, path.stat().st_size + size)
    assert read_header(path).file_bytes > size


def test_a_header_whose_length_looks_like_a_pickle(path: Path) -> None:
    # 0x0280 = 640 bytes of header make the file begin with 80 02, as pickles do.
    text = json.dumps(one()).encode().ljust(640)
    path.write_bytes((640).to_bytes(8, "little") + text + bytes(8))
    assert path.read_bytes()[:2] == pickle.dumps(0, protocol=2)[:2]
    assert list(read_header(path).tensors) == ["x"]


@pytest.mark.parametrize("cut", [1, 20, len(WHOLE) - 28, len(WHOLE) - 8 - 1])
def test_every_cut_is_noticed(path: Path, cut: int) -> None:
    error = refused(path, WHOLE[:-cut])
    assert "cut off" in error.message
    assert "download" in error.hint


def test_a_cut_in_the_data_says_how_much_is_there(path: Path) -> None:
    size = 7_000_000
    content = framed(one("U8", [size], [0, size]), size)
    assert f"cut off: {len(content) - 1:,} of {len(content):,} bytes" in refused(path, content[:-1]).message


def test_bytes_at_the_end_are_noticed(path: Path) -> None:
    assert "3 bytes too many at its end" in refused(path, WHOLE + b"abc").message


def test_shorter_than_a_length(path: Path) -> None:
    assert "cut off after 3 bytes" in refused(path, WHOLE[:3]).message


def zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("archive/data.pkl", b"x")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "what", "hint"),
    [
        (b"", "an empty file", "download it again"),
        (bytes(4096), "all zeros", "download it again"),
        (b"<!DOCTYPE html><html><body>Sign in</body></html>", "a web page", "licence"),
        (b"\n  <HTML lang=en>", "a web page", "sign in"),
        (b"<?xml version='1.0'?><Error>AccessDenied</Error>", "a web page", "check the address"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:31e3\nsize 69\n",
            "a git-LFS pointer",
            "git lfs pull",
        ),
        (zipped(), "a pickled checkpoint", ".safetensors version"),
        (pickle.dumps({"w": list(range(99))}, protocol=2), "a pickled checkpoint", "run code"),
        (pickle.dumps({"w": list(range(99))}, protocol=5), "a pickled checkpoint", "run code"),
        (b"GGUF\x03\0\0\0" + bytes(range(99)), "a GGUF file", ".safetensors version"),
        (
            b"Access to model x/y is restricted.\nPlease log in.",
            "text: 'Access to model x/y is restricted. ",
            "licence",
        ),
        (b'{"error":"Repository not found"}', 'text: \'{"error"', "licence"),
        (bytes(range(255, 0, -1)), "not a safetensors file", "download it again"),
        ((MAX_HEADER_BYTES + 1).to_bytes(8, "little") + b"{", "not a safetensors file", ""),
    ],
)
def test_what_only_pretends_is_called_by_its_name(path: Path, content: bytes, what: str, hint: str) -> None:
    error = refused(path, content)
    assert f"{path} is {what}" in error.message
    assert hint in error.hint
    assert error.details["path"] == str(path)


@pytest.mark.parametrize(
    "content",
    [
        framed(one(), 8).replace(b'"dtype"', b'"dtyp\xff"'),
        framed(one(), 8).replace(b'"dtype"', b'"dtype '),
        framed({"x": {"dtype": "F32", "shape": [2]}}, 8),
        framed({"x": [1, 2]}, 8),
        framed({"x": None}, 8),
        framed({**one(), "__metadata__": {"format": 1}}, 8),
        framed({**one(), "__metadata__": "pt"}, 8),
        framed({**one(), "__metadata__": []}, 8),
        framed(one(dtype=5), 8),
        framed(one(shape=[2.0]), 8),
        framed(one(shape=["2"]), 8),
        framed(one(shape=[True, 2]), 8),
        framed(one(shape=[-1, -2]), 8),
        framed(one(shape=2), 8),
        framed(one("U8", {}, [0, 1]), 1),
        framed(one(offsets=[0]), 8),
        framed(one(offsets=[0, 8, 16]), 8),
        framed(one(offsets=[-8, 0]), 8),
        (8 * 20_000).to_bytes(8, "little") + b'{"x":' + b"[" * (8 * 20_000),
    ],
)
def test_a_header_without_sense(path: Path, content: bytes) -> None:
    assert "damaged: its header makes no sense" in refused(path, content).message


def test_no_tensor_at_all(path: Path) -> None:
    assert "without any tensor" in refused(path, framed({"__metadata__": {"a": "b"}}, 0)).message


@pytest.mark.parametrize(
    ("header", "size"),
    [
        (one(offsets=[0, 4]), 4),  # too small for its shape
        (one(offsets=[8, 0]), 8),  # ends before it begins
        ({**one(), "y": {"dtype": "F2", "shape": [2], "data_offsets": [8, 4]}}, 4),  # the same, size of dtype unknown
        (one(offsets=[4, 12]), 12),  # a hole before it
        ({**one(), "y": {"dtype": "F32", "shape": [2], "data_offsets": [12, 20]}}, 20),  # a hole between
        ({**one(), "y": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}, 8),  # over another
        ({**one(), "y": {"dtype": "F32", "shape": [2], "data_offsets": [4, 12]}}, 12),  # partly over another
    ],
)
def test_tensors_must_lie_side_by_side(path: Path, header: dict[str, Any], size: int) -> None:
    assert "the place of its tensor" in refused(path, framed(header, size)).message


def unreadable(path: Path) -> str:
    with pytest.raises(ModelError) as raised:
        read_header(path)
    assert (raised.value.code, raised.value.exit_code) == ("model_unreadable", EXIT_MODEL)
    assert str(path) in raised.value.hint
    return raised.value.message


def test_what_cannot_be_opened(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "No such file" in unreadable(path)
    path.write_bytes(WHOLE)

    def forbidden(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", forbidden)
    assert "Permission denied" in unreadable(path)


def test_a_folder_and_a_pipe_are_no_files(path: Path) -> None:
    assert "not a regular file" in unreadable(path.parent)
    os.mkfifo(path)
    assert "not a regular file" in unreadable(path)  # and does not wait for a writer
