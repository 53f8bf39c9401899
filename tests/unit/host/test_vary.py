from __future__ import annotations

from typing import Any

import pytest

from hal_image.errors import UsageError
from hal_image.host.arguments import generate_parser, parse
from hal_image.host.drawing_arguments import MAX_COUNT
from hal_image.host.vary import KEYS, MAX_PICTURES, Grid, axis, grid_of, shown
from hal_image.request import MAX_SEED


def grid(*argv: str) -> Grid:
    return grid_of(parse(["-p", "x", *(f"--vary={one}" for one in argv)], "hal"))


def complaint(*argv: str) -> UsageError:
    with pytest.raises(UsageError) as caught:
        grid_of(parse(["-p", "x", *argv], "hal"))
    assert caught.value.hint
    return caught.value


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("seed=7,42", (7, 42)),
        ("seed=1..4", (1, 2, 3, 4)),
        ("steps=4..12:4", (4, 8, 12)),
        ("steps=4..11:4", (4, 8)),
        ("steps=5..5", (5,)),
        ("steps=4,10..30:10", (4, 10, 20, 30)),
        ("cfg=1,3.5", (1.0, 3.5)),
        ("cfg=0.1..0.4:0.1", (0.1, 0.2, 0.3, 0.4)),
        ("cfg=4..6", (4.0, 5.0, 6.0)),
        ("guidance=2..4:2", (2.0, 4.0)),
        ("sampler=euler,dpmpp_2m", ("euler", "dpmpp_2m")),
        ("scheduler=karras", ("karras",)),
        ("model=sd15,my-own.model", ("sd15", "my-own.model")),
        ("size=512,768x512", ((512, 512), (768, 512))),
    ],
)
def test_values(text: str, values: tuple[Any, ...]) -> None:
    assert axis(text).values == values


@pytest.mark.parametrize("text", ["seed=x3", "seed=*3"])
def test_seeds_in_a_row_begin_with_the_first_one_there_is(text: str) -> None:
    found = grid(text, "steps=1,2")
    assert found.pictures == 6
    assert found.with_first_seed(9).axes[0].values == (9, 10, 11)
    assert found.with_first_seed(MAX_SEED).axes[0].values == (MAX_SEED, 0, 1), "as those of --count do"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("prompt=a,b", "'prompt' cannot be varied; write KEY=V1,V2 with one of seed, steps"),
        ("4", "cannot be varied"),
        ("steps", "steps has no values; write for example steps=10,20"),
        ("steps=", "steps has no values"),
        ("steps=4,", "'' is no whole number"),
        ("steps=0", "argument --vary: steps: 0 is out of range"),
        ("steps=4,4", "steps has 4 twice"),
        ("cfg=1,1.0", "cfg has 1 twice"),
        ("size=64,64x64", "size has 64x64 twice"),
        ("sampler=eulr", "'eulr' is not known"),
        ("steps=8..4", "is no range; write the smaller number first"),
        ("steps=4..8:0", "is no range"),
        ("steps=4..", "is no range; write for example"),
        ("steps=4..8:0.5", "'4.5' is no whole number"),
        ("steps=-1..8", "is no range"),
        ("cfg=99..102", "101 is out of range"),
        ("seed=0..99999999999999", "seed has more than 1000 values"),
        ("seed=x0", "out of range"),
        ("seed=x1001", "out of range"),
        ("seed=x3,7", "'x3' is no whole number"),
        ("steps=x3", "'x3' is no whole number"),
        ("size=64..128", "is no size"),
    ],
)
def test_what_is_wrong_with_values_is_said(text: str, says: str) -> None:
    error = complaint("--vary", text)
    assert error.code == "usage"
    assert says in error.message


def test_cells_come_row_by_row_with_the_first_key_as_columns() -> None:
    found = grid("steps=4,8", "cfg=1,2", "seed=5,6").cells()
    assert [tuple(cell.values()) for cell in found] == [
        (4, 1.0, 5), (8, 1.0, 5), (4, 1.0, 6), (8, 1.0, 6), (4, 2.0, 5), (8, 2.0, 5), (4, 2.0, 6), (8, 2.0, 6),
    ]  # fmt: skip
    assert list(found[0]) == ["steps", "cfg", "seed"]


def test_labels() -> None:
    found = grid("model=sd15,sdxl", "steps=4,8", "cfg=1.5,2")
    assert found.labels() == (
        ["sd15", "sdxl"],
        ["steps 4, cfg 1.5", "steps 4, cfg 2", "steps 8, cfg 1.5", "steps 8, cfg 2"],
    )
    assert grid("size=64,128x64").labels() == (["64x64", "128x64"], [])
    assert found.described()[0] == "8 pictures"
    assert found.to_json()["axes"][2] == {"key": "cfg", "values": [1.5, 2.0]}


def test_values_are_shown_without_what_says_nothing() -> None:
    assert [shown(value) for value in (7.0, 7.5, 0.1, 2**64 - 1, (64, 32), "euler")] == [
        "7", "7.5", "0.1", "18446744073709551615", "64x32", "euler",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "argv",
    [
        ("--vary", "steps=4", "--vary", "steps=8"),
        ("--vary", "steps=4", "--steps", "8"),
        ("--vary", "seed=4,5", "--seed", "0"),
        ("--vary", "size=64", "--width", "64"),
        ("--vary", "size=64", "--size", "64"),
        ("--vary", "steps=4", "--count", "2"),
    ],
)
def test_what_contradicts_itself_is_refused(argv: tuple[str, ...]) -> None:
    assert complaint(*argv).code == "vary_conflict"


def test_a_seed_is_the_first_of_seeds_in_a_row() -> None:
    assert grid_of(parse(["-p", "x", "--vary", "seed=x2", "--seed", "3"], "hal")).pictures == 2


def test_there_are_not_more_than_a_thousand() -> None:
    assert grid("seed=x10", "steps=1..100").pictures == MAX_PICTURES == MAX_COUNT
    error = complaint("--vary", "seed=x11", "--vary", "steps=1..100")
    assert error.code == "vary_too_many"
    assert "1100 pictures" in error.message


@pytest.mark.parametrize(("key", "good", "bad"), [
    ("seed", str(MAX_SEED), str(MAX_SEED + 1)), ("steps", "10000", "10001"), ("cfg", "100", "101"),
    ("guidance", "100", "101"), ("sampler", "ddim", "karras"), ("scheduler", "karras", "ddim"), ("size", "16", "8"),
])  # fmt: skip
def test_a_value_is_what_the_option_takes(key: str, good: str, bad: str) -> None:
    taken = vars(generate_parser("hal").parse_args([f"--{key}={good}"]))[key]
    assert axis(f"{key}={good}").values == (taken,)
    for wrong in (f"--{key}={bad}", f"--vary={key}={bad}"):
        with pytest.raises(UsageError):
            generate_parser("hal").parse_args([wrong])
    assert key in KEYS
