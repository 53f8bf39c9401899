"""The packed form against numpy, and everything that a plan can get wrong."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from hal_image.errors import EXIT_MODEL, ModelError
from hal_image.models import packed
from hal_image.models.safetensors_header import read_header
from tests.synthetic.packing import quantised, reference, write_packed

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from tests.synthetic.packing import Arrays

RANDOM = np.random.default_rng(5)


def matrix(rows: int, columns: int) -> NDArray[np.float32]:
    return RANDOM.standard_normal((rows, columns), dtype=np.float32)


def with_scales(name: str, values: NDArray[Any]) -> Arrays:
    rows, scales = quantised(values)
    return {name: rows, f"{name}.scale": scales}


def tensor(key: str, shape: list[int], *parts: dict[str, Any], dtype: str = "F16", **more: Any) -> dict[str, Any]:
    return {"key": key, "dtype": dtype, "shape": shape, "parts": list(parts), **more}


def laid_out(path: Path) -> bytes:
    """The checkpoint, written into memory: nothing twice, nothing beyond its end."""
    layout = packed.read_layout(path)
    result = bytearray(layout.size)
    for begin, data in packed.pieces(path, layout):
        assert begin + len(data) <= layout.size
        result[begin : begin + len(data)] = data
    return bytes(result)


def same(tmp_path: Path, arrays: Arrays, *plan: dict[str, Any]) -> bytes:
    path = tmp_path / "weights.safetensors"
    write_packed(path, arrays, plan)
    result = laid_out(path)
    assert result == reference(arrays, plan)
    return result


# --- values


@pytest.mark.parametrize("dtype", ["F16", "F32"])
@pytest.mark.parametrize("columns", [1, 3, 768])
def test_every_8_bit_value_becomes_what_numpy_makes_of_it(tmp_path: Path, dtype: str, columns: int) -> None:
    rows = 300
    values = np.resize(np.arange(-128, 128, dtype=np.int8), (rows, columns))
    scales = np.float32(10.0) ** RANDOM.uniform(-9, 2, rows).astype(np.float32)  # down to halves that are subnormal
    scales[:2] = 0, 2.0**-24
    same(
        tmp_path,
        {"X": values, "X.scale": scales},
        tensor("a", [rows, columns], {"from": "X"}, dtype=dtype),
    )


def test_a_product_is_rounded_once(tmp_path: Path) -> None:
    # Just above the middle of two halves: rounded to 32 bits first it would be the middle, and then the even one.
    values = np.arange(1, 128, dtype=np.int8).reshape(-1, 1)
    scales = ((1 + 2.0**-11) / values.astype(np.float64)).astype(np.float32)
    once = (scales.astype(np.float64) * values).astype(np.float16)
    assert (once != (scales * values).astype(np.float16)).any()
    arrays: Arrays = {"X": values, "X.scale": scales.reshape(-1)}
    assert same(tmp_path, arrays, tensor("a", [127, 1], {"from": "X"})).endswith(once.tobytes())


def test_a_scale_may_be_negative(tmp_path: Path) -> None:
    arrays = with_scales("X", matrix(3, 5))
    arrays["X.scale"] = -arrays["X.scale"]
    same(tmp_path, arrays, tensor("a", [3, 5], {"from": "X"}))


@pytest.mark.parametrize("count", [1, 1000])
def test_floats_keep_their_bits(tmp_path: Path, count: int) -> None:
    halves = np.arange(count, dtype=np.uint16).view(np.float16).reshape(1, count)
    result = same(
        tmp_path,
        {"H": halves, "S": matrix(1, count)},
        tensor("s", [count], {"from": "S"}, dtype="F32"),
        tensor("wide", [count], {"from": "H"}, dtype="F32"),
        tensor("h", [count], {"from": "H"}),
    )
    assert result.endswith(halves.tobytes())


def test_a_matrix_of_many_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed, "BLOCK_BYTES", 64)
    arrays = with_scales("X", matrix(50, 7))
    same(
        tmp_path,
        arrays,
        tensor("full", [50, 7], {"from": "X"}),
        tensor("wider", [60, 9], {"from": "X", "row": 4, "column": 2}, fill=0.25),
        tensor("wide numbers", [50, 7], {"from": "X"}, dtype="F32", fill=-1),
    )


# --- places


def test_parts_in_all_places(tmp_path: Path) -> None:
    arrays = {**with_scales("X", matrix(4, 3)), **with_scales("Y", matrix(6, 2)), "Z": matrix(2, 5)}
    same(
        tmp_path,
        arrays,
        tensor("side by side", [6, 5], {"from": "X", "row": 1}, {"from": "Y", "column": 3}),
        tensor("above", [6, 3], {"from": "X"}, {"from": "X", "pick": [3, 0], "at": [4, 5]}),
        tensor("rows", [9, 4], {"from": "Y", "column": 1, "pick": [5, 0, 1, 2, 2], "at": [8, 3, 4, 5, 0]}),
        tensor("conv", [4, 3, 1, 1], {"from": "X"}),
        tensor("row", [3], {"from": "X", "pick": [2], "at": [0]}),
        tensor("floats", [3, 6], {"from": "Z", "row": 1, "column": 1}, dtype="F32"),
        tensor("empty", [0, 7]),
    )


def test_what_is_not_named_is_fill(tmp_path: Path) -> None:
    arrays = with_scales("X", matrix(2, 2))
    same(
        tmp_path,
        arrays,
        tensor("scalar", [], dtype="F32", fill=1.5305),
        tensor("ones", [7, 3], fill=1),
        tensor("round", [3, 3], {"from": "X", "row": 1, "column": 1}, fill=0.0609),
        tensor("zeros", [40, 40]),
    )


def test_zeros_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    arrays = with_scales("X", matrix(2, 4))
    part = {"from": "X", "pick": [0, 1], "at": [100, 900]}
    write_packed(path, arrays, [tensor("a", [1000, 400], part), tensor("b", [1000, 1000])])
    layout = packed.read_layout(path)
    written = sum(len(data) for _, data in packed.pieces(path, layout))
    assert written == len(layout.header) + 2 * 4 * 2


def test_it_is_an_ordinary_file(tmp_path: Path) -> None:
    arrays = with_scales("X", matrix(2, 4))
    path, result = tmp_path / "weights.safetensors", tmp_path / "model.safetensors"
    write_packed(path, arrays, [tensor("é.weight", [2, 4], {"from": "X"}), tensor("b", [], fill=2)])
    result.write_bytes(laid_out(path))
    header = read_header(result)
    assert list(header.tensors) == ["é.weight", "b"]
    assert header.tensors["b"] == ("F16", (), 16, 18)
    assert int.from_bytes(result.read_bytes()[:8], "little") % 8 == 0


# --- what is wrong


GOOD = tensor("a", [4, 6], {"from": "X"})


def part(**changes: Any) -> dict[str, Any]:
    return tensor("a", [4, 6], {"from": "X", **changes})


@pytest.mark.parametrize(
    ("plan", "what"),
    [
        ([GOOD, GOOD], "'a' twice"),
        ([part(**{"from": "Y"})], "wants 'Y' for 'a', which is not there"),
        ([part(**{"from": "X.scale"})], "makes F16 of 'X.scale', which is F32"),
        ([part(row=1)], "beyond the edge of 'a'"),
        ([part(row=-1)], "beyond the edge of 'a'"),
        ([part(column=1)], "beyond the edge of 'a'"),
        ([part(column=-1)], "beyond the edge of 'a'"),
        ([part(pick=[4], at=[0])], "beyond the edge of 'a'"),
        ([part(pick=[-1], at=[0])], "beyond the edge of 'a'"),
        ([part(pick=[0], at=[4])], "beyond the edge of 'a'"),
        ([part(pick=[0])], "the places of 'X' in 'a' wrongly"),
        ([part(at=[0])], "the places of 'X' in 'a' wrongly"),
        ([part(pick=[0, 1], at=[0])], "the places of 'X' in 'a' wrongly"),
        ([part(pick=[0, 1], at=[2, 2])], "the places of 'X' in 'a' wrongly"),
        ([part(pick=[0], at=[0], row=1)], "the places of 'X' in 'a' wrongly"),
        ([part(row=0.0)], "the places of 'X' in 'a' wrongly"),
        ([part(row=True)], "the places of 'X' in 'a' wrongly"),
        ([tensor("a", [8, 6], {"from": "X"}, {"from": "X", "row": 3})], "puts 'X' and 'X' at one place in 'a'"),
        ([tensor("a", [4, 11], {"from": "X"}, {"from": "X", "column": 5})], "at one place"),
        ([tensor("a", [9, 6], {"from": "X"}, {"from": "X", "pick": [0, 1], "at": [8, 2]})], "at one place"),
        ([tensor("a", [4, -6], {"from": "X"})], "the shape [4, -6]"),
        ([tensor("a", [4, 6.0], {"from": "X"})], "the shape [4, 6.0]"),  # type: ignore[list-item]
        ([tensor("a", [4, 6], {"from": "X"}, dtype="BF16")], "the type 'BF16'"),
        ([tensor("__metadata__", [4, 6])], "'__metadata__'"),
        ([tensor("a", [4, 6], fill=70000)], "makes no sense"),
        ([tensor("a", [4, 6], fill="1")], "makes no sense"),
        ([{"key": "a"}], "makes no sense"),
        (["a"], "makes no sense"),
        ([tensor("a", [4, 6], "X")], "makes no sense"),  # type: ignore[arg-type]
        ([tensor("a", [4, 6], {"from": "big"})], "a value of 'big' is too large for F16"),
        ([tensor("a", [4, 6], {"from": "odd"})], "a value of 'odd' is too large for F16"),
        ([tensor("a", [4, 6], {"from": "alone"})], "'alone' has no scale for each of its rows"),
        ([tensor("a", [4, 6], {"from": "short"})], "'short' has no scale for each of its rows"),
    ],
)
def test_a_plan_that_is_wrong(tmp_path: Path, plan: list[Any], what: str) -> None:
    ones = np.full((4, 6), 127, np.int8)
    arrays = with_scales("X", matrix(4, 6))
    for name, scales in (("big", [1000.0] * 4), ("odd", [1, 1, np.nan, 1]), ("short", [1, 1, 1]), ("alone", None)):
        arrays[name] = ones
        if scales is not None:
            arrays[f"{name}.scale"] = np.array(scales, np.float32)
    path = tmp_path / "weights.safetensors"
    write_packed(path, arrays, plan)
    with pytest.raises(ModelError) as raised:
        laid_out(path)
    error = raised.value
    assert (error.code, error.exit_code) == ("bundled_model_damaged", EXIT_MODEL)
    assert what in error.message
    assert str(path) in error.message
    assert "git checkout" in error.hint


def test_unused_values_may_be_too_large(tmp_path: Path) -> None:
    # 128 * 515 is no half, but -128 does not occur
    arrays: Arrays = {"X": np.full((1, 3), -127, np.int8), "X.scale": np.array([515], np.float32)}
    same(tmp_path, arrays, tensor("a", [3], {"from": "X"}))


@pytest.mark.parametrize(
    ("metadata", "what"),
    [
        ({"format": "hal-packed-2"}, "not in the format hal-packed-1"),
        ({"plan": "{"}, "its plan makes no sense"),
        ({"plan": "[]"}, "its plan makes no sense"),
        ({"plan": json.dumps({"tensor": []})}, "its plan makes no sense"),
    ],
)
def test_metadata_that_is_wrong(tmp_path: Path, metadata: dict[str, str], what: str) -> None:
    path = tmp_path / "weights.safetensors"
    write_packed(path, with_scales("X", matrix(4, 6)), [GOOD], **metadata)
    with pytest.raises(ModelError, match=what):
        packed.read_layout(path)


def test_a_file_that_is_cut_off_missing_or_a_folder(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    write_packed(path, with_scales("X", matrix(4, 6)), [GOOD])
    path.write_bytes(path.read_bytes()[:-1])
    for where, what in ((path, "cut off"), (tmp_path / "gone", "No such file"), (tmp_path, "it is no file")):
        with pytest.raises(ModelError, match=what) as raised:
            packed.read_layout(where)
        assert raised.value.code == "bundled_model_damaged"


def test_the_reference_is_what_struct_says() -> None:
    # the test's own yardstick: one value by hand
    arrays: Arrays = {"X": np.array([[-3]], np.int8), "X.scale": np.array([0.1], np.float32)}
    whole = reference(arrays, [tensor("a", [1], {"from": "X"})])
    assert whole[-2:] == struct.pack("<e", struct.unpack("<f", struct.pack("<f", 0.1))[0] * -3)
